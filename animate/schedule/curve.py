"""Curves: what a user may write where a number can change over time, and its value at every frame.

    zoom: 1.02                                              a number
    zoom: 1.02 + 0.01*sin(2*pi*t/48)                        an expression
    zoom: {0: 1, 2s: 1.05, max_f: 1}                        keyframes
    zoom: {0: 1, 4b: {value: 1.05, ease: in_out_cubic}}     keyframes with the shape of the way to them
    zoom: "0: (1), 48: (1.02+0.01*sin(t/8))"                a Deforum string

All become `Keyframes`, under one rule (Deforum's): a number is a keyframe, and between two numbers the way is linear
unless `ease` says otherwise; an expression holds from its key up to the next; from a number to an expression the way
leads to the expression's value at its own key; from an expression to a number it jumps. Before the first key stands the
first value, after the last the last (an expression goes on).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from animate.errors import near
from animate.schedule import easing, expression, formula
from animate.schedule.clock import Clock, TimeError
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.source import NO_NUMBER, Node, Report, Table, number

Array = NDArray[np.float64]
Lookup = Callable[[str, Array], "Array | float"]
"""A variable's values at the given frames."""
LookupAt = Callable[[str, Array], Array]
"""A curve's values at any frames."""


class CurveError(ExpressionError):
    """A curve that cannot be evaluated, at the key that is to blame."""

    def __init__(self, what: str, hint: str, node: Node, owner: str = "") -> None:
        super().__init__(what, hint)
        self.node = node
        self.owner = owner
        """The name the curve is known by; "" where the one who evaluates it knows better."""


Dialect = Literal["native", "deforum"]
SHAPES = ("linear", "hold", "cubic")


@dataclass(frozen=True, slots=True)
class Key:
    """One keyframe."""

    frame: int
    value: float | Expression
    node: Node
    shape: str = "linear"
    """The way to this key: `linear`, `hold`, `cubic`, or the name of an easing."""


@dataclass(frozen=True)
class Keyframes:
    """A curve as written: keys in the order of time, at least one."""

    keys: tuple[Key, ...]
    node: Node
    dialect: Dialect = "native"
    complement: bool = False
    """Written under a name of the opposite sense: the values are 1 − what is written."""

    def key_before(self, frame: float) -> Key:
        """The key whose value holds at a frame."""
        return next((key for key in reversed(self.keys) if key.frame <= frame), self.keys[0])

    def key_to_blame(self, frame: float, low: float, high: float) -> Key:
        """The key that puts a frame out of range: the one before it, or the one its way leads to."""
        before = self.key_before(frame)
        written = 1 - before.value if self.complement and isinstance(before.value, float) else before.value
        if isinstance(written, float) and low <= written <= high:
            return next((key for key in self.keys if key.frame > frame), before)
        return before


def constant(value: float) -> Keyframes:
    """A curve that never changes."""
    node = Node(value, text=str(value))
    return Keyframes((Key(0, float(value), node),), node)


# --- reading --------------------------------------------------------------------------------------------------------


def read(node: Node, field: str, clock: Clock, report: Report) -> Keyframes | None:
    """The curve of a field; None, and problems in the report, where it cannot be read."""
    if isinstance(node.value, Table):
        return _read_map(node, field, clock, report)
    if isinstance(node.value, str) and is_deforum(node.value):
        return _read_deforum(node, field, clock, report)
    value = _read_value(node, field, report)
    return None if value is None else Keyframes((Key(0, value, node),), node)


def _read_map(node: Node, field: str, clock: Clock, report: Report) -> Keyframes | None:
    assert isinstance(node.value, Table)
    if not node.value.pairs:
        report.refuse(node, field, "has no keyframes", "{0: 1, 48: 1.05}")
        return None
    keys: list[Key] = []
    complete = True
    for name, content in node.value.last_of_each():
        frame = read_time(name, field, clock, report)
        shape = "linear"
        if isinstance(content.value, Table):
            shape = _read_shape(content, field, report)
            inner = content.value.get("value")
            if inner is None:
                report.refuse(
                    content, field, "a keyframe with a shape needs a value", "{value: 1.05, ease: in_out_cubic}"
                )
                complete = False
                continue
            content = inner
        value = _read_value(content, field, report)
        if frame is None or value is None:
            complete = False
        else:
            keys.append(Key(frame, value, name if content.line == 0 else content, shape))
    keys.sort(key=lambda key: key.frame)
    complete &= not refuse_equal_frames([(key.frame, key.node) for key in keys], field, report)
    if not complete:
        return None
    past = [key for key in keys if key.frame > clock.last]
    if past:
        what = f"the key at frame {past[0].frame} lies past the end and only shapes the way there"
        if len(past) > 1:
            what = f"{len(past)} keys lie past the end and only shape the way there"
        report.note(past[0].node, field, what)
    for before, key in pairwise(keys):
        if key.shape != "linear" and isinstance(before.value, Expression):
            report.note(
                key.node, field, f"ease: {key.shape} has no effect after an expression, which jumps to its next key"
            )
    return Keyframes(tuple(keys), node)


def read_time(name: Node, field: str, clock: Clock, report: Report) -> int | None:
    """The frame a key stands for; None, and a problem, where it stands for none."""
    try:
        frame = clock.frame(
            name.value if isinstance(name.value, int) and not isinstance(name.value, bool) else name.text
        )
    except TimeError as error:
        report.refuse(name, field, f"key: {error.what}", error.hint)
        return None
    if frame < 0:
        report.refuse(name, field, f"key {name.text}: frame {frame} lies before the beginning")
        return None
    if re.match(r"[-+]?0\d", name.text):
        report.note(name, field, f"{name.text} is read as {name.value}")
    return frame


def refuse_equal_frames(placed: list[tuple[int, Node]], field: str, report: Report) -> bool:
    """Whether two keys land on one frame, which is a problem; `placed` in the order of time."""
    equal = [(a, b) for a, b in pairwise(placed) if a[0] == b[0]]
    for (frame, first), (_, second) in equal:
        report.refuse(max(first, second, key=lambda n: (n.line, n.column)), field, f"two keys land on frame {frame}")
    return bool(equal)


def _read_value(node: Node, field: str, report: Report) -> float | Expression | None:
    """A number in any notation, or an expression."""
    if node.is_number:
        try:
            value = float(node.value)  # type: ignore[arg-type]
        except OverflowError:
            value = np.inf
        if not np.isfinite(value):
            report.refuse(node, field, f"{node.text[:40]} is not a finite number")
            return None
        if re.match(r"[-+]?0\d", node.text):
            report.note(node, field, f"{node.text} is read as {value:g}")
        return value
    if not isinstance(node.value, str):
        what = "is missing" if node.value is None else f"{shown(node)} is not a number"
        report.refuse(
            node, field, what, "a number, an expression such as 1 + 0.1*sin(t/8), or keyframes {0: 1, 48: 1.05}"
        )
        return None
    text = node.value.strip()
    bare = number(_unbracketed(text))
    if bare is not NO_NUMBER:
        value = float(bare)  # type: ignore[arg-type]
        if not np.isfinite(value):
            report.refuse(node, field, f"{text[:40]} is not a finite number")
            return None
        return value
    return _read_expression(text, node, field, report)


def _read_expression(text: str, node: Node, field: str, report: Report) -> Expression | None:
    try:
        return expression.parse(text)
    except ExpressionError as error:
        hint = error.hint
        if re.fullmatch(r"\d+:\d\d(:\d\d)?", text):
            hint = "a time is written 90s; keyframes are {0: 1, 2s: 1.05}"
        elif text.count("(") > text.count(")") and _ends_at_a_comma(text, node, report):
            hint = "inside { } an expression with a comma needs quotes"
        report.refuse(node, field, f"{short(text)}: {error.what}", hint)
        return None


def _ends_at_a_comma(text: str, node: Node, report: Report) -> bool:
    """Whether a text was cut off by a comma, as YAML does it inside { }."""
    lines = report.source.lines
    return 0 < node.line <= len(lines) and lines[node.line - 1][node.column - 1 + len(text) :].lstrip()[:1] == ","


def _read_shape(node: Node, field: str, report: Report) -> str:
    assert isinstance(node.value, Table)
    for name, _ in node.value.pairs:
        if name.text not in ("value", "ease"):
            report.refuse(
                name,
                field,
                f"a keyframe has no {name.text!r}",
                near(name.text, ["value", "ease"], "value, ease"),
            )
    ease = node.value.get("ease")
    if ease is None:
        return "linear"
    return read_ease(ease, field, report)


def read_ease(node: Node, field: str, report: Report) -> str:
    """The name of a shape or an easing; `linear`, and a problem, if there is none of that name."""
    name = node.text.strip() if not isinstance(node.value, tuple | Table) else ""
    if name in SHAPES:
        return name
    try:
        easing.named(name)
    except ValueError as error:
        report.refuse(node, field, f"there is no easing {shown(node)}", str(error))
        return "linear"
    return name


def _unbracketed(text: str) -> str:
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return text


def may_be_named(key: Node, field: str, what: str, report: Report) -> bool:
    """Whether expressions can call something by this name; if not, that is reported."""
    if expression.IDENTIFIER.match(key.text) and key.text not in expression.VARIABLES:
        return True
    must = "letters, digits and _, not one of t, max_f, s …"
    report.refuse(key, field, f"{key.text[:40]!r} cannot be {what}'s name", must)
    return False


def shown(node: Node) -> str:
    """A value as it is quoted in messages."""
    if isinstance(node.value, tuple):
        return "a list"
    if isinstance(node.value, Table):
        return "a mapping"
    return short(node.text)


def short(text: str) -> str:
    """A text as it is quoted in messages: on one line, not too long."""
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:57] + "…")


# --- Deforum's strings ----------------------------------------------------------------------------------------------

_BRACKETS = re.compile(r"[()\[\],]")
_STRIPPED = str.maketrans("", "", "'\"()")
_DEFORUM_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)\Z", re.ASCII)
"""No exponent, no blank, no bare point at the end: all else holds."""
_DEFORUM_KEY = re.compile(r"\d+(?:\.0*)?\Z", re.ASCII)
_KEY = re.compile(r"[\s\"'(]*[\w/*+-]+[\"')\s]*:")
_LOST_KEY = re.compile(r"(.*\S)\s+[\"'(]*\d+[\"')]*\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """One `key: (value)` of a Deforum string."""

    key: str
    """Without quotes and brackets."""
    value: str
    """As written, without white space around it."""
    number: float | None
    """The number it is a keyframe of; None for what holds until the next key."""


def is_deforum(text: str) -> bool:
    """Whether a text is a Deforum string: it has a colon outside brackets, which no expression has."""
    colon = text.find(":")
    return (
        colon >= 0
        and text.count("(", 0, colon) == text.count(")", 0, colon)
        and not re.fullmatch(r"\s*\d+:\d\d(:\d\d)?\s*", text)
    )


def split(text: str) -> list[str]:
    """A text cut at its commas outside brackets, or where a key follows: a bracket was forgotten. Empty pieces are left
    out."""
    depth, start, found = 0, 0, []
    for match in _BRACKETS.finditer(text):
        sign = match[0]
        if sign == ",":
            if depth == 0 or _KEY.match(text, match.end()):
                found.append(text[start : match.start()])
                start, depth = match.end(), 0
        else:
            depth = max(0, depth + (1 if sign in "([" else -1))
    found.append(text[start:])
    return [piece for piece in found if piece.strip()]


def pieces(text: str) -> tuple[list[Piece], list[str]]:
    """The pieces of a Deforum string in the order they are written, and what had to be repaired to read them.

    Raises ExpressionError for a piece without a colon.
    """
    found: list[Piece] = []
    repairs: list[str] = []
    dropped = 0
    for piece in split(text):
        fields = piece.split(":")
        if len(fields) < 2:
            if not found and "," not in text:
                raise ExpressionError(f"{short(piece)} has no key", '"0: (1), 48: (1.02)"')
            raise ExpressionError(f"{short(piece)} has no key", "check the brackets and commas before it")
        value = fields[1].strip()
        if len(fields) > 2:
            if match := _LOST_KEY.match(value):
                lost = value[match.end(1) :].strip()
                repairs.append(f"a comma is missing before key {lost}, which is lost")
                value = match[1]
            else:
                dropped += 1
        stripped = value.translate(_STRIPPED)
        is_number = _DEFORUM_NUMBER.match(stripped)
        found.append(Piece(fields[0].translate(_STRIPPED).strip(), value, float(stripped) if is_number else None))
    if dropped:
        repairs.append(f"{counted(dropped, 'piece has', 'pieces have')} a second colon; what follows it is ignored")
    return found, repairs


def counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _read_deforum(node: Node, field: str, clock: Clock, report: Report) -> Keyframes | None:
    assert isinstance(node.value, str)
    try:
        found, repairs = pieces(node.value)
    except ExpressionError as error:
        report.refuse(node, field, error.what, error.hint)
        return None
    keys: dict[int, Key] = {}
    repeated, late, early, refused = 0, 0, 0, 0
    for piece in found:
        try:
            frame = int(float(piece.key)) if _DEFORUM_KEY.match(piece.key) else clock.frame(piece.key)
        except (TimeError, OverflowError) as error:
            what = error.what if isinstance(error, TimeError) else "is too far away"
            report.refuse(node, field, f"key: {what}", error.hint if isinstance(error, TimeError) else "")
            refused += 1
            continue
        if frame >= clock.max_frames or frame < 0:
            late += frame >= 0
            early += frame < 0
            continue
        value: float | Expression | None = piece.number
        if value is None:
            value = _read_expression(piece.value.strip().strip("'\""), node, field, report)
        repeated += frame in keys
        if value is None:
            refused += 1
        else:
            keys[frame] = Key(frame, value, node)
    for repair in repairs:
        report.note(node, field, repair)
    if repeated:
        report.note(node, field, f"{counted(repeated, 'key is', 'keys are')} written twice; the last one counts")
    if late:
        report.note(node, field, f"{counted(late, 'key', 'keys')} at or past max_frames ({clock.max_frames}) ignored")
    if early:
        report.note(node, field, f"{counted(early, 'key', 'keys')} before frame 0 ignored")
    if refused:
        return None
    if not keys:
        report.refuse(node, field, "has no key before the end")
        return None
    return Keyframes(tuple(keys[frame] for frame in sorted(keys)), node, dialect="deforum")


# --- values ---------------------------------------------------------------------------------------------------------


def values(curve: Keyframes, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    """(m,) values at `frames` (m,), whole numbers in rising order; NaN and infinities are left for the caller.

    Raises CurveError.
    """
    first = curve.keys[0].value
    if len(curve.keys) > 1:
        found = _between_keys(curve.keys, frames, lookup, lookup_at)
    elif isinstance(first, Expression) and curve.keys[0].frame == 0:
        found = _held(curve.keys[0], frames, lookup, lookup_at)
    elif isinstance(first, Expression):  # before its key stands its first value
        found = _held(curve.keys[0], np.maximum(frames, curve.keys[0].frame), lookup, lookup_at)
    else:
        found = np.broadcast_to(np.float64(first), frames.shape)
    return 1 - found if curve.complement else found


def _held(key: Key, frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    """(m,) values of a key's expression."""
    held = key.value
    assert isinstance(held, Expression)
    try:
        return formula.evaluate(held, frames, lambda name: lookup(name, frames), lookup_at)
    except CurveError:
        raise
    except ExpressionError as error:
        raise at_key(error, key) from None


def at_key(error: ExpressionError, key: Key) -> CurveError:
    """What is wrong with the expression of a key, as it is told."""
    assert isinstance(key.value, Expression)
    return CurveError(f"{short(key.value.text)}: {error.what}", error.hint, key.node)


def _between_keys(keys: tuple[Key, ...], frames: Array, lookup: Lookup, lookup_at: LookupAt) -> Array:
    # Keys beyond the next one (for cubic: the one after it) have no influence on these frames.
    times = np.array([key.frame for key in keys], dtype=np.float64)
    needed = int(np.searchsorted(times, frames[-1], side="right")) + 2
    keys, times = keys[:needed], times[:needed]
    is_number = np.array([not isinstance(key.value, Expression) for key in keys])
    own = np.array([key.value if isinstance(key.value, float) else np.nan for key in keys])  # at each key's own frame
    segment = np.clip(np.searchsorted(times, frames, side="right") - 1, 0, None)  # (m,) the key before
    bounds = np.searchsorted(segment, np.arange(len(keys) + 1))

    found = np.empty(len(frames))
    jobs: dict[str, list[int]] = {}
    for index in np.flatnonzero(~is_number).tolist():
        jobs.setdefault(keys[index].value.text, []).append(index)  # type: ignore[union-attr]
    for indices in jobs.values():  # each text once, over all the stretches it holds and at its keys
        stretches = [np.arange(bounds[i], bounds[i + 1]) for i in indices]
        places = np.concatenate(stretches)
        wanted = np.concatenate([np.maximum(frames[places], times[segment[places]]), times[indices]])
        got = _held(keys[indices[0]], wanted, lookup, lookup_at)
        found[places], own[indices] = got[: len(places)], got[len(places) :]

    rests = is_number[segment] & ((segment == len(keys) - 1) | (frames < times[0]))
    found[rests] = own[segment[rests]]
    on_way = is_number[segment] & ~rests
    if on_way.any():
        here = segment[on_way]
        progress = (frames[on_way] - times[here]) / (times[here + 1] - times[here])
        found[on_way] = _walk(keys, times, own, is_number, here, progress)
    return found


def _walk(
    keys: tuple[Key, ...],
    times: Array,
    own: Array,
    is_number: NDArray[np.bool_],
    here: NDArray[np.intp],
    progress: Array,
) -> Array:
    """Values on the way from key `here` to the next, at `progress` in [0, 1); exactly the key's value at 0."""
    start, change = own[here], own[here + 1] - own[here]
    shapes = [key.shape for key in keys]
    if set(shapes) == {"linear"}:
        found = start + change * progress
    else:
        found = np.empty(len(here))
        target = np.array(shapes, dtype=object)[here + 1]
        for shape in dict.fromkeys(target.tolist()):
            mine = target == shape
            if shape == "cubic":
                found[mine] = _cubic(times, own, is_number, shapes, here[mine], progress[mine])
            else:
                found[mine] = start[mine] + change[mine] * _eased(shape, progress[mine])
    return np.where(progress == 0, start, found)


def _eased(shape: str, progress: Array) -> Array:
    if shape == "linear":
        return progress
    return np.zeros_like(progress) if shape == "hold" else easing.named(shape)(progress)


def _cubic(
    times: Array, own: Array, is_number: NDArray[np.bool_], shapes: list[str], here: NDArray[np.intp], progress: Array
) -> Array:
    """Monotone cubic through the keys (Fritsch & Butland 1984, eq. 5): smooth at every key, never beyond two of them.

    The slope is 0 where the neighbours lie on one side, and where the curve begins, ends, jumps or holds.
    """
    gap = np.diff(times)
    secant = np.diff(own) / gap
    slope = np.zeros(len(own))
    for i in range(1, len(own) - 1):
        joined = is_number[i] and is_number[i - 1] and shapes[i] != "hold" and shapes[i + 1] != "hold"
        if joined and secant[i - 1] * secant[i] > 0:
            wide, narrow = 2 * gap[i] + gap[i - 1], gap[i] + 2 * gap[i - 1]
            slope[i] = (wide + narrow) / (wide / secant[i - 1] + narrow / secant[i])
    p, h = progress, gap[here]
    a, b = own[here], own[here + 1]
    return (
        a * (1 + 2 * p) * (1 - p) ** 2
        + b * p**2 * (3 - 2 * p)
        + h * p * (1 - p) * ((1 - p) * slope[here] - p * slope[here + 1])
    )


def fill_gaps(found: Array) -> tuple[Array, int]:
    """NaN replaced linearly between its neighbours, as Deforum does it, and how many there were; all NaN stays."""
    missing = np.isnan(found)
    count = int(missing.sum())
    if not count or count == len(found):
        return found, count
    index = np.arange(len(found))
    return np.where(missing, np.interp(index, index[~missing], found[~missing]), found), count
