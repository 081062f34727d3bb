"""Pairs of pictures whose motion is known: photographs as layers, each moving along straight lines at even speed.

OpenCV draws them, 5 ms a pair on one core; the same in torch's `grid_sample` took 35, half of a training step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIDE = 128
"""Of the pictures drawn, px; layers are half as large again, so that what comes in is there."""

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One thing that moves."""

    picture: Pictures
    """(L, L, 4): colours, and how far the layer covers what is below it."""
    velocity: NDArray[np.float64]
    """(2, 3): pixels that a point of the picture, seen from its middle, moves from a to b: matrix and shift."""


def velocity(random: np.random.Generator) -> NDArray[np.float64]:
    """Turn, zoom, shear and a shift whose length is spread evenly over magnitudes, ¼ to 24 px; a tenth stand still."""
    if random.random() < 0.1:
        return np.zeros((2, 3))
    length, angle = np.exp(random.uniform(np.log(0.25), np.log(24))), random.uniform(0, 2 * np.pi)
    turn, zoom, shear = random.normal(0, (0.06, 0.06, 0.02))
    return np.array([[zoom, shear - turn, length * np.cos(angle)], [turn + shear, zoom, length * np.sin(angle)]])


def shape(side: int, random: np.random.Generator) -> Pictures:
    """(side, side): a level set of smooth noise, mostly with a hard edge."""
    cells = int(random.integers(4, 10))
    coarse = random.standard_normal((cells, cells)).astype(np.float32)
    smooth = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    edge, level = np.exp(random.uniform(np.log(4), np.log(80))), random.uniform(-0.3, 0.9)
    return (255 / (1 + np.exp(-np.clip(edge * (smooth - level), -30, 30)))).astype(np.uint8)


def layers(table: Pictures, random: np.random.Generator) -> list[Layer]:
    """Two to four out of `table` (n, S, S, 3), S at least 1.5 × `SIDE`; the first lies lowest and covers everything."""
    made = []
    reach = SIDE * 3 // 2
    for place in range(int(random.integers(2, 5))):
        whole = table[int(random.integers(len(table)))]
        top, left = random.integers(0, np.array(whole.shape[:2]) - reach + 1)
        picture = whole[top : top + reach, left : left + reach]
        picture = np.rot90(picture, int(random.integers(4)))[:, :: -1 if random.random() < 0.5 else 1]
        cover = shape(reach, random) if place else np.full((reach, reach), 255, np.uint8)
        made.append(Layer(picture=np.dstack([picture, cover]), velocity=velocity(random)))
    return made


def drawn(things: Sequence[Layer], time: float) -> NDArray[np.float32]:
    """(S, S, 3) in [0, 1]: the layers at `time`, in their own places at ½.

    Each is seen through its motion backwards: a point p shows what lay at p − (time − ½) · velocity(p), which is
    motion along straight lines at even speed, up to the second order of a turn.
    """
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    for thing in things:
        middle, center = (thing.picture.shape[0] - 1) / 2, (SIDE - 1) / 2
        matrix, shift = np.split((0.5 - time) * thing.velocity, [2], axis=1)
        matrix = matrix + np.eye(2)
        back = np.hstack([matrix, shift + middle - matrix @ np.full((2, 1), center)])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(thing.picture, back, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        seen = seen.astype(np.float32) / 255
        picture += seen[..., 3:] * (seen[..., :3] - picture)
    return picture


def stored(picture: NDArray[np.float32], quality: int) -> NDArray[np.float32]:
    """(S, S, 3) in [0, 1], as JPEG gives it back."""
    _, code = cv2.imencode(".jpg", (255 * picture).round().astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR)).astype(np.float32) / 255


def pairs(table: Pictures, count: int, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a, b, truth (N, 3, S, S) in [0, 1] and the truth's time (N,): ½ for half of them, else 0.1 to 0.9.

    Half are stored by a lossy encoder, the truth too, as frames of films are; a sixth have a camera's noise in the pair
    alone: there the truth is clean. With noise in a third and none of it in the truth, a network learned to smooth
    where films stand still.
    """
    rows, times = [], []
    for _ in range(count):
        things = layers(table, random)
        time = 0.5 if random.random() < 0.5 else random.uniform(0.1, 0.9)
        three = np.stack([drawn(things, at) for at in (0.0, 1.0, time)])
        if random.random() < 1 / 6:
            strength = np.float32(random.uniform(0, 0.02))
            three[:2] += strength * random.standard_normal(three[:2].shape, dtype=np.float32)
        three = three.clip(0, 1)
        if random.random() < 1 / 2:
            quality = int(random.integers(40, 96))
            three = np.stack([stored(one, quality) for one in three])
        rows.append(three)
        times.append(time)
    a, b, truth = torch.from_numpy(np.stack(rows)).permute(1, 0, 4, 2, 3).contiguous()
    return a, b, truth, torch.tensor(times, dtype=torch.float32)
