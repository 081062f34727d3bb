"""Pictures that move in a known way."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor


def texture(height: int, width: int, seed: int = 0) -> Tensor:
    """(3, H, W) in [0, 1], smooth enough for bilinear reads, lively enough for flow."""
    rng = np.random.default_rng(seed)
    planes = []
    for _ in range(3):
        layers = np.zeros((height, width))
        for step in (4, 8, 16, 32):
            cells = rng.random((max(2, height // step), max(2, width // step)))
            layers += step * cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
        planes.append((layers - layers.min()) / max(np.ptp(layers), 1e-9))
    return torch.from_numpy(np.stack(planes).astype(np.float32))


def sliding(count: int, step: float = 2.0, size: tuple[int, int] = (72, 96), seed: int = 0) -> list[Tensor]:
    """A window that slides to the right over a texture by `step` px a frame."""
    height, width = size
    wide = texture(height, width + int(step * count) + 8, seed)
    frames = []
    for index in range(count):
        at = index * step
        low = int(at)
        pair = wide[:, :, low : low + width], wide[:, :, low + 1 : low + 1 + width]
        frames.append(torch.lerp(pair[0], pair[1], at - low).contiguous())
    return frames


def psnr(ours: Tensor, truth: Tensor) -> float:
    return float(-10 * torch.log10((ours - truth).square().mean() + 1e-12))
