"""A schedule checked against what only the rooms behind the language know: samplers, and the sizes of a model.

Imports nothing heavy: `animate check` answers without torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from animate.audio.listen import listen
from animate.audio.separate import separate
from animate.diffusion import names
from animate.diffusion.sampler_names import ALIASES, draws_noise
from animate.diffusion.sampler_names import names as samplers
from animate.errors import BadInput, Problem, near
from animate.render import readable
from animate.render.watch import watch
from animate.schedule.fields import FIELDS
from animate.schedule.load import load as load_document
from animate.schedule.load import variants as variants_of_document
from animate.schedule.plan import Plan
from animate.schedule.schedule import Schedule
from animate.schedule.senses import Senses
from animate.video.codecs import CODECS


def _fault_of_depth(name: str) -> tuple[str, str]:
    """As `names.fault`, for `depth_algorithm`."""
    known = FIELDS["depth_algorithm"].choices
    if name in known or names.located(name) is not None or names.HUB_ID.fullmatch(name):
        return "", ""
    hint = near(name, known, f"{', '.join(known)}, or a depth model by folder or hub id")
    return f"there is no depth model called {name!r}", hint


def _added(field: str) -> Collection[str]:
    """Engines of other packages; `animate.interp` knows them too, but imports torch."""
    if field not in ("frame_interpolation_engine", "cadence_tween"):
        return ()
    return sorted(entry_points(group="animate.interp").names)


MULTIPLES = {names.EMBEDDED: 16}
"""By model, what width and height must divide by beyond the 8 of every family."""

Document = str | Path | Mapping[str, Any]


def load(document: Document, overrides: Mapping[str, Any] | None = None, *, any_size: bool = False) -> Schedule:
    """The schedule, with everything checked that can be known before a model loads.

    Args:
        document: a file, or its content as a mapping.
        overrides: fields instead of the document's.
        any_size: leave the sizes as they are, whatever the model paints.

    Raises:
        ScheduleError: with every problem.
    """
    return load_document(document, overrides, senses=_ANY_SIZE if any_size else SENSES)


def refuse_stream(document: Document) -> None:
    """Raise BadInput for a pipe, such as /dev/stdin: who reads a schedule more than once finds it empty."""
    if isinstance(document, Mapping):
        return
    path = Path(document)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise BadInput(f"{document}: is a pipe, which can be read but once; write the schedule to a file")


def variants(document: Document, overrides: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The overrides of every run that `vary:` multiplies out; one, empty, without it."""
    return [values for values, _ in variants_of_document(document, overrides, senses=SENSES)]


def misfits(schedule: Schedule) -> Iterator[Problem]:
    """Sizes that the model does not paint."""
    multiple = MULTIPLES.get(str(schedule.settings["model"]), 1)
    for name in ("width", "height"):
        side = int(schedule.settings[name])
        if side % multiple:
            fits = max(1, round(side / multiple)) * multiple
            yield schedule.problem(name, f"the embedded painter paints multiples of {multiple}, not {side}", f"{fits}")


def _contradictions(schedule: Schedule) -> Iterator[Problem]:
    """Settings of which one leaves no sense to another."""
    settings = schedule.settings
    codec = CODECS.get(str(settings["codec"]))
    if codec is not None and codec.most_crf and int(settings["crf"]) > codec.most_crf:
        what = f"{settings['crf']} is more than {settings['codec']} has"
        yield schedule.problem("crf", what, f"0 to {codec.most_crf}")
    if settings["depth_algorithm"] == "file" and not settings["depth_file"] and "depth_file" not in schedule.written:
        example = FIELDS["depth_file"].example
        yield schedule.problem("depth_algorithm", "file needs to know which", f"depth_file: {example}")


def _problems(schedule: Schedule) -> Iterator[Problem]:
    yield from _contradictions(schedule)
    yield from readable.faults(schedule)
    yield from misfits(schedule)


def _notes(schedule: Schedule, plan: Plan) -> Iterator[Problem]:
    """A picture's own noise, kept by a sampler that draws new noise over it."""
    own = zip(plan["inversion"], plan.text["sampler"], plan["eta"])
    drawing = [name for share, name, eta in own if share > 0 and draws_noise(name, eta)]
    if drawing:
        hint = "sampler: DDIM" if draws_noise(drawing[0]) else "eta: 0"
        yield schedule.problem("inversion", f"keeps less with {drawing[0]}, which draws noise on the way", hint)


SENSES = Senses(
    choices={"sampler": (*samplers(), *ALIASES)},
    added=_added,
    faults={"model": names.fault, "depth_algorithm": _fault_of_depth},
    listen=listen,
    separate=separate,
    watch=watch,
    multiples=MULTIPLES,
    problems=_problems,
    notes=_notes,
)
_ANY_SIZE = replace(SENSES, multiples={}, problems=_contradictions)
