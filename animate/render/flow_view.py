"""How a video moves, made visible: the frame, its flow in colours, and where the flow is trusted, side by side."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from animate.errors import BadInput
from animate.motion import flow
from animate.picture import convert
from animate.render.progress import Progress, Quiet
from animate.render.source import find
from animate.video.codecs import Encoding, codec_for
from animate.video.writer import VideoWriter


def view(source: Path, output: Path, *, method: str = "DIS", progress: Progress | None = None) -> Path:
    """Write the video `output`: its frame i shows how frame i of `source` came from the one before.

    Raises:
        BadInput: nothing there, or no such method.
        MissingExtra, MissingModel: the method's package or weights are not there.
        VideoError: what is there cannot be read.
    """
    try:
        between = flow.load(method)
    except ValueError as error:
        raise BadInput(str(error)) from error
    frames, told = find([source]), progress or Quiet()
    encoding = Encoding(codec=codec_for(output))
    told.begin(frames.count, 0)
    before: Tensor | None = None
    started = time.monotonic()
    try:
        with VideoWriter(
            output, width=3 * frames.width, height=frames.height, fps=frames.fps, encoding=encoding
        ) as video:
            for index, picture in enumerate(frames.frames()):
                other = picture if before is None else before
                there, back = between(picture, other), between(other, picture)
                seen = convert.to_uint8(1 - flow.occluded(there, back).float())
                video.write(np.concatenate([convert.to_uint8(picture), coloured(there), seen], axis=1))
                before = picture
                told.frame(index, time.monotonic() - started, method)
                started = time.monotonic()
    finally:
        told.end()
    return output


def coloured(field: Tensor, full: float = 16.0) -> np.ndarray:
    """(2, H, W) in pixels as uint8 (H, W, 3), RGB: the hue is the direction, white is still, `full` pixels is vivid."""
    x, y = field.cpu().numpy()
    length, angle = cv2.cartToPolar(x, y, angleInDegrees=True)
    hue = (angle / 2).astype(np.uint8)
    vivid = (255 * np.clip(length / full, 0, 1) ** 0.5).astype(np.uint8)
    return cv2.cvtColor(cv2.merge([hue, vivid, np.full_like(hue, 255)]), cv2.COLOR_HSV2RGB)
