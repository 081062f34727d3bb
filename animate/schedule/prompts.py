"""Prompts over time: which texts a frame is drawn from, and with what weight.

    prompts: {0: "a calm sea --neg boats", 96: "a storm, (lightning:`0.5+0.5*sin(t/10)`)"}
    negative_prompts: {0: "text, watermark"}

Between two keys the weight moves from the first text to the second; the last part of the gap only, with
`prompt_fixed_ratio`; never across a cut. Negative prompts that come with a prompt move with it; the track
`negative_prompts` moves on its own, and the two are multiplied out, so that a weighted sum over the parts is the
weighted sum of each side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from animate.schedule import curve, easing, expression
from animate.schedule.clock import Clock
from animate.schedule.expression import Expression, ExpressionError
from animate.schedule.source import Node, Report, Table

Array = NDArray[np.float64]

_FORMULA = re.compile(r"\$\{([^{}]*)\}|`([^`]*)`")
_NEGATIVE = re.compile(r"\s*--neg(?![\w-])\s*")


@dataclass(frozen=True, slots=True)
class Text:
    """A text with expressions inside."""

    parts: tuple[str | Expression, ...]

    def at(self, index: int, columns: Mapping[str, Array]) -> str:
        """The text of one frame; `columns` holds every expression's values by its text."""
        return "".join(
            written if isinstance(written, str) else spelled(columns[written.text][index]) for written in self.parts
        )

    @property
    def is_fixed(self) -> bool:
        return not any(isinstance(part, Expression) for part in self.parts)


@dataclass(frozen=True, slots=True)
class PromptKey:
    frame: int
    positive: Text
    negative: Text
    node: Node


@dataclass(frozen=True)
class PromptTrack:
    """Prompts as written, in the order of time, at least one."""

    keys: tuple[PromptKey, ...]

    def expressions(self) -> list[tuple[Expression, Node]]:
        return [
            (part, key.node)
            for key in self.keys
            for text in (key.positive, key.negative)
            for part in text.parts
            if isinstance(part, Expression)
        ]


EMPTY = Text(())


def spelled(value: float) -> str:
    """A number as it stands in a prompt: at most four decimals, no exponent."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


# --- reading --------------------------------------------------------------------------------------------------------


def read(node: Node, name: str, clock: Clock, report: Report) -> PromptTrack | None:
    """The prompts of a field; None, and problems in the report, where they cannot be read."""
    if isinstance(node.value, Table):
        if set(node.value.names()) & {"positive", "negative"}:
            key = _read_key(0, node, node, name, report)
            return PromptTrack((key,)) if key else None
        return _read_map(node, name, clock, report)
    if isinstance(node.value, tuple):
        report.refuse(node, name, "is a list", 'prompts stand at times: {0: "a calm sea", 48: "a storm"}')
        return None
    key = _read_key(0, node, node, name, report)
    return PromptTrack((key,)) if key else None


def _read_map(node: Node, name: str, clock: Clock, report: Report) -> PromptTrack | None:
    assert isinstance(node.value, Table)
    if not node.value.pairs:
        report.refuse(node, name, "has no keys", '{0: "a calm sea", 48: "a storm"}')
        return None
    keys: list[PromptKey] = []
    complete = True
    for time, content in node.value.pairs:
        frame = curve.read_time(time, name, clock, report)
        key = _read_key(frame or 0, time, content, name, report)
        if frame is None or key is None:
            complete = False
        else:
            keys.append(key)
    keys.sort(key=lambda key: key.frame)
    complete &= not curve.refuse_equal_frames([(key.frame, key.node) for key in keys], name, report)
    late = [key for key in keys if key.frame > clock.last]
    if late:
        what = (
            f"the key at frame {late[0].frame} lies past the end"
            if len(late) == 1
            else f"{len(late)} keys lie past the end"
        )
        report.note(late[0].node, name, what)
    return PromptTrack(tuple(keys)) if complete else None


def _read_key(frame: int, place: Node, content: Node, name: str, report: Report) -> PromptKey | None:
    if isinstance(content.value, Table):
        positive = negative = EMPTY
        for part, text in content.value.pairs:
            if part.text not in ("positive", "negative") or isinstance(text.value, tuple | Table):
                report.refuse(part, name, f"a prompt has no {part.text!r}", "positive and negative, each a text")
                return None
            read = _read_text(text.text if text.value is not None else "", text, name, report)
            if part.text == "positive":
                positive = read
            else:
                negative = read
        return PromptKey(frame, positive, negative, place)
    if isinstance(content.value, tuple):
        report.refuse(content, name, "is a list, not a text")
        return None
    written = "" if content.value is None else content.text
    sides = [_read_text(side, content, name, report) for side in split(written)]
    return PromptKey(frame, sides[0], sides[1], place)


def split(text: str) -> tuple[str, str]:
    """A prompt parted at `--neg`; what follows a second one belongs to the negative too."""
    positive, *negative = _NEGATIVE.split(text)
    return positive.strip(), " ".join(part.strip() for part in negative if part.strip())


def _read_text(text: str, node: Node, name: str, report: Report) -> Text:
    parts: list[str | Expression] = []
    at = 0
    for match in _FORMULA.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        formula = match[1] if match[1] is not None else match[2]
        try:
            parts.append(expression.parse(formula))
        except ExpressionError as error:
            report.refuse(node, name, f"{curve.short(match[0])}: {error.what}", error.hint)
    parts.append(text[at:])
    return Text(tuple(part for part in parts if part != ""))


# --- by frame -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prompts:
    """The prompts of every frame: indices into one table of texts, and weights that add up to 1."""

    texts: tuple[str, ...]
    positive: NDArray[np.int32]
    """(n, k) index into `texts`."""
    negative: NDArray[np.int32]
    """(n, k) likewise."""
    weight: Array
    """(n, k) in [0, 1]; 0 where a frame has fewer than k parts."""
    key_frames: tuple[int, ...] = field(default=(0,))
    """Frames at which a prompt stands by itself."""

    def at(self, index: int) -> tuple[tuple[str, str, float], ...]:
        """(positive, negative, weight) of a frame's parts; equal ones are one part."""
        found: dict[tuple[str, str], float] = {}
        for p, n, w in zip(self.positive[index], self.negative[index], self.weight[index]):
            if w > 0:
                part = self.texts[p], self.texts[n]
                found[part] = found.get(part, 0.0) + float(w)
        return tuple((positive, negative, weight) for (positive, negative), weight in found.items())


def resolve(
    positives: PromptTrack,
    negatives: PromptTrack | None,
    n: int,
    around: tuple[str, str],
    move: Callable[[PromptTrack], tuple[NDArray[np.intp], Array]],
    columns: Mapping[str, Array],
    travel: Array,
) -> Prompts:
    """The parts of n frames.

    `around` is put before and after every prompt (each may hold `--neg`), `move` gives a track's key and the weight of
    the next (see `moving`), `columns` holds the expressions' values. Where `travel` (n,) is not negative it says where
    among the positive keys a frame stands, whatever their times.
    """
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    before, after = split(around[0]), split(around[1])
    sides = [move(track) for track in (positives, negatives) if track]
    sides[0] = _travelled(sides[0], travel, len(positives.keys) - 1)
    if len(sides) == 1:
        sides.append((np.zeros(n, np.intp), np.zeros(n)))
    parts = [(weight * other, key, against) for weight, key in _two(*sides[0]) for other, against in _two(*sides[1])]
    parts = [part for part in parts if np.any(part[0] > 0)]

    last = len(positives.keys) - 1
    fixed: dict[tuple[int, int], tuple[int, int]] = {}

    def both(index: int, key: int, negative: int) -> tuple[int, int]:
        """Numbers of the two texts of a frame."""
        if (key, negative) in fixed:
            return fixed[key, negative]
        shown = positives.keys[min(key, last)]
        track = negatives.keys[min(negative, len(negatives.keys) - 1)] if negatives else None
        against = [shown.negative, *((track.positive, track.negative) if track else ())]
        found = (
            number(_joined(before[0], shown.positive.at(index, columns), after[0])),
            number(", ".join(text for text in (before[1], *(a.at(index, columns) for a in against), after[1]) if text)),
        )
        if shown.positive.is_fixed and all(text.is_fixed for text in against):
            fixed[key, negative] = found
        return found

    shape = (n, len(parts))
    positive, negative_ = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for column, (weight, key, against) in enumerate(parts):
        keys, others = key.tolist(), against.tolist()
        for index in np.flatnonzero(weight > 0).tolist():
            positive[index, column], negative_[index, column] = both(index, keys[index], others[index])
    weights = np.stack([np.broadcast_to(weight, n) for weight, _, _ in parts], axis=1)
    return Prompts(
        texts=tuple(texts) or ("",),
        positive=positive,
        negative=negative_,
        weight=weights,
        key_frames=tuple(key.frame for key in positives.keys),
    )


def _travelled(by_time: tuple[NDArray[np.intp], Array], travel: Array, last: int) -> tuple[NDArray[np.intp], Array]:
    """Key and weight of the next, where `travel` says so; the way ends at the key numbered `last`."""
    at = np.clip(travel, 0, last)
    key = np.floor(at).astype(np.intp)
    return np.where(travel >= 0, key, by_time[0]), np.where(travel >= 0, at - key, by_time[1])


def _two(first: NDArray[np.intp], share: Array) -> list[tuple[Array, NDArray[np.intp]]]:
    """Weight and key of the prompt that goes, and of the one that comes."""
    return [(1.0 - share, first), (share, first + 1)]


def moving(
    track: PromptTrack, cut: NDArray[np.bool_], interpolation: str, ratio: float, ease: str
) -> tuple[NDArray[np.intp], Array]:
    """Index of the key each frame comes from (n,), and the weight in [0, 1] of the key after it (n,).

    `cut` (n,) tells where shots begin. A shot never leans towards a prompt of the next one; where a gap reaches over a
    cut, the way to its end begins at the cut.
    """
    n = len(cut)
    times = np.array([key.frame for key in track.keys], dtype=np.float64)
    frames = np.arange(n, dtype=np.float64)
    first = np.clip(np.searchsorted(times, frames, side="right") - 1, 0, None)
    if "hold" in (interpolation, ease) or len(times) == 1 or ratio >= 1:
        return first, np.zeros(n)
    starts = np.flatnonzero(cut).astype(np.float64)
    shot = np.searchsorted(starts, frames, side="right")
    begins = np.maximum(times[first], np.append(-np.inf, starts)[shot])
    ends = np.append(starts, np.inf)[shot]  # the next shot's first frame
    following = np.minimum(first + 1, len(times) - 1)
    inside = (first < len(times) - 1) & (frames >= times[0]) & (times[following] < ends)
    gap = np.where(inside, times[following] - begins, 1.0)
    progress = np.clip(((frames - begins) / gap - ratio) / (1 - ratio), 0, 1)
    progress = easing.named("in_out_cubic" if ease == "cubic" else ease)(progress)
    # An easing that overshoots would ask for a negative share of a prompt.
    return first, np.where(inside, np.clip(progress, 0, 1), 0.0)


def _joined(before: str, text: str, after: str) -> str:
    """Texts set one after the other: a blank before the prompt, a comma after it."""
    text = f"{before} {text}".strip()
    if not after:
        return text
    return f"{text}{' ' if not text or text[-1] in ',.;:' or after[0] in ',.;:' else ', '}{after}".strip()
