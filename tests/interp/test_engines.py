"""What every engine owes its callers; parametrised over the table of engines."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from animate.errors import BadInput
from animate.interp import ENGINES, best, embedded, film, load, rife, store
from animate.interp.halving import Halving
from animate.interp.interpolator import Interpolator
from animate.interp.tween import Blend, Tween
from animate.schedule.fields import FIELDS
from tests.interp.scenes import psnr, sliding, texture
from tests.interp.test_film import NARROW

CPU = torch.device("cpu")
PLAIN = ["flow", "farneback", "blend", "hold"]


def made(name: str, folder: Path) -> Interpolator:
    """The engine, with random weights of the right shape where it needs a file that does not ship."""
    torch.manual_seed(0)
    if name.startswith("film"):
        torch.save(film.Network(NARROW).state_dict(), folder / "film.pt")
        return load(name, folder / "film.pt")
    if name == "rife":
        torch.save(rife.Network().state_dict(), folder / "rife.pt")
        return load("rife", folder / "rife.pt")
    return load(name)


@pytest.fixture(scope="module", params=list(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Interpolator:
    return made(request.param, tmp_path_factory.mktemp(request.param))


def test_the_ends_are_the_pictures_themselves(engine: Interpolator) -> None:
    a, b = sliding(2)
    first, last = engine(a, b, [0, 1])
    assert torch.equal(first, a)
    assert torch.equal(last, b)


def test_a_still_pair_gives_itself(engine: Interpolator) -> None:
    a = texture(40, 56)
    for picture in engine(a, a.clone(), [0.3, 0.5]):
        assert float((picture - a).abs().max()) <= 1 / 255


def test_results_are_pictures_in_the_order_asked_for(engine: Interpolator) -> None:
    a, b = sliding(2, size=(45, 70))
    pictures = engine(a, b, [0.75, 0.25, 0.75])
    assert len(pictures) == 3
    assert torch.equal(pictures[0], pictures[2])
    for picture in pictures:
        assert picture.shape == (3, 45, 70)
        assert picture.dtype == torch.float32
        assert float(picture.min()) >= 0
        assert float(picture.max()) <= 1


def test_the_pictures_are_left_as_they_were(engine: Interpolator) -> None:
    a, b = sliding(2)
    kept = a.clone(), b.clone()
    engine(a, b, [0.5])
    assert torch.equal(a, kept[0])
    assert torch.equal(b, kept[1])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_pictures_of_any_precision_are_taken_and_given_back(engine: Interpolator, kind: torch.dtype) -> None:
    a, b = (picture.to(kind) for picture in sliding(2))
    exact = engine(a.float(), b.float(), [0.5])[0]
    (ours,) = engine(a, b, [0.5])
    assert ours.dtype == kind
    torch.testing.assert_close(ours, exact.to(kind))


def test_the_same_call_gives_the_same_picture(engine: Interpolator) -> None:
    a, b = sliding(2)
    assert torch.equal(engine(a, b, [0.4])[0], engine(a, b, [0.4])[0])


def test_bad_pairs_are_told(engine: Interpolator) -> None:
    a, b = texture(32, 32), texture(32, 40)
    broken = a.clone()
    broken[0, 3, 3] = float("nan")
    with pytest.raises(BadInput, match=r"32 × 32 and 40 × 32 px .* one size"):
        engine(a, b, [0.5])
    with pytest.raises(BadInput, match="not numbers"):
        engine(a, broken, [0.5])
    with pytest.raises(BadInput, match="float"):
        engine(a, (255 * a).to(torch.uint8), [0.5])
    with pytest.raises(BadInput, match=r"\(3, height, width\)"):
        engine(a[:1], a[:1], [0.5])
    for time in (-0.1, 1.5, float("nan")):
        with pytest.raises(BadInput, match="lies in"):
            engine(a, a, [time])


@pytest.mark.parametrize("name", ["flow", "farneback", "blend", "embedded"])
def test_swapping_the_pictures_mirrors_time(name: str) -> None:
    a, b = sliding(2, step=3)
    interpolate = load(name)
    forth, back = interpolate(a, b, [0.25, 0.5]), interpolate(b, a, [0.75, 0.5])
    for ours, mirrored in zip(forth, back):
        assert float((ours - mirrored).abs().mean()) <= 1 / 255


def test_an_untrained_embedded_network_is_flow_tweening() -> None:
    a, b = sliding(2, step=3)
    (ours,), (floor,) = embedded.Embedded(embedded.Network())(a, b, [0.3]), Tween()(a, b, [0.3])
    torch.testing.assert_close(ours[..., 8:-8, 8:-8], floor[..., 8:-8, 8:-8], atol=2e-3, rtol=0)


@pytest.mark.parametrize("time", [0.3, 0.5, 0.8])
def test_flow_finds_what_lies_between(time: float) -> None:
    frames = sliding(11, step=0.8, size=(96, 128))
    a, b, truth = frames[0], frames[10], frames[round(10 * time)]
    along, faded = load("flow")(a, b, [time])[0], load("blend")(a, b, [time])[0]
    inner = (..., slice(16, -16), slice(16, -16))
    assert psnr(along[inner], truth[inner]) > 35
    assert psnr(along[inner], truth[inner]) > psnr(faded[inner], truth[inner]) + 8


def test_what_only_one_picture_shows_is_taken_from_it() -> None:
    """A bar moves over a textured ground: beside it, the ground must not be seen through the bar."""
    ground = texture(64, 96)
    a, b = ground.clone(), ground.clone()
    a[:, 16:48, 30:46] = torch.tensor([1.0, 0.1, 0.1])[:, None, None]
    b[:, 16:48, 38:54] = torch.tensor([1.0, 0.1, 0.1])[:, None, None]
    truth = ground.clone()
    truth[:, 16:48, 34:50] = torch.tensor([1.0, 0.1, 0.1])[:, None, None]
    (ours,), (faded,) = Tween()(a, b, [0.5]), Blend()(a, b, [0.5])
    assert psnr(ours.clamp(0, 1), truth) > psnr(faded, truth) + 3


def test_hold_takes_the_nearer() -> None:
    a, b = sliding(2)
    early, late = load("hold")(a, b, [0.3, 0.7])
    assert torch.equal(early, a)
    assert torch.equal(late, b)


def test_halving_asks_for_the_middle_only() -> None:
    asked = []

    def engine(a: torch.Tensor, b: torch.Tensor, times: list[float]) -> Iterable[torch.Tensor]:
        asked.extend(times)
        return Blend()(a, b, times)

    a, b = sliding(2)
    for ours, time in zip(Halving(engine)(a, b, [0.25, 0.5, 0.75]), (0.25, 0.5, 0.75)):
        torch.testing.assert_close(ours, torch.lerp(a, b, time))
    assert asked == [0.5, 0.5, 0.5]
    asked.clear()
    many = [place / 64 for place in range(1, 64)]
    for ours, time in zip(Halving(engine, depth=6)(a, b, many), many):
        torch.testing.assert_close(ours, torch.lerp(a, b, time))
    assert asked == [0.5] * 63  # each once, however many
    (third,) = Halving(engine, depth=5)(a, b, [1 / 3])
    torch.testing.assert_close(third, torch.lerp(a, b, 1 / 3), atol=1e-5, rtol=0)


def test_an_unknown_engine_brings_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean film"):
        load("Filme")


def test_a_schedule_may_name_every_engine() -> None:
    assert FIELDS["frame_interpolation_engine"].choices == ("None", "auto", *ENGINES)
    assert FIELDS["cadence_tween"].choices == ("warp", "auto", *ENGINES)


def test_plain_engines_take_no_weights(tmp_path: Path) -> None:
    for name in PLAIN:
        with pytest.raises(BadInput, match="no weights"):
            load(name, tmp_path / "some.pt")


def test_auto_takes_the_users_weights_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATE_MODELS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "EMBEDDED", tmp_path / "nothing")
    assert best() == "flow"
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "card.json").write_text('{"passed_gate": false}')
    assert best() == "flow"
    (tmp_path / "nothing" / "card.json").write_text('{"passed_gate": true}')
    assert best() == "embedded"
    (tmp_path / "rife.safetensors").touch()
    assert best() == "rife"
    (tmp_path / "film_net_fp32.pt").touch()
    assert best() == "film"


def test_rife_names_are_the_published_ones_once() -> None:
    names = [rife.names(name)[0] for name in rife.Network().state_dict()]
    assert len(set(names)) == len(names) == 190
    assert {"block0.conv0.0.0.weight", "contextnet.conv4.conv2.1.weight", "unet.up3.0.bias", "unet.conv.bias"} <= set(
        names
    )
    assert sum(tensor.numel() for tensor in rife.Network().parameters()) == 8_412_855
