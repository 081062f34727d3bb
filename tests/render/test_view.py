"""Flights over depth that is estimated anew each frame: steady, and never into themselves."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
import torch
from torch import Tensor

import animate
from animate import depth
from animate.picture.threads import torch_threads
from animate.render import view
from animate.render.view import Flight
from animate.schedule.plan import Plan

SIZE = (32, 48)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As a run works: threads take longer to wake than these pictures take."""
    with torch_threads(1):
        yield


def plan_of(**fields: object) -> Plan:
    return animate.plan({"animation_mode": "3D", "height": SIZE[0], "width": SIZE[1], "max_frames": 1001, **fields})


def estimates(error: float, seed: int = 0) -> Iterator[Tensor]:
    """A ground and a card before it as a network tells them: the same relative depth each time, with smooth errors."""
    rng = torch.Generator().manual_seed(seed)
    disparity = 0.02 + 0.9 * torch.linspace(0, 1, SIZE[0])[:, None].repeat(1, SIZE[1]) ** 1.5
    disparity[5:19, 15:26] = 0.8
    while True:
        coarse = torch.randn(1, 1, 6, 6, generator=rng)
        wrong = torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic")
        yield depth.from_disparity(disparity * (1 + error * wrong))[0]


def flown(plan: Plan, told: Iterator[Tensor], aligned: bool = True) -> Iterator[tuple[Flight, Tensor]]:
    """Each flight of a plan, and what was known of its depth before."""
    known = torch.empty(0)
    for frame, found in zip(islice(plan, 1, None), told):
        flight = view.of_frame(plan, frame, found, known if aligned else known[:0])
        yield flight, known
        known = flight.depth_after()


def change(flights: Iterator[tuple[Flight, Tensor]]) -> float:
    """Mean change of the logarithm of a place's depth from frame to frame."""
    pairs = [(flight.depth[known > 0], known[known > 0]) for flight, known in flights if known.numel()]
    return float(np.mean([float((now / before).log().abs().mean()) for now, before in pairs]))


def test_a_flight_of_a_thousand_frames_stays_in_its_scene() -> None:
    plan = plan_of(translation_z={0: 5, 400: 5, 401: -5, 700: -5, 701: 30})
    reach = [(float(flight.depth.amin()), float(flight.depth.amax())) for flight, _ in flown(plan, estimates(0.05))]
    nearest, farthest = min(low for low, _ in reach), max(high for _, high in reach)
    assert nearest >= 0.499
    assert farthest <= 40.01


@pytest.mark.parametrize("z", [0, 4])
def test_a_place_changes_less_than_its_estimates_do(z: float) -> None:
    steady, alone = (change(islice(flown(plan_of(translation_z=z), estimates(0.05), way), 50)) for way in (True, False))
    assert steady < 0.95 * alone


def test_errors_do_not_flatten_a_scene_frame_by_frame() -> None:
    spread = [float((1 / flight.depth).std()) for flight, _ in islice(flown(plan_of(), estimates(0.05)), 100)]
    assert np.mean(spread[-20:]) > 0.9 * spread[0]


def test_a_flat_world_stays_where_it_is() -> None:
    plan = plan_of(max_frames=60, translation_z=10, near=150)
    flights = list(flown(plan, iter(lambda: torch.ones(1, *SIZE), None)))
    assert all(torch.equal(flight.depth, torch.full((1, *SIZE), 0.75)) for flight, _ in flights)
    assert all(float(flight.see(torch.ones(3, *SIZE)).coverage.min()) == 1 for flight, _ in flights)


def test_near_and_far_act_in_mid_flight() -> None:
    plan = plan_of(max_frames=9, near={0: 200, 4: 200, 5: 800}, far={0: 4000, 4: 4000, 5: 8000})
    depths = [flight.depth for flight, _ in flown(plan, estimates(0))]
    assert (float(depths[3].amin()), float(depths[3].amax())) == pytest.approx((1, 20), rel=1e-3)
    for later in depths[4:]:
        assert (float(later.amin()), float(later.amax())) == pytest.approx((4, 40), rel=1e-3)


def test_one_point_behind_the_camera_hides_no_other() -> None:
    plan = plan_of(max_frames=3, translation_z=202)
    found = next(estimates(0))
    flight = view.of_frame(plan, plan[1], found, torch.empty(0))
    assert float(flight.depth.amin()) < 1.01 < float(flight.depth.amax())  # some of it is passed
    after = flight.depth_after()
    assert float((after > 0).float().mean()) > 0.3
    assert float(after.amax()) > 10  # not 1 everywhere
    assert float(after[after > 0].amin()) > 0


def test_a_flip_moves_the_depth_along_and_uncovers_its_rim() -> None:
    still, flipped = (plan_of(max_frames=3, perspective_flip_phi=angle) for angle in (0, 20))
    found = next(estimates(0))
    plain, turned = (view.of_frame(plan, plan[1], found, torch.empty(0)) for plan in (still, flipped))
    ones = torch.ones(3, *SIZE)
    assert float(plain.see(ones).coverage.min()) == 1
    covered = turned.see(ones).coverage
    assert float(covered.min()) == 0
    assert 0.5 < float(covered.mean()) < 1
    # depth lies where the picture lies: a picture of nearness goes the same way
    after, nearness = turned.depth_after(), turned.see(1 / plain.depth).picture
    there = after > 0
    assert 0.5 < float(there.float().mean()) < 1
    assert float((1 / after[there] - nearness[there]).abs().mean()) < 0.01
    assert float((1 / after[there] - 1 / plain.depth[there]).abs().mean()) > 0.03
