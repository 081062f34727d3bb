"""Picture operations against the way Deforum does them, rebuilt here from its description, at 512²."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch
from skimage import data
from skimage.exposure import match_histograms
from torch import Tensor

from animate.picture import color, noise, sharpen
from animate.picture.convert import fit, from_uint8, to_uint8
from benchmarks.rows import Row, compare, within

SIZE = 512


def pictures() -> tuple[Tensor, Tensor]:
    """Two photographs, (3, 512, 512)."""
    return fit(from_uint8(data.astronaut()), SIZE, SIZE), fit(from_uint8(data.coffee()), SIZE, SIZE)


def match_8_bit(picture: np.ndarray, sample: np.ndarray, there: int | None, back: int | None) -> np.ndarray:
    """Deforum's colour coherence: both to the colour space, scikit-image's histogram matching, and back."""
    if there is None or back is None:
        return match_histograms(picture, sample, channel_axis=-1)
    matched = match_histograms(cv2.cvtColor(picture, there), cv2.cvtColor(sample, there), channel_axis=-1)
    return cv2.cvtColor(matched, back)


def color_match(name: str, there: int | None, back: int | None) -> Row:
    """One picture of a run: the sample is the same, the picture new."""
    picture, sample = pictures()
    picture_8, sample_8 = to_uint8(picture), to_uint8(sample)
    ours = partial(color.MATCHERS[name], picture, sample)
    reference = partial(match_8_bit, picture_8, sample_8, there, back)
    apart = np.abs(to_uint8(ours()).astype(int) - reference())
    if name == "RGB":
        assert apart.max() <= 1, apart.max()
    note = f"difference: mean {apart.mean():.2f}, largest {apart.max()} grey levels"
    return compare(f"colour match {name}, {SIZE}²", ours, reference, goal=4, better="higher", note=note)


def blend_8_bit(picture: np.ndarray, field: Tensor, amount: float) -> np.ndarray:
    grey_levels = ((field.permute(1, 2, 0).numpy() / 2 + 0.5).clip(0, 1) * 255).astype(np.uint8)
    return cv2.addWeighted(picture, 1 - amount, grey_levels, amount, 0)


def uniform_reference(picture: np.ndarray, amount: float) -> np.ndarray:
    return blend_8_bit(picture, torch.randn(3, SIZE, SIZE), amount)


def perlin_reference(picture: np.ndarray, amount: float, octaves: int = 4, persistence: float = 0.5) -> np.ndarray:
    """Octave by octave: gradients drawn out to full size for each corner, four products, two fades."""
    layers = torch.zeros(SIZE, SIZE)
    for octave in range(octaves):
        cells = 8 * 2**octave
        step = SIZE // cells
        axis = torch.arange(0, cells, cells / SIZE) % 1
        place = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)
        angle = 2 * math.pi * torch.rand(cells + 1, cells + 1)
        gradient = torch.stack([angle.cos(), angle.sin()], dim=-1)

        def corner(
            down: int, right: int, gradient: Tensor = gradient, place: Tensor = place, step: int = step
        ) -> Tensor:
            rows = slice(down, down - 1 or None), slice(right, right - 1 or None)
            drawn_out = gradient[rows].repeat_interleave(step, 0).repeat_interleave(step, 1)
            return (torch.stack([place[..., 0] - down, place[..., 1] - right], -1) * drawn_out).sum(-1)

        fade = 6 * place**5 - 15 * place**4 + 10 * place**3
        upper = torch.lerp(corner(0, 0), corner(1, 0), fade[..., 0])
        lower = torch.lerp(corner(0, 1), corner(1, 1), fade[..., 0])
        layers += persistence**octave * math.sqrt(2) * torch.lerp(upper, lower, fade[..., 1])
    return blend_8_bit(picture, torch.randn(3, SIZE, SIZE) * (layers + 1) / 2, amount)


def noise_row(kind: str, reference: Callable[[np.ndarray, float], np.ndarray], goal: float) -> Row:
    picture = pictures()[0]
    picture_8 = to_uint8(picture)

    def ours() -> Tensor:
        return noise.add_noise(picture, 0.065, noise.NOISES[kind](noise.rng(1, 0, "noise"), SIZE, SIZE))

    spread, wanted = (
        float(np.std(to_uint8(ours()) - picture_8.astype(float))),
        np.std(reference(picture_8, 0.065) - picture_8.astype(float)),
    )
    assert abs(spread / wanted - 1) < 0.15, (spread, wanted)
    return compare(f"noise {kind}, {SIZE}²", ours, lambda: reference(picture_8, 0.065), goal=goal, better="higher")


def unsharp() -> Row:
    picture = pictures()[0]
    return within(f"unsharp, {SIZE}²", lambda: sharpen.unsharp(picture, 5, 1, 0.1), budget_ms=2)


ROWS = {
    "colour-match-rgb": partial(color_match, "RGB", None, None),
    "colour-match-lab": partial(color_match, "LAB", cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB),
    "colour-match-hsv": partial(color_match, "HSV", cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB),
    "noise-uniform": partial(noise_row, "uniform", uniform_reference, 1.7),
    "noise-perlin": partial(noise_row, "perlin", perlin_reference, 5.0),
    "unsharp": unsharp,
}
