"""From a file, or a Python mapping, to a checked `Schedule`: every mistake at once, each at its line.

    text ─> source.read ─> (importer, for a foreign file) ─> names ─> kinds and ranges ─> Schedule
                                                                           └─> one trial of every curve and frame

What needs more than the schedule to be judged (samplers the painter has, sizes it can draw, room on the disk) is either
handed in as `Senses` or checked by the caller, who places its complaint with `Schedule.problem`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from animate.errors import Problem, ScheduleError
from animate.schedule import (
    album,
    curve,
    files,
    film,
    importers,
    masks,
    notation,
    prompt_tracks,
    silence,
    source,
    texts,
    timing,
)
from animate.schedule.clock import Clock
from animate.schedule.compile import evaluated
from animate.schedule.fields import FIELDS, Field
from animate.schedule.film import Show
from animate.schedule.keyframes import Keyframes, constant
from animate.schedule.kinds import READERS
from animate.schedule.music import Music
from animate.schedule.names import NAMES, nearest
from animate.schedule.notation import shown
from animate.schedule.prompt_text import Shelf, Sides
from animate.schedule.prompts import EMPTY, Around, PromptKey, PromptTrack, Reader
from animate.schedule.remarks import remark
from animate.schedule.schedule import Schedule, Setting
from animate.schedule.senses import NO_SENSES, Senses
from animate.schedule.sound import by_frame
from animate.schedule.source import Source, in_order
from animate.schedule.taken import Taken
from animate.schedule.texts import TextTrack
from animate.schedule.tree import Node, Table

Document = str | Path | Mapping[str, Any]
MAX_VARIANTS = 1_000
"""A hundredth of a second each to check, and a render each."""
MAX_WRONG = 50
"""Values of `vary` that are told; the others are most likely wrong in the same way."""
PROMPTS = 1
"""Salt of `prompts`: tells their chances from those of the other fields, which count on from here."""


def load(
    document: Document,
    overrides: Mapping[str, Any] | None = None,
    *,
    series: Mapping[str, Any] | None = None,
    senses: Senses = NO_SENSES,
) -> Schedule:
    """Read and check a schedule.

    Args:
        document: a file (YAML, JSON, or one that an importer knows), or its content as a mapping.
        overrides: fields that replace those of the document, under any of their names. Texts are read as the command
            line's: `1.5` is a number, `{0: 1, 48: 1.1}` a mapping.
        series: arrays (n,) that expressions may use by name.
        senses: what knows of samplers, models, sounds and films.

    Raises:
        ScheduleError: with every problem.
    """
    read = _Reading(_opened(document), overrides or {}, series or {}, senses)
    schedule, problems = read.schedule()
    if problems:  # a file that has to be looked at again is told whole
        raise ScheduleError(in_order([*problems, *read.problems_of_variants(schedule)]))
    return schedule


def variants(
    document: Document, overrides: Mapping[str, Any] | None = None, *, senses: Senses = NO_SENSES
) -> list[tuple[dict[str, Any], Schedule]]:
    """The schedules that `vary:` multiplies out, each with the values that make it; one, and {}, without `vary`."""
    read = _Reading(_opened(document), overrides or {}, {}, senses)
    first, problems = read.schedule()
    if problems or len(first.vary) > 1:  # the values of one list are all the runs there are
        problems += read.problems_of_variants(first)
    found = []
    wrong = 0
    for values in product(*first.vary.values()) if first.vary and not problems else ():
        chosen = dict(zip(first.vary, values))
        each, against = read.schedule(chosen)
        problems += against
        wrong += bool(against)
        if wrong == MAX_WRONG:
            break
        found.append(({name: node.plain() for name, node in chosen.items()}, each))
    if problems:
        raise ScheduleError(in_order(problems))
    return found or [({}, first)]


def _opened(document: Document) -> Source | source.Imported:
    """The document as native source, by way of an importer where one knows it."""
    raw = source.from_mapping(document) if isinstance(document, Mapping) else source.read(document)
    bring = importers.recognise(raw)
    return bring(raw) if bring else raw


@dataclass(frozen=True)
class _Reading:
    """A document, and all that it is read with."""

    opened: Source | source.Imported
    overrides: Mapping[str, Any]
    series: Mapping[str, Any]
    senses: Senses

    def schedule(self, chosen: Mapping[str, Node] = MappingProxyType({})) -> tuple[Schedule, list[Problem]]:
        """The schedule, and what stands against it; `chosen` are values of `vary`."""
        imported = self.opened if isinstance(self.opened, source.Imported) else source.Imported(self.opened)
        taken = Taken(imported.source)
        taken.notes += imported.notes
        taken.take(imported.source)
        taken.override(self.overrides)
        taken.choose(chosen)
        schedule = _Loading(taken, self.series, self.senses).schedule(imported)
        plan, problems = evaluated(schedule)  # what only shows when curves are evaluated belongs to the same list
        problems += [*taken.problems, *self.senses.problems(schedule)]
        if plan is not None:
            schedule = replace(schedule, warnings=in_order([*plan.warnings, *self.senses.notes(schedule, plan)]))
        return schedule, problems

    def problems_of_variants(self, first: Schedule) -> list[Problem]:
        """What stands against each value of `vary` by itself; against the first `MAX_WRONG` of them."""
        alone = ({name: value} for name, values in first.vary.items() for value in values)
        against = (problems for chosen in alone if (problems := self.schedule(chosen)[1]))
        return [problem for problems in islice(against, MAX_WRONG) for problem in problems]


class _Loading:
    """One pass over a document: fields are taken in, then read kind by kind, and complaints are gathered."""

    def __init__(self, taken: Taken, series: Mapping[str, Any], senses: Senses) -> None:
        self.taken = taken
        self.source = taken.source
        self.written = taken.written
        self.senses = senses
        self.series = series

    # --- the whole --------------------------------------------------------------------------------------------------

    def schedule(self, imported: source.Imported) -> Schedule:
        """Every field read and merged with its default; unreadable ones keep the default and a problem."""
        model = self._model()
        settings: dict[str, Setting] = {
            row.name: silence.value(row, model, self.written) for row in FIELDS.values() if row.kind in READERS
        }
        settings["model"] = model
        for name in settings.keys() & self.written.keys() - {"model", "fps"}:
            value = self._setting(FIELDS[name])
            if value is not None:
                settings[name] = value
        settings |= self._floored(settings)
        seed_drawn = settings["seed"] == -1
        if seed_drawn:
            settings["seed"] = secrets.randbelow(2**32)
        show = film.read(*self.taken.report("video"), self.senses.watch) if "video" in self.written else Show()
        if show.frames and not {"max_frames", "duration"} & self.written.keys():
            settings["max_frames"] = show.frames
        elif show.frames and "max_frames" in self.written and self.written["max_frames"].source.lenient:
            settings["max_frames"] = self._as_long_as(show, int(settings["max_frames"]))
        heard = timing.hear(self.taken, self.senses, show)
        clock = timing.clock_of(self.taken, settings, heard, show)
        settings["bpm"] = clock.bpm
        settings["fps"] = float(clock.fps)
        settings["max_frames"] = clock.max_frames
        settings["soundtrack_offset"] = timing.seconds(self.taken, "soundtrack_offset", clock)
        if heard.file and "soundtrack" not in self.written:
            settings["soundtrack"], settings["soundtrack_offset"] = heard.file, heard.offset
        elif show.sound and "soundtrack" not in self.written and clock.fps == show.fps:
            settings["soundtrack"], settings["soundtrack_offset"] = show.film.file, show.offset
        curves = {row.name: self._curve(row, model, clock) for row in FIELDS.values() if row.kind == "curve"}
        tracks = {row.name: self._text(row, model, clock) for row in FIELDS.values() if row.kind == "text"}
        loras = self._loras(clock)
        shelf = Shelf(self.source.folder, clock.seed, tuple(path for path, _ in loras))
        result = Schedule(
            source=self.source,
            written=self.written,
            settings=settings,
            clock=clock,
            curves=curves,
            texts=tracks,
            prompts=self._prompts("prompts", clock, shelf) or PromptTrack((PromptKey(0, EMPTY, EMPTY, Node(None)),)),
            negative_prompts=self._prompts("negative_prompts", clock, shelf),
            layers=self._layers(clock, shelf),
            around=self._around(clock, shelf),
            let=self._let(clock),
            cuts=timing.cuts(self.taken, clock),
            loras=loras,
            embeddings=self._embeddings(),
            images=album.read(*self.taken.with_clock("image_keys", clock)) if "image_keys" in self.written else (),
            film=self._film(show, clock),
            guides=self._guides(clock),
            series=self._series(clock, heard),
            vary=self._vary(),
            seed_drawn=seed_drawn,
            differs=imported.differs,
            origin=imported.origin,
        )
        remark(self.taken, settings, result, show)
        return replace(result, warnings=tuple(self.taken.notes))

    def _as_long_as(self, show: Show, told: int) -> int:
        """How many frames a foreign file makes of its film: all there are, as in Deforum, whatever it says itself."""
        if told != show.frames:
            node, field, report = self.taken.report("max_frames")
            report.note(node, field, f"{told}, but the film has {show.frames}", "so many are made, as in Deforum")
        return show.frames

    def _film(self, show: Show, clock: Clock) -> film.Film:
        if "style_frames" not in self.written:
            return show.film
        return replace(show.film, styles=film.read_pictures(*self.taken.with_clock("style_frames", clock)))

    # --- one value for the run --------------------------------------------------------------------------------------

    def _model(self) -> str:
        """The model's name; a path that exists beside the schedule becomes absolute."""
        if "model" not in self.written:
            return str(FIELDS["model"].default)
        node, field, report = self.taken.report("model")
        text = str(READERS["string"](FIELDS["model"], node, field, report) or FIELDS["model"].default).strip()
        path = files.inside(report.source.folder, text)
        if path is not None and path.exists():
            text = str(path.absolute())
            self._find_fault("model", text)
            return text
        if text.lower().endswith((".safetensors", ".ckpt", ".pt")):
            files.miss(text, node, field, report)
            return text
        self._find_fault("model", text)
        return text

    def _find_fault(self, name: str, text: str) -> None:
        if name in self.senses.faults and text:
            node, field, report = self.taken.report(name)
            what, hint = self.senses.faults[name](text)
            if what:
                report.refuse(node, field, what, hint)

    def _setting(self, row: Field) -> Setting | None:
        node, field, report = self.taken.report(row.name)
        if row.kind == "choice":
            row = replace(row, choices=(*row.choices, *self.senses.added(row.name)))
        value = READERS[row.kind](row, node, field, report)
        if row.kind == "file" and value:
            return files.find(str(value), node, field, report, folders=row.name == "depth_file")
        if row.name == "prompt_ease" and value is not None:
            return notation.read_ease(node, field, report)
        self._find_fault(row.name, str(value or ""))
        return value

    def _floored(self, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        """The sizes of a foreign file as its model here paints them, with one note; it was made for another model."""
        multiple = self.senses.multiples.get(str(settings["model"]), 1)
        found: dict[str, Setting] = {}
        for name in ("width", "height"):
            side = int(settings[name])
            if name in self.written and self.written[name].source.lenient and side % multiple:
                found[name] = max(side - side % multiple, multiple)
        if found:
            name = next(iter(found))
            node, field, report = self.taken.report(name)
            was, now = (f"{size['width']} × {size['height']}" for size in (settings, {**settings, **found}))
            what = f"{was} does not divide by {multiple}, as the painter needs it"
            report.note(node, field, what, f"{now} is painted; model: … names another painter")
        return found

    # --- over time --------------------------------------------------------------------------------------------------

    def _guides(self, clock: Clock) -> tuple[tuple[int, str, str], ...]:
        if "init_images" not in self.written:
            return ()
        return film.read_pictures(*self.taken.with_clock("init_images", clock))

    def _curve(self, row: Field, model: str, clock: Clock) -> Keyframes:
        silent = constant(float(silence.value(row, model, self.written)))
        if row.name not in self.written:
            return silent
        node, field, report = self.taken.report(row.name)
        return curve.read(node, field, clock, report, row, row.name in self.taken.inverted) or silent

    def _text(self, row: Field, model: str, clock: Clock) -> TextTrack:
        found = None
        if row.name in self.written:
            node, field, report = self.taken.report(row.name)
            found = texts.read(node, field, row, self.senses.choices.get(row.name) or row.choices, clock, report)
            if found is not None and row.name in masks.FIELDS:
                filmed = "video" in self.written
                keys = ((at, masks.read(text, node, field, report, filmed), node) for at, text, node in found.keys)
                found = TextTrack(tuple(keys))
        return found or TextTrack(((0, str(row.default_for(model)), Node(None)),))

    def _reader(self, name: str, clock: Clock, shelf: Shelf, salt: int) -> tuple[Node, Reader]:
        node, field, report = self.taken.report(name)
        return node, Reader(field, clock, shelf, report, salt)

    def _prompts(self, name: str, clock: Clock, shelf: Shelf) -> PromptTrack | None:
        if name not in self.written:
            return None
        node, reader = self._reader(name, clock, shelf, PROMPTS + (name == "negative_prompts"))
        return reader.track(node)

    def _layers(self, clock: Clock, shelf: Shelf) -> tuple[prompt_tracks.Layer, ...]:
        if "prompt_tracks" not in self.written:
            return ()
        node, reader = self._reader("prompt_tracks", clock, shelf, 10)
        return prompt_tracks.read(node, reader)

    def _around(self, clock: Clock, shelf: Shelf) -> Around:
        """Texts around every prompt; what they are not is told when they are read as settings."""
        found: list[Sides] = []
        for salt, name in enumerate(("prompt_prepend", "prompt_append"), start=3):
            sides = Sides()
            if name in self.written and not isinstance(self.written[name].value.value, tuple | Table):
                node, reader = self._reader(name, clock, shelf, salt)
                sides = reader.text(node)
            found.append(sides)
        left = right = against = EMPTY
        if "prompt_template" in self.written and self.written["prompt_template"].value.text.strip():
            node, reader = self._reader("prompt_template", clock, shelf, 5)
            left, right, against = reader.template(node)
        return Around(
            before=found[0].positive,
            left=left,
            right=right,
            after=found[1].positive,
            against=(found[0].negative, against, found[1].negative),
        )

    def _let(self, clock: Clock) -> dict[str, Keyframes]:
        if "let" not in self.written:
            return {}
        node, field, report = self.taken.report("let")
        if not isinstance(node.value, Table):
            report.refuse(node, field, f"{shown(node)} is not a mapping", FIELDS["let"].example)
            return {}
        found = {}
        for key, value in node.value.pairs:
            name = key.text
            if not notation.may_be_named(key, field, "a curve", report):
                continue
            if _names_a_curve(name):
                hint = f"another name, or the curve under {name} itself; at({name}, t) reads it"
                report.refuse(key, field, f"{name} is a field already", hint)
                continue
            read = curve.read(value, f"{field}.{name}", clock, report)
            # A name that could not be read still exists: those who use it are not to blame.
            found[name] = read or constant(0.0)
        return found

    def _series(self, clock: Clock, heard: Music) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for prefix, sound in heard.sounds.items():
            found |= by_frame(sound, prefix, clock, heard.offset)
        for name, values in self.series.items():
            if _names_a_curve(name):
                self.taken.problems.append(self.source.problem(None, "series", f"{name} is a field", "another name"))
                continue
            column = np.asarray(values, dtype=np.float64).ravel()
            if len(column) and np.isfinite(column).all():
                wanted = np.minimum(np.arange(clock.max_frames), len(column) - 1)
                found[name] = column[wanted]
        return found

    # --- files of the model, batches --------------------------------------------------------------------------------

    def _loras(self, clock: Clock) -> tuple[tuple[str, Keyframes], ...]:
        found = []
        for key, value, field, report in self.taken.entries("loras"):
            path = files.find(key.text, key, field, report)
            weight = curve.read(value, f"{field}.{key.text}", clock, report)
            if path and weight:
                found.append((path, weight))
        return tuple(found)

    def _embeddings(self) -> tuple[tuple[str, str], ...]:
        found = []
        for key, value, field, report in self.taken.entries("embeddings"):
            if isinstance(value.value, tuple | Table | None):
                report.refuse(value, f"{field}.{key.text}", f"{shown(value)} is not a path")
                continue
            path = files.find(value.text, value, f"{field}.{key.text}", report)
            if path:
                found.append((key.text, path))
        return tuple(found)

    def _vary(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, tuple[Node, ...]] = {}
        count = 1
        for key, value, field, report in self.taken.entries("vary"):
            name = key.text
            if name == "vary":
                report.refuse(key, field, "vary itself cannot be varied")
            elif name not in NAMES:
                report.refuse(key, field, f"there is no field {name[:40]!r}", nearest(name))
            elif not isinstance(value.value, tuple) or not value.value:
                report.refuse(value, f"{field}.{name}", "is not a list of values", FIELDS["vary"].example)
            else:
                found[name] = value.value
                count *= len(value.value)
        if count > MAX_VARIANTS:
            node, field, report = self.taken.report("vary")
            report.refuse(node, field, f"makes {count:,} schedules", f"at most {MAX_VARIANTS:,}")
            return {}
        return found


def _names_a_curve(name: str) -> bool:
    """Whether expressions know a field's own curve by this name."""
    return name in FIELDS and FIELDS[name].kind == "curve"
