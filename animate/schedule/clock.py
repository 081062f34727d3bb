"""Time: frames, seconds, beats, percent and cues, with the frame rate as an exact fraction.

    clock = Clock(fps=Fraction(24), max_frames=96, bpm=120)
    clock.frame("2s")         48        seconds
    clock.frame("4b")         48        beats
    clock.frame("50%")        48        of max_f, so 100% is the last frame
    clock.frame("max_f - 8")  87        an expression, cut to a whole frame
    clock.frame("drop + 1b")  a cue, and units inside an expression

Times between two frames go to the nearer one, the later of two equally near.

Where beats were heard (`bpm: auto`) they are places and not lengths: `4b` is where the beat 4 stands, `drop + 4b` four
beats after the drop, `8b - 2` two frames before the beat 8; what lasts `4b` lasts so long at the tempo (`lengths`).
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from animate.errors import near
from animate.schedule import expression, formula
from animate.schedule.expression import Expression, ExpressionError

MAX_FRAME = 10**9
"""No time is later than this; it keeps `1e300s` from becoming a frame number of three hundred digits."""

MAX_NEAR = 300
"""Cues among which a near name is looked for; onsets make thousands."""

_NTSC = {"23.976": 24, "23.98": 24, "29.97": 30, "47.952": 48, "59.94": 60, "119.88": 120}
"""Rates that are written with rounding, and the whole rate whose 1000/1001 they are."""
_NUMBER = r"[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
_WITH_UNIT = re.compile(rf"([-+]?(?:{_NUMBER}))\s*(f|s|ms|min|b|%|frames?|sec|seconds?|beats?)\Z")
_PLAIN = re.compile(rf"[-+]?(?:{_NUMBER})\Z")
_INSIDE = re.compile(rf"(?<![\w.])({_NUMBER})(ms|min|s|b|f|%)(?![\w.(])")
_CLOCK_TIME = re.compile(r"\d+:\d\d(?::\d\d)?(?:\.\d+)?\Z")


class TimeError(ValueError):
    """A time that cannot be placed; the text says why, `hint` what would be right."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def rate(value: float | str | Fraction) -> Fraction:
    """Frames a second as a fraction: 23.976 and "24000/1001" are 24000/1001. Raises TimeError."""
    text = str(value).strip()
    if text in _NTSC:
        return Fraction(_NTSC[text] * 1000, 1001)
    try:
        found = _exact(text)
    except (ValueError, ZeroDivisionError):
        raise TimeError(f"{text[:40]!r} is not a frame rate", "for example 24, 29.97 or 30000/1001") from None
    if not Fraction(1, 100) <= found <= 1000:
        raise TimeError(f"{text} is out of range", "0.01 to 1000 frames a second")
    return found.limit_denominator(100_000)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What is needed to turn a time into a frame."""

    fps: Fraction
    max_frames: int = 1
    bpm: float = 0.0
    """0: beats cannot be used."""
    seed: int = 0
    """`s` in expressions."""
    cues: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Cues that are heard: the frames of each; one by one they are cues by name and number."""
    below: frozenset[str] = frozenset()
    """Cues that stand further down than the one that is being read."""
    beats: tuple[float, ...] = ()
    """Seconds at which beats were heard; without any they come evenly, from frame 0."""

    @property
    def last(self) -> int:
        return self.max_frames - 1

    @property
    def lengths(self) -> Clock:
        """The clock that tells how long something lasts: its beats come evenly."""
        return replace(self, beats=())

    def frame(self, text: str | int | float) -> int:
        """Frame of a time in any notation; may lie before 0 or past the end. Raises TimeError."""
        if isinstance(text, int) and not isinstance(text, bool):
            return _bounded(text, str(text))
        text = str(text).strip()
        if text in self.cues:
            return self.cues[text]
        if match := _WITH_UNIT.match(text):
            return _nearest(self._frames(match[1], match[2]), text)
        if _PLAIN.match(text):
            number = float(text.replace("_", ""))
            if abs(number) > MAX_FRAME:
                return _bounded(MAX_FRAME + 1, text)
            if not number.is_integer():
                raise TimeError(f"{text} is not a whole frame", f"{text}s is a time in seconds")
            return int(number)
        return self._computed(text)

    def seconds(self, text: str | int | float) -> float:
        """Seconds of a time in any notation."""
        if isinstance(text, str) and (match := _WITH_UNIT.match(text.strip())):
            return float(self._frames(match[1], match[2]) / self.fps)
        return float(self.frame(text) / self.fps)

    def _frames(self, number: str, unit: str) -> Fraction:
        """Exact frames of a number with a unit."""
        try:
            amount = _exact(number)
        except ValueError:
            raise TimeError(f"{number[:20]}{unit} is too far away") from None
        if abs(amount) > MAX_FRAME:
            raise TimeError(f"{number[:20]}{unit} is too far away")
        match unit[:2] if unit[:2] in ("ms", "mi") else unit[0]:
            case "s":
                return amount * self.fps
            case "ms":
                return amount * self.fps / 1000
            case "mi":
                return amount * self.fps * 60
            case "b":
                if self.bpm <= 0:
                    raise TimeError(f"{number}{unit} counts beats, but bpm is not set", "bpm: 120")
                if self.beats:
                    return Fraction(self._heard(float(amount))) * self.fps
                return amount * self.fps * 60 / Fraction(str(self.bpm))
            case "%":
                return amount * self.last / 100
        return amount

    def beats_at(self, seconds: formula.Array) -> formula.Array:
        """The beat at each time, a fraction between two."""
        if not self.beats:
            return seconds * (self.bpm / 60)
        first, last, period = self.beats[0], self.beats[-1], 60 / self.bpm
        inside = np.interp(seconds, self.beats, np.arange(len(self.beats)))
        return inside + np.minimum(seconds - first, 0) / period + np.maximum(seconds - last, 0) / period

    def _heard(self, beat: float) -> float:
        """Seconds of a beat; beyond those that were heard they go on at the tempo."""
        period = 60 / self.bpm
        inside = float(np.interp(beat, np.arange(len(self.beats)), self.beats))
        return inside + min(beat, 0) * period + max(beat - (len(self.beats) - 1), 0) * period

    def _computed(self, text: str) -> int:
        """Frame of an expression of max_f, cut to a whole number as Deforum cuts it."""
        if _CLOCK_TIME.match(text):
            raise TimeError(f"{text!r} is not a time", "seconds are written 90s, minutes 1.5min")
        try:
            value = self._counted_on(text) if self.beats else self._value(self._parsed(text))
        except ExpressionError as error:
            raise TimeError(f"{text[:60]!r} is not a time: {error.what}", error.hint or self._forms()) from None
        if not math.isfinite(value) or abs(value) > MAX_FRAME:
            raise TimeError(f"{text[:60]!r} is not a frame")
        # 1e-9: 0.1 × 30 frames must not be cut to 2
        return int(value + math.copysign(1e-9, value))

    def _counted_on(self, text: str) -> float:
        """Frames of an expression where beats were heard: they are counted on from the time that it starts from.

        That is a cue or max_f where one is named, else the time that is written first. In anything but a sum each beat
        is where it is heard.
        """
        of = self._parsed(text)
        without, one, two = (self._value(self._parsed(text, beat)) for beat in (0.0, 1.0, 2.0))
        is_sum = not any(isinstance(node, ast.Call | ast.IfExp) for node in ast.walk(of.tree))
        beats = one - without
        if not beats or not is_sum or not abs(two - one - beats) < 1e-6:
            return self._value(of)
        first = _INSIDE.search(text)
        starts_at_a_beat = first is not None and first[2] == "b" and not of.names & {"max_f", *self.cues}
        start = 0.0 if starts_at_a_beat else float(self.beats_at(np.array(without / float(self.fps))))
        heard = float(np.floor(self._heard(start + beats) * float(self.fps) + 0.5))
        return heard + without if starts_at_a_beat else heard

    def _parsed(self, text: str, beat: float | None = None) -> Expression:
        """An expression of frames; `beat` is how many each beat in it counts, and not where it stands."""

        def frames(match: re.Match[str]) -> str:
            placed = float(self._frames(match[1], match[2]))
            counted = placed if beat is None or match[2] != "b" else float(_exact(match[1])) * beat
            return f"({counted!r})"

        return expression.parse(_INSIDE.sub(frames, text))

    def _value(self, of: Expression) -> float:
        """Frames of an expression."""

        def lookup(name: str) -> float:
            if name in self.groups:
                count = len(self.groups[name])
                raise ExpressionError(f"{name} is {count} onsets", f"{name}1 to {name}{count}" if count else "")
            known = {"max_f": self.last, "s": self.seed, "fps": float(self.fps), "bpm": self.bpm, **self.cues}
            if name == "bpm" and self.bpm <= 0:
                raise ExpressionError("bpm is not set", "bpm: 120")
            if name in known:
                return float(known[name])
            if name in expression.VARIABLES:
                raise ExpressionError(f"{name} cannot be used in a time")
            if name in self.below:
                raise ExpressionError(f"{name[:40]} is not placed yet", "a cue counts from cues above it")
            raise ExpressionError(f"there is no cue {name[:40]!r}", near(name, [*known][:MAX_NEAR]))

        def lookup_at(name: str, _: object) -> formula.Array:
            raise ExpressionError(f"at({name}, …) cannot be used in a time")

        return float(formula.evaluate(of, np.zeros(1), lookup, lookup_at)[0])

    def _forms(self) -> str:
        return f"a frame, 2.5s, 4b, 50%, {'a cue, ' if self.cues else ''}or an expression of max_f"


def _exact(number: str) -> Fraction:
    """A short number as a fraction. Raises ValueError for others: Fraction("1e99999999") would never return."""
    if len(number) > 40 or re.search(r"[eE][-+]?\d{3}", number):
        raise ValueError(number)
    return Fraction(number.replace("_", ""))


def _nearest(frames: Fraction, text: str) -> int:
    return _bounded(math.floor(frames + Fraction(1, 2)), text)


def _bounded(frame: int, text: str) -> int:
    if abs(frame) > MAX_FRAME:
        raise TimeError(f"{text[:20]} is too far away")
    return frame
