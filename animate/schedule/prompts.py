"""Prompts over time: which texts a frame is drawn from, and with what weight.

    prompts: {0: "a calm sea --neg boats", 96: "a storm, (lightning:`0.5+0.5*sin(t/10)`)"}
    negative_prompts: {0: "text, watermark"}

Between two keys the weight moves from the first text to the second; the last part of the gap only, with
`prompt_fixed_ratio`; never across a cut. Negative prompts that come with a prompt move with it; the track
`negative_prompts` moves on its own, and the two are multiplied out, so that a weighted sum over the parts is the
weighted sum of each side. Further tracks (`prompt_tracks`) overlap with these: at each frame the shares of all that
sound are brought to 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from animate.schedule import easing, notation
from animate.schedule import prompt_joints as joints
from animate.schedule import prompt_text as writing
from animate.schedule.clock import Clock, TimeError
from animate.schedule.expression import Expression
from animate.schedule.prompt_text import EMPTY, NO_SEED, Shelf, Sides, Text, split
from animate.schedule.source import Report
from animate.schedule.tree import Node, Table

__all__ = ["EMPTY", "Around", "PromptKey", "PromptTrack", "Prompts", "Text", "Voice", "split"]

Array = NDArray[np.float64]

_PLACEHOLDER = re.compile(r"\[prompt\]|\{prompt\}")


@dataclass(frozen=True, slots=True)
class PromptKey:
    frame: int
    positive: Text
    negative: Text
    node: Node
    seed: int = NO_SEED
    """The prompt's own (`--seed`), or `NO_SEED`."""


@dataclass(frozen=True)
class PromptTrack:
    """Prompts as written, in the order of time, at least one."""

    keys: tuple[PromptKey, ...]

    @property
    def times(self) -> list[int]:
        """Frames of the keys."""
        return [key.frame for key in self.keys]

    def expressions(self) -> list[tuple[Expression, Node]]:
        return [
            (part, key.node)
            for key in self.keys
            for text in (key.positive, key.negative)
            for part in text.expressions()
        ]


@dataclass(frozen=True)
class Around:
    """What stands around every prompt: `prompt_prepend` and `prompt_append` outside, `prompt_template` inside."""

    before: Text = EMPTY
    left: Text = EMPTY
    right: Text = EMPTY
    after: Text = EMPTY
    against: tuple[Text, Text, Text] = (EMPTY, EMPTY, EMPTY)
    """What each of prepend, template and append wants avoided."""

    @property
    def texts(self) -> tuple[Text, ...]:
        return (self.before, self.left, self.right, self.after, *self.against)


# --- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reader:
    """Reads prompts of one field."""

    name: str
    """The field as the user spelled it."""
    clock: Clock
    shelf: Shelf
    report: Report
    salt: int = 0
    """Tells the chances of this field from those of others."""

    def track(self, node: Node) -> PromptTrack | None:
        """The prompts of a field; None, and problems in the report, where they cannot be read."""
        if isinstance(node.value, Table):
            if set(node.value.names()) & {"positive", "negative"}:
                key = self._key(0, node, node)
                return PromptTrack((key,)) if key else None
            return self._map(node)
        if isinstance(node.value, tuple):
            hint = 'prompts stand at times: {0: "a calm sea", 48: "a storm"}'
            self.report.refuse(node, self.name, "is a list", hint)
            return None
        key = self._key(0, node, node)
        return PromptTrack((key,)) if key else None

    def _map(self, node: Node) -> PromptTrack | None:
        assert isinstance(node.value, Table)
        if not node.value.pairs:
            self.report.refuse(node, self.name, "has no keys", '{0: "a calm sea", 48: "a storm"}')
            return None
        keys: list[PromptKey] = []
        complete = True
        for time, content in self._reached(node.value.last_of_each()):
            frame = notation.read_time(time, self.name, self.clock, self.report)
            key = self._key(frame or 0, time, content)
            if frame is None or key is None:
                complete = False
            else:
                keys.append(key)
        keys.sort(key=lambda key: key.frame)
        complete &= not notation.refuse_equal_frames([(key.frame, key.node) for key in keys], self.name, self.report)
        late = [key for key in keys if key.frame > self.clock.max_frames]  # at max_frames one closes a loop
        if late:
            one = f"the key at frame {late[0].frame} lies past the end"
            self.report.note(late[0].node, self.name, one if len(late) == 1 else f"{len(late)} keys lie past the end")
        return PromptTrack(tuple(keys)) if complete else None

    def _reached(self, pairs: list[tuple[Node, Node]]) -> list[tuple[Node, Node]]:
        """The keys of a foreign file that count: of two on one frame the last, and none before the beginning.

        Where there are fewer frames than it was written for, the keys that count back from the end come that far.
        """
        if not self.report.source.lenient:
            return pairs
        by_frame: dict[int | str, tuple[Node, Node]] = {}
        for time, content in pairs:
            try:
                frame: int | str = self.clock.frame(time.text)
            except TimeError:  # told where it is read
                frame = time.text
            if isinstance(frame, str) or frame >= 0:
                by_frame[frame] = time, content
        return list(by_frame.values())

    def _key(self, frame: int, place: Node, content: Node) -> PromptKey | None:
        if isinstance(content.value, Table):
            return self._parted(frame, place, content.value)
        if isinstance(content.value, tuple):
            self.report.refuse(content, self.name, "is a list, not a text")
            return None
        sides = self.text(content, frame)
        return PromptKey(frame, sides.positive, sides.negative, place, sides.seed)

    def _parted(self, frame: int, place: Node, parts: Table) -> PromptKey | None:
        """`{positive: …, negative: …}`, each read as a prompt; all that either wants avoided is."""
        found = {"positive": Sides(), "negative": Sides()}
        for part, text in parts.pairs:
            if part.text in found and isinstance(text.value, tuple | Table):
                self.report.refuse(text, self.name, f"{part.text} is {notation.shown(text)}, not a text")
                return None
            if part.text not in found:
                what = f"a prompt has no {part.text!r}"
                self.report.refuse(part, self.name, what, "positive and negative, each a text")
                return None
            written = text.text if text.value is not None else ""
            keys = (self.salt, frame, int(part.text == "negative"))
            found[part.text] = writing.read(written, text, self.name, self.shelf, self.report, keys)
            if part.text == "negative" and found[part.text].seed != NO_SEED:
                self.report.note(text, self.name, "--seed has no effect here", "in the positive side")
        positive, negative = found["positive"], found["negative"]
        # What may hold several prompts with weights comes last.
        avoided = writing.one_after_the_other(positive.negative, negative.negative, negative.positive)
        return PromptKey(frame, positive.positive, avoided, place, positive.seed)

    def text(self, node: Node, frame: int = -1) -> writing.Sides:
        """One text with both its sides; `frame` only tells its chances from those of others."""
        written = "" if node.value is None else node.text
        return writing.read(written, node, self.name, self.shelf, self.report, (self.salt, frame, 0))

    def template(self, node: Node) -> tuple[Text, Text, Text]:
        """What stands left and right of every prompt, and what the template wants avoided."""
        chosen = writing.drawn_by(node.text, node, self.name, self.shelf, self.report, (self.salt, -2, 0))
        found = _PLACEHOLDER.split(chosen, maxsplit=1)
        if len(found) != 2:
            hint = "an oil painting of [prompt], soft light"
            self.report.refuse(node, self.name, "does not say where the prompt goes", hint)
            return EMPTY, EMPTY, EMPTY
        left, right = (writing.parted(side, node, self.name, self.shelf, self.report) for side in found)
        return left.positive, right.positive, right.negative


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


@dataclass(frozen=True)
class Voice:
    """A track over n frames."""

    track: PromptTrack
    key: NDArray[np.intp]
    """(n,) the key each frame comes from."""
    coming: Array
    """(n,) the weight in [0, 1] of the key after it."""
    share: Array
    """(n,) of the track among all that sound, 0 or more."""

    @property
    def last(self) -> int:
        return len(self.track.keys) - 1

    def two(self) -> list[tuple[Array, NDArray[np.intp]]]:
        """Weight and key of the prompt that goes, and of the one that comes."""
        return [(1.0 - self.coming, self.key), (self.coming, np.minimum(self.key + 1, self.last))]

    def travelled(self, travel: Array, held: bool) -> Voice:
        """The same, but where `travel` (n,) is not negative it says where among the keys a frame stands.

        `held`: no prompt leans to the next one.
        """
        at = np.clip(np.floor(travel) if held else travel, 0, self.last)
        key = np.floor(at).astype(np.intp)
        asked = travel >= 0
        return Voice(self.track, np.where(asked, key, self.key), np.where(asked, at - key, self.coming), self.share)

    def unreached(self) -> list[PromptKey]:
        """Keys that no frame shows anything of."""
        sounds = self.share > 0
        used = {int(key) for weight, keys in self.two() for key in np.unique(keys[sounds & (weight > 0)])}
        return [key for number, key in enumerate(self.track.keys) if number not in used]

    def seeds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The own seed of each frame's key and of the key after it, each (n,), `NO_SEED` where there is none."""
        table = np.array([key.seed for key in self.track.keys], dtype=np.int64)
        return table[self.key], table[np.minimum(self.key + 1, self.last)]


def resolve(
    voices: Sequence[Voice],
    against: Voice | None,
    added: Sequence[Voice],
    around: Around,
    columns: Mapping[str, Array],
) -> tuple[Prompts, dict[str, Array]]:
    """The parts of n frames, and the weights (n,) of the LoRA files that the prompts name, by path.

    Args:
        voices: positive tracks, at least one; each one's negatives come with it.
        against: the track of negative prompts.
        added: negative tracks that are added to every negative with their share as a weight.
        around: what stands around every prompt.
        columns: the expressions' values (n,), by their texts.
    """
    n = len(voices[0].share)
    texts: dict[str, int] = {}

    def number(text: str) -> int:
        return texts.setdefault(text, len(texts))

    shares = np.stack([np.maximum(voice.share, 0.0) for voice in voices])
    total = shares.sum(axis=0)
    shares[0] = np.where(total > 0, shares[0], 1.0)
    shares /= np.where(total > 0, total, 1.0)

    sides = against.two() if against else [(np.ones(n), np.zeros(n, np.intp))]
    parts = [
        (share * weight * other, place, key, negative)
        for place, (voice, share) in enumerate(zip(voices, shares))
        for weight, key in voice.two()
        for other, negative in sides
    ]
    parts = [part for part in parts if np.any(part[0] > 0)]
    fixed: dict[tuple[int, int, int, str], tuple[int, int]] = {}
    surroundings_fixed = all(text.is_fixed for text in around.texts)
    further = _added(added, columns)

    def both(index: int, place: int, key: int, negative: int) -> tuple[int, int]:
        """Numbers of the two texts of a frame."""
        name = (place, key, negative, further[index] if further else "")
        if name in fixed:
            return fixed[name]
        shown = voices[place].track.keys[key]
        avoided = [shown.negative]
        if against:
            avoided += [against.track.keys[negative].positive, against.track.keys[negative].negative]
        first, inner, last = around.against

        def at(text: Text) -> str:
            return text.at(index, columns)

        def wrapped(text: str) -> str:
            inside = f"{at(around.left)}{_blank(around.left)}{text}{_blank_before(around.right)}{at(around.right)}"
            return _joined(at(around.before), inside.strip(), at(around.after))

        negatives = (at(first), *(at(text) for text in avoided), name[3], at(inner), at(last))
        found = number(joints.each(at(shown.positive), wrapped)), number(joints.beside(negatives))
        if surroundings_fixed and shown.positive.is_fixed and all(text.is_fixed for text in avoided):
            fixed[name] = found
        return found

    shape = (n, len(parts))
    positive, negative_ = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for column, (weight, place, key, negative) in enumerate(parts):
        keys, others = key.tolist(), negative.tolist()
        for index in np.flatnonzero(weight > 0).tolist():
            positive[index, column], negative_[index, column] = both(index, place, keys[index], others[index])
    prompts = Prompts(
        texts=tuple(texts) or ("",),
        positive=positive,
        negative=negative_,
        weight=np.stack([np.broadcast_to(weight, n) for weight, *_ in parts], axis=1),
        key_frames=tuple(key.frame for key in voices[0].track.keys),
    )
    return prompts, _loras(voices, shares, around, columns)


def _blank(text: Text) -> str:
    return " " if text.parts else ""


def _blank_before(text: Text) -> str:
    """What parts a prompt from the text on its right: nothing before a comma."""
    begins = text.parts[0] if text.parts else ""
    return "" if not text.parts or (isinstance(begins, str) and begins[:1] in ",.;:)]") else " "


def _added(added: Sequence[Voice], columns: Mapping[str, Array]) -> list[str]:
    """(n,) what negative tracks add to each frame's negative, by their share as a weight; empty without tracks."""
    if not added:
        return []
    found = []
    for index in range(len(added[0].share)):
        texts = []
        for voice in added:
            share = round(float(voice.share[index]), 2)  # a hundred texts at most are encoded, not one a frame
            key = voice.key[index] + (voice.coming[index] > 0.5)
            text = voice.track.keys[min(int(key), voice.last)].positive.at(index, columns)
            if text and share > 0:
                texts.append(text if share == 1 else joints.weighed(text, share))
        found.append(joints.beside(texts))
    return found


def _loras(voices: Sequence[Voice], shares: Array, around: Around, columns: Mapping[str, Array]) -> dict[str, Array]:
    """(n,) weights of the files that positive texts name: a tag's weight times its prompt's share."""
    n = len(voices[0].share)
    found: dict[str, Array] = {}

    def add(text: Text, share: Array | float) -> None:
        for path, weight in text.loras:
            values = columns[weight.text] if isinstance(weight, Expression) else weight
            found[path] = found.get(path, np.zeros(n)) + share * values

    for voice, share in zip(voices, shares):
        for weight, keys in voice.two():
            for number, key in enumerate(voice.track.keys):
                if key.positive.loras:
                    add(key.positive, np.where(keys == number, share * weight, 0.0))
    for text in around.texts[:4]:
        add(text, 1.0)
    return found


def moving(
    times_of_keys: Sequence[int], cut: NDArray[np.bool_], interpolation: str, ratio: float, ease: str
) -> tuple[NDArray[np.intp], Array]:
    """Index of the key each frame comes from (n,), and the weight in [0, 1] of the key after it (n,).

    `times_of_keys` are frames, ascending. `cut` (n,) tells where shots begin. A shot never leans towards a prompt of
    the next one; where a gap reaches over a cut, the way to its end begins at the cut.
    """
    n = len(cut)
    times = np.array(times_of_keys, dtype=np.float64)
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
