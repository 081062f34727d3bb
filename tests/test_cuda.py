"""The embedded models and the pictures' operations on a GPU, held against the same on the CPU.

Left out where there is no GPU. `ANIMATE_TEST_DEVICE=cpu` walks through all of it without one, small, so that the tests
themselves can be tested; it shows nothing about a GPU.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from animate import depth as depths
from animate.diffusion import models
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt, Sampling
from animate.errors import RenderError
from animate.motion import matrix, space
from animate.motion import warp as warps
from animate.motion.camera import Camera, pose_of_frame
from animate.motion.resample import SAMPLINGS
from animate.picture import blur, color, convert, focus, holes, mask, sharpen
from animate.picture.border import FOLDS
from animate.render import checked, walk
from animate.render import run as running
from animate.render.progress import Quiet
from animate.schedule.film import Seen
from animate.video.stills import read_picture, write_png

DEVICE = os.environ.get("ANIMATE_TEST_DEVICE", "cuda")
SIDE, RUN_SIDE = (256, 128) if DEVICE == "cuda" else (64, 64)

pytestmark = pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="needs a GPU")

HOW = Sampling(
    prompts=(Prompt("mountains at sunset, orange sky"),), seed=7, steps=8, cfg_scale=4.5, guidance_rescale=0.7
)
GREY = 1 / 255


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Convolutions in float32 as they are on a CPU; left to itself cuDNN rounds their inputs to 11 bits (TF32)."""
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = True


def scene(height: int = SIDE, width: int = SIDE) -> Tensor:
    """(3, H, W) waves, and a box with hard edges."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    planes = [0.5 + 0.35 * torch.sin(2 * np.pi * ((2 + plane) * x + (plane + 1) * y * y)) for plane in range(3)]
    picture = torch.stack(planes)
    picture[:, height // 3 : height // 2, width // 4 : width // 2] = torch.tensor([0.9, 0.3, 0.1])[:, None, None]
    return picture


def distances(height: int = SIDE, width: int = SIDE) -> Tensor:
    """(1, H, W) ground that falls away, and the box before it."""
    depth = torch.linspace(8, 2, height)[:, None].expand(height, width).clone()
    depth[height // 3 : height // 2, width // 4 : width // 2] = 1.5
    return depth[None]


def apart(here: Tensor, there: Tensor) -> Tensor:
    return (here.cpu().float() - there.cpu().float()).abs()


@pytest.fixture(scope="module")
def painters() -> dict[str, Painter]:
    """The embedded painter: the reference, the GPU in float32, and in the precision it takes by itself."""
    loaded = {
        "reference": models.load("embedded", device="cpu", dtype="float32"),
        "float32": models.load("embedded", device=DEVICE, dtype="float32"),
        "auto": models.load("embedded", device=DEVICE),
    }
    assert all(isinstance(painter, Painter) for painter in loaded.values())
    return loaded  # type: ignore[return-value]


# --- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("border", FOLDS)
def test_a_picture_moved_by_a_matrix(sampling: str, border: str) -> None:
    size = (SIDE, SIDE)
    moves = [
        matrix.rotate_zoom(3.3, 1.05, (SIDE / 2, SIDE / 2)) @ matrix.translate(2.37, -1.61),
        matrix.rotate_zoom(-3.3, 0.61, (SIDE / 2, SIDE / 2)),
        matrix.flip(3, 12, -7, 53, size),
    ]
    picture = scene()
    for move in moves:
        here, there = (warps.warp(picture.to(device), move, border, sampling) for device in ("cpu", DEVICE))
        assert there.picture.device.type == DEVICE
        off = apart(here.picture, there.picture)
        if sampling == "nearest":  # a position on the border of two pixels may fall to either
            assert (off > 1e-3).float().mean() < 1e-3
        else:
            assert off.max() < 1e-3
        assert apart(here.coverage, there.coverage).max() < 1e-3


POSES = {
    "forwards": {"translation_z": 30.0, "rotation_3d_z": 2.0},
    "sideways": {"translation_x": 25.0, "translation_y": -7.0},
    "turn": {"rotation_3d_y": 4.0, "rotation_3d_x": -2.0, "translation_z": -20.0},
}
STILL = {f"{kind}_{axis}": 0.0 for kind in ("translation", "rotation_3d") for axis in "xyz"}


@pytest.mark.parametrize("move", POSES)
@pytest.mark.parametrize("projection", ["pinhole", "deforum"])
def test_a_picture_seen_by_a_camera_that_moved(projection: str, move: str) -> None:
    pose, picture, depth = pose_of_frame(STILL | POSES[move]), scene(), distances()
    camera = Camera.of(40, (SIDE, SIDE))
    z = space.deforum_z(1 / depth, nearer_is_larger=True)
    assert apart(z, space.deforum_z(1 / depth.to(DEVICE), nearer_is_larger=True)).max() < 1e-3
    seen = []
    for device in ("cpu", DEVICE):
        if projection == "deforum":
            seen.append(space.deforum(picture.to(device), z.to(device), pose, 40))
        else:
            seen.append(space.pinhole(picture.to(device), depth.to(device), pose, camera))
    # In the last bit of a position, a point may fall into the next pixel, and where one thing hides another that shows.
    stray = (apart(seen[0].picture, seen[1].picture) > 1e-3).float().mean()
    unlike = (apart(seen[0].coverage, seen[1].coverage) > 1e-3).float().mean()
    assert stray < (0.002 if projection == "pinhole" else 1e-4)
    assert unlike < 0.002


def test_filters_colours_and_masks() -> None:
    picture, other = scene(), scene().flip(2).mul(0.8)
    weights, heat = blur.gaussian(9, 2.0), blur.heat(0.3)
    spot = torch.zeros(1, SIDE, SIDE)
    spot[:, SIDE // 4 : SIDE // 2] = 1
    works: dict[str, Any] = {
        "replicate": lambda a, b, m: blur.separable(a, weights, weights, "replicate"),
        "reflect": lambda a, b, m: blur.separable(a, heat, weights, "reflect"),
        "wrap": lambda a, b, m: blur.separable(a, weights, heat, "wrap"),
        "sharpen": lambda a, b, m: sharpen.unsharp(a, 5, 1.0, 0.7),
        "sharpness": lambda a, b, m: sharpen.match_sharpness(a, b),
        "grade": lambda a, b, m: color.grade(a, 1.1, 1.2, 30),
        "focus": lambda a, b, m: focus.blur(a, m * 0.7, 0.2, 3.0),
        "grow": lambda a, b, m: mask.feather(mask.grow(m, 3), 4),
        "holes": lambda a, b, m: holes.softened(m),
        **{name: (lambda a, b, m, by=by: by(a, b)) for name, by in color.MATCHERS.items()},
    }
    for name, work in works.items():
        here, there = (work(picture.to(at), other.to(at), spot.to(at)) for at in ("cpu", DEVICE))
        assert there.device.type == DEVICE, name
        assert apart(here, there).max() < (1e-5 if name != "focus" else 1e-4), name
    levels = convert.to_uint8(picture.to(DEVICE)).astype(int) - convert.to_uint8(picture)
    assert np.abs(levels).max() <= 1


# --- the painter ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_a_seed_gives_the_same_picture_on_both(painters: dict[str, Painter], precision: str) -> None:
    """Measured on a CPU: rounding of float32 shows as 0.0002 grey levels, half precision as 0.04, in the mean."""
    ours, reference = painters[precision], painters["reference"]
    mean, most = (0.02, 0.5) if precision == "float32" else (0.4, 6.0)
    wanted = reference.imagine((SIDE, SIDE), [HOW])
    made = ours.imagine((SIDE, SIDE), [HOW])
    assert made.device.type == DEVICE
    assert made.dtype == torch.float32
    assert float(apart(wanted, made).mean()) < mean * GREY
    assert float(apart(wanted, made).max()) < most * GREY
    for strength in (0.5, 0.43):  # on a whole step, and between two
        again = ours.redraw(wanted.to(DEVICE), strength, [HOW])
        off = apart(reference.redraw(wanted, strength, [HOW]), again)
        assert float(off.mean()) < mean * GREY
        assert float(off.max()) < most * GREY


SAMPLERS = ["DDIM", "Euler a", "DPM++ 2M Karras", "DPM++ SDE", "UniPC", "Heun", "LCM", "PLMS", "LMS"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_kind_of_sampler_draws_the_same_noise(painters: dict[str, Painter], sampler: str) -> None:
    if sampler == "LMS":
        pytest.importorskip("scipy")
    how = replace(HOW, sampler=sampler, steps=5, eta=0.5, subseed=3, subseed_strength=0.4)
    picture = scene(64, 64)[None]
    wanted = painters["reference"].redraw(picture, 0.33, [how])
    made = painters["float32"].redraw(picture.to(DEVICE), 0.33, [how])
    assert float(apart(wanted, made).mean()) < 0.1 * GREY


def test_all_that_a_redrawing_may_be_told(painters: dict[str, Painter]) -> None:
    picture, other, depth = scene()[None], scene().flip(1)[None], distances()[None]
    within = torch.zeros(1, 1, SIDE, SIDE)
    within[..., SIDE // 3 :] = 1
    drift = torch.full((1, 2, SIDE, SIDE), 2.5)
    share = torch.full((1, 1, SIDE, SIDE), 0.4)
    told: dict[str, dict[str, Any]] = {
        "depth": {"depth": depth},
        "a part": {"within": within},
        "drifting noise": {"drift": drift},
        "towards": {"towards": other, "share": share},
        "mixed": {"other": other, "mix": 0.4},
    }
    for name, more in told.items():
        how = replace(HOW, inversion=0.5 if name == "depth" else 0.0, depth_scale=1.5, steps=4)
        wanted = painters["reference"].redraw(picture, 0.5, [how], **more)
        there = {key: value.to(DEVICE) if torch.is_tensor(value) else value for key, value in more.items()}
        for precision, mean in (("float32", 0.1), ("auto", 1.0)):
            made = painters[precision].redraw(picture.to(DEVICE), 0.5, [how], **there)
            assert float(apart(wanted, made).mean()) < mean * GREY, (name, precision)
    kept = painters["auto"].redraw(picture.to(DEVICE), 1.0, [HOW], other=other.to(DEVICE), mix=0.5)
    assert kept.device.type == DEVICE
    dreamt = painters["auto"].imagine((SIDE, SIDE), [HOW], depth=depth.to(DEVICE), drift=drift.to(DEVICE))
    assert bool(torch.isfinite(dreamt).all())


def test_rows_with_prompts_and_guidance_of_their_own(painters: dict[str, Painter]) -> None:
    more = (Prompt("the sea at dawn", weight=0.5), Prompt("a forest", "fog", weight=0.5))
    rows = [HOW, replace(HOW, seed=8, cfg_scale=2.0), replace(HOW, prompts=more, blend="slerp", steps=4)]
    pictures = torch.stack([scene(64, 64)] * 3)
    wanted = painters["reference"].redraw(pictures, [0.5, 0.4, 0.0], rows)
    made = painters["auto"].redraw(pictures.to(DEVICE), [0.5, 0.4, 0.0], rows)
    assert float(apart(wanted, made).mean()) < 1.0 * GREY


def test_little_memory_gives_the_same(painters: dict[str, Painter]) -> None:
    frugal = models.load("embedded", device=DEVICE, memory="low")
    picture = scene(64, 64)[None].to(DEVICE)
    off = apart(frugal.redraw(picture, 0.5, [HOW]), painters["auto"].redraw(picture, 0.5, [HOW]))
    assert float(off.mean()) < 0.2 * GREY


def test_a_lora_is_worn_and_taken_off(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    from safetensors.torch import save_file

    painter = models.load("embedded", device=DEVICE)
    layers = [name for name, _ in painter._parts.unet.named_modules() if name.endswith("attn2.to_q")]  # type: ignore[attr-defined]
    drawn = torch.Generator().manual_seed(1)
    tensors = {}
    for name in layers:
        rows, columns = painter._parts.unet.get_submodule(name).weight.shape  # type: ignore[attr-defined]
        tensors[f"unet.{name}.lora_A.weight"] = torch.randn(2, columns, generator=drawn) * 0.2
        tensors[f"unet.{name}.lora_B.weight"] = torch.randn(rows, 2, generator=drawn) * 0.2
    file = tmp_path / "lora.safetensors"
    save_file(tensors, file)
    picture = scene(64, 64)[None].to(DEVICE)
    plain = painter.redraw(picture, 0.3, [HOW])
    worn = painter.redraw(picture, 0.3, [replace(HOW, loras=((str(file), 1.0),))])
    assert float(apart(plain, worn).mean()) > 0.1 * GREY
    assert torch.equal(painter.redraw(picture, 0.3, [HOW]), plain)


# --- depth and in-betweens ------------------------------------------------------------------------------------------


def test_the_depth_eye() -> None:
    picture = scene(96, 160)[None]
    here = depths.load("embedded", device="cpu")(picture, [0])
    eye = depths.load("embedded", device=DEVICE)
    there = eye(picture.to(DEVICE), [0])
    assert there.device.type == DEVICE
    assert float((apart(here, there) / here).max()) < 1e-2
    assert eye(picture, [0]).device.type == "cpu"  # `animate depth --device cuda` hands it what it read


@pytest.mark.parametrize("engine", ["flow", "farneback", "embedded", "film", "rife"])
def test_in_betweens(engine: str, tmp_path: Path) -> None:
    from animate.interp import film, load, rife

    file = None
    if engine in ("film", "rife"):  # random; the embedded network has the package's weights
        torch.manual_seed(2)
        made: torch.nn.Module = {
            "film": lambda: film.Network(film.Anatomy(width=4, flow_widths=(4, 6, 8, 8))),
            "rife": lambda: rife.Network(),
        }[engine]()
        file = tmp_path / "network.pt"
        torch.save(made.state_dict(), file)
    a = scene(96, 128)
    b = warps.move(a, matrix.translate(5.5, -2.25))
    here = load(engine, file, "cpu")(a, b, [0.25, 0.5])
    there = load(engine, file, DEVICE)(a.to(DEVICE), b.to(DEVICE), [0.25, 0.5])
    for one, other in zip(here, there):
        assert other.device.type == DEVICE
        assert (apart(one, other) > 2e-3).float().mean() < 0.005
    half = load(engine, file, DEVICE, torch.float16)(a, b, [0.5])[0]  # brought there and back
    assert half.device.type == "cpu"
    assert float(apart(half, here[1]).mean()) < 0.02


# --- whole runs -----------------------------------------------------------------------------------------------------

BASE: dict[str, Any] = {
    "max_frames": 4,
    "width": RUN_SIDE,
    "height": RUN_SIDE,
    "seed": 5,
    "steps": 5,
    "strength": 0.5,
    "cfg_scale": 4.5,
    "codec": "png",
    "prompts": "mountains at sunset, orange sky",
}
RUNS: dict[str, dict[str, Any]] = {
    "2D": {"zoom": 1.03, "angle": 2, "color_coherence": "LAB", "noise": 0.03, "amount": 0.3},
    "prompt transition": {"zoom": 1.02, "prompts": {0: "the sea at dawn", 3: "a forest in fog"}},
    "holes painted": {"translation_x": 12, "holes": "paint", "noise_type": "perlin"},
    "3D": {"animation_mode": "3D", "translation_z": 20, "rotation_3d_y": 1.5, "sharpness_coherence": 0.5},
    "3D, holes painted": {"animation_mode": "3D", "translation_x": 20, "holes": "paint", "stereo": "anaglyph"},
    "3D as Deforum": {"animation_mode": "3D", "projection": "deforum", "translation_z": 10},
    "depth2img": {"animation_mode": "3D", "generation": "depth2img", "translation_z": 10, "save_depth_maps": True},
    "cadence": {"max_frames": 5, "diffusion_cadence": 3, "cadence_tween": "flow", "zoom": 1.02},
    "masked": {"mask": "luma 0.4..1", "mask_feather": 3, "zoom": 1.02},
    "from a picture": {"init_image": "PICTURE", "init_strength": 0.4, "zoom": 1.02, "color_coherence": "RGB"},
    "towards pictures": {"init_images": {0: "PICTURE", 2: "PICTURE"}, "tweening_frames": 3, "blend_factor_max": 0.5},
    "through pictures": {"animation_mode": "Interpolation", "image_keys": {0: "PICTURE", 3: "OTHER"}},
    "a mask in a file": {"mask": "MASK", "zoom": 1.02},
}


@pytest.fixture
def kept(painters: dict[str, Painter], monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs with painters that are loaded once."""
    by_device = {DEVICE: painters["auto"], "cpu": painters["reference"]}
    monkeypatch.setattr(running, "painter_of", lambda plan: by_device[str(plan.settings["device"])])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pictures")
    shown = {"PICTURE": scene(), "OTHER": scene().flip(2), "MASK": (distances() < 3).float().expand(3, -1, -1)}
    for name, picture in shown.items():
        write_png(folder / f"{name}.png", convert.to_uint8(picture))
    return {name: str(folder / f"{name}.png") for name in shown}


def named(value: Any, files: dict[str, str]) -> Any:
    """A schedule's content with the names of pictures put in."""
    if isinstance(value, dict):
        return {key: named(part, files) for key, part in value.items()}
    if isinstance(value, str):
        for name, path in files.items():
            value = value.replace(name, path)
    return value


def frames(folder: Path) -> np.ndarray:
    """(n, H, W, 3) what a run wrote."""
    return np.stack([read_picture(path) for path in sorted((folder / "frames").glob("*.png"))]).astype(float)


class Stopping(Quiet):
    """Ends a run by an error at its second frame."""

    def frame(self, index: int, seconds: float, prompt: str) -> None:
        if index == 1:
            raise RenderError("as if the disk were full")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("name", RUNS)
def test_a_run_and_one_that_is_gone_on_with(name: str, files: dict[str, str], tmp_path: Path) -> None:
    content = named(BASE | RUNS[name], files)
    running.render(content, tmp_path / "whole", {"device": DEVICE})
    with pytest.raises(RenderError, match="as if"):
        running.render(content, tmp_path / "parts", {"device": DEVICE}, progress=Stopping())
    running.resume(tmp_path / "parts")
    for one in sorted((tmp_path / "whole" / "frames").glob("*.png")):
        assert one.read_bytes() == (tmp_path / "parts" / "frames" / one.name).read_bytes(), one.name
    running.render(content, tmp_path / "reference", {"device": "cpu"})
    off = np.abs(frames(tmp_path / "whole") - frames(tmp_path / "reference")).mean(axis=(1, 2, 3))
    assert len(off) == content["max_frames"]
    assert off[0] < 1
    assert off.max() < 6  # grey levels: half precision, fed back


class Film:
    """A pan over a picture, in place of a film that ffmpeg reads."""

    def __init__(self) -> None:
        self.wide = scene(RUN_SIDE, RUN_SIDE + 32)

    def __call__(self, index: int) -> Tensor:
        return self.wide[:, :, 3 * index : 3 * index + RUN_SIDE].contiguous()

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *_: object) -> None:
        return


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "fields",
    [
        {"video_mode": "carried", "noise_warp": True, "latent_blend": 0.3},
        {"video_mode": "frames"},
        {"video_mode": "keyed", "diffusion_cadence": 3},
        {"animation_mode": "2D", "hybrid_motion": "Optical Flow", "hybrid_composite": "Normal", "hybrid_alpha": 0.3},
    ],
    ids=["carried", "frames", "keyed", "hybrid"],
)
def test_a_film_restyled(fields: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen(fps=Fraction(12), frames=4, steady=True, seconds=4 / 12, sound=False)
    monkeypatch.setattr(checked, "SENSES", replace(checked.SENSES, watch=lambda path: seen))
    monkeypatch.setattr(running, "_film", lambda plan: Film())
    (tmp_path / "film.mp4").write_bytes(b"not looked at")
    content = {**BASE, "video": str(tmp_path / "film.mp4"), **fields}
    for device in (DEVICE, "cpu"):
        running.render(content, tmp_path / f"on-{device}-{DEVICE}", {"device": device})
    made, wanted = (frames(tmp_path / f"on-{device}-{DEVICE}") for device in (DEVICE, "cpu"))
    assert len(made) == 4
    assert np.abs(made - wanted).mean() < 4


@pytest.mark.usefixtures("kept")
def test_a_latent_walk_in_groups(tmp_path: Path) -> None:
    wanted = walk.Walk(prompts=("a lake at dawn", "a forest at noon", "the sea at night"), seeds=(1,), frames=6)
    content = {**BASE, "batch_size": 4, **walk.schedule(wanted, wanted.steady())}
    content |= {"subseed": 9, "subseed_strength": {0: 0.0, 5: 0.9}}  # by keys: several seeds would want numexpr
    for device in (DEVICE, "cpu"):
        running.render(content, tmp_path / f"on-{device}-{DEVICE}", {"device": device})
    made, reference = (frames(tmp_path / f"on-{device}-{DEVICE}") for device in (DEVICE, "cpu"))
    assert len(made) == 6
    assert np.abs(made - reference).mean() < 1
    pace = walk.even(walk.Walk(prompts=("a lake", "a forest"), seeds=(1,), frames=4), BASE, {"device": DEVICE})
    assert pace.shape == (4,)
