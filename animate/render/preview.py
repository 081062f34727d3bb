"""The motion of a schedule alone: the animator's own warps on a test card, and no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.diffusion.sampling import Sampling
from animate.picture import convert
from animate.render.animator import animate as walk
from animate.render.checked import Document, load
from animate.render.progress import Progress, Quiet
from animate.render.requests import Emit
from animate.render.runner import answered
from animate.schedule.plan import Plan, compile
from animate.video.codecs import Encoding
from animate.video.writer import VideoWriter

FRESH = 0.05
"""Share of the unmoved picture that each painted frame blends in, so that a long zoom does not end on one pixel; more
hides the motion, less lets it run empty (set by eye)."""
LONGER_SIDE = 512
"""A preview is no larger than this, so that it stays faster than real time."""


class _Card:
    """A painter that has one picture, and keeps what it is given."""

    name = digest = "test card"
    multiple = 1

    def __init__(self, picture: Tensor) -> None:
        self.picture = picture
        self.device = picture.device

    def imagine(self, size: tuple[int, int], how: Sequence[Sampling]) -> Tensor:
        return self.picture[None]

    def redraw(self, pictures: Tensor, strength: float, how: Sequence[Sampling]) -> Tensor:
        return torch.lerp(pictures, self.picture[None], FRESH)


def preview(
    document: Document,
    output: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    picture: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a video of the motion alone to `output` and return its path.

    Args:
        document: a schedule, as for `render`.
        output: a video file; written whole or not at all.
        overrides: fields instead of the document's.
        picture: what is moved, instead of the test card.
        progress: told about every frame.

    Raises:
        ScheduleError: the schedule has mistakes.
        VideoError: the picture cannot be read.
        EncodeError: the video cannot be written.
    """
    plan = _moving_only(compile(load(document, overrides)))
    height, width = _shown_size(plan.size)
    card = convert.from_uint8(test_card(*plan.size)) if picture is None else convert.read_picture(picture)
    painter = _Card(convert.fit(card, *plan.size))
    told = progress or Quiet()
    told.begin(len(plan), 0)
    path = Path(output)
    encoding = Encoding(codec="gif" if path.suffix.lower() == ".gif" else "h264", crf=20, preset="veryfast")
    try:
        with VideoWriter(path, width=width, height=height, fps=Fraction(plan.fps), encoding=encoding) as video:
            steps = walk(plan)
            answer: Tensor | None = None
            while True:
                try:
                    request = steps.send(answer)
                except StopIteration:
                    break
                if isinstance(request, Emit):
                    answer = None
                    video.write(convert.to_uint8(convert.fit(request.picture, height, width)))
                    told.frame(request.index, 0.0, plan[request.index].prompts[0][0])
                else:
                    answer = answered(request, painter, plan.size)
    finally:
        told.end()
    return path


def _moving_only(plan: Plan) -> Plan:
    """The plan without what happens to colours and grain, on a flat world."""
    still = {"noise": 0.0, "amount": 0.0, "contrast": 1.0, "brightness": 1.0, "saturation": 1.0, "hue": 0.0}
    columns = {name: np.full(len(plan), still[name]) if name in still else plan[name] for name in plan.columns}
    settings = {**plan.settings, "color_coherence": "None", "depth_algorithm": "flat", "init_image": ""}
    return replace(plan, columns=columns, settings=settings)


def _shown_size(size: tuple[int, int]) -> tuple[int, int]:
    scale = min(1.0, LONGER_SIDE / max(size))
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))


def test_card(height: int, width: int) -> np.ndarray:
    """A picture on which every move can be read: uint8 (H, W, 3), squares with letters, a circle, coloured corners."""
    side = max(8, min(height, width) // 8)
    rows, columns = np.mgrid[:height, :width]
    board = ((rows // side + columns // side) % 2).astype(np.float32)
    shade = np.stack([0.25 + 0.5 * columns / width, 0.35 + 0.25 * board, 0.75 - 0.5 * rows / height], axis=-1)
    card = (np.clip(shade * (0.75 + 0.25 * board[..., None]), 0, 1) * 255).astype(np.uint8)
    centre, radius = (width // 2, height // 2), int(0.38 * min(height, width))
    thick = max(1, side // 16)
    cv2.circle(card, centre, radius, (255, 255, 255), thick, cv2.LINE_AA)
    cv2.line(card, (0, centre[1]), (width, centre[1]), (255, 255, 255), thick, cv2.LINE_AA)
    cv2.line(card, (centre[0], 0), (centre[0], height), (255, 255, 255), thick, cv2.LINE_AA)
    scale = side / 40
    for row in range(0, height - side // 2, side):
        for column in range(0, width - side // 2, side):
            letter = chr(65 + (row // side * (width // side) + column // side) % 26)
            place = (column + side // 4, row + int(0.75 * side))
            cv2.putText(card, letter, place, cv2.FONT_HERSHEY_DUPLEX, scale, (245, 245, 245), thick, cv2.LINE_AA)
    return card
