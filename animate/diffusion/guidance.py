"""Guidance: what the passes of a network say of one state, made one answer."""

from __future__ import annotations

import torch
from torch import Tensor

from animate.diffusion.conditioning import Passes
from animate.diffusion.orders import Order, per_row


def guide(output: Tensor, group: list[Order], told: list[Passes], held: Tensor | float = 0.0) -> Tensor:
    """Classifier-free guidance over the passes: ε = ε₀ + s · Σ wᵢ (εᵢ − ε₀); (P·N, C, h, w) → (N, C, h, w).

    One prompt is the usual formula; several are composable diffusion (Liu et al. 2022, §3.2). `held` is added.
    """
    rows = len(group)
    parts = output.split(rows)
    guided = told[0].guided
    if not guided and len(parts) == 1:
        return output + held
    weights = [per_row([one.weights[p] for one in told], output) for p in range(len(told[0].weights))]
    if not guided:
        total = per_row([sum(one.weights) or 1.0 for one in told], output)
        return sum((w * part for w, part in zip(weights, parts)), torch.zeros_like(parts[0])) / total + held
    base, *wanted = parts
    scale = per_row([order.how.cfg_scale for order in group], output)
    if len(wanted) == 1 and isinstance(weights[0], float) and weights[0] == 1:
        found = base + scale * (wanted[0] - base)
    else:
        found = base + scale * sum((w * (part - base) for w, part in zip(weights, wanted)), torch.zeros_like(base))
    found = found + held
    share = per_row([order.how.guidance_rescale for order in group], output)
    return found if isinstance(share, float) and share == 0 else rescaled(found, wanted[0], share)


def rescaled(found: Tensor, plain: Tensor, share: Tensor | float) -> Tensor:
    """Guidance brought part of the way back to the contrast of the unguided prediction (arXiv 2305.08891, §3.4)."""
    own, wanted = (part.std(dim=(1, 2, 3), keepdim=True) for part in (found, plain))
    return found * (share * (wanted / own) + 1 - share)
