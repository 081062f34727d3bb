"""A checked schedule: every field read and merged with its default, curves not yet evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from animate.errors import Problem
from animate.schedule.clock import Clock
from animate.schedule.fields import Value as Setting
from animate.schedule.film import NO_FILM, Film
from animate.schedule.keyframes import Keyframes
from animate.schedule.prompt_tracks import Layer
from animate.schedule.prompts import Around, PromptTrack
from animate.schedule.source import Source
from animate.schedule.texts import TextTrack
from animate.schedule.tree import Node


class Written(NamedTuple):
    """A field as the user wrote it."""

    spelled: str
    """The name that was used."""
    key: Node
    value: Node
    source: Source
    """The file, or the override, it comes from."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What a schedule says, checked and complete; `compile` turns it into values by frame."""

    source: Source
    written: Mapping[str, Written] = field(default_factory=dict)
    """By field, what the user wrote; defaults are not here."""
    settings: Mapping[str, Setting]
    """Fields with one value for the whole run; `seed` is drawn, paths are absolute, nothing is missing."""
    clock: Clock
    curves: Mapping[str, Keyframes]
    """Every curve field."""
    texts: Mapping[str, TextTrack]
    """Every text field."""
    prompts: PromptTrack
    negative_prompts: PromptTrack | None = None
    layers: tuple[Layer, ...] = ()
    """Further tracks of prompts."""
    around: Around = field(default_factory=Around)
    """What stands around every prompt."""
    let: Mapping[str, Keyframes] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()
    loras: tuple[tuple[str, Keyframes], ...] = ()
    """(path, weight)"""
    embeddings: tuple[tuple[str, str], ...] = ()
    """(token, path)"""
    series: Mapping[str, Any] = field(default_factory=dict)
    """(n,) named values from outside, such as the loudness of a soundtrack."""
    images: tuple[tuple[int, str, str], ...] = ()
    """(frame, path, digest) of pictures that are keys, ascending."""
    film: Film = NO_FILM
    guides: tuple[tuple[int, str, str], ...] = ()
    """(frame, picture, digest) of `init_images`, ascending."""
    vary: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)
    seed_drawn: bool = False
    """The seed was −1 and has been drawn by chance."""
    warnings: tuple[Problem, ...] = ()
    """What is worth a word, in the order of the file."""
    differs: str = ""
    """For an imported file: what will look different."""
    origin: str = ""
    """For an imported file: the program it was made for."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    @property
    def file(self) -> str:
        return self.source.file

    def problem(self, name: str, what: str, hint: str = "", node: Node | None = None) -> Problem:
        """A problem with a field, at the place where it was written; for checks that need more than the schedule."""
        written = self.written.get(name)
        if written is None:
            return self.source.problem(None, name, what, hint)
        return written.source.problem(node or written.value, written.spelled, what, hint)
