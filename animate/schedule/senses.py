"""What the language asks of the rooms behind it; handed in, since it may import none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from animate.errors import Problem
from animate.schedule.film import Watch, blind
from animate.schedule.plan import Plan
from animate.schedule.schedule import Schedule
from animate.schedule.sound import Listen, Separate, deaf, whole

Fault = Callable[[str], tuple[str, str]]
"""Why nothing can be meant by a name, and what would be right; two empty texts where something can."""


@dataclass(frozen=True, kw_only=True)
class Senses:
    """By themselves they hear, see and know nothing: enough to read a schedule that names no files."""

    choices: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Names that text fields may hold, by field: `{"sampler": (…)}`."""
    added: Callable[[str], Collection[str]] = lambda field: ()
    """Names that other packages add to the choices of a field."""
    faults: Mapping[str, Fault] = field(default_factory=dict)
    """What finds fault with the name of a model, by field."""
    listen: Listen = deaf
    """Hears the files of `audio` and `stems`."""
    separate: Separate = whole
    """Takes the song of `audio` apart for `stems: auto`."""
    watch: Watch = blind
    """Looks into the file of `video`."""
    multiples: Mapping[str, int] = field(default_factory=dict)
    """By model, what its sizes divide by; a foreign file's sizes are floored to it."""
    problems: Callable[[Schedule], Iterable[Problem]] = lambda schedule: ()
    """What stands against a schedule that could be read; told with the rest of its mistakes."""
    notes: Callable[[Schedule, Plan], Iterable[Problem]] = lambda schedule, plan: ()
    """What is worth a word about one that could be compiled."""


NO_SENSES = Senses()
