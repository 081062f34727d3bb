"""The motion of a schedule alone: the animator's own warps on a test card, and no model."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.errors import BadInput
from animate.picture import convert
from animate.render.animator import animate as walk
from animate.render.checked import Document, load, refuse_stream
from animate.render.progress import Progress, Quiet
from animate.render.requests import Carry, Emit, Imagine, ReadFrame, Redraw, Request
from animate.schedule import masks
from animate.schedule.compile import compile
from animate.schedule.plan import Plan
from animate.video.codecs import Encoding, codec_for
from animate.video.writer import VideoWriter

LONGER_SIDE = 512
"""A preview is no larger than this, so that it stays faster than real time."""
CLOSEST = 3.0
"""When the card has grown to this scale a fresh one fades in: closer, nothing could be read (set by eye)."""
FARTHEST = 0.4
FAR_OUT = 0.7
"""So much of its size may the card move away, where the border does not bring it back."""
FADE_SECONDS = 0.4
FLOWN_SECONDS = 3.0
"""In 3D, where the camera's way cannot be read off a matrix, a fresh card comes this often."""


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
        BadInput: it restyles a film, and has no motion of its own.
        VideoError: the picture cannot be read.
        EncodeError: the video cannot be written.
    """
    refuse_stream(document)
    plan = compile(load(document, overrides))
    if plan.settings["animation_mode"] == "Video Input":
        raise BadInput(
            "a preview shows the motion of a schedule, and this one's is its film's "
            f"(animate flow {plan.film.file or 'FILM'} shows how that moves)"
        )
    plan = _moving_only(plan)
    height, width = _shown_size(plan.size)
    card = convert.from_uint8(test_card(*plan.size)) if picture is None else convert.read_picture(picture)
    told = progress or Quiet()
    path = Path(output)
    encoding = Encoding(codec=codec_for(path), crf=20, preset="veryfast")
    told.begin(len(plan), 0)
    try:
        with VideoWriter(path, width=width, height=height, fps=plan.fps, encoding=encoding) as video:
            started = time.perf_counter()
            for index, moved in enumerate(_moved(plan, convert.fit(card, *plan.size))):
                video.write(convert.to_uint8(convert.fit(moved, height, width)))
                told.frame(index, time.perf_counter() - started, plan[index].prompts[0][0])
                started = time.perf_counter()
    finally:
        told.end()
    return path


def _moving_only(plan: Plan) -> Plan:
    """The plan without what happens to colours and grain, on a flat world, and without a model's part."""
    still = {
        "aperture": 0.0,
        "noise": 0.0,
        "amount": 0.0,
        "contrast": 1.0,
        "brightness": 1.0,
        "saturation": 1.0,
        "hue": 0.0,
    }
    columns = {name: np.full(len(plan), still[name]) if name in still else plan[name] for name in plan.columns}
    # A kept picture is never resampled twice: each frame is the card itself, seen through all the motion so far.
    columns["strength"] = np.where(plan["strength"] > 0, 1.0, 0.0)
    settings = {
        **plan.settings,
        "color_coherence": "None",
        "depth_algorithm": "flat",
        "generation": "img2img",
        "holes": "stretch" if plan.settings["holes"] == "paint" else plan.settings["holes"],
        "cadence_tween": "warp",
        "save_depth_maps": False,
        "stereo": "None",
        "init_image": "",
        "diffusion_cadence": 1,
        "loop": 0,
        "hybrid_composite": "None",
        "hybrid_motion": "None",
    }
    text = {name: ("none",) * len(plan) if name in masks.FIELDS else texts for name, texts in plan.text.items()}
    return replace(plan, columns=columns, settings=settings, text=text, guides=())


def _moved(plan: Plan, card: Tensor) -> Iterator[Tensor]:
    """The card (3, H, W) at every frame of the plan; where it has moved too far to be read, a fresh one fades in."""
    fade = max(1, round(FADE_SECONDS * plan.fps))
    flown = plan.settings["animation_mode"] == "3D"
    lasts = max(2 * fade, round(FLOWN_SECONDS * plan.fps))
    current, before = _shown_from(plan, card, 0), None
    since = 0
    for index in range(len(plan)):
        picture, by = next(current)
        if before is not None and since < fade:
            picture = torch.lerp(next(before)[0], picture, (since + 1) / (fade + 1))
        yield picture
        since += 1
        if index + 1 < len(plan) and since >= fade and (since >= lasts if flown else _worn(by, plan)):
            current, before, since = _shown_from(plan, card, index + 1), current, 0


def _shown_from(plan: Plan, card: Tensor, first: int) -> Iterator[tuple[Tensor, np.ndarray]]:
    """Pictures from frame `first` on, which opens with the card, and how far the card has moved by then (3, 3)."""
    carry = None
    if first:
        cut = plan.cut.copy()
        cut[first] = True
        plan = replace(plan, cut=cut)
        carry = Carry.opened(first - 1, card)
    steps = walk(plan, carry)
    request = next(steps, None)
    while request is not None:
        if isinstance(request, Emit):
            yield request.picture, request.carry.arriving_by
            request = next(steps, None)
        else:
            request = steps.send(_answer(request, card))


def _answer(request: Request, card: Tensor) -> Tensor:
    """A picture (3, H, W) where one is asked for: the card, and what is to be redrawn as it is."""
    match request:
        case Redraw():
            return request.picture
        case Imagine() | ReadFrame():
            return card
    raise ValueError(f"a preview has no answer to {type(request).__name__}")


def _worn(by: np.ndarray, plan: Plan) -> bool:
    """Whether a card moved by this matrix has grown or shrunk too much, or is mostly out of the picture."""
    height, width = plan.size
    corners = by @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], dtype=float)
    x, y = corners[:2] / np.maximum(corners[2], 1e-6)
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2  # the shoelace formula
    scale = np.sqrt(area / (height * width))
    if scale > CLOSEST:
        return True
    if plan.settings["border"] != "replicate":  # it comes in again on the other side, and stands beside itself
        return bool(scale < FARTHEST / 2)
    away = max(abs(x.mean() / width - 0.5), abs(y.mean() / height - 0.5))
    return bool(scale < FARTHEST or away > FAR_OUT * max(1.0, scale))


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
