"""Schedules: ours against Deforum's method, which asks numexpr for one frame after the other.

The reference is written from the description of that method: a value is tested for a plain number, an expression is
evaluated at its own frame and at every later one until the next key, the gaps between numbers are filled linearly.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numexpr
import numpy as np

from animate.schedule import curve
from animate.schedule.clock import Clock
from animate.schedule.compile import compile
from animate.schedule.fields import FIELDS
from animate.schedule.load import load
from animate.schedule.scope import Scope
from animate.schedule.source import Report, Source
from animate.schedule.tree import Node
from benchmarks.rows import Row, compare, within

FRAMES = 1000
SCHEDULES = [
    text
    for i in range(6)
    for text in (
        f"0: (1.0025+0.00{i + 1}*sin(1.25*3.14*t/30))",
        f"0: (0.25*cos((72/60*3.141*(t+{i})/30))**13+0.7)",
        f"0: (1.02+0.02*sin(2*3.14*t/{20 + i}))",
        f"0: (t*0.0{i + 1}), 400: (10), 700: (cos(t/10)*2), 990: (1)",
        f"0: (-0.06*(cos(3.141*t/15)**{i + 3})+0.06), {900 + i}: (0.02)",
    )
]
"""30 schedules of the kinds that people write: templates with sines and powers, and some with keys in between."""


def frame_by_frame(text: str, frames: int) -> np.ndarray:
    """Deforum's method."""
    keys = {}
    for piece in text.split(","):
        key, value = piece.split(":")[:2]
        keys[int(key)] = value.strip()
    found = np.full(frames, np.nan)
    value, is_number = "0", True
    for t in range(frames):
        if t in keys:
            value = keys[t]
            bare = value.strip("()")
            is_number = re.fullmatch(r"[+-]?[0-9]*(\.[0-9]+)?", bare) is not None
            if is_number:
                found[t] = float(bare)
        if not is_number:
            found[t] = numexpr.evaluate(value, local_dict={"t": t, "s": 0, "max_f": frames - 1}, global_dict={})
    known = np.flatnonzero(~np.isnan(found))
    return np.interp(np.arange(frames), known, found[known])


def ours(text: str, frames: int) -> np.ndarray:
    """The same curve as the loader and the plan have it, from its text."""
    clock = Clock(fps=Fraction(15), max_frames=frames)
    keyframes = curve.read(Node(text), "", clock, Report(Source(Node(None))))
    assert keyframes is not None
    return Scope(clock, (512, 512), {}, {}, {}).values(keyframes, "")


def thirty_schedules() -> Row:
    for text in SCHEDULES[:5]:
        np.testing.assert_allclose(ours(text, FRAMES), frame_by_frame(text, FRAMES), atol=1e-9)
    return compare(
        f"schedules, {len(SCHEDULES)} × {FRAMES} frames",
        lambda: [ours(text, FRAMES) for text in SCHEDULES],
        lambda: [frame_by_frame(text, FRAMES) for text in SCHEDULES],
        goal=50,
        better="higher",
        rounds=6,
        warmups=1,
        note="equal to 1e-9; ours reads the text anew each time",
    )


_IN_RANGE = {"steps": 20, "kernel": 5, "perspective_flip_fv": 53, "fov": 70, "near": 200, "far": 9000}
_CURVES = [
    row.name
    for row in FIELDS.values()
    if row.kind == "curve" and row.name not in ("seed_schedule", "subseed", "clip_skip")
]


def _forty_curves(frames: int) -> dict[str, object]:
    """A schedule with 40 expressions over all frames."""
    fields: dict[str, object] = {
        name: f"{_IN_RANGE.get(name, 0.5)} + 0.25*sin(2*pi*t/{24 + i})" for i, name in enumerate(_CURVES)
    }
    fields["let"] = {
        f"wave_{i}": f"cos(t/{i + 5})**{i + 1} + 0.5*noise(t/20, {i})" for i in range(max(0, 40 - len(_CURVES)))
    }
    return {"max_frames": frames, "seed": 1, "prompts": {0: "a", "max_f": "b"}, **fields}


def ten_thousand_frames() -> Row:
    schedule = load(_forty_curves(10_000))
    return within("compile, 10,000 frames × 40 expressions", lambda: compile(schedule), 500.0, rounds=8)


def large_file() -> Row:
    names = ["translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y", "angle"]
    long = ", ".join(f"{i}: ({i * 0.001:.6f})" for i in range(6001))
    lines = ["max_frames: 150", "seed: 1", "prompts: a sea", *(f'{name}: "{long}"' for name in names)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "large.yaml")
        file.write_text("\n".join(lines), encoding="utf-8")
        return within(
            f"load, {file.stat().st_size / 1e6:.1f} MB, 6 fields × 6,001 keys", lambda: load(file), 1000.0, rounds=6
        )


ROWS: dict[str, Callable[[], Row]] = {
    "thirty-schedules": thirty_schedules,
    "ten-thousand-frames": ten_thousand_frames,
    "large-file": large_file,
}
