"""The animator, driven with painted squares: no model, no disk."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import animate
from animate.motion import matrix
from animate.picture import sharpen
from animate.render import animator
from animate.render.animator import animate as walk
from animate.render.requests import Carry, Emit, EstimateDepth, Imagine, ReadFrame, Redraw, Tween
from animate.schedule.plan import Plan
from animate.video.stills import write_png

QUIET = {
    "noise": 0,
    "amount": 0,
    "color_coherence": "None",
    "sharpness_coherence": 0,
    "width": 64,
    "height": 48,
    "seed": 5,
    "prompts": "a square",
}


def square(row: int = 16, column: int = 24, side: int = 12) -> Tensor:
    picture = torch.zeros(3, 48, 64)
    picture[:, row : row + side, column : column + side] = 1
    return picture


def centre(picture: Tensor) -> tuple[float, float]:
    """(x, y) of the light in a picture."""
    light = picture.mean(0)
    rows, columns = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    return float((light * columns).sum() / light.sum()), float((light * rows).sum() / light.sum())


def plan_of(**fields: Any) -> Plan:
    return animate.plan({**QUIET, **fields})


def run(
    plan: Plan, redraw: Callable[[Redraw], Tensor] = lambda ask: ask.picture, carry: Carry | None = None
) -> tuple[list[Emit], list[Any]]:
    """Frames emitted, and what was asked for on the way; the painter draws a square and redraws as told."""
    emitted: list[Emit] = []
    asked: list[Any] = []
    steps = walk(plan, carry)
    answer = None
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            return emitted, asked
        answer = None
        if isinstance(request, Emit):
            emitted.append(request)
            continue
        asked.append(request)
        if isinstance(request, Imagine | ReadFrame):
            answer = square()
        elif isinstance(request, Redraw):
            answer = redraw(request)


def test_sharpness_stays_that_of_the_shot() -> None:
    """A painter that blurs, and one that roughens, lose their hold on it; a cut opens with a new reference."""

    def blurring(ask: Redraw) -> Tensor:
        return torch.nn.functional.avg_pool2d(ask.picture[None], 3, 1, 1)[0].lerp(ask.picture, 0.5)

    def roughening(ask: Redraw) -> Tensor:
        grain = torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(ask.index)) - 0.5
        return (ask.picture + 0.3 * grain).clamp(0, 1)

    def sharpnesses(redraw: Callable[[Redraw], Tensor], share: float) -> list[float]:
        emitted, _ = run(plan_of(max_frames=12, cuts=[6], sharpness_coherence=share), redraw)
        return [sharpen.sharpness(emit.picture) for emit in emitted]

    free, held = sharpnesses(blurring, 0), sharpnesses(blurring, 1)
    assert free[5] < 0.2 * free[0]
    assert 0.7 * held[0] < held[5] < 1.1 * held[0]
    assert held[6] == held[0]
    free, held = sharpnesses(roughening, 0), sharpnesses(roughening, 1)
    assert free[5] > 1.5 * free[0]
    assert held[5] == pytest.approx(held[0], rel=0.1)


def test_every_frame_is_emitted_once_and_in_order() -> None:
    emitted, asked = run(plan_of(max_frames=5))
    assert [emit.index for emit in emitted] == [0, 1, 2, 3, 4]
    assert [type(ask) for ask in asked] == [Imagine, Redraw, Redraw, Redraw, Redraw]


def test_positive_translation_moves_right_and_down() -> None:
    emitted, _ = run(plan_of(max_frames=3, translation_x=3, translation_y=2))
    x0, y0 = centre(emitted[0].picture)
    x2, y2 = centre(emitted[2].picture)
    assert x2 - x0 == pytest.approx(6, abs=0.05)
    assert y2 - y0 == pytest.approx(4, abs=0.05)


def test_strength_is_handed_on_and_one_runs_no_model() -> None:
    emitted, asked = run(plan_of(max_frames=4, strength={0: 0.5, 1: 0.5, 2: 1, 3: 1}, translation_x=2))
    assert [type(ask) for ask in asked] == [Imagine, Redraw]
    assert asked[1].strength == 0.5
    assert centre(emitted[3].picture)[0] - centre(emitted[0].picture)[0] == pytest.approx(6, abs=0.05)


def test_strength_zero_paints_afresh_and_renews_the_colours() -> None:
    emitted, asked = run(plan_of(max_frames=3, strength={0: 0.5, 1: 0, 2: 0.5}))
    assert [type(ask) for ask in asked] == [Imagine, Imagine, Redraw]
    assert emitted[1].carry.colors is emitted[1].carry.arriving


@pytest.mark.parametrize("coherence", ["LAB", "Image"])
def test_a_picture_painted_afresh_is_finished_like_a_shots_first(coherence: str, tmp_path: Path) -> None:
    """Grey where that is asked, in the palette's colours, and the palette stays what later frames go by."""
    palette = (
        torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 0.5, 0.2])[:, None, None]
    )
    tinted = square() * torch.tensor([0.9, 0.3, 0.1])[:, None, None] + 0.05
    write_png(tmp_path / "palette.png", np.zeros((8, 8, 3), np.uint8))
    shared = {"color_coherence": coherence, "color_coherence_image": str(tmp_path / "palette.png")}
    answers: dict[type, Tensor] = {Imagine: tinted, ReadFrame: palette, Redraw: tinted}
    for grey in (False, True):
        plan = plan_of(max_frames=3, strength={0: 0.5, 1: 0, 2: 0.5}, color_force_grayscale=grey, **shared)
        emitted, steps, answer = [], walk(plan), None
        for _ in range(20):
            try:
                request = steps.send(answer)
            except StopIteration:
                break
            emitted += [request] if isinstance(request, Emit) else []
            answer = answers.get(type(request))
        first, afresh = emitted[0], emitted[1]
        assert torch.equal(afresh.picture, first.picture)
        assert torch.equal(afresh.carry.colors, first.carry.colors)
        if coherence == "Image":
            assert torch.equal(afresh.carry.colors, palette)
        if grey:
            assert all(float(emit.picture.std(0).max()) < 1e-6 for emit in emitted)


def test_a_cut_carries_nothing_across() -> None:
    _, asked = run(plan_of(max_frames=6, cuts=[3]))
    assert [type(ask) for ask in asked] == [Imagine, Redraw, Redraw, Imagine, Redraw, Redraw]


@pytest.mark.parametrize("cadence", [1, 2, 3, 4])
def test_cadence_cross_fades_exactly_and_writes_every_frame(cadence: int) -> None:
    """A picture painted at frame k has the share (i - k + 1)/n at frame i and stands alone at k + n - 1."""

    def level(k: int) -> float:
        return k / 10

    def paint(ask: Redraw) -> Tensor:
        return torch.full((3, 48, 64), level(ask.index // cadence))

    emitted, _ = run(plan_of(max_frames=10, diffusion_cadence=cadence, prompts="x"), paint)
    assert len(emitted) == 10
    for emit in emitted:
        k = emit.index // cadence
        if k >= 2:
            share = (emit.index % cadence + 1) / cadence
            expected = level(k - 1) + share * (level(k) - level(k - 1))
            assert torch.allclose(emit.picture, torch.full((3, 48, 64), expected), atol=1e-6), emit.index


def test_cadence_carries_both_neighbours_along_the_motion() -> None:
    emitted, asked = run(plan_of(max_frames=7, diffusion_cadence=3, translation_x=2))
    assert [ask.index for ask in asked] == [0, 3, 6]
    for emit in emitted:
        assert centre(emit.picture)[0] - centre(emitted[0].picture)[0] == pytest.approx(2 * emit.index, abs=0.05)


def test_seeds_advance_only_where_something_is_painted() -> None:
    _, asked = run(plan_of(max_frames=7, diffusion_cadence=3))
    assert [ask.how.seed for ask in asked] == [5, 6, 7]


def test_resuming_from_the_carry_of_every_frame_gives_the_same_bytes() -> None:
    fields = {
        "max_frames": 9,
        "diffusion_cadence": 2,
        "zoom": 1.03,
        "angle": 2,
        "noise": 0.1,
        "amount": 0.3,
        "color_coherence": "LAB",
        "cuts": [5],
        "loop": 3,
        "strength": {0: 0.5, 4: 1, 5: 0.5, 8: 0.4},
    }
    plan = plan_of(**fields)

    def paint(ask: Redraw) -> Tensor:
        return (ask.picture * 0.9 + 0.02 * ask.how.seed % 0.1).clamp(0, 1)

    straight, _ = run(plan, paint)
    for emit in straight[:-1]:
        saved = Carry.from_arrays({name: array.copy() for name, array in emit.carry.to_arrays().items()})
        rest, _ = run(plan, paint, saved)
        assert [again.index for again in rest] == list(range(emit.index + 1, 9))
        for again in rest:
            assert torch.equal(again.picture, straight[again.index].picture), (emit.index, again.index)


def test_a_loop_ends_where_it_began() -> None:
    emitted, _ = run(plan_of(max_frames=24, loop=12, translation_x=1.5, border="reflect"))
    # frame 24 would be frame 0: the last frame is one move of frame 0 before it
    x0, _ = centre(emitted[0].picture)
    open_end, _ = run(plan_of(max_frames=24, translation_x=1.5, border="reflect"))
    closed = abs(centre(emitted[-1].picture)[0] - (x0 - 1.5))
    assert closed < 3  # what frame 0 cannot cover at the border stays
    assert closed < 0.2 * abs(centre(open_end[-1].picture)[0] - (x0 - 1.5))


def test_the_motion_ahead_ends_on_frame_0() -> None:
    plan = plan_of(max_frames=9, loop=5, translation_x="t", angle="10*t", zoom="1 + t/50")
    ahead = animator._ahead(plan)
    assert len(ahead) == 5
    for left, found in enumerate(ahead, start=1):
        wanted = np.eye(3)
        for index in [*range(9 - left + 1, 9), 0]:
            wanted = matrix.of_frame(plan[index], plan.size) @ wanted
        np.testing.assert_allclose(found, wanted, atol=1e-9)
    assert animator._ahead(plan) is ahead
    assert len(animator._ahead(plan_of(max_frames=3, loop=50))) == 3


def test_the_init_image_begins_the_run(tmp_path: Any) -> None:
    from animate.video.stills import write_png

    path = tmp_path / "start.png"
    write_png(path, np.zeros((48, 64, 3), np.uint8))
    _, asked = run(plan_of(max_frames=2, init_image=str(path), init_strength=0.4))
    assert [type(ask) for ask in asked] == [ReadFrame, Redraw, Redraw]
    assert asked[1].strength == 0.4


def test_a_camera_flies_through_what_it_is_told_of_depth() -> None:
    """A near square before a far ground: going sideways it moves, and depth is carried from frame to frame."""
    plan = plan_of(max_frames=4, animation_mode="3D", translation_x=10, depth_algorithm="some/model")
    depth = torch.full((1, 48, 64), 20.0)
    depth[:, 16:28, 24:36] = 1.0
    steps = walk(plan)
    answer, places, asked = None, [], []
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            break
        answer = None
        asked.append(type(request))
        if isinstance(request, Emit):
            places.append(centre(request.picture)[0])
            known = request.carry.depth
        elif isinstance(request, Imagine):
            answer = square()
        elif isinstance(request, Redraw):
            answer = request.picture
        else:
            answer = depth
    assert places[1] < places[0] - 1
    assert known.shape == (1, 48, 64)
    assert asked.count(EstimateDepth) == 3


def test_a_flat_world_needs_no_depth_model() -> None:
    emitted, asked = run(
        plan_of(max_frames=3, animation_mode="3D", depth_algorithm="flat", translation_x=-10, translation_z=2)
    )
    assert [type(ask) for ask in asked] == [Imagine, Redraw, Redraw]
    assert centre(emitted[2].picture)[0] > centre(emitted[0].picture)[0] + 1


def answered(plan: Any, depth: Tensor) -> tuple[list[Emit], list[Any]]:
    """The frames of a plan whose world is like `depth`, and all that was asked for; redrawing changes nothing."""
    steps, answer, asked = walk(plan), None, []
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            return [ask for ask in asked if isinstance(ask, Emit)], asked
        asked.append(request)
        match request:
            case Imagine():
                answer = square()
            case Redraw():
                answer = request.picture
            case EstimateDepth():
                answer = depth
            case _:
                answer = None


RAMP = torch.linspace(1, 20, 64).expand(1, 48, 64).contiguous()


def test_depth2img_gives_the_model_the_depth_of_the_moved_picture() -> None:
    plan = plan_of(max_frames=3, generation="depth2img", translation_x=4, strength={0: 0.5, 2: 0})
    _, asked = answered(plan, RAMP)
    first, second, third = (ask for ask in asked if isinstance(ask, Imagine | Redraw))
    assert first.depth is None  # there is no picture yet
    assert torch.equal(second.depth, RAMP)
    assert isinstance(third, Imagine)  # structure alone is kept
    assert torch.equal(third.depth, RAMP)
    shown = [ask.picture for ask in asked if isinstance(ask, EstimateDepth)]
    assert centre(shown[0])[0] == pytest.approx(centre(square())[0] + 4, abs=0.5)


def test_depth_of_a_file_shapes_the_first_picture_too(tmp_path: Path) -> None:
    map_of_depth = tmp_path / "depth.png"
    write_png(map_of_depth, np.full((48, 64, 3), 99, np.uint8))
    plan = plan_of(max_frames=2, generation="depth2img", depth_algorithm="file", depth_file=str(map_of_depth))
    _, asked = answered(plan, RAMP)
    first, second = (ask for ask in asked if isinstance(ask, Imagine | Redraw))
    assert torch.equal(first.depth, RAMP)
    assert torch.equal(second.depth, RAMP)


def test_focus_and_eyes_do_not_pump_with_what_a_network_says() -> None:
    """Estimates of one scene at two scales in turn; a cut begins anew, and any frame can be gone on from."""
    plan = plan_of(max_frames=9, save_depth_maps=True, cuts=[6])

    def maps(carry: Carry | None = None) -> list[Emit]:
        steps, answer, emitted = walk(plan, carry), None, []
        while True:
            try:
                request = steps.send(answer)
            except StopIteration:
                return emitted
            match request:
                case Imagine():
                    answer = square()
                case Redraw():
                    answer = request.picture
                case EstimateDepth():
                    answer = 1 / (1 / RAMP if request.index % 2 == 0 else 0.8 / RAMP + 0.01)
                case _:
                    emitted.append(request)
                    answer = None

    emitted = maps()
    near = [emit.nearness for emit in emitted]
    alone = float((1 / RAMP - (0.8 / RAMP + 0.01)).abs().mean()) / 0.95
    assert max(float((a - b).abs().mean()) for a, b in pairwise(near[:6])) < 0.15 * alone
    assert torch.equal(near[6], near[0])
    for emit in emitted[:-1]:
        again = maps(Carry.from_arrays(emit.carry.to_arrays()))
        assert torch.equal(again[-1].nearness, near[-1])


def test_what_is_done_on_the_way_out_touches_no_later_frame() -> None:
    plain, _ = answered(plan_of(max_frames=3, translation_x=2), RAMP)
    finished, _ = answered(
        plan_of(max_frames=3, translation_x=2, aperture=6, focus=1, stereo="side_by_side", save_depth_maps=True), RAMP
    )
    for a, b in zip(plain, finished):
        assert torch.equal(a.carry.arriving, b.carry.arriving)
        assert b.picture.shape == (3, 48, 128)
        assert b.nearness is not None
        assert float(b.nearness[0, 0, 0]) == 1
        assert a.nearness is None


def test_a_cadence_asks_its_engine_for_what_moves_beside_the_schedule() -> None:
    plan = plan_of(max_frames=5, diffusion_cadence=2, translation_x=3, cadence_tween="flow")
    steps, answer, asked = walk(plan), None, []
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            break
        asked.append(request)
        match request:
            case Imagine():
                answer = square()
            case Redraw():
                answer = request.picture
            case Tween():
                answer = request.after
            case _:
                answer = None
    tweens = [ask for ask in asked if isinstance(ask, Tween)]
    assert [(ask.index, ask.time) for ask in tweens] == [(0, 0.5), (2, 0.5), (4, 0.5)]
    emitted = [ask for ask in asked if isinstance(ask, Emit)]
    assert torch.equal(emitted[2].picture, tweens[1].after)
    # both ends are where the motion has taken them, so an engine sees only what else has changed
    assert centre(tweens[1].before)[0] == pytest.approx(centre(tweens[1].after)[0], abs=0.2)


# --- holes ------------------------------------------------------------------------------------------------------------


def test_what_a_zoom_out_uncovers_is_painted_first_and_then_redrawn_with_the_rest() -> None:
    def invented(ask: Redraw) -> Tensor:
        return (
            ask.picture
            if ask.within is None
            else torch.lerp(ask.picture, torch.full_like(ask.picture, 0.5), ask.within)
        )

    plan = plan_of(max_frames=2, zoom=0.75, holes="paint", hole_strength=0.1, strength=0.6)
    emitted, asked = run(plan, invented)
    first, second = asked[1:]
    assert (first.strength, second.strength) == (0.1, 0.6)
    assert first.how.seed != second.how.seed
    assert first.within[0, 0].min() == 1  # the uncovered rim
    assert first.within[0, 20:28, 28:36].max() == 0  # what is known
    assert second.within is None
    assert torch.equal(emitted[1].picture, second.picture)
    assert float(second.picture[:, 0].mean()) == pytest.approx(0.5)


def test_a_move_that_uncovers_nothing_paints_nothing_more() -> None:
    for fields in ({"zoom": 1.1, "holes": "paint"}, {"zoom": 0.75, "holes": "stretch"}):
        _, asked = run(plan_of(max_frames=3, strength=0.6, **fields))
        assert [type(one).__name__ for one in asked] == ["Imagine", "Redraw", "Redraw"]


def test_a_rim_uncovered_between_two_redrawn_frames_is_painted_at_the_next() -> None:
    plan = plan_of(max_frames=4, zoom=0.9, holes="paint", strength=0.6, diffusion_cadence=3)
    _, asked = run(plan)
    within = asked[1].within
    assert within is not None
    assert float(within.mean()) > 1 - 0.9**6  # three moves' worth, and the overlap


def striped(ask: Redraw) -> Tensor:
    """What is to be invented is full of stripes, which go along with a pan of 0.45 pixels."""
    columns = 0.5 + 0.4 * torch.sin((torch.arange(64) - 0.45 * ask.index) / 2).expand(3, 48, 64)
    return ask.picture if ask.within is None else torch.lerp(ask.picture, columns, ask.within)


@pytest.mark.parametrize("mode", ["2D", "3D"])
def test_a_slow_pan_is_painted_too_and_does_not_smear(mode: str) -> None:
    """Less than half a pixel a frame; in 3D a plane at distance 1, by a focal length of 41.6 pixels."""
    fields = {"animation_mode": mode, "depth_algorithm": "flat", "strength": 0.6 if mode == "2D" else 1}
    by = 0.45 if mode == "2D" else -0.45 / 41.57 * 200
    emitted, asked = run(plan_of(max_frames=50, holes="paint", translation_x=by, **fields), striped)
    painted = [ask for ask in asked if isinstance(ask, Redraw) and ask.within is not None]
    assert 5 < len(painted) <= 25
    uncovered = emitted[-1].picture[0, 24, :20]
    assert float(uncovered.std()) > 0.15  # 0 where a column is stretched over and over


@pytest.mark.parametrize("mode", ["2D", "3D"])
@pytest.mark.parametrize("strength", [0.6, 1])
def test_a_slow_pan_goes_on_from_any_frame(mode: str, strength: float) -> None:
    fields = {"animation_mode": mode, "depth_algorithm": "flat", "strength": strength, "diffusion_cadence": 2}
    plan = plan_of(max_frames=9, holes="paint", translation_x=0.45 if mode == "2D" else -2.1, **fields)
    straight, _ = run(plan, striped)
    for emit in straight[:-1]:
        rest, _ = run(plan, striped, Carry.from_arrays(emit.carry.to_arrays()))
        assert torch.equal(rest[-1].picture, straight[-1].picture)


def test_strength_1_paints_holes_and_nothing_else() -> None:
    plan = plan_of(max_frames=5, zoom={0: 1, 1: 1, 2: 0.8, 3: 1}, holes="paint", strength=1, hole_strength=0.1)
    emitted, asked = run(plan, striped)
    (hole,) = [ask for ask in asked if isinstance(ask, Redraw)]
    assert (hole.index, hole.strength) == (2, 0.1)
    assert torch.equal(emitted[2].picture, striped(hole))
    assert torch.equal(emitted[4].picture, emitted[2].picture)


def test_depth_of_a_file_is_that_of_the_picture_it_moves() -> None:
    plan = plan_of(max_frames=3, animation_mode="3D", depth_algorithm="some/model", translation_x=3, aperture=4)
    _, asked = answered(plan, RAMP)
    depths = [ask for ask in asked if isinstance(ask, EstimateDepth)]
    assert [ask.index for ask in depths] == [0, 0, 1, 1, 2]  # shown, then flown through
    assert torch.equal(depths[0].picture, depths[1].picture)
