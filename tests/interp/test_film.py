import json
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from animate.errors import BadInput, MissingModel
from animate.interp import Interpolator, film
from animate.interp.stream import retime
from animate.interp.weights import fit
from tests.interp.scenes import texture

DATA = Path(__file__).parent.parent / "data"
NARROW = film.Anatomy(width=4, flow_widths=(4, 6, 8, 8))


def drawn(name: str, shape: list[int]) -> torch.Tensor:
    """Weights that anyone can rebuild: seeded by the name, scaled so that signals keep their size."""
    values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    scale = np.sqrt(1.2 / np.prod(shape[1:])) if len(shape) > 1 else 0.02
    return torch.from_numpy((values * scale).astype(np.float32))


@pytest.fixture(scope="module")
def published() -> dict[str, list[int]]:
    return json.loads((DATA / "film_keys.json").read_text())


@pytest.fixture(scope="module")
def full(published: dict[str, list[int]]) -> film.Network:
    with torch.device("meta"):
        network = film.Network()
    network = network.to_empty(device="cpu")
    fit(network, {name: drawn(name, shape) for name, shape in published.items()}, film.names, "the reference")
    return network


@pytest.fixture(scope="module")
def narrow() -> film.Network:
    network = film.Network(NARROW)
    fit(network, {name: drawn(name, list(t.shape)) for name, t in network.state_dict().items()}, lambda _: [], "drawn")
    return network


def test_it_has_the_published_size(full: film.Network) -> None:
    assert sum(parameter.numel() for parameter in full.parameters()) == 34_436_667


def test_channels_are_those_of_the_paper() -> None:
    anatomy = film.Anatomy()
    assert [anatomy.features(level) for level in range(7)] == [64, 192, 448, 960, 960, 960, 960]
    assert [anatomy.aligned(level) for level in range(5)] == [138, 394, 906, 1930, 1930]
    assert anatomy.multiple == 64


def test_every_published_name_is_one_of_ours_exactly_once(full: film.Network, published: dict[str, list[int]]) -> None:
    ours = {name: tuple(tensor.shape) for name, tensor in full.state_dict().items()}
    assert {film.names(name)[0]: shape for name, shape in ours.items()} == {k: tuple(v) for k, v in published.items()}
    for spelling in range(3):
        assert len({film.names(name)[spelling] for name in ours if "color" not in name}) == len(published) - 2


@pytest.mark.parametrize("pair", [0, 1])
def test_it_gives_the_outputs_of_the_public_port(full: film.Network, pair: int) -> None:
    reference = np.load(DATA / "film_reference.npz")
    a, b = (torch.from_numpy(reference[f"{name}{pair}"]) for name in "ab")
    (ours,) = film.Film(full)(a, b, [float(reference["t"][pair])])
    np.testing.assert_allclose(ours.numpy(), reference[f"y{pair}"], atol=1e-4)


@pytest.mark.parametrize("size", [(64, 64), (67, 130), (1, 5), (200, 64)])
def test_any_size_comes_back_as_it_was(narrow: film.Network, size: tuple[int, int]) -> None:
    pictures = list(film.Film(narrow)(texture(*size), texture(*size, seed=1), [0.25, 0.5]))
    assert [picture.shape for picture in pictures] == [(3, *size)] * 2
    assert all(bool(torch.isfinite(picture).all()) for picture in pictures)


def test_tiles_equal_the_whole(narrow: film.Network) -> None:
    a = texture(500, 700)
    b = a.roll((9, 14), (1, 2))
    (whole,), (tiled,) = film.Film(narrow)(a, b, [0.3]), film.Film(narrow, tile=384)(a, b, [0.3])
    assert float((whole - tiled).abs().max()) < 2 / 255


def test_tiles_have_a_size_that_fits(narrow: film.Network) -> None:
    with pytest.raises(BadInput, match="multiples of 64"):
        film.Film(narrow, tile=400)


def test_half_precision_is_close(narrow: film.Network) -> None:
    a, b = texture(64, 128), texture(64, 128, seed=1)
    (exact,) = film.Film(narrow)(a, b, [0.5])
    half = film.Network(NARROW)
    half.load_state_dict(narrow.state_dict())
    (rough,) = film.Film(half.to(torch.bfloat16))(a, b, [0.5])
    assert rough.dtype == torch.float32
    assert float((exact - rough).abs().mean()) < 0.01


def test_a_picture_is_looked_at_once(narrow: film.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = film.Film(narrow)
    looks = []
    see = narrow.see
    monkeypatch.setattr(narrow, "see", lambda *args, **more: looks.append(1) or see(*args, **more))
    a, b, c = (texture(64, 64, seed=seed) for seed in range(3))
    between = Interpolator("film", engine, torch.device("cpu"))
    shown = retime([a, b, c], Fraction(20), between, end="stop", cuts=False, tell=lambda _: None)
    assert len(list(shown)) == 41
    assert len(looks) == 3


def test_narrower_files_load_as_what_they_are(tmp_path: Path, narrow: film.Network) -> None:
    torch.save(narrow.state_dict(), tmp_path / "narrow.pt")
    engine = film.load(tmp_path / "narrow.pt", torch.device("cpu"), torch.float16)
    assert engine.network.anatomy == NARROW
    assert engine.network.dtype == torch.float32  # half precision is undone on a CPU


def test_without_weights_it_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATE_MODELS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingModel, match="film_net_fp32"):
        film.load(None, torch.device("cpu"), torch.float32)
