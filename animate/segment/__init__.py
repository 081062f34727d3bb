"""Where in a picture something is that words name.

One protocol, one file a kind of model, as in `animate.depth`: a `Segmenter` takes a picture (3, H, W) in [0, 1] and
words, and gives (1, H, W) in [0, 1], 1 where they are seen.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Segmenter(Protocol):
    """A model that finds what words name."""

    def __call__(self, picture: Tensor, words: str) -> Tensor:
        """(1, H, W) in [0, 1] of `picture` (3, H, W). Raises BadInput for words that the model does not know."""
        ...


def load(name: str, *, device: str | torch.device = "cpu") -> Segmenter:
    """The model called `name`: a folder, or an id of the hub.

    Raises:
        MissingModel: it is not there, or it is no segmentation model.
    """
    from animate.segment.transformers import FromTransformers

    return FromTransformers(name, device=device)
