"""Holes: places of a picture that nothing is known of."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

OVERLAP = 4
"""Pixels by which what is invented reaches into what is known: what lies at the edge was read half from outside."""
SOFT = 3
"""Pixels over which it fades out there."""


def there(unseen: Tensor) -> bool:
    """Whether there is a hole in (1, H, W), or nothing: a place of which less than half was seen."""
    return bool((unseen > 0.5).any())


def softened(unseen: Tensor) -> Tensor:
    """(1, H, W) how much of each place is to be invented: 1 where nothing was seen, fading out beyond its edge."""
    hard = (unseen > 0.5).to(unseen)[None]
    reach = 2 * (OVERLAP + SOFT) + 1
    wide = functional.max_pool2d(hard, reach, 1, reach // 2)
    side = 2 * SOFT + 1
    padded = functional.pad(wide, (SOFT, SOFT, SOFT, SOFT), mode="replicate")
    return torch.maximum(functional.avg_pool2d(padded, side, 1), hard)[0]
