"""A schedule checked against what only the rooms behind the language know: samplers, and the sizes of a model.

Imports nothing heavy: `animate check` answers without torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from animate.audio.listen import listen
from animate.audio.separate import separate
from animate.diffusion import names
from animate.diffusion.sampler_names import ALIASES
from animate.diffusion.sampler_names import names as samplers
from animate.errors import Problem, ScheduleError
from animate.render.watch import watch
from animate.schedule.fields import FIELDS
from animate.schedule.load import load as load_document
from animate.schedule.load import variants as variants_of_document
from animate.schedule.schedule import Schedule
from animate.schedule.senses import Senses


def _fault_of_depth(name: str) -> tuple[str, str]:
    """As `names.fault`, for `depth_algorithm`."""
    known = FIELDS["depth_algorithm"].choices
    if name in known or names.located(name) is not None or names.HUB_ID.fullmatch(name):
        return "", ""
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"{', '.join(known)}, or a depth model by folder or hub id"
    return f"there is no depth model called {name!r}", hint


SENSES = Senses(
    choices={"sampler": (*samplers(), *ALIASES)},
    faults={"model": names.fault, "depth_algorithm": _fault_of_depth},
    listen=listen,
    separate=separate,
    watch=watch,
)

MULTIPLES = {names.EMBEDDED: 16}
"""By model, what width and height must divide by beyond the 8 of every family."""

Document = str | Path | Mapping[str, Any]


def load(document: Document, overrides: Mapping[str, Any] | None = None) -> Schedule:
    """The schedule, with everything checked that can be known before a model loads.

    Raises:
        ScheduleError: with every problem.
    """
    schedule = load_document(document, overrides, senses=SENSES)
    problems = list(_problems(schedule))
    if problems:
        raise ScheduleError(problems)
    return schedule


def variants(document: Document, overrides: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The overrides of every run that `vary:` multiplies out; one, empty, without it."""
    return [values for values, _ in variants_of_document(document, overrides, senses=SENSES)]


def _problems(schedule: Schedule) -> Iterator[Problem]:
    multiple = MULTIPLES.get(str(schedule.settings["model"]), 1)
    for name in ("width", "height"):
        side = int(schedule.settings[name])
        if side % multiple:
            near = max(1, round(side / multiple)) * multiple
            yield schedule.problem(name, f"the embedded painter paints multiples of {multiple}, not {side}", f"{near}")
