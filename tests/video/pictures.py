"""Test pictures that can be read: each frame tells its number."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

COLOURS = np.array([[230, 40, 40], [40, 200, 60], [50, 80, 230], [240, 220, 60], [200, 60, 210]], np.uint8)


def frame(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """A colour that changes from frame to frame, and the number in binary as eight black and white blocks."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = COLOURS[number % len(COLOURS)]
    side = width // 8
    for bit in range(8):
        picture[: height // 2, bit * side : (bit + 1) * side] = 255 * (number >> bit & 1)
    return picture


def number_in(picture: np.ndarray) -> int:
    """The number that `frame` wrote, after any encoding."""
    height, width, _ = picture.shape
    side = width // 8
    blocks = [picture[2 : height // 2 - 2, bit * side + 2 : (bit + 1) * side - 2].mean() > 127 for bit in range(8)]
    return sum(bit << place for place, bit in enumerate(blocks))


def tone(path: Path, *, seconds: float, silent_before: float = 0.0) -> Path:
    """A WAV of 440 Hz, silent at its beginning."""
    times = np.arange(int(seconds * 22050)) / 22050
    wave_form = 0.5 * np.sin(2 * np.pi * 440 * times) * (times >= silent_before)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22050)
        file.writeframes((wave_form * 32767).astype("<i2").tobytes())
    return path
