"""Warps: parity with Deforum, what must be exact, what must not be lost."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.motion import matrix
from animate.motion.resample import SAMPLINGS, resample
from animate.motion.warp import warp
from animate.picture.border import FOLDS
from animate.picture.convert import from_uint8, to_uint8
from animate.picture.threads import strips

DEFORUM = np.load(Path(__file__).parent.parent / "data" / "deforum_warps.npz")
FLAT = [
    (values, result)
    for values, result in zip(json.loads(str(DEFORUM["params"])), DEFORUM["results"])
    if values["mode"] == "2d"
]
NO_FLIP = {f"perspective_flip_{name}": 0.0 for name in ("theta", "phi", "gamma")}


def psnr(a, b, margin=0):
    inner = (..., slice(margin, -margin or None), slice(margin, -margin or None))
    return float(-10 * torch.log10((a[inner] - b[inner]).square().mean()))


def numbered(height=6, width=8):
    """(1, height, width): every pixel another value."""
    return torch.arange(height * width, dtype=torch.float32).view(1, height, width) / (height * width)


@pytest.mark.parametrize("sampling", ["bilinear", "bicubic"])
@pytest.mark.parametrize("case", range(len(FLAT)))
def test_warps_equal_deforums(case, sampling):
    values, wanted = FLAT[case]
    picture = from_uint8(DEFORUM["picture"])
    moved = warp(picture, matrix.of_frame(values | NO_FLIP, picture.shape[-2:]), values["border"], sampling)
    difference = np.abs(to_uint8(moved.picture).astype(int) - wanted)
    assert difference.mean() < (0.01 if sampling == "bilinear" else 0.3)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("border", FOLDS)
def test_the_identity_returns_the_picture_itself(photograph, border, sampling):
    moved = warp(photograph, np.eye(3), border, sampling)
    assert moved.picture is photograph
    assert moved.coverage.shape == (1, 128, 128)
    assert moved.coverage.min() == 1


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_fifty_near_identities_lose_nothing(photograph, sampling):
    """Deforum's 8-bit warps darken a picture by 8.5 grey levels in 50 identities."""
    moved = photograph
    for _ in range(50):
        moved = warp(moved, matrix.rotate_zoom(1e-7, 1, (64, 64)), sampling=sampling).picture
    assert (moved - photograph).abs().max() < 0.5 / 255
    assert (moved.mean() - photograph.mean()).abs() < 1e-4


@settings(deadline=None, max_examples=30)
@given(
    x=st.integers(-20, 20),
    y=st.integers(-20, 20),
    sampling=st.sampled_from(list(SAMPLINGS)),
    border=st.sampled_from([("wrap", "wrap"), ("replicate", "edge"), ("reflect", "symmetric")]),
)
def test_whole_pixel_moves_shift_exactly(x, y, sampling, border):
    ours, numpys = border
    picture = numbered()
    padded = np.pad(picture[0].numpy(), 20, mode=numpys)
    wanted = padded[20 - y : 26 - y, 20 - x : 28 - x]
    moved = warp(picture, matrix.translate(x, y), ours, sampling).picture[0].numpy()
    np.testing.assert_allclose(moved, wanted, atol=1e-6 if sampling != "lanczos" else 1e-5)


@pytest.mark.parametrize("sampling", ["bicubic", "bilinear", "lanczos"])
@settings(deadline=None, max_examples=20)
@given(shift=st.floats(-3, 3))
def test_a_ramp_moves_by_exactly_the_shift(sampling, shift):
    """The kernels reproduce lines: slow content moves as far as it should (OpenCV's bicubic: up to 1.5 times)."""
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 32, 64).contiguous()
    moved = warp(ramp, matrix.translate(shift, 0), sampling=sampling).picture
    slope = 0.6 / 63
    np.testing.assert_allclose(moved[0, 16, 12:-12], (ramp - shift * slope)[0, 16, 12:-12], atol=2e-6)


def test_bicubic_is_keys_kernel():
    """One bright pixel shows the kernel; Keys 1981, eq. 15, with a = −½."""
    dot = torch.zeros(1, 9, 9)
    dot[0, 4, 4] = 1
    x = torch.linspace(1, 7, 61)[None]
    read = resample(dot, x, torch.full_like(x, 4.0))[0, 0]
    s = (x[0] - 4).abs()
    near, far = 1.5 * s**3 - 2.5 * s**2 + 1, -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2
    wanted = torch.where(s < 1, near, torch.where(s < 2, far, 0))
    np.testing.assert_allclose(read, wanted, atol=2e-6)


@pytest.mark.parametrize(
    ("sampling", "there_and_back", "around"),
    [("bicubic", 30, 24), ("lanczos", 35, 29), ("bilinear", 27, 20)],  # measured 32.1, 26.5 | 37.5, 31.3 | 28.4, 22.0
)
def test_moves_can_be_undone(photograph, sampling, there_and_back, around):
    motion = matrix.rotate_zoom_translate(7, 1.05, (3.3, 1.7), (0.5, 0.5), (128, 128))
    back = warp(warp(photograph, motion, sampling=sampling).picture, np.linalg.inv(motion), sampling=sampling).picture
    assert psnr(back, photograph, margin=24) > there_and_back
    turned = photograph
    for _ in range(36):
        turned = warp(turned, matrix.rotate_zoom(10, 1, (63.5, 63.5)), sampling=sampling).picture
    assert psnr(turned, photograph, margin=30) > around


@pytest.mark.parametrize("sampling", ["bicubic", "lanczos"])
def test_240_zooms_neither_explode_nor_wash_out(photograph, sampling):
    """OpenCV's bicubic reaches ±4 here. Compared with one warp by the whole motion, the mean must be the same."""
    zoom = matrix.rotate_zoom(0, 1.01, (40, 50))
    moved = photograph
    for _ in range(240):
        moved = warp(moved, zoom, sampling=sampling).picture
    wanted = warp(photograph, np.linalg.matrix_power(zoom, 240), sampling=sampling).picture
    assert (moved.mean((1, 2)) - wanted.mean((1, 2))).abs().max() < 4 / 255
    assert moved.std() > 0.5 * wanted.std()
    assert len(moved.unique()) > 10_000  # no bands


def test_composed_matrices_equal_two_warps(waves):
    one, two = matrix.rotate_zoom(4, 1.03, (60, 40)), matrix.translate(2.4, -1.3)
    at_once = warp(waves, two @ one).picture
    in_turn = warp(warp(waves, one).picture, two).picture
    assert psnr(at_once, in_turn, margin=12) > 45


@pytest.mark.parametrize("sampling", ["bicubic", "lanczos"])
def test_shrinking_does_not_alias(sampling):
    """A pattern finer than the new pixels must become grey, not a coarser pattern."""
    y, x = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    checkers = ((x + y) % 2).float()[None]
    for zoom in (0.45, 0.3, 0.2):
        small = warp(checkers, matrix.rotate_zoom(0, zoom, (64, 64)), "wrap", sampling).picture
        assert small.std() < 0.1, zoom
        assert small.mean() == pytest.approx(0.5, abs=0.01)


def test_shrinking_sets_in_gradually(photograph):
    """No jump of sharpness when a zoom oscillates around 1."""

    def sharpness(zoom):
        moved = warp(photograph, matrix.rotate_zoom(0, zoom, (64, 64))).picture
        return float(moved.diff(dim=-1).square().mean())

    steps = [sharpness(zoom) for zoom in (1.002, 1.001, 0.999, 0.998)]
    assert max(steps) / min(steps) < 1.1


def test_perspective_blurs_only_where_it_shrinks():
    lines = ((torch.arange(128) // 2) % 2).float().view(1, 128, 1).expand(1, 128, 128).contiguous()
    tilted = warp(lines, matrix.flip(0, 60, 0, 60, (128, 128)), "wrap").picture[0]
    contrast = tilted[:, 40:88].std(dim=1)
    rows = tilted[:, 40:88].mean(dim=1)
    assert contrast.max() < 0.2  # lines stay horizontal
    far, near = sorted([rows[30:60].std(), rows[70:100].std()])
    assert far < 0.12 < near


def test_coverage_tells_what_was_inside(photograph):
    moved = warp(photograph, matrix.translate(10, 0))
    assert moved.coverage[0, :, :9].max() == 0
    assert moved.coverage[0, :, 10:].min() == 1
    half = warp(photograph, matrix.translate(10.5, 0)).coverage[0]
    np.testing.assert_allclose(half[5, 9:12], (0, 0.5, 1), atol=1e-5)


def test_behind_the_camera_nothing_was_seen(photograph):
    motion = np.array([[1.0, 0, 0], [0, 1, 0], [0, -0.02, 1]])  # the horizon crosses the picture
    moved = warp(photograph, np.linalg.inv(motion))
    assert moved.picture.isfinite().all()
    assert moved.coverage[0, 60:].max() == 0
    assert moved.coverage[0, :20].max() == 1
    negated = warp(photograph, -np.linalg.inv(motion))
    np.testing.assert_allclose(negated.coverage, moved.coverage, atol=1e-6)


@pytest.mark.parametrize("broken", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.diag([0.0, 0.0, 1.0]), np.eye(2)])
def test_a_matrix_without_inverse_is_refused(photograph, broken):
    with pytest.raises(ValueError, match="no inverse"):
        warp(photograph, broken)


def test_unknown_names_are_refused(photograph):
    with pytest.raises(ValueError, match="unknown border 'mirror'; known are replicate, wrap, reflect"):
        warp(photograph, matrix.translate(1, 0), border="mirror")
    with pytest.raises(ValueError, match="unknown sampling"):
        warp(photograph, matrix.translate(1, 0), sampling="cubic")


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2), (33, 70)])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("border", FOLDS)
def test_any_size_is_warped(size, sampling, border):
    picture = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    moved = warp(picture, matrix.rotate_zoom_translate(20, 0.7, (1.3, 0.4), (0.5, 0.5), size), border, sampling)
    assert moved.picture.shape == picture.shape
    assert moved.picture.isfinite().all()
    assert 0 <= moved.picture.min() <= moved.picture.max() <= 1


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("border", FOLDS)
def test_strips_and_channels_change_nothing(photograph, sampling, border, channels, monkeypatch):
    from animate.motion import resample as module

    picture = torch.cat([photograph, photograph.flip(2)])[:channels].contiguous()
    for angle in (2, 70):
        motion = matrix.rotate_zoom(angle, 1.05, (64, 64))
        whole = warp(picture, motion, border, sampling).picture
        monkeypatch.setattr(module, "strips", partial(strips, pixels=1 << 10))
        np.testing.assert_allclose(warp(picture, motion, border, sampling).picture, whole, atol=1e-4)
        alone = torch.cat([warp(plane, motion, border, sampling).picture for plane in picture.split(1)])
        np.testing.assert_allclose(alone, whole, atol=1e-4)
        monkeypatch.undo()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("border", FOLDS)
def test_the_gpu_agrees(photograph, sampling, border):
    for motion in (matrix.rotate_zoom(3, 1.05, (64, 64)), matrix.rotate_zoom(3, 0.6, (64, 64))):
        here, there = (warp(photograph.to(device), motion, border, sampling) for device in ("cpu", "cuda"))
        assert (here.picture - there.picture.cpu()).abs().max() < 1e-3
        assert (here.coverage - there.coverage.cpu()).abs().max() < 1e-3


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("border", FOLDS)
def test_torchs_reads_agree_with_the_loops(photograph, sampling, border, monkeypatch):
    """The path of other devices, walked on the CPU."""
    from animate.motion import resample as module

    motion = matrix.rotate_zoom(3, 1.05, (64, 64))
    by_loop = warp(photograph, motion, border, sampling).picture
    monkeypatch.setattr(module, "_by_loop", lambda *how: module._by_torch(*how[:-1]))
    np.testing.assert_allclose(warp(photograph, motion, border, sampling).picture, by_loop, atol=1e-3)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("border", FOLDS)
def test_what_is_no_number_is_read_somewhere_inside(sampling, border, monkeypatch):
    """A flow may hold anything; nothing beyond the picture's memory may be read for it."""
    from animate.motion import resample as module

    picture = torch.rand(3, 40, 30, generator=torch.Generator().manual_seed(0))
    places = torch.tensor([[torch.nan, torch.inf, -torch.inf, 1e30, -1e30, 3.5]])
    for _ in range(2):
        read = resample(picture, places, places.flip(1), border, sampling, clamped=True)
        assert 0 <= read.min() <= read.max() <= 1
        monkeypatch.setattr(module, "_by_loop", lambda *how: module._by_torch(*how[:-1]).clamp_(0, 1))


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_what_is_read_is_clamped_on_request(sampling):
    wild = torch.randn(3, 20, 30, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    x, y = torch.meshgrid(torch.arange(30.0), torch.arange(20.0), indexing="xy")
    assert resample(wild, x + 0.3, y, "wrap", sampling).min() < 0
    held = resample(wild, x + 0.3, y, "wrap", sampling, clamped=True)
    assert 0 <= held.min() < held.max() <= 1


def test_places_of_unlike_shapes_and_empty_pictures_are_refused():
    picture = torch.rand(3, 8, 8)
    with pytest.raises(ValueError, match="must be"):
        resample(picture, torch.zeros(4, 4), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="nothing can be read"):
        resample(picture[:, :0], torch.zeros(4, 4), torch.zeros(4, 4))
    assert resample(picture, torch.zeros(0, 4), torch.zeros(0, 4)).shape == (3, 0, 4)
