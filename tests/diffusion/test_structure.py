"""Depth, as models are told it that read a channel of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from animate.diffusion.painter import Painter
from tests.diffusion.conftest import sampling


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_what_depth_changes_can_be_made_larger(
    painters: Callable[[str], Painter], picture: torch.Tensor, guidance: float
) -> None:
    painter, depth = painters("embedded"), 1 + picture[:, :1]

    def drawn(scale: float, plane: torch.Tensor | None = depth) -> torch.Tensor:
        how = sampling(steps=1, cfg_scale=guidance, depth_scale=scale)
        return painter.imagine((picture.shape[2], picture.shape[3]), [how], plane)

    flat = torch.ones_like(depth)
    assert torch.equal(drawn(9, None), drawn(1, None))
    assert torch.equal(drawn(9, flat), drawn(1, flat))  # no relief, nothing to hold to
    if guidance == 1:
        assert (drawn(0) - drawn(1, None)).abs().max() < 1e-4  # at 0 as if there were no depth
    assert (drawn(3) - drawn(0)).abs().mean() > 1.5 * (drawn(1) - drawn(0)).abs().mean() > 0
    orders = [sampling(steps=1, cfg_scale=guidance, depth_scale=scale) for scale in (1, 3)]
    both = painter.imagine((picture.shape[2], picture.shape[3]), orders, depth.repeat(2, 1, 1, 1))
    assert (both - torch.cat([drawn(1), drawn(3)])).abs().max() < 1e-4


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_guidance_by_depth_ends_with_all_guidance(
    painters: Callable[[str], Painter], picture: torch.Tensor, guidance: float
) -> None:
    painter, depth = painters("embedded"), 1 + picture[:, :1]

    def drawn(scale: float, end: float) -> torch.Tensor:
        how = sampling(steps=4, cfg_scale=guidance, depth_scale=scale, guidance_end=end)
        return painter.imagine((picture.shape[2], picture.shape[3]), [how], depth)

    assert torch.equal(drawn(9, 0.0), drawn(1, 0.0))
    assert (drawn(9, 0.5) - drawn(1, 0.5)).abs().max() > 1e-3
    assert (drawn(9, 0.5) - drawn(9, 1.0)).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["depth", "embedded"])
def test_depth_is_seen_and_its_scale_is_not(
    family: str, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    painter = painters(family)
    depth = 1 + picture[:, :1]
    near = painter.redraw(picture, 0.4, [sampling()], depth=depth)
    assert (painter.redraw(picture, 0.4, [sampling()], depth=7 * depth) - near).abs().max() < 1e-4
    assert (painter.redraw(picture, 0.4, [sampling()], depth=depth.flip(3)) - near).abs().max() > 1e-3
    flat = painter.redraw(picture, 0.4, [sampling()], depth=torch.full_like(depth, 3.0))
    assert torch.equal(flat, painter.redraw(picture, 0.4, [sampling()]))
    two = painter.redraw(picture.repeat(2, 1, 1, 1), 0.4, [sampling()] * 2, depth=torch.cat([depth.flip(3), depth]))
    assert (two[1:] - near).abs().max() < 1e-5
