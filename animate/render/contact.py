"""The run on one sheet: frames spread evenly over it, each with its number and its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import cv2
import numpy as np

MOST = 24
COLUMNS = 6
THUMB = 240
"""Width of a frame on the sheet, pixels; a run of 256 px is shown nearly as it is."""
GAP = 10
CAPTION = 22
PAPER = (24, 24, 27)
INK = (161, 161, 170)


def chosen(frames: int, most: int = MOST) -> list[int]:
    """Which of so many frames are shown: first and last, and the others evenly between."""
    count = min(frames, most)
    return [round(i * (frames - 1) / max(count - 1, 1)) for i in range(count)]


def sheet(frames: int, read: Callable[[int], np.ndarray], fps: Fraction) -> np.ndarray:
    """The contact sheet of a run, uint8 (H, W, 3) RGB; `read` gives a frame (h, w, 3) by its number."""
    shown = chosen(frames)
    return _laid([(_thumb(read(index)), f"{index}   {index / float(fps):.2f} s") for index in shown])


def _laid(pictures: Sequence[tuple[np.ndarray, str]]) -> np.ndarray:
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    height, width = pictures[0][0].shape[:2]
    cell_height, cell_width = height + CAPTION + GAP, width + GAP
    paper = np.empty((rows * cell_height + GAP, columns * cell_width + GAP, 3), np.uint8)
    paper[:] = PAPER
    for place, (picture, caption) in enumerate(pictures):
        top, left = GAP + place // columns * cell_height, GAP + place % columns * cell_width
        paper[top : top + height, left : left + width] = picture
        position = (left + 2, top + height + CAPTION - 7)
        cv2.putText(paper, caption, position, cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    return paper


def _thumb(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    size = (THUMB, max(1, round(height * THUMB / width)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if width > THUMB else cv2.INTER_LINEAR)
