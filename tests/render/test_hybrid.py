"""A film beside an animation: laid in, and its motion taken up. Pictures by hand on the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

import animate
from animate.errors import ScheduleError
from animate.motion import flow, follow
from animate.motion.warp import move
from animate.render import guides
from animate.render.animator import animate as walk
from animate.render.requests import Carry, Emit, EstimateDepth, Follow, Imagine, ReadFrame, Redraw, Watch
from animate.schedule.plan import Plan
from tests.render.test_restyle import made

SIZE = 96, 128
QUIET = {"noise": 0, "amount": 0, "color_coherence": "None", "sharpness_coherence": 0}


def scene(seed: int = 3) -> Tensor:
    """(3, 96, 128) soft blots, with corners that can be found again."""
    rough = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(rough, size=SIZE, mode="bicubic").clamp(0, 1)[0]


def shifted(by: float) -> Tensor:
    return move(scene(), np.array([[1, 0, by], [0, 1, 0], [0, 0, 1.0]]))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("film") / "card.mkv"
    card = ("-f", "lavfi", "-i", "testsrc=size=128x96:rate=10:duration=0.8")
    return str(made(path, *card, "-c:v", "ffv1"))


def plan_of(film: str, **fields: Any) -> Plan:
    usual = {"width": 128, "height": 96, "seed": 3, "prompts": "x", "animation_mode": "2D", "strength": 0.5}
    return animate.plan({**QUIET, **usual, "video": film, **fields})


def run(
    plan: Plan,
    watch: Callable[[int], Tensor] = lambda index: shifted(3.0 * index),
    redraw: Callable[[Redraw], Tensor] = lambda ask: ask.picture,
    carry: Carry | None = None,
) -> tuple[list[Emit], list[Any]]:
    emitted, asked, answer = [], [], None
    steps = walk(plan, carry)
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            return emitted, asked
        asked.append(request)
        answer = None
        if isinstance(request, Emit):
            emitted.append(request)
        elif isinstance(request, Watch):
            answer = watch(request.index)
        elif isinstance(request, Follow):
            answer = torch.stack(flow.both_ways(request.now, request.before))
        elif isinstance(request, EstimateDepth):
            answer = torch.full((1, *SIZE), 2.0)
        elif isinstance(request, ReadFrame):
            answer = torch.full((3, *SIZE), float(Path(request.file).stem) / 100)
        elif isinstance(request, Imagine):
            answer = torch.full((3, *SIZE), 0.5)
        else:
            answer = redraw(request)


def off_the_rim(picture: Tensor) -> Tensor:
    return picture[:, 12:-12, 28:-12]


# --- motion -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", follow.KINDS)
@pytest.mark.parametrize("angle", [0.0, 4.0])
def test_the_cameras_motion_is_found_to_a_tenth_of_a_pixel(kind: str, angle: float) -> None:
    turn = np.vstack([cv2.getRotationMatrix2D((64, 48), angle, 1.03), (0, 0, 1.0)])
    turn[0, 2] += 5
    found = follow.between(scene(), move(scene(), turn), kind)
    corners = np.array([[20, 100, 20, 100], [20, 20, 80, 80], [1, 1, 1, 1.0]])
    there, wanted = found @ corners, turn @ corners
    assert np.abs(there[:2] / there[2] - wanted[:2] / wanted[2]).max() < 0.35
    assert np.array_equal(found, follow.between(scene(), move(scene(), turn), kind))


def test_where_nothing_can_be_found_nothing_moves() -> None:
    assert np.array_equal(follow.between(torch.zeros(3, *SIZE), scene(), "Affine"), np.eye(3))
    assert np.array_equal(follow.between(scene(1), scene(2), "Perspective"), np.eye(3))
    with pytest.raises(ValueError, match="unknown kind"):
        follow.between(scene(), scene(), "Optical Flow")


@pytest.mark.parametrize("mode", ["2D", "3D"])
@pytest.mark.parametrize("motion", ["Affine", "Perspective", "Optical Flow"])
def test_the_animation_moves_as_the_film_does(film: str, motion: str, mode: str) -> None:
    """The first picture is the film's; moved by the film's motion it stays the film's, six frames on."""
    plan = plan_of(film, hybrid_motion=motion, animation_mode=mode, max_frames=6, init_strength=1, strength=1)
    emitted, _ = run(plan)
    apart = off_the_rim(emitted[-1].picture - shifted(15)).abs().mean()
    still = off_the_rim(scene() - shifted(15)).abs().mean()
    assert apart < 0.2 * still


def test_schedule_and_film_move_together_and_factors_count(film: str) -> None:
    flow_plan = plan_of(
        film, hybrid_motion="Optical Flow", hybrid_flow_factor=0, max_frames=4, init_strength=1, strength=1
    )
    emitted, _ = run(flow_plan)
    assert torch.allclose(emitted[-1].picture, scene(), atol=0.02)
    both = plan_of(film, hybrid_motion="Affine", translation_x=2, max_frames=4, init_strength=1, strength=1)
    emitted, _ = run(both)
    assert off_the_rim(emitted[-1].picture - shifted(15)).abs().mean() < 0.03


@pytest.mark.parametrize("cadence", [1, 3])
@pytest.mark.parametrize("motion", ["Affine", "Optical Flow"])
def test_going_on_from_any_frame_gives_the_straight_run(film: str, motion: str, cadence: int) -> None:
    plan = plan_of(
        film,
        hybrid_motion=motion,
        hybrid_composite="Normal",
        hybrid_mask="luma",
        angle=1,
        max_frames=7,
        diffusion_cadence=cadence,
    )
    straight, _ = run(plan, redraw=lambda ask: 1 - ask.picture)
    for stop in (0, 2, 4):
        carry = Carry.from_arrays(straight[stop].carry.to_arrays())
        again, _ = run(plan, redraw=lambda ask: 1 - ask.picture, carry=carry)
        assert all(torch.equal(a.picture, b.picture) for a, b in zip(again, straight[stop + 1 :], strict=True))


# --- laid in ----------------------------------------------------------------------------------------------------------


def test_the_film_is_laid_in_before_and_after_the_redrawing(film: str) -> None:
    white, black = torch.ones(3, *SIZE), torch.zeros(3, *SIZE)

    def shown(when: str, **fields: Any) -> tuple[Tensor, Tensor]:
        plan = plan_of(
            film,
            hybrid_composite=when,
            hybrid_alpha=0.25,
            hybrid_use_first_frame_as_init_image=False,
            max_frames=2,
            **fields,
        )
        emitted, asked = run(plan, lambda index: white, lambda ask: black)
        return emitted[1].picture, next(ask.picture for ask in asked if isinstance(ask, Redraw))

    for when in ("Normal", "Before Motion"):
        picture, given = shown(when)
        assert torch.allclose(given, torch.full_like(given, 0.5 + 0.25 * 0.5))
        assert torch.equal(picture, black)
    picture, given = shown("After Generation")
    assert torch.allclose(given, torch.full_like(given, 0.5))
    assert torch.allclose(picture, torch.full_like(picture, 0.25))
    picture, given = shown("Normal", hybrid_mask="0.5")
    assert torch.allclose(given, torch.full_like(given, 0.5 + 0.125 * 0.5))


def test_masks_of_film_and_animation(film: str) -> None:
    half = torch.zeros(3, *SIZE)
    half[:, :, 64:] = 1

    def given(text: str) -> Tensor:
        plan = plan_of(film, hybrid_composite="Normal", hybrid_alpha=1, hybrid_mask=text, max_frames=2)
        plan_asks = run(plan, lambda index: half if index else torch.full((3, *SIZE), 0.5))[1]
        return [ask.picture for ask in plan_asks if isinstance(ask, Redraw)][-1]

    luma = given("luma 0.6..1")
    assert float(luma[:, :, :60].mean()) == pytest.approx(0.5)
    assert float(luma[:, :, 70:].mean()) == pytest.approx(1)
    assert torch.allclose(given("picture.luma 0.6..1"), torch.full((3, *SIZE), 0.5))
    assert torch.allclose(given("difference"), half)


def test_a_mask_may_speak_of_the_film(film: str) -> None:
    half = torch.zeros(3, *SIZE)
    half[:, :, 64:] = 1
    emitted, _ = run(
        plan_of(film, mask="film.luma 0.5..1", mask_feather=0, max_frames=2, init_strength=1),
        lambda index: half,
        lambda ask: torch.full_like(ask.picture, 0.3),
    )
    assert torch.equal(emitted[1].picture[:, :, :64], half[:, :, :64])
    assert torch.allclose(emitted[1].picture[:, :, 64:], torch.tensor(0.3))


def test_length_and_defaults_beside_a_film(film: str) -> None:
    plan = plan_of(film, hybrid_motion="Affine")
    assert len(plan) == 8
    assert plan.settings["seed_behavior"] == "iter"
    assert not plan.warnings
    assert any("has no effect" in str(note) for note in plan_of(film).warnings)


# --- pictures by hand -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    """A grey picture by its level in hundredths."""
    folder = tmp_path_factory.mktemp("pictures")

    def path(level: int) -> str:
        file = folder / f"{level}.png"
        cv2.imwrite(str(file), np.full((96, 128, 3), level, np.uint8))
        return str(file)

    return path


def guided(pictures: Callable[[int], str], **fields: Any) -> Plan:
    usual = {"width": 128, "height": 96, "seed": 3, "prompts": "x", "max_frames": 12, "init_strength": 1}
    return animate.plan({**QUIET, **usual, "init_images": {0: pictures(20), 8: pictures(80)}, **fields})


def test_pictures_begin_anew_at_their_frames(pictures: Callable[[int], str]) -> None:
    emitted, asked = run(guided(pictures, init_images_mode="start", diffusion_cadence=3))
    levels = [round(float(emit.picture.mean()), 4) for emit in emitted]
    assert levels == [0.2] * 8 + [0.8] * 4
    assert [ask.index for ask in asked if isinstance(ask, ReadFrame)] == [0, 8]


def test_pictures_are_blended_in_before_their_frame_and_out_behind(pictures: Callable[[int], str]) -> None:
    plan = guided(pictures, tweening_frames=4, blend_factor_max=0.5)
    shares = [guide.share if (guide := guides.of(plan, frame)) else 0.0 for frame in plan]
    assert shares[8] == 0.5
    assert shares[4] == 0
    assert shares[5] < shares[6] < shares[7] < shares[8]
    assert shares[9] == pytest.approx(shares[7])
    emitted, _ = run(plan)
    levels = [float(emit.picture.mean()) for emit in emitted]
    assert levels[4] == pytest.approx(0.2)
    assert levels[4] < levels[6] < levels[8] <= levels[11] < 0.8


def test_guided_images_follow_deforums_formula(pictures: Callable[[int], str]) -> None:
    """Shares at tween 4 over a gap of 8: max − slope · cos((f mod 4) / 2) while f mod 8 ≤ 4, else 0.07."""
    plan = guided(pictures, init_images_mode="deforum", tweening_frames=4, max_frames=20)
    found = [guides.of(plan, plan[index]) for index in range(8)]
    shares = [guide.share for guide in found if guide]
    wanted = [0.35 - 0.25 * np.cos((f % 4) / 2) if f <= 4 else 0.07 for f in range(8)]
    assert shares == pytest.approx(wanted)
    assert {guide.file for guide in found if guide} == {pictures(20)}
    assert guides.of(plan, plan[8]).file == pictures(80)  # type: ignore[union-attr]


def test_pictures_count_by_content(pictures: Callable[[int], str], tmp_path: Path) -> None:
    plan = guided(pictures)
    assert Plan.from_json(plan.to_json()).guides == plan.guides
    assert Plan.from_json(plan.to_json()).digest == plan.digest
    copy = tmp_path / "copy.png"
    copy.write_bytes(Path(pictures(80)).read_bytes())
    assert guided(pictures, init_images={0: pictures(20), 8: str(copy)}).digest == plan.digest
    assert guided(pictures, init_images={0: pictures(20), 8: pictures(30)}).digest != plan.digest
    with pytest.raises(ScheduleError, match="does not exist"):
        guided(pictures, init_images={0: "nowhere.png"})


def test_a_folder_is_spread_over_the_animation(pictures: Callable[[int], str], tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="holds no pictures"):
        guided(pictures, init_images=str(tmp_path))
    for name, level in (("10.png", 30), ("9.png", 20), ("11.png", 40)):
        (tmp_path / name).write_bytes(Path(pictures(level)).read_bytes())
    (tmp_path / "notes.txt").write_text("not one")
    plan = guided(pictures, init_images=str(tmp_path))
    assert [(frame, Path(file).name) for frame, file, _ in plan.guides] == [(0, "9.png"), (4, "10.png"), (8, "11.png")]
    with pytest.raises(ScheduleError, match="neither a folder"):
        guided(pictures, init_images="nowhere")
