"""A Deforum settings file as Deforum looks at it: which of its keys count, what they say, what is on.

Values are written in many ways: numbers as texts, choices as indices into Deforum's own lists, "None" for nothing,
paths in quotes. They are understood here, and nowhere else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from animate.errors import Problem, ScheduleError
from animate.schedule import json_marks
from animate.schedule.fields import FIELDS, Value, in_words
from animate.schedule.importers.deforum_keys import ALWAYS_ON, PARTS, SETTINGS, Part, Setting, Words, known
from animate.schedule.source import Source
from animate.schedule.tree import MAX_DEPTH, Node, Table

DEFAULTS: Mapping[str, Value] = MappingProxyType({"init_strength": 0.8, "subseed": 1})
"""Defaults of the webui that the table of fields does not hold, because ours mean something else."""
NOTEBOOK: Mapping[str, Value] = MappingProxyType(
    {
        "max_frames": 1000,
        "zoom": "0: (1.04)",
        "translation_x": "0: (10*sin(2*3.14*t/10))",
        "translation_z": 10,
        "perspective_flip_phi": "0: (t%15)",
        "noise": 0.02,
        "fov": 40,
        "diffusion_cadence": 1,
        "sampler": "LMS",
        "steps": 50,
        "noise_type": "uniform",  # it added Gaussian noise
        "amount": 0,  # and did not sharpen
    }
)
"""Defaults of the notebook, where they differ from the webui's."""
NOTEBOOK_KEYS = {"prompt_weighting", "filename_format", "C", "f", "n_batch", "log_weighted_subprompts", "cond_prompts"}
_WEBUI_KEYS = {"restore_faces", "tiling", "seed_enable_extras", "skip_video_creation", "skip_video_for_run_all",
               "show_info_on_ui", "fov_schedule", "cfg_scale_schedule", "perlin_octaves", "noise_type", "fps",
               "deforum_git_commit_id"}  # fmt: skip

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
NONE = {"", "none", "null"}
"""Words for no file, in lower case."""
_FALSE = {"", "0", "0.0", "false", "none", "no", "off"}


@dataclass(frozen=True)
class Settings:
    """The keys of a file, and what is on in it."""

    source: Source

    @cached_property
    def values(self) -> Mapping[str, Node]:
        """Each key's last value."""
        table = self.source.root.value
        assert isinstance(table, Table)
        return {key.text: value for key, value in table.pairs}

    @cached_property
    def notebook(self) -> bool:
        return bool(self.values.keys() & NOTEBOOK_KEYS) and not self.values.keys() & _WEBUI_KEYS

    @cached_property
    def mode(self) -> str:
        """One of our animation modes. Raises ScheduleError for a mode that is none."""
        node = self.get("animation_mode")
        if node is None:
            return "2D"
        setting = next(setting for setting in SETTINGS if setting.key == "animation_mode")
        word = understood(node, setting.words or Words())
        for mode in FIELDS["animation_mode"].choices:
            if mode.lower() == word.lower():
                return mode
        hint = "one of " + ", ".join(FIELDS["animation_mode"].choices)
        raise ScheduleError([self.problem("animation_mode", f"the mode {word!r} is not known", hint)])

    def get(self, key: str) -> Node | None:
        """The value of a key; None where it is absent, null, an empty text, or a number that is none (NaN)."""
        node = self.values.get(key)
        if node is None or node.value is None or (isinstance(node.value, str) and not node.value.strip()):
            return None
        if _boundless(node):
            return None
        return node

    def word(self, key: str) -> str:
        """The value of a key as a word in lower case; "" where it is absent."""
        node = self.get(key)
        return "" if node is None else str(node.plain()).strip().lower()

    def is_on(self, switches: tuple[str, ...]) -> bool:
        return not switches or any(self.word(switch) not in _FALSE for switch in switches)

    def default(self, name: str) -> Value:
        """What Deforum of this file's generation takes for a field that the file does not speak of."""
        if self.notebook and name in NOTEBOOK:
            return NOTEBOOK[name]
        field = FIELDS[name]
        return DEFAULTS.get(name, field.default if field.deforum is None else field.deforum)

    def looked_at(self) -> Iterator[tuple[Setting, Node]]:
        """The settings that take effect: in the table's order, the first of each field that is present and active."""
        done: set[str] = set()
        for setting in SETTINGS:
            if setting.field in done or setting.field == "animation_mode":
                continue
            if setting.modes and self.mode not in setting.modes:
                continue
            node = self.get(setting.key)
            if node is not None and self.is_on(setting.needs):
                done.add(setting.field)
                yield setting, node

    def parts_on(self) -> Iterator[Part]:
        for part in PARTS:
            if part.modes and self.mode not in part.modes:
                continue
            word = self.word(part.switch)
            if not word and part.switch in ALWAYS_ON and any(self.get(key) for key in part.keys):
                word = "true"
            if word not in part.off:
                yield part

    def converted(self, setting: Setting, node: Node, notes: list[Problem]) -> Node:
        """The value of a setting in the form that its field wants."""
        field = FIELDS[setting.field]
        if field.kind == "text":
            return spoken(node, setting.words or Words())
        if field.kind == "curve":
            return curve(node)
        if field.kind == "flag":
            return Node.of(str(node.plain()).strip().lower() not in _FALSE, at=node)
        if field.kind in ("integer", "size", "number"):
            return self._number(setting, node, notes)
        if setting.words is not None:
            return self._choice(setting, node, notes)
        return Node.of(unquoted(str(node.plain())), at=node)

    def _number(self, setting: Setting, node: Node, notes: list[Problem]) -> Node:
        text = unquoted(str(node.plain()))[:60]
        if re.fullmatch(r"[-+]?\d+", text):
            return self._held(setting, int(text), node, notes)  # exact beyond 2**53: seeds are
        value = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            default = self.default(setting.field)
            what, hint = f"{text!r} is not a number", f"{default} is used, Deforum's default"
            notes.append(self.problem(setting.key, what, hint))
            return Node.of(default, at=node)
        whole = FIELDS[setting.field].kind in ("integer", "size") or value.is_integer()
        return self._held(setting, int(value) if whole else value, node, notes)

    def _held(self, setting: Setting, value: float, node: Node, notes: list[Problem]) -> Node:
        """A number in its field's range, as curves are held in theirs. Sizes are floored elsewhere."""
        field = FIELDS[setting.field]
        held = value if field.kind == "size" else min(max(value, field.low), field.high)
        if held != value:
            notes.append(self.problem(setting.key, f"{value:g} is not {in_words(field)}", f"{held:g} is used"))
        return Node.of(held, at=node)

    def _choice(self, setting: Setting, node: Node, notes: list[Problem]) -> Node:
        words = setting.words or Words()
        word, allowed = understood(node, words), FIELDS[setting.field].choices
        for choice in allowed:
            if choice.lower() == word.lower():
                return Node.of(choice, at=node)
        fallback = words.fallback or str(self.default(setting.field))
        notes.append(self.problem(setting.key, f"{word!r} is not known", f"Deforum takes it for {fallback}"))
        return Node.of(fallback, at=node)

    def problem(self, key: str, what: str, hint: str = "") -> Problem:
        return self.source.problem(self.values.get(key), key, what, hint)

    def notes_on_keys(self) -> Iterator[Problem]:
        """One note for all keys that stand twice, one for all without a number, one for all that nobody knows."""
        table = self.source.root.value
        assert isinstance(table, Table)
        names = table.names()
        unknown = [name for name in self.values if not known(name)]
        if len(names) > len(self.values):
            doubled = sorted(name for name in self.values if names.count(name) > 1)
            yield self.problem(doubled[0], f"written more than once: {listed(doubled)}", "the last one counts")
        boundless = [name for name, node in self.values.items() if _boundless(node)]
        if boundless:
            what = "is not a finite number" if len(boundless) == 1 else f"{listed(boundless)} are not finite numbers"
            yield self.problem(boundless[0], what, "taken as if it were not there")
        if unknown:
            what = f"{listed(unknown)}: {'not a key' if len(unknown) == 1 else 'not keys'} of Deforum's"
            yield Problem(what=what, hint="ignored", file=self.source.file)


def _boundless(node: Node) -> bool:
    return isinstance(node.value, float) and not math.isfinite(node.value)


def curve(node: Node) -> Node:
    """A number, or a schedule string as it stands."""
    if isinstance(node.value, bool):
        return Node.of(int(node.value), at=node)
    if isinstance(node.value, str):
        text = node.value.strip()
        if _NUMBER.fullmatch(text):
            return Node.of(float(text), at=node)
        if clock := re.fullmatch(r"(\d+):(\d\d)(:\d\d)?", text):  # not a time of day
            return Node.of(f"{clock[1]}: ({clock[2]})", at=node)
    return node


def spoken(node: Node, words: Words) -> Node:
    """A text field: one word, or a schedule of words with each of them understood."""
    if not isinstance(node.value, str) or not re.match(r"\s*[\"']?[^:,()]+[\"']?\s*:", node.value):
        return Node.of(understood(node, words), at=node)
    pairs = []
    for piece in re.split(r",(?![^(]*\))", node.value):
        key, *texts = piece.split(":")
        if texts:  # a third field is ignored
            said = re.sub(r"[\"'()]", "", texts[0]).strip()
            pairs.append((Node.of(_key(key), at=node), Node.of(understood(Node.of(said), words), at=node)))
    last = {key.value: (key, value) for key, value in pairs}
    return Node(Table(tuple(last.values())), node.line, node.column)


def spoken_by_key(node: Node) -> list[tuple[int | str, str]]:
    """(frame, text) of a text over time; quotes and brackets inside are gone, as in Deforum. Frame 0 of one text."""
    found = spoken(node, Words())
    if not isinstance(found.value, Table):
        return [(0, found.text.strip())]
    return [(key.value, value.text.strip()) for key, value in found.value.pairs]  # type: ignore[misc]


def _key(text: str) -> int | str:
    text = re.sub(r"[\"'()]", "", text).strip()
    return int(text) if text.isdigit() else text


def understood(node: Node, words: Words) -> str:
    """A choice as one of its words: an index into Deforum's list, an old name, or the word itself."""
    value = node.plain()
    text = unquoted(str(value))
    if isinstance(value, bool):
        return words.means.get(str(value).lower(), "None" if not value else text)
    if words.order and re.fullmatch(r"\d+(\.0)?", text) and int(float(text)) < len(words.order):
        text = words.order[int(float(text))]
    return words.means.get(text.lower(), text)


def unquoted(text: str) -> str:
    text = text.strip()
    while len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def unpacked(text: str) -> Any:
    """What JSON inside a string holds, in plain Python. Raises ValueError for other text."""

    def plain(value: Any, line: int, column: int, written: str) -> Any:
        return dict(value) if isinstance(value, json_marks.Pairs) else value

    try:
        return json_marks.parse(text, plain, MAX_DEPTH)
    except json_marks.NotJSON as error:
        raise ValueError(error.what) from None


def constant(node: Node) -> float | None:
    """The number of a curve that is one number, `1.5` or `"0: (1.5)"`."""
    if node.is_number:
        return float(node.value)  # type: ignore[arg-type]
    match = re.fullmatch(r"\s*\"?0\"?\s*:\s*\(?\s*(-?\d*\.?\d+)\s*\)?\s*", str(node.value))
    return float(match[1]) if match else None


def whole(node: Node) -> int:
    """The whole number of a node; 0 where it has none."""
    return int(node.value) if isinstance(node.value, int | float) else 0


def listed(names: list[str], most: int = 12) -> str:
    """`a, b and c`; a long list is cut off with its count."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
