"""Strength is continuous: no jump anywhere, with any sampler, up to keeping the picture untouched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from animate.diffusion.levels import Start
from animate.diffusion.painter import Painter
from animate.diffusion.sampler_names import _ON_A_GRID, _SINGLE, SAMPLERS
from tests.diffusion.conftest import sampling

STEPS = 5
GAP = 1e-4
"""Of a step: so near to a whole step that a continuous function moves by next to nothing."""


@pytest.mark.parametrize("sampler", [*_ON_A_GRID, *_SINGLE, "DPM++ 2M Karras", "UniPC Exponential", "SA-Solver Beta"])
def test_no_jump_at_whole_steps(sampler: str, painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    def at(run: float) -> torch.Tensor:
        return painters("sd").redraw(picture, 1 - run / STEPS, [sampling(sampler=sampler, steps=STEPS)])

    for run in (1, 3):
        here = at(run)
        assert (at(run - GAP) - here).abs().max() < 0.01
        assert (at(run + GAP) - here).abs().max() < 0.01


@pytest.mark.parametrize("family", ["sd2", "sdxl", "lcm", "zero_snr"])
@pytest.mark.parametrize("sampler", ["default", "Euler a", "DPM++ 2M Karras", "DDIM"])
def test_no_jump_in_other_families(
    family: str, sampler: str, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    def at(run: float) -> torch.Tensor:
        return painters(family).redraw(picture, 1 - run / STEPS, [sampling(sampler=sampler, steps=STEPS)])

    assert (at(2 - GAP) - at(2 + GAP)).abs().max() < 0.01


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("settings", [{"clip_sample": True}, {"clip_sample": False, "thresholding": True}])
def test_no_jump_where_the_clean_picture_is_cut(
    settings: dict[str, bool], eta: float, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    own = painters("sd")._parts
    scheduler = type(own.scheduler).from_config(own.scheduler.config, **settings)
    painter = Painter(replace(own, scheduler=scheduler), name="tiny")

    def at(run: float) -> torch.Tensor:
        return painter.redraw(picture, 1 - run / STEPS, [sampling(sampler="default", eta=eta, steps=STEPS)])

    for run in (2, 4):
        here = at(run)
        assert (at(run - GAP) - here).abs().max() < 0.01
        assert (at(run + GAP) - here).abs().max() < 0.01


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_begin_without_runge_and_kutta(
    steps: int, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    """diffusers' PNDM takes four steps of theirs first, and fails below."""
    ours, plms = (
        painters("sd").redraw(picture, 0.0, [sampling(sampler=name, steps=steps)]) for name in ("PNDMScheduler", "PLMS")
    )
    assert torch.equal(ours, plms)


@pytest.mark.parametrize("sampler", ["DDIM", "Euler", "DPM++ 2M", "UniPC"])
def test_a_hundredth_changes_little(sampler: str, painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    """20 steps: diffusers stands still for four hundredths and then jumps by a whole step."""

    def at(strength: float) -> torch.Tensor:
        return painters("sd").redraw(picture, strength, [sampling(sampler=sampler, steps=20)])

    sweep = [at(strength) for strength in np.linspace(0.55, 0.65, 11)]
    moves = [float((b - a).abs().mean()) for a, b in pairwise(sweep)]
    whole = float((sweep[-1] - sweep[0]).abs().mean())
    assert max(moves) < 0.3 * whole  # ten moves: an even walk takes 0.1 each
    assert min(moves) > 0.01 * whole  # and it never stands still


def test_strength_one_keeps_and_is_approached(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("sd")
    assert torch.equal(painter.redraw(picture, 1.0, [sampling()]), picture)
    for sampler in ("DDIM", "Euler a", "Heun", "DPM2 a", "DPM++ 2M SDE", "UniPC", "PLMS", "LCM", "DDPM", "LMS"):
        nearly = painter.redraw(picture, 1 - 1e-6, [sampling(sampler=sampler, eta=0.5)])
        assert (nearly - picture).abs().max() < 1e-3, sampler


def test_strength_zero_imagines(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("sd")
    assert torch.equal(painter.redraw(picture, 0.0, [sampling()]), painter.imagine((64, 64), [sampling()]))


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_outside_is_refused(
    strength: float, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    with pytest.raises(ValueError, match="strength"):
        painters("sd").redraw(picture, strength, [sampling()])


@pytest.mark.parametrize(("steps", "strength"), [(10, 0.7), (20, 0.45), (10, 0.9), (7, 1 - 3 / 7), (25, 0.88)])
def test_rounding_of_decimals_does_not_break_a_step(steps: int, strength: float) -> None:
    start = Start.of(steps, 1 - strength)
    assert not start.broken
    assert start.run == round(steps * (1 - strength))


def test_every_name_has_a_scheduler() -> None:
    import diffusers

    assert all(hasattr(diffusers, sampler.scheduler) for sampler in SAMPLERS.values())
