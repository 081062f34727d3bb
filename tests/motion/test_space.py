"""Cameras and views by depth: geometry by known scenes, Deforum's formula by its own results."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from animate.motion import space
from animate.motion.camera import Camera, moved, pose_of_frame, reprojected, rotation
from animate.motion.space import deforum, deforum_z, pinhole, pinhole_sight

DATA = Path(__file__).parent.parent / "data"
SIZE = (120, 160)


def pose(**values: float) -> np.ndarray:
    names = [f"translation_{axis}" for axis in "xyz"] + [f"rotation_3d_{axis}" for axis in "xyz"]
    return pose_of_frame({**dict.fromkeys(names, 0.0), **values})


def texture(x: Tensor, y: Tensor) -> Tensor:
    """(3, …) a smooth pattern on a surface with coordinates x, y."""
    waves = [torch.sin(7 * x + 1) * torch.cos(5 * y), torch.sin(4 * y + 2 * x), torch.cos(6 * x - 3 * y)]
    return 0.5 + 0.4 * torch.stack(waves)


def scene(camera: Camera, new_from_old: np.ndarray) -> tuple[Tensor, Tensor]:
    """Picture and depth of a slanted ground and a card before it, ray by ray, from a camera at this pose."""
    old_from_new = np.linalg.inv(new_from_old)
    x, y = camera.rays()
    directions = torch.stack([x.expand(SIZE), y.expand(SIZE), torch.ones(SIZE)]).double()
    turn = torch.from_numpy(old_from_new[:3, :3])
    start = torch.from_numpy(old_from_new[:3, 3])
    rays = torch.tensordot(turn, directions, dims=1)
    best = torch.full(SIZE, torch.inf, dtype=torch.float64)
    picture = torch.zeros(3, *SIZE, dtype=torch.float64)
    for normal, distance, extent in (((0.0, -0.5, 1.0), 4.0, None), ((0.0, 0.0, 1.0), 2.0, 0.45)):
        n = torch.tensor(normal, dtype=torch.float64)
        t = (distance - n @ start) / torch.tensordot(n, rays, dims=1)
        point = start.view(3, 1, 1) + t * rays
        there = (t > 0) & (t < best)
        if extent is not None:
            there &= (point[0].abs() < extent) & (point[1].abs() < extent)
        best = torch.where(there, t, best)
        colour = texture(point[0] * (1 if extent is None else 2), point[1])
        picture = torch.where(there, colour, picture)
    return picture.float(), best[None].float()  # rays have z = 1 in the camera's own frame, so t is the depth


def psnr(a: Tensor, b: Tensor, where: Tensor) -> float:
    weight = where.expand_as(a)
    return float(-10 * torch.log10(((a - b) ** 2 * weight).sum() / weight.sum()))


@pytest.mark.parametrize(
    "move",
    [
        {"translation_x": 20, "translation_y": -10},
        {"translation_z": 60},
        {"translation_z": -60},
        {"rotation_3d_x": 3, "rotation_3d_y": -4, "rotation_3d_z": 5},
        {"translation_x": -15, "translation_z": 30, "rotation_3d_y": 3},
    ],
)
def test_a_view_of_a_known_scene_is_what_the_second_camera_sees(move: dict[str, float]) -> None:
    camera, there = Camera.of(60, SIZE), pose(**move)
    picture, depth = scene(camera, np.eye(4))
    truth, true_depth = scene(camera, there)
    view = pinhole(picture, depth, there, camera)
    # what both see: the second camera's points, back in the first picture, at the depth that stands there
    x, y, z = camera.project(moved(camera.unproject(true_depth), np.linalg.inv(there)))
    column, row = x.round().long(), y.round().long()
    inside = (column >= 0) & (column < SIZE[1]) & (row >= 0) & (row < SIZE[0])
    stands = depth[0][row.clamp(0, SIZE[0] - 1), column.clamp(0, SIZE[1] - 1)]
    both = inside & ((z - stands).abs() < 0.02 * stands)
    edge = torch.nn.functional.max_pool2d((~both).float()[None], 3, 1, 1) > 0  # pixels that an edge cuts are neither's
    assert psnr(view.picture, truth, ~edge) >= 32
    hidden = inside & (z > 1.1 * stands)
    if int(hidden.sum()) > 50:
        assert float((view.coverage[0] < 0.5)[hidden].float().mean()) >= 0.9
    assert float(view.coverage[0][~edge[0]].mean()) > 0.99


@settings(max_examples=30, deadline=None)
@given(depth=st.floats(1, 20), dx=st.floats(-10, 10))
def test_a_plane_shifts_by_focal_times_way_over_depth(depth: float, dx: float) -> None:
    camera = Camera.of(70, SIZE)
    points = moved(camera.unproject(torch.full((1, *SIZE), depth)), pose(translation_x=dx))
    x, y, z = camera.project(points)
    expected = torch.arange(SIZE[1]) - camera.focal * dx / 200 / depth
    assert torch.allclose(x, expected.expand(SIZE), atol=0.01)
    assert torch.allclose(y, torch.arange(SIZE[0])[:, None].expand(SIZE).float(), atol=0.01)
    assert torch.allclose(z, torch.full(SIZE, depth))


def test_a_shift_is_read_within_a_tenth_of_a_pixel() -> None:
    camera = Camera.of(60, SIZE)
    ramp = torch.linspace(0.2, 0.8, SIZE[1]).expand(1, *SIZE)
    view = pinhole(ramp, torch.full((1, *SIZE), 3.0), pose(translation_x=7), camera)
    shift = camera.focal * 7 / 200 / 3
    slope = 0.6 / (SIZE[1] - 1)
    inner = view.picture[0, :, 4:-8] - ramp[0, :, 4:-8]
    assert torch.allclose(inner / slope, torch.full_like(inner, shift), atol=0.1)


def test_there_and_back_again() -> None:
    camera, there = Camera.of(60, SIZE), pose(translation_x=8, translation_z=10, rotation_3d_z=2)
    picture, _ = scene(camera, np.eye(4))
    depth = 3 + torch.linspace(0, 1, SIZE[0]).view(1, -1, 1).expand(1, *SIZE)  # a ground without edges
    first = pinhole(picture, depth, there, camera)
    after = moved(camera.unproject(depth), there)[2:3]
    carried = pinhole(after / 10, depth, there, camera).picture * 10  # the depth that the second camera sees
    back = pinhole(first.picture, carried, np.linalg.inv(there), camera)
    both = back.coverage * pinhole(first.coverage, carried, np.linalg.inv(there), camera).picture
    inner = torch.zeros_like(both)
    inner[:, 12:-12, 12:-12] = 1
    assert psnr(back.picture, picture, (both > 0.99) * inner) >= 35


def test_standing_still_changes_nothing() -> None:
    camera = Camera.of(60, SIZE)
    picture, depth = scene(camera, np.eye(4))
    view = pinhole(picture, depth, np.eye(4), camera)
    assert torch.allclose(view.picture, picture, atol=1e-4)
    assert float(view.coverage.min()) == 1


def test_zooming_by_the_lens_alone_needs_no_depth() -> None:
    picture, depth = scene(Camera.of(60, SIZE), np.eye(4))
    lens = [Camera.of(60, SIZE), Camera.of(50, SIZE)]
    near, far = (pinhole(picture, scale * depth, np.eye(4), *lens).picture for scale in (1, 10))
    assert float((near - far).abs().mean()) < 1e-3


def test_signs_are_deforums() -> None:
    camera = Camera.of(60, SIZE)
    point = camera.unproject(torch.full((1, *SIZE), 2.0))[:, 60:61, 80:81]
    x, y, _ = camera.project(point)
    for name, axis, sign in (
        ("translation_x", 0, -1),
        ("translation_y", 1, 1),
        ("rotation_3d_x", 1, 1),
        ("rotation_3d_y", 0, -1),
    ):
        new = camera.project(moved(point, pose(**{name: 5})))
        assert float(sign * (new[axis] - (x, y)[axis])) > 0, name
    right = camera.unproject(torch.full((1, *SIZE), 2.0))[:, 60:61, 120:121]
    assert float(camera.project(moved(right, pose(rotation_3d_z=5)))[1]) < 60  # counter-clockwise: the right goes up


@pytest.mark.parametrize("lens", [60, 85])
def test_the_short_way_to_the_new_camera_is_the_long_one(lens: float) -> None:
    old, new = Camera.of(60, SIZE, 1.1), Camera.of(lens, SIZE)
    _, depth = scene(old, np.eye(4))
    there = pose(translation_x=20, translation_y=-10, translation_z=60, rotation_3d_x=3, rotation_3d_z=5)
    for short, long in zip(reprojected(depth, there, old, new), new.project(moved(old.unproject(depth), there))):
        assert torch.allclose(short, long, atol=2e-3, rtol=1e-5)
    behind = pose(translation_z=200 * float(depth.amax()) + 20)  # past everything
    x, y, z = reprojected(depth, behind, old, new)
    assert float(z.max()) < 0
    assert bool(((x.abs() > 2 * SIZE[1]) | (y.abs() > 2 * SIZE[0])).float().mean() > 0.99)
    assert float(pinhole_sight(depth, behind, old, new).coverage.max()) == 0


def test_what_comes_nearer_has_no_cracks() -> None:
    camera = Camera.of(60, SIZE)
    depth = torch.full((1, *SIZE), 4.0)
    depth[:, 30:90, 50:110] = 1.6  # a card, twice as large as before once it is near; the wall must not shine through
    view = pinhole(depth / 4, depth, pose(translation_z=120), camera)
    assert float(view.coverage.min()) == 1
    card = view.picture[0, 25:95, 45:115]
    assert torch.allclose(card, torch.full_like(card, 0.4), atol=1e-4)


def test_one_sight_shows_any_number_of_pictures() -> None:
    camera, there = Camera.of(60, SIZE), pose(translation_x=12, translation_z=20)
    picture, depth = scene(camera, np.eye(4))
    sight = pinhole_sight(depth, there, camera)
    for shown in (picture, picture[:1], picture.flip(2)):
        assert torch.equal(sight.of(shown).picture, pinhole(shown, depth, there, camera).picture)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_sees_the_same() -> None:
    camera, there = Camera.of(60, SIZE), pose(translation_x=12, translation_z=20, rotation_3d_y=2)
    picture, depth = scene(camera, np.eye(4))
    here, beyond = (pinhole(picture.to(on), depth.to(on), there, camera) for on in ("cpu", "cuda"))
    apart = (here.picture - beyond.picture.cpu()).abs()
    assert float(apart.quantile(0.999)) < 1e-3  # but for pixels at an edge, where a rounding decides what is seen
    assert float((here.coverage - beyond.coverage.cpu()).abs().mean()) < 1e-3


def test_rotations_keep_lengths() -> None:
    turn = rotation(10, 20, 30)
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1)


def test_deforums_formula_gives_deforums_pictures() -> None:
    data = np.load(DATA / "deforum_warps.npz", allow_pickle=False)
    picture = torch.from_numpy(data["picture"]).permute(2, 0, 1) / 255
    field = torch.from_numpy(data["depth"])[None]
    cases = [(p, r) for p, r in zip(json.loads(str(data["params"])), data["results"]) if p["mode"] == "3d"]
    assert len(cases) == 6
    for values, expected in cases:
        z = deforum_z(field, nearer_is_larger=values["depth_algorithm"].startswith("Midas"))
        view = deforum(picture, z, pose_of_frame(values), values["fov"], padding=values["padding_mode"])
        levels = (view.picture * 255).permute(1, 2, 0).numpy()
        assert np.abs(levels - expected).mean() < 0.6  # Deforum truncates: half a level of it
        assert np.abs(np.floor(levels) - expected).mean() < 0.2


def test_the_real_stereo_pair_beats_deforums_formula() -> None:
    data = pytest.importorskip("skimage.data")
    try:
        left, right, disparity = data.stereo_motorcycle()
    except Exception as error:  # the pair comes with some builds of the package only
        pytest.skip(str(error))
    step = 2
    a = torch.from_numpy(np.ascontiguousarray(left[::step, ::step])).permute(2, 0, 1) / 255
    b = torch.from_numpy(np.ascontiguousarray(right[::step, ::step])).permute(2, 0, 1) / 255
    known = torch.from_numpy(np.where(np.isfinite(disparity), disparity, 0)[::step, ::step].astype(np.float32)) / step
    height, width = known.shape
    filled = torch.where(known > 0, known, known[known > 0].min())
    camera = Camera.of(60, (height, width))
    depth = (camera.focal / filled)[None]  # a baseline of one unit
    view = pinhole(a, depth, pose(translation_x=200), camera)
    flat = deforum(a, deforum_z(1 / depth, True), pose(translation_x=200 * 60 / width), 60)
    seen = (view.coverage > 0.5) & (torch.arange(width) < width - 80)
    assert psnr(view.picture, b, seen) >= psnr(flat.picture, b, seen) + 3


def test_holes_cover_what_is_hidden_in_the_real_stereo_pair() -> None:
    """Places of the right picture that no disparity of the left one reaches, nor could where it is unknown."""
    data = pytest.importorskip("skimage.data")
    try:
        _, _, disparity = data.stereo_motorcycle()
    except Exception as error:  # the pair comes with some builds of the package only
        pytest.skip(str(error))
    height, width = disparity.shape
    known = np.isfinite(disparity)
    near, far = disparity[known].max(), disparity[known].min()
    reached = np.zeros((height, width + 2), dtype=bool)  # with a pixel beyond either side
    row, column = np.nonzero(known)
    for part in (-0.5, 0.0, 0.5):  # a surface is as wide as its pixel
        there = np.round(column - disparity[known] + part).astype(int)
        reached[row, there.clip(-1, width) + 1] = True
    row, column = np.nonzero(~known)
    for way in np.arange(np.floor(far), np.ceil(near) + 1).astype(int):
        reached[row, (column - way).clip(-1, width) + 1] = True
    hidden = torch.from_numpy(~reached[:, 1:-1] & (np.arange(width) < width - near))
    camera = Camera.of(60, (height, width))
    depth = torch.from_numpy(camera.focal / np.where(known, disparity, far)).float()[None]
    coverage = pinhole_sight(depth, pose(translation_x=200), camera).coverage[0]
    assert int(hidden.sum()) > 1000
    assert float((coverage[hidden] < 0.5).float().mean()) >= 0.9


def test_what_cannot_be_is_told() -> None:
    picture = torch.zeros(3, 8, 8)
    with pytest.raises(ValueError, match="between 0 and 180"):
        Camera.of(180, (8, 8))
    with pytest.raises(ValueError, match="does not fit"):
        pinhole(picture, torch.ones(1, 4, 4), np.eye(4), Camera.of(60, (8, 8)))
    with pytest.raises(ValueError, match="padding_mode"):
        pinhole(picture, torch.ones(1, 8, 8), np.eye(4), Camera.of(60, (8, 8)), padding="wrap")
    assert (deforum_z(torch.full((1, 4, 4), 3.0), True) == 1).all()
    assert (deforum_z(torch.full((1, 4, 4), torch.nan), True) == 1).all()


def test_a_z_buffer_is_the_same_scattered_and_one_by_one() -> None:
    random = torch.Generator().manual_seed(0)
    x, y = (torch.rand(SIZE, generator=random) * 2 * side - side / 2 for side in (SIZE[1], SIZE[0]))
    order = (torch.rand(SIZE, generator=random) + 0.5).view(torch.int32)
    fronts = [torch.full((SIZE[0] + 2, SIZE[1] + 3), 1 << 62) for _ in range(2)]
    space._scatter(x, y, order, fronts[0])
    space._arrive(x.numpy(), y.numpy(), order.numpy(), fronts[1].numpy())
    assert torch.equal(*fronts)
    assert (fronts[0][:, -1] == 1 << 62).all()


@pytest.mark.parametrize("z", [20, 60, 80, 120])
@pytest.mark.parametrize("size", [(96, 128), (97, 130)])
def test_what_comes_nearer_has_no_holes_at_the_border(size: tuple[int, int], z: float) -> None:
    """What closes a crack in the outermost pixels lies outside the picture."""
    camera = Camera.of(60, size)
    sight = pinhole_sight(torch.full((1, *size), 2.0), pose(translation_z=z), camera)
    assert float(sight.coverage.min()) == 1
    middle = (size[1] - 1) / 2
    column = middle + (torch.arange(size[1]) - middle) * (1 - z / 400)
    assert torch.allclose(sight.x, column.expand(size), atol=0.2)  # read where it comes from, not at the other side


@pytest.mark.parametrize("z", [-20, -80])
def test_what_goes_away_uncovers_its_border(z: float) -> None:
    camera = Camera.of(60, SIZE)
    sight = pinhole_sight(torch.full((1, *SIZE), 2.0), pose(translation_z=z), camera)
    share = 1 / (1 - z / 400)
    assert float(sight.coverage.mean()) == pytest.approx(share**2, abs=0.02)
    assert float((1 - sight.coverage * sight.inside()).mean()) == pytest.approx(1 - share**2, abs=0.02)


def test_reflections_of_reflections_are_read_as_grid_sample_does() -> None:
    """A lens of 5 degrees that turns by 70: places many widths away."""
    picture = torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(3))
    field = torch.rand(1, 24, 32, generator=torch.Generator().manual_seed(4))
    z = deforum_z(field, nearer_is_larger=True)
    turned = np.eye(4)
    turned[:3, :3] = rotation(0, 70, 0)[:3, :3]
    sight = space.deforum_sight(z, turned, fov=5.0)
    assert float(sight.x.abs().max()) > 5 * 32
    grid = torch.stack([(2 * sight.x + 1) / 32 - 1, (2 * sight.y + 1) / 24 - 1], -1)[None]
    wanted = torch.nn.functional.grid_sample(picture[None], grid, "bilinear", "reflection", align_corners=False)[0]
    seen = sight.of(picture, "reflection", "bilinear").picture
    assert float((seen - wanted).abs().mean()) < 1e-3


@pytest.mark.parametrize("sampling", ["bilinear", "nearest"])
def test_zeros_are_interpolated_with_as_grid_sample_does(sampling: str) -> None:
    random = torch.Generator().manual_seed(3)
    picture = torch.rand(3, 24, 33, generator=random)
    x, y = (torch.rand(24, 33, generator=random) * (side + 6) - 3.5 for side in (33, 24))
    grid = torch.stack([(2 * x + 1) / 33 - 1, (2 * y + 1) / 24 - 1], -1)[None]
    wanted = torch.nn.functional.grid_sample(picture[None], grid, sampling, "zeros", align_corners=False)[0]
    seen = space.Sight(x, y, torch.ones(1, 24, 33)).of(picture, "zeros", sampling)
    np.testing.assert_allclose(seen.picture, wanted, atol=1e-5)
