"""Names inside expressions: the built-in variables, `let` curves, audio series, and the fields' own curves by `at`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from animate.errors import near
from animate.schedule import expression, formula
from animate.schedule.clock import Clock
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.keyframes import CurveError, Keyframes, at_key, fill_gaps, values
from animate.schedule.notation import short

Array = NDArray[np.float64]

MAX_CHAIN = 32
"""Names that may depend on one another in a row."""


class Scope:
    """Values of names over the frames of one schedule; each curve is evaluated once."""

    def __init__(
        self,
        clock: Clock,
        size: tuple[int, int],
        let: Mapping[str, Keyframes],
        fields: Mapping[str, Keyframes],
        series: Mapping[str, Array],
        lenient: bool = False,
    ) -> None:
        """`size` is (height, width); `lenient` fills frames that are not a number, as imported files expect it."""
        self.clock = clock
        self.frames = np.arange(clock.max_frames, dtype=np.float64)
        self.let, self.fields, self.series, self.lenient = let, fields, series, lenient
        self._curves = {**let, **fields}  # no name is both: the loader sees to it
        self.filled: dict[str, int] = {}
        """Curves of which frames were not a number and have been filled, with how many."""
        self._constants = {
            "max_f": float(clock.last),
            "s": float(clock.seed),
            "fps": float(clock.fps),
            "bpm": float(clock.bpm),
            "W": float(size[1]),
            "H": float(size[0]),
        }
        self._columns: dict[str, Array] = {}
        self._elsewhere: dict[tuple[str, bytes], Array] = {}
        self._open: list[str] = []

    def lookup(self, name: str, frames: Array) -> Array | float:
        """A variable at any frames. Raises ExpressionError for a name that is none."""
        fault = self._fault_of_variable(name)
        if fault is not None:
            raise fault
        if name in self._constants:
            return self._constants[name]
        match name:
            case "t":
                return frames
            case "sec":
                return frames / float(self.clock.fps)
            case "beat":
                return self.clock.beats_at(frames / float(self.clock.fps))
        return self._at_frames(name, frames)

    def lookup_any(self, name: str, frames: Array) -> Array | float:
        """As `lookup`, with every field's curve as a variable too; what prompts may use."""
        if name in self.fields and name not in self.let and name not in self.series and name not in self._constants:
            return self._at_frames(name, frames)
        return self.lookup(name, frames)

    def lookup_at(self, name: str, x: Array) -> Array:
        """A curve between its frames, linearly; before the first frame the first value, after the last the last."""
        fault = self._fault_of_curve(name)
        if fault is not None:
            raise fault
        return np.interp(x, self.frames, self.column(name), left=None, right=None)

    def faults(self, keyframes: Keyframes) -> Iterator[CurveError]:
        """What stands against every name that the keys of a curve use; told before the first of them is evaluated."""
        for key in keyframes.keys:
            if isinstance(key.value, Expression):
                for fault in self._faults_of(key.value):
                    yield at_key(fault, key)

    def _faults_of(self, of: Expression) -> list[ExpressionError]:
        found = [self._fault_of_variable(name) for name in sorted(of.names)]
        found += [self._fault_of_curve(name) for name in sorted(of.curves)]
        return [fault for fault in found if fault is not None]

    def _fault_of_variable(self, name: str) -> ExpressionError | None:
        """Why a name is no variable here."""
        if name in ("beat", "bpm") and self.clock.bpm <= 0:
            return ExpressionError(f"{name} needs bpm, which is not set", "bpm: 120")
        if name in expression.VARIABLES or name in self.let or name in self.series:
            return None
        if name in self.fields:
            return ExpressionError(f"{name} is a field; its curve is read with at()", f"at({name}, t)")
        if name in self.clock.cues or name in self.clock.groups:
            here = f"; here it is {self.clock.cues[name]}" if name in self.clock.cues else ""
            return ExpressionError(f"{name} is a cue, and no variable", f"cues stand where times do{here}")
        if name.startswith("audio_") and not self.series:
            return ExpressionError(f"{name[:40]} needs a sound", "audio: {file: song.wav}")
        known = [*expression.VARIABLES, *self.let, *self.series]
        return ExpressionError(f"there is no variable {name[:40]!r}", near(name, known))

    def _fault_of_curve(self, name: str) -> ExpressionError | None:
        """Why `at` finds no curve of a name."""
        if name in self.let or name in self.series or name in self.fields:
            return None
        known = [*self.let, *self.series, *self.fields]
        return ExpressionError(f"at: there is no curve {name[:40]!r}", near(name, known))

    def column(self, name: str) -> Array:
        """(n,) finite values of a `let` curve, a series or a field, as written. Raises CurveError."""
        if name not in self._columns:
            found = self._evaluated(name, self.frames)
            keyframes = self._curves.get(name)
            self._columns[name] = found if keyframes is None else self.finite(found, keyframes, name)
        return self._columns[name]

    def values(self, keyframes: Keyframes, owner: str) -> Array:
        """(n,) finite values of a curve that is not among the named ones. Raises CurveError."""
        found = values(keyframes, self.frames, self.lookup, self.lookup_at)
        return self.finite(found, keyframes, owner)

    def formula(self, of: Expression) -> Array:
        """(n,) finite values of an expression inside a prompt. Raises ExpressionError."""
        found = formula.evaluate(of, self.frames, lambda name: self.lookup_any(name, self.frames), self.lookup_at)
        if not np.isfinite(found).all():
            frame = int(np.argmin(np.isfinite(found)))
            raise ExpressionError(f"is {_wording(found[frame])} at frame {frame}")
        return found

    def finite(self, found: Array, keyframes: Keyframes, owner: str) -> Array:
        """`found`, its gaps filled where that is the rule. Raises CurveError at the first frame that stays unusable."""
        good = np.isfinite(found)
        if good.all():
            return found
        if self.lenient or keyframes.dialect == "deforum":
            found, count = fill_gaps(found)
            good = np.isfinite(found)
            if good.all():
                self.filled[owner] = count
                return found
        frame = int(np.argmin(good))
        key = keyframes.key_before(frame)
        text = f"{short(key.value.text)} " if isinstance(key.value, Expression) else ""
        raise CurveError(f"{text}is {_wording(found[frame])} at frame {frame}", "", key.node, owner)

    def _at_frames(self, name: str, frames: Array) -> Array:
        if frames is self.frames:
            return self.column(name)
        if frames.size == 0:
            return frames
        if frames.min() >= 0 and frames.max() <= self.clock.last:
            return self.column(name)[frames.astype(np.intp)]
        key = (name, frames.tobytes())
        if key not in self._elsewhere:
            order = np.argsort(frames, kind="stable")
            found = np.empty(len(frames))
            found[order] = self._evaluated(name, frames[order])
            self._elsewhere[key] = found
        return self._elsewhere[key]

    def _evaluated(self, name: str, frames: Array) -> Array:
        if name not in self._curves:
            column = np.asarray(self.series[name], dtype=np.float64)
            return column[np.clip(frames, 0, len(column) - 1).astype(np.intp)]
        if name in self._open:
            raise ExpressionError(
                f"{name} depends on itself", " → ".join([*self._open[self._open.index(name) :], name])
            )
        if len(self._open) >= MAX_CHAIN:
            raise ExpressionError(f"more than {MAX_CHAIN} names depend on one another")
        self._open.append(name)
        try:
            return values(self._curves[name], frames, self.lookup, self.lookup_at)
        except CurveError as error:
            error.owner = error.owner or name
            raise
        finally:
            self._open.pop()


def _wording(value: float) -> str:
    return "not a number" if np.isnan(value) else "infinite"
