"""Separable filters with any border."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.picture.border import pad

OPENCV_BORDERS = {"replicate": cv2.BORDER_REPLICATE, "reflect": cv2.BORDER_REFLECT}
"""OpenCV's filters know no wrapping."""


def separable(picture: Tensor, down: np.ndarray, across: np.ndarray, border: str = "reflect") -> Tensor:
    """Correlate each plane with the outer product of two odd kernels.

    Args:
        picture: (C, H, W).
        down: (k,) weights along the height, k odd.
        across: (l,) weights along the width, l odd.
        border: a name in `border.FOLDS`.

    Returns:
        (C, H, W), new.
    """
    if len(down) % 2 == 0 or len(across) % 2 == 0:
        raise ValueError(f"kernels must be odd to stay centred, not {len(down)} and {len(across)}")
    if picture.device.type == "cpu" and border in OPENCV_BORDERS:
        return _by_opencv(picture, down, across, OPENCV_BORDERS[border])
    margin = max(len(down), len(across)) // 2
    padded = pad(picture, margin, border)
    if picture.device.type == "cpu":
        inner = (..., slice(margin, -margin or None), slice(margin, -margin or None))
        return _by_opencv(padded, down, across, cv2.BORDER_REPLICATE)[inner].contiguous()
    return _by_torch(padded, down, across, margin)


def gaussian(width: int, sigma: float) -> np.ndarray:
    """(width,) samples of a Gaussian, normalised; `sigma` ≤ 0 is derived from the width as OpenCV does."""
    return cv2.getGaussianKernel(width, sigma, cv2.CV_64F)[:, 0]


def heat(variance: float) -> np.ndarray:
    """The discrete Gaussian: (k,) weights whose variance is exactly `variance` in px², however small.

    A sampled Gaussian of σ < 0.3 is a single 1 or wrong; this one, the solution of the heat equation on the pixel
    grid, fades in from nothing (Lindeberg 1990, "Scale-space for discrete signals", eq. 19, by its Fourier transform).
    """
    radius = int(np.ceil(1 + 4 * np.sqrt(variance)))  # weight beyond: under 1e-4
    length = 4 * radius + 2
    frequencies = 2 * np.pi * np.arange(length // 2 + 1) / length
    circular = np.fft.irfft(np.exp(variance * (np.cos(frequencies) - 1)), length)
    kernel = np.concatenate([circular[-radius:], circular[: radius + 1]])
    return kernel / kernel.sum()


def _by_opencv(picture: Tensor, down: np.ndarray, across: np.ndarray, border: int) -> Tensor:
    out = torch.empty_like(picture, memory_format=torch.contiguous_format)
    for plane, filtered in zip(picture.numpy(), out.numpy()):
        cv2.sepFilter2D(plane, cv2.CV_32F, across, down, dst=filtered, borderType=border)
    return out


def _by_torch(padded: Tensor, down: np.ndarray, across: np.ndarray, margin: int) -> Tensor:
    """(C, H + 2m, W + 2m) → (C, H, W)."""
    height, width = (side - 2 * margin for side in padded.shape[-2:])
    top, left = margin - len(down) // 2, margin - len(across) // 2
    rows = _summed([padded[:, top + tap : top + tap + height] for tap in range(len(down))], down)
    return _summed([rows[..., left + tap : left + tap + width] for tap in range(len(across))], across)


def _summed(parts: list[Tensor], weights: np.ndarray) -> Tensor:
    """The weighted sum, new. No convolution: cuDNN's rounds its input to 11 bits (TF32) where it is left to itself."""
    total = parts[0] * float(weights[0])
    for part, weight in zip(parts[1:], weights[1:]):
        total.add_(part, alpha=float(weight))
    return total
