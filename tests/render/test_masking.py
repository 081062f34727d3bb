"""Masks while rendering: read from pictures, files and videos, and what they leave untouched."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

import animate
from animate.errors import BadInput
from animate.picture import convert
from animate.render import masking
from animate.render.animator import animate as walk
from animate.render.requests import Emit, EstimateDepth, Follow, Imagine, ReadFrame, ReadMask, Redraw, Segment, Watch
from animate.render.stencils import Stencils
from animate.schedule.plan import Plan
from animate.video.reader import read_frames
from tests.render.test_restyle import made

SIZE = 48, 64
QUIET = {"noise": 0, "amount": 0, "color_coherence": "None", "sharpness_coherence": 0, "mask_feather": 0}


def ramp() -> Tensor:
    """(3, 48, 64) dark at the left, bright at the right."""
    return torch.linspace(0, 1, 64).expand(3, 48, 64).clone()


def plan_of(**fields: Any) -> Plan:
    return animate.plan({**QUIET, "width": 64, "height": 48, "seed": 3, "prompts": "x", "max_frames": 4, **fields})


def run(plan: Plan, redraw: Callable[[Redraw], Tensor] | None = None) -> tuple[list[Emit], list[Any]]:
    """Frames emitted and what was asked; the painter turns what it may into its negative, the sky is the upper half."""
    emitted, asked, answer = [], [], None
    steps = walk(plan)
    upper = torch.zeros(1, *SIZE)
    upper[:, :24] = 1
    with Stencils(plan) as stencils:
        while True:
            try:
                request = steps.send(answer)
            except StopIteration:
                return emitted, asked
            asked.append(request)
            answer = None
            if isinstance(request, Emit):
                emitted.append(request)
            elif isinstance(request, Imagine | ReadFrame | Watch):
                answer = ramp()
            elif isinstance(request, Follow):
                answer = torch.zeros(2, 2, *SIZE)
            elif isinstance(request, Segment):
                answer = upper
            elif isinstance(request, ReadMask):
                answer = stencils(request.index, request.file, request.alpha)
            elif isinstance(request, EstimateDepth):
                answer = 1 / (0.1 + ramp()[:1])
            elif redraw is not None:
                answer = redraw(request)
            else:
                assert isinstance(request, Redraw)
                within = 1 if request.within is None else request.within
                answer = request.picture.lerp(1 - request.picture, torch.as_tensor(within))


@pytest.fixture
def start(tmp_path: Path) -> str:
    cv2.imwrite(str(tmp_path / "start.png"), np.full((48, 64, 3), 90, np.uint8))
    return str(tmp_path / "start.png")


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("luma 0.5..1", 0, 1),
        ("!luma 0.5..1", 1, 0),
        ("luma 0.5..1 & word:the sky", 0, 0.5),
        ("luma 0.5..1 | word:the sky", 0.5, 1),
        ("luma 0.5..1 ^ word:the sky", 0.5, 0.5),
        ("depth 0.5..1", 0, 1),
        ("0.25", 0.25, 0.25),
    ],
)
def test_what_a_mask_says_is_painted_and_the_rest_stays(text: str, left: float, right: float, start: str) -> None:
    """A white picture is painted where the mask is; the left quarter and the right quarter tell how much."""
    plan = plan_of(mask=text, init_image=start, max_frames=1)
    emitted, _ = run(plan, lambda ask: torch.full((3, *SIZE), 3.0))
    painted = (emitted[0].picture - ramp()) / (3 - ramp())
    assert float(painted[:, :, :16].mean()) == pytest.approx(left, abs=0.01)
    assert float(painted[:, :, 48:].mean()) == pytest.approx(right, abs=0.01)


def test_unmasked_places_are_kept_to_the_bit_while_the_rest_goes_on(start: str) -> None:
    plan = plan_of(mask="word:the sky", init_image=start, strength=0.4, noise=0.1)
    emitted, asked = run(plan)
    for emit in emitted:
        assert torch.equal(emit.picture[:, 24:], ramp()[:, 24:])
        assert not torch.allclose(emit.picture[:, :24], ramp()[:, :24])
    assert all(set(ask.within.unique().tolist()) == {0, 1} for ask in asked if isinstance(ask, Redraw))


def test_an_empty_mask_runs_no_model(start: str) -> None:
    _, asked = run(plan_of(mask="0", init_image=start))
    assert not any(isinstance(ask, Redraw | Imagine) for ask in asked)


def test_at_strength_zero_only_the_mask_is_painted_afresh(start: str) -> None:
    emitted, asked = run(plan_of(mask="word:the sky", init_image=start, strength=0))
    assert [ask.strength for ask in asked if isinstance(ask, Redraw)][1:] == [0, 0, 0]
    assert torch.equal(emitted[-1].picture[:, 24:], ramp()[:, 24:])


def test_grown_and_softened(start: str) -> None:
    def reached(**fields: Any) -> Tensor:
        plan = plan_of(mask="word:the sky", init_image=start, max_frames=1, **fields)
        emitted, _ = run(plan, lambda ask: torch.full((3, *SIZE), 3.0))
        return ((emitted[0].picture - ramp()) / (3 - ramp())).mean(dim=(0, 2))

    assert float(reached().sum()) == pytest.approx(24, abs=0.01)
    assert float(reached(mask_grow=4).sum()) == pytest.approx(28, abs=0.01)
    assert float(reached(mask_grow=-4).sum()) == pytest.approx(20, abs=0.01)
    soft = reached(mask_feather=8)
    assert float(soft.sum()) == pytest.approx(24, abs=0.3)
    assert 0.2 < float(soft[20] - soft[27]) < 0.9


def test_noise_stays_within_its_mask(start: str) -> None:
    plan = plan_of(noise_mask="word:the sky", noise=0.3, init_image=start, noise_type="uniform", max_frames=2)
    _, asked = run(plan)
    given = [ask.picture for ask in asked if isinstance(ask, Redraw)][1]
    before = 1 - ramp()
    assert torch.equal(given[:, 24:], before[:, 24:])
    assert float((given - before)[:, :24].std()) > 0.05


def test_files_videos_and_alpha(tmp_path: Path) -> None:
    card = np.zeros((48, 64, 4), np.uint8)
    card[:, 32:] = 255
    cv2.imwrite(str(tmp_path / "card.png"), card)
    source = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.3")
    moving = made(tmp_path / "moving.mkv", *source, "-c:v", "ffv1")
    clear = made(
        tmp_path / "clear.mov",
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.4"),
        *("-vf", "format=rgba,colorchannelmixer=aa=0.4", "-c:v", "qtrle"),
    )
    plan = plan_of(mask="0.5", init_image=str(tmp_path / "card.png"))
    with Stencils(plan) as stencils:
        assert torch.equal(stencils(0, str(tmp_path / "card.png")), stencils(3, str(tmp_path / "card.png"), alpha=True))
        assert stencils(0, str(tmp_path / "card.png"))[0, 0, ::40].tolist() == [0, 1]
        shown = [stencils(index, str(moving)) for index in range(5)]
        assert not torch.equal(shown[0], shown[2])
        assert torch.equal(shown[3], shown[4])  # too short: its last picture stands
        with Stencils(plan) as resumed:
            assert torch.equal(resumed(9, str(moving)), shown[4])
        assert float(stencils(1, str(clear), alpha=True).mean()) == pytest.approx(0.4, abs=0.01)
        with pytest.raises(BadInput, match="no alpha"):
            stencils(0, str(moving), alpha=True)
    with pytest.raises(BadInput, match="needs a film or an init_image"):
        masking.files(plan_of(mask="alpha"))
    assert masking.files(plan_of(mask=f"{moving} & alpha", init_image=str(tmp_path / "card.png"))) == [
        (str(moving), False),
        (str(tmp_path / "card.png"), True),
    ]


@pytest.mark.parametrize(("name", "codec"), [("a.gif", ()), ("a.mov", ("-c:v", "qtrle", "-pix_fmt", "argb"))])
def test_an_alpha_that_is_opaque_everywhere_masks_nothing(tmp_path: Path, name: str, codec: tuple[str, ...]) -> None:
    """Every GIF could be transparent; this one is black at the left and white at the right."""
    half = ("-f", "lavfi", "-i", "color=black:size=64x48:rate=10:duration=0.5")
    mask = made(tmp_path / name, *half, "-vf", "drawbox=x=32:w=32:h=48:color=white:t=fill", *codec)
    with Stencils(plan_of(mask=str(mask))) as stencils:
        for index in (0, 3, 9):
            shown = stencils(index, str(mask))[0]
            assert float(shown[:, :28].max()) < 0.05
            assert float(shown[:, 36:].min()) > 0.95
        assert float(stencils(0, str(mask), alpha=True).min()) == 1


def test_a_mask_video_asked_ahead_for_keys_is_not_wound_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def counted(*arguments: Any, **more: Any) -> Iterator[np.ndarray]:
        begun.append(more["first"])
        return read_frames(*arguments, **more)

    monkeypatch.setattr("animate.render.projector.read_frames", counted)
    source = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2", "-c:v", "ffv1")
    film, mask = made(tmp_path / "film.mkv", *source), made(tmp_path / "mask.mkv", *source)
    run(plan_of(video=str(film), video_mode="keyed", mask=str(mask), max_frames=20, diffusion_cadence=4))
    assert begun == [0, 0]


@pytest.mark.parametrize("mode", ["frames", "carried", "keyed"])
def test_a_film_shows_through_where_the_mask_leaves_it(mode: str, tmp_path: Path) -> None:
    film = made(tmp_path / "card.mkv", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.6", "-c:v", "ffv1")
    plan = plan_of(video=str(film), video_mode=mode, mask="word:the sky", max_frames=6, diffusion_cadence=3)
    source = ramp()
    emitted, _ = run(plan)
    assert len(emitted) == 6
    for emit in emitted:
        assert torch.equal(emit.picture[:, 24:], source[:, 24:])
        assert float((emit.picture - source)[:, :24].abs().mean()) > 0.1


def test_what_a_mask_lets_in_later_is_painted_at_once(tmp_path: Path) -> None:
    """The frame before is kept where it was painted; where it was the film's own, nothing of that is kept."""
    film = made(tmp_path / "card.mkv", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.4", "-c:v", "ffv1")
    plan = plan_of(video=str(film), mask={0: "word:the sky", 2: "1"}, temporal_blend=0.9)
    emitted, _ = run(plan)
    assert torch.allclose(emitted[2].picture, 1 - ramp(), atol=1e-5)


def test_embedded_model_paints_within_a_mask_and_resumes(tmp_path: Path, start: str) -> None:
    fields = {"width": 64, "height": 64, "seed": 3, "prompts": "a red sky", "max_frames": 3, "steps": 2}
    picture = np.full((64, 64, 3), 60, np.uint8)
    picture[:32] = 200
    cv2.imwrite(str(tmp_path / "start.png"), picture)
    schedule = fields | {"mask": "luma 0.5..1", "mask_feather": 0, "init_image": str(tmp_path / "start.png")}
    animate.render(schedule, tmp_path / "run")
    last = convert.read_picture(tmp_path / "run" / "frames" / "000002.png")
    assert np.allclose(last[:, 36:], 60 / 255, atol=1e-6)
    assert float(last[:, :28].std()) > 0.01
