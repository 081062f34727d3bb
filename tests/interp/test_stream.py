from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from animate.errors import BadInput
from animate.interp import load
from animate.interp.cuts import glance, is_cut, is_same
from animate.interp.stream import Event, retime
from tests.interp.scenes import psnr, sliding, texture

BLEND = load("blend")
HOLD = load("hold")


def numbered(count: int) -> list[Tensor]:
    """Frames one can read: a stripe whose brightness is the frame's number, over a fixed texture."""
    ground = 0.5 * texture(32, 32)
    frames = []
    for index in range(count):
        frame = ground.clone()
        frame[:, 8:16] = index / 64
        frames.append(frame)
    return frames


def moment(picture: Tensor) -> float:
    return 64 * float(picture[0, 12, 16])


def quiet(event: Event) -> None:
    """Tests that look at frames need no log."""


@pytest.mark.parametrize(
    ("ratio", "end", "count"),
    [
        (Fraction(5, 2), "hold", 20),  # 24 → 60
        (Fraction(5, 2), "stop", 18),
        (Fraction(4), "hold", 32),
        (Fraction(4), "stop", 29),
        (Fraction(4), "loop", 32),
        (Fraction(60 * 1001, 30000), "hold", 17),
        (Fraction(1), "hold", 8),
    ],
)
def test_frames_are_evenly_spaced_at_any_ratio(ratio: Fraction, end: str, count: int) -> None:
    result = list(retime(numbered(8), ratio, BLEND, end=end, tell=quiet))  # type: ignore[arg-type]
    assert len(result) == count
    for index, picture in enumerate(result):
        time = index / ratio
        if time <= 7:
            assert moment(picture) == pytest.approx(float(time), abs=1e-3)
        elif end == "hold":
            assert moment(picture) == pytest.approx(7)


def test_frames_are_shown_at_their_own_moments() -> None:
    """Ten a second, then thirty: at sixty, the moments of the frames between are those between."""
    frames = numbered(9)
    moments = [Fraction(number) for number in (0, 3, 6, 9, 10, 11, 12, 13, 14, 15)]
    result = list(retime(frames, Fraction(2), BLEND, moments=moments, tell=quiet))
    assert len(result) == 30
    for index in (0, 3, 6, 9, 12, 15, 18, 20, 21, 24, 28, 29):
        at = index / 2
        assert moment(result[index]) == pytest.approx(min(at / 3 if at < 9 else at - 6, 8), abs=1e-3)
    looped = list(retime(frames, Fraction(2), BLEND, moments=moments, end="loop", tell=quiet))
    assert len(looped) == 30
    assert moment(looped[29]) == pytest.approx(4, abs=1e-3)
    assert len(list(retime(frames, Fraction(2), BLEND, moments=moments, end="stop", tell=quiet))) == 29


def test_frames_of_half_precision_pass() -> None:
    frames = [frame.bfloat16() for frame in sliding(3)]
    assert [picture.dtype for picture in retime(frames, Fraction(2), BLEND, tell=quiet)] == [torch.bfloat16] * 6


def test_given_frames_come_back_untouched() -> None:
    frames = numbered(5)
    result = list(retime(frames, Fraction(3), BLEND, tell=quiet))
    assert all(torch.equal(result[3 * index], frame) for index, frame in enumerate(frames))


def test_a_loop_leads_back_to_the_first() -> None:
    frames = numbered(4)
    result = list(retime(frames, Fraction(2), BLEND, end="loop", tell=quiet))
    assert len(result) == 8
    torch.testing.assert_close(result[7], (frames[3] + frames[0]) / 2)


def test_nothing_is_blended_across_a_cut() -> None:
    shots = sliding(4, seed=1), sliding(4, seed=20)
    told: list[Event] = []
    result = list(retime([*shots[0], *shots[1]], Fraction(4), load("flow"), tell=told.append))
    assert [(event.kind, event.frame) for event in told] == [("cut", 4)]
    assert all(torch.equal(picture, shots[0][3]) for picture in result[12:16])
    assert torch.equal(result[16], shots[1][0])


def test_cuts_can_be_blended_on_request() -> None:
    a, b = sliding(1, seed=1)[0], sliding(1, seed=20)[0]
    result = list(retime([a, b], Fraction(2), BLEND, end="stop", cuts=False, tell=quiet))
    torch.testing.assert_close(result[1], (a + b) / 2)


def test_motion_too_large_to_trust_is_told() -> None:
    told: list[Event] = []
    frames = [texture(64, 64, seed=1), texture(64, 64, seed=2)]
    list(retime(frames, Fraction(2), BLEND, cuts=False, tell=told.append))
    assert [(event.kind, event.frame) for event in told] == [("large motion", 0)]
    told.clear()
    list(retime(sliding(4), Fraction(2), BLEND, tell=told.append))
    assert told == []


def test_animation_on_twos_is_retimed() -> None:
    twos = [frame for frame in numbered(5) for _ in range(2)]
    told: list[Event] = []
    result = list(retime(twos, Fraction(1), BLEND, repeats="retime", tell=told.append))
    assert len(result) == len(twos)
    assert [moment(picture) for picture in result] == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4], abs=1e-3)
    assert told == []


def test_a_still_stays_still() -> None:
    frames = [numbered(2)[0]] * 7 + [numbered(12)[11]]
    told: list[Event] = []
    result = list(retime(frames, Fraction(2), BLEND, repeats="retime", cuts=False, tell=told.append))
    assert [event.kind for event in told] == ["still"]
    assert [round(moment(picture), 2) for picture in result] == [0] * 13 + [5.5, 11, 11]


def test_a_film_that_ends_in_a_still_keeps_its_length() -> None:
    frames = [*numbered(3), *[numbered(3)[2]] * 4]
    for ratio, end, count in ((2, "hold", 14), (2, "stop", 13), (3, "loop", 21)):
        assert len(list(retime(frames, Fraction(ratio), BLEND, end=end, repeats="retime", tell=quiet))) == count  # type: ignore[arg-type]


def test_no_more_than_a_few_frames_are_held() -> None:
    ahead = []
    taken = 0
    ground = 0.5 * texture(32, 32)

    def source() -> Iterator[Tensor]:
        nonlocal taken
        for index in range(200):
            taken = index + 1
            yield ground + index / 400

    for made, _ in enumerate(retime(source(), Fraction(2), HOLD, tell=quiet)):
        ahead.append(taken - made / 2)
    assert max(ahead) <= 3


@pytest.mark.parametrize(
    ("frames", "ratio", "words"),
    [
        ([], 2, "no frames"),
        ([texture(16, 16)], 2, "one frame alone"),
        ([texture(16, 16), texture(16, 24)], 2, "frame 1 is 24 × 16 px, those before are 16 × 16"),
        ([texture(16, 16), texture(16, 16) / 0], 2, "frame 1 holds values that are not numbers"),
        (numbered(3), Fraction(1, 2), "leave some out"),
    ],
)
def test_bad_input_is_told(frames: list[Tensor], ratio: Fraction, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        list(retime(frames, Fraction(ratio), BLEND, tell=quiet))


def test_a_pan_a_flash_and_noise_are_no_cuts() -> None:
    frames = sliding(8, step=6, size=(64, 96))
    generator = torch.Generator().manual_seed(1)
    dark = [0.02 * torch.rand(3, 64, 96, generator=generator) for _ in range(2)]
    assert not is_cut(glance(frames[0]), glance(frames[2]))
    assert not is_cut(glance(frames[0]), glance((frames[0] * 0.4 + 0.6).clamp(0, 1)))
    assert not is_cut(glance(dark[0]), glance(dark[1]))
    assert is_cut(glance(frames[0]), glance(texture(64, 96, seed=50)))


def flat(*levels: int) -> Tensor:
    """(3, 64, 96) of one colour of 255."""
    return (torch.tensor(levels) / 255)[:, None, None].expand(3, 64, 96).clone()


def card(ground: Tensor, ink: Tensor, seed: int) -> Tensor:
    """Lines of something like words, in the middle."""
    words = torch.rand(3, 64, generator=torch.Generator().manual_seed(seed)) > 0.5
    where = torch.zeros(64, 96, dtype=torch.bool)
    where[24:42, 16:80] = words.repeat_interleave(6, 0)
    return torch.where(where, ink, ground)


GENERATOR = torch.Generator().manual_seed(5)
SKY = flat(200, 215, 230) * torch.linspace(0.95, 1.05, 64)[:, None]
GRASS = flat(90, 120, 60) + 0.08 * torch.randn(1, 64, 96, generator=GENERATOR)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (flat(0, 0, 0), flat(255, 255, 255)),
        (flat(220, 30, 30), flat(30, 40, 200)),
        (SKY, GRASS),
        (card(flat(20, 20, 30), flat(230, 230, 230), 1), card(flat(230, 225, 210), flat(30, 20, 20), 2)),
        (flat(120, 120, 120), texture(64, 96)),
    ],
    ids=["black, white", "red, blue", "sky, grass", "title cards", "grey, a scene"],
)
def test_a_cut_is_seen_between_flat_shots(a: Tensor, b: Tensor) -> None:
    a, b = a.clamp(0, 1), b.clamp(0, 1)
    assert is_cut(glance(a), glance(b))
    assert is_cut(glance(b), glance(a))


@pytest.mark.parametrize(
    "scene", [flat(250, 250, 250), SKY.clamp(0, 1), texture(64, 96)], ids=["white", "sky", "scene"]
)
def test_a_fade_and_a_change_of_light_are_no_cuts(scene: Tensor) -> None:
    for steps in (4, 12, 24):
        fade = [glance(scene * (1 - step / steps)) for step in range(steps + 1)]
        assert not any(is_cut(a, b) for a, b in pairwise([*fade, *reversed(fade)]))
    assert not is_cut(glance(scene), glance(0.7 * scene))


def test_noise_makes_no_new_picture() -> None:
    frame = texture(90, 160)
    noisy = (frame + 0.004 * torch.randn(frame.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    assert is_same(glance(frame), glance(noisy))
    moved = sliding(2, step=0.5, size=(90, 160))
    assert not is_same(glance(moved[0]), glance(moved[1]))


def test_flow_through_a_stream_is_better_than_a_fade() -> None:
    truth = sliding(13, step=1.5)
    results = {
        name: list(retime(truth[::3], Fraction(3), load(name), end="stop", tell=quiet)) for name in ("flow", "blend")
    }
    inner = (..., slice(10, -10), slice(10, -10))
    scores = {
        name: [psnr(ours[inner], right[inner]) for ours, right in zip(result, truth)]
        for name, result in results.items()
    }
    assert all(along >= faded for along, faded in zip(scores["flow"], scores["blend"]))
    assert scores["flow"][1] > scores["blend"][1] + 6
