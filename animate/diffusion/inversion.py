"""A picture's own noise: the sampler run backwards, from the picture to the noise that it would be painted from.

DDIM inversion (Song et al., arXiv 2010.02502, §4.3; Dhariwal & Nichol, arXiv 2105.05233, §F): the steps of the
deterministic sampler are taken the other way, each with the prediction at the level it leads to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def noise_of(
    clean: Tensor, times: Sequence[float], scheduler: object, predict: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """The noise (N, C, h, w) under which `clean` (N, C, h, w) stands at the start of a course.

    Args:
        clean: latents, scaled as the network expects them.
        times: training steps of the course's evaluations, descending, as numbers with a fraction.
        scheduler: the model's own, for its table of levels and what its network tells.
        predict: the network's output for a state of variance 1 at a time.
    """
    table = scheduler.alphas_cumprod.double().clamp(0, 1).sqrt().arccos().numpy()  # type: ignore[attr-defined]
    kind = scheduler.config.prediction_type  # type: ignore[attr-defined]
    x, angle = clean.float(), 0.0
    for time in sorted(set(times)):
        after = float(np.interp(time, np.arange(len(table)), table))
        output = predict(x.to(clean), torch.tensor(time)).float()
        x0, noise = _told(kind, output, x, angle)
        x = math.cos(after) * x0 + math.sin(after) * noise
        angle = after
    return ((x - math.cos(angle) * clean.float()) / max(math.sin(angle), 1e-6)).to(clean)


def _told(kind: str, output: Tensor, x: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    """The clean latents and the noise that the network tells of a state at the level `angle`, its sine the noise's."""
    cosine, sine = math.cos(angle), math.sin(angle)
    if kind == "v_prediction":
        return cosine * x - sine * output, sine * x + cosine * output
    if kind == "sample":
        return output, (x - cosine * output) / max(sine, 1e-6)
    return (x - sine * output) / max(cosine, 1e-6), output
