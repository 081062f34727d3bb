"""From a file, or a Python mapping, to a checked `Schedule`: every mistake at once, each at its line.

    text ─> source.read ─> (importer, for a foreign file) ─> names ─> kinds and ranges ─> Schedule
                                                                           └─> one trial of every curve and frame

What needs more than the schedule to be judged (samplers the painter has, sizes it can draw, room on the disk) is either
handed in as `Senses` or checked by the caller, who places its complaint with `Schedule.problem`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from animate.errors import Problem, ScheduleError
from animate.schedule import (
    album,
    curve,
    expression,
    files,
    film,
    importers,
    masks,
    music,
    prompt_tracks,
    source,
    texts,
)
from animate.schedule.clock import Clock, TimeError, rate
from animate.schedule.curve import Keyframes, shown
from animate.schedule.fields import FIELDS, Field
from animate.schedule.film import Show
from animate.schedule.kinds import READERS
from animate.schedule.music import Music
from animate.schedule.names import NAMES, nearest
from animate.schedule.plan import evaluated
from animate.schedule.prompt_text import NO_SEED, Shelf, Sides
from animate.schedule.prompts import EMPTY, Around, PromptKey, PromptTrack, Reader
from animate.schedule.schedule import Schedule, Setting, Written
from animate.schedule.senses import NO_SENSES, Senses
from animate.schedule.sound import by_frame
from animate.schedule.source import Node, Report, Source, Table, in_order
from animate.schedule.texts import TextTrack

Document = str | Path | Mapping[str, Any]
OVERRIDE = "--set"
"""Stands for the file in problems with an override."""

_INSTEAD = {"duration": "max_frames", "max_frames": "duration"}
"""Fields that say the same thing: to override one drops the other."""
MAX_VARIANTS = 10_000


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
    return _load(_opened(document), overrides or {}, series or {}, senses)


def variants(
    document: Document, overrides: Mapping[str, Any] | None = None, *, senses: Senses = NO_SENSES
) -> list[tuple[dict[str, Any], Schedule]]:
    """The schedules that `vary:` multiplies out, each with the values that make it; one, and {}, without `vary`."""
    opened = _opened(document)
    first = _load(opened, overrides or {}, {}, senses)
    if not first.vary:
        return [({}, first)]
    found = []
    for values in product(*first.vary.values()):
        chosen = dict(zip(first.vary, values))
        each = _load(opened, {**(overrides or {}), **chosen}, {}, senses)
        found.append(({name: node.plain() for name, node in chosen.items()}, each))
    return found


def _opened(document: Document) -> Source | source.Imported:
    """The document as native source, by way of an importer where one knows it."""
    raw = source.from_mapping(document) if isinstance(document, Mapping) else source.read(document)
    bring = importers.recognise(raw)
    return bring(raw) if bring else raw


def _load(
    opened: Source | source.Imported, overrides: Mapping[str, Any], series: Mapping[str, Any], senses: Senses
) -> Schedule:
    imported = opened if isinstance(opened, source.Imported) else source.Imported(opened)
    loading = _Loading(imported.source, series, senses)
    loading.notes += imported.notes
    loading.take(imported.source)
    loading.override(overrides)
    schedule = loading.schedule(imported)
    plan, problems = evaluated(schedule)  # what only shows when curves are evaluated belongs to the same list
    problems += loading.problems
    if problems:
        raise ScheduleError(in_order(problems))
    assert plan is not None
    return replace(schedule, warnings=plan.warnings)


def override_node(value: Any) -> Node:
    """What an override stands for; texts are read as the command line's. Raises ScheduleError, TypeError."""
    if isinstance(value, Node):
        return value._replace(line=0, column=0)
    if not isinstance(value, str):
        return Node.of(value)
    if value.lstrip()[:1] in ("{", "["):
        return _without_marks(source.parse(value, OVERRIDE))
    return Node(source.scalar(value.strip()), text=value)


def _without_marks(node: Node) -> Node:
    return Node.of(node.plain())


class _Loading:
    """One pass over a document: fields are taken in, then read kind by kind, and complaints are gathered."""

    def __init__(self, native: Source, series: Mapping[str, Any], senses: Senses) -> None:
        self.senses = senses
        self.source = native
        self.series = series
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.written: dict[str, Written] = {}
        self.inverted: set[str] = set()

    # --- names ------------------------------------------------------------------------------------------------------

    def take(self, native: Source) -> None:
        """Every field of a document under its own name."""
        root = native.root
        if not isinstance(root.value, Table):
            what = "is empty" if root.value is None else "is not a schedule: there are no `field: value` lines in it"
            hint = "`animate init` writes a commented starter schedule"
            self.problems.append(native.problem(root if root.line else None, "", what, hint))
            return
        for first, again in source.repeated(root.value):
            self.problems.append(
                native.problem(
                    again, again.text, "is written twice", f"first in line {first.line}" if first.line else ""
                )
            )
        for key, value in root.value.pairs:
            if key.text not in NAMES:
                self.problems.append(native.problem(key, key.text[:60], "there is no such field", nearest(key.text)))
                continue
            name, inverted = NAMES[key.text]
            before = self.written.get(name)
            if before is not None and before.spelled != key.text:
                if (name in self.inverted) == inverted and _equal(before.value, value):
                    continue
                what = f"disagrees with {before.spelled}, another name of the same field"
                line = f"in line {before.key.line}" if before.key.line else ""
                self.problems.append(native.problem(key, key.text, what, line))
                continue
            self.written[name] = Written(key.text, key, value, native)
            self.inverted = self.inverted | {name} if inverted else self.inverted - {name}
            self._refuse_repeated(value, key.text, native)

    def _refuse_repeated(self, node: Node, field: str, native: Source) -> None:
        stack = [node]
        while stack:
            value = stack.pop().value
            if isinstance(value, Table):
                for first, again in source.repeated(value):
                    hint = f"first in line {first.line}" if first.line else ""
                    self.problems.append(native.problem(again, field, f"key {again.text} is written twice", hint))
                stack += [content for _, content in value.pairs]
            elif isinstance(value, tuple):
                stack += value

    def override(self, overrides: Mapping[str, Any]) -> None:
        """Fields given on the command line or by the caller, in place of the document's."""
        place = Source(root=Node(None), file=OVERRIDE, folder=Path.cwd())
        for spelled, value in overrides.items():
            if spelled not in NAMES:
                self.problems.append(
                    place.problem(None, str(spelled)[:60], "there is no such field", nearest(str(spelled)))
                )
                continue
            name, inverted = NAMES[spelled]
            try:
                node = override_node(value)
            except ScheduleError as error:
                self.problems += [replace(problem, field=spelled) for problem in error.problems]
                continue
            except TypeError as error:
                self.problems.append(place.problem(None, spelled, str(error)))
                continue
            self.written.pop(_INSTEAD.get(name, ""), None)
            self.written[name] = Written(spelled, node, node, place)
            self.inverted = self.inverted | {name} if inverted else self.inverted - {name}
            self._refuse_repeated(node, spelled, place)

    # --- the whole --------------------------------------------------------------------------------------------------

    def schedule(self, imported: source.Imported) -> Schedule:
        """Every field read and merged with its default; unreadable ones keep the default and a problem."""
        model = self._model()
        settings: dict[str, Setting] = {
            row.name: self._silent(row, model) for row in FIELDS.values() if row.kind in READERS
        }
        settings["model"] = model
        for name in settings.keys() & self.written.keys() - {"model", "fps"}:
            value = self._setting(FIELDS[name])
            if value is not None:
                settings[name] = value
        seed_drawn = settings["seed"] == -1
        if seed_drawn:
            settings["seed"] = secrets.randbelow(2**32)
        show = film.read(*self._report("video"), self.senses.watch) if "video" in self.written else Show()
        if show.frames and not {"max_frames", "duration"} & self.written.keys():
            settings["max_frames"] = show.frames
        elif show.frames and self.source.lenient:  # Deforum stops where the film stops
            settings["max_frames"] = min(int(settings["max_frames"]), show.frames)
        heard = self._music(show)
        clock = self._clock(settings, heard, show)
        settings["bpm"] = clock.bpm
        settings["fps"] = float(clock.fps)
        settings["max_frames"] = clock.max_frames
        settings["soundtrack_offset"] = self._seconds("soundtrack_offset", clock)
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
            cuts=self._cuts(clock),
            loras=loras,
            embeddings=self._embeddings(),
            images=album.read(*self._with_clock("image_keys", clock)) if "image_keys" in self.written else (),
            film=self._film(show, clock),
            guides=film.read_pictures(*self._with_clock("init_images", clock)) if "init_images" in self.written else (),
            series=self._series(clock, heard),
            vary=self._vary(),
            seed_drawn=seed_drawn,
            differs=imported.differs,
            origin=imported.origin,
        )
        self._remark(settings)
        self._remark_on_prompts(result)
        self._remark_on_film(settings, show)
        return replace(result, warnings=tuple(self.notes))

    def _remark(self, settings: Mapping[str, Setting]) -> None:
        """Combinations that do nothing, which is seldom meant."""

        def note(name: str, what: str, hint: str = "") -> None:
            written = self.written[name]
            self.notes.append(written.source.problem(written.key, written.spelled, what, hint))

        if not {"prompts", "prompt_tracks"} & self.written.keys():
            self.notes.append(self.source.problem(None, "prompts", "none are given; the model paints what it likes"))
        if "seed_schedule" in self.written and settings["seed_behavior"] != "schedule":
            note("seed_schedule", "has no effect", "seed_behavior: schedule")
        if "seed_iter_N" in self.written and settings["seed_behavior"] != "iter":
            note("seed_iter_N", "has no effect", "seed_behavior: iter")
        if "image_keys" in self.written and settings["animation_mode"] != "Interpolation":
            note("image_keys", "has no effect", "animation_mode: Interpolation")
        if settings["color_coherence"] == "Image" and not settings["color_coherence_image"]:
            written = self.written["color_coherence"]
            self.problems.append(
                written.source.problem(
                    written.value, written.spelled, "Image needs a picture", "color_coherence_image: palette.png"
                )
            )
        if int(settings["loop"]) >= int(settings["max_frames"]) and "loop" in self.written:
            note("loop", "is as long as the whole animation")

    def _remark_on_prompts(self, schedule: Schedule) -> None:
        """Parts of prompts that stand where they do nothing."""
        seeded = schedule.settings["seed_behavior"] == "schedule"
        elsewhere = [("negative_prompts", schedule.negative_prompts)]
        elsewhere += [("prompt_tracks", layer.track) for layer in schedule.layers]
        for name, track in [("prompts", schedule.prompts), *elsewhere]:
            keys = track.keys if track else ()
            report = self._report(name)[2] if name in self.written else None
            for key in keys if report else ():
                assert report is not None
                field = self.written[name].spelled
                if key.seed != NO_SEED and (name != "prompts" or seeded):
                    hint = "seed_schedule says the seeds" if name == "prompts" else "in a prompt of `prompts`"
                    report.note(key.node, field, "--seed has no effect here", hint)
                if key.negative.loras or (name == "negative_prompts" and key.positive.loras):
                    report.note(key.node, field, "a LoRA has no effect where it is to be avoided")

    def _remark_on_film(self, settings: Mapping[str, Setting], show: Show) -> None:
        """A film that is not shown, or too short, and a mode that lacks one."""
        filmed = settings["animation_mode"] == "Video Input"
        if filmed and "video" not in self.written and "animation_mode" in self.written:
            node, field, report = self._report("animation_mode")
            tell = report.note if report.source.lenient else report.refuse
            tell(node, field, "Video Input needs a film", f"video: {FIELDS['video'].example}")
        looked_at = settings["hybrid_composite"] != "None" or settings["hybrid_motion"] != "None"
        looked_at = looked_at or bool({"mask", "noise_mask"} & self.written.keys())
        for name in ("hybrid_composite", "hybrid_motion"):
            if name in self.written and settings[name] != "None" and (filmed or "video" not in self.written):
                node, field, report = self._report(name)
                hint = "animation_mode: 2D or 3D" if filmed else f"video: {FIELDS['video'].example}"
                report.note(node, field, "has no effect", hint)
        if not filmed and "video" in self.written and not looked_at:
            node, field, report = self._report("video")
            report.note(node, field, "has no effect", "animation_mode: Video Input, hybrid_motion or hybrid_composite")
        if show.frames and int(settings["max_frames"]) > show.frames:
            node, field, report = self._report("duration" if "duration" in self.written else "max_frames")
            report.refuse(node, field, f"{settings['max_frames']} frames are more than the film has", f"{show.frames}")

    def _report(self, name: str) -> tuple[Node, str, Report]:
        written = self.written[name]
        report = Report(written.source)
        report.problems, report.notes = self.problems, self.notes
        return written.value, written.spelled, report

    # --- time -------------------------------------------------------------------------------------------------------

    def _silent(self, row: Field, model: str) -> Setting:
        """What a field is where the schedule does not say."""
        instead: Mapping[str, Setting] = album.DEFAULTS if "image_keys" in self.written else {}
        instead = film.DEFAULTS if "video" in self.written and not self._beside() else instead
        return instead.get(row.name, row.default_for(model))

    def _beside(self) -> bool:
        """Whether a mode is named in which the film, if there is one, lies beside an animation of its own."""
        return "animation_mode" in self.written and self.written["animation_mode"].value.text.strip().upper() in (
            "2D",
            "3D",
        )

    def _film(self, show: Show, clock: Clock) -> film.Film:
        if "style_frames" not in self.written:
            return show.film
        return replace(show.film, styles=film.read_pictures(*self._with_clock("style_frames", clock)))

    def _with_clock(self, name: str, clock: Clock) -> tuple[Node, str, Clock, Report]:
        node, field, report = self._report(name)
        return node, field, clock, report

    def _music(self, show: Show) -> Music:
        """The sounds of `audio` and `stems`, heard."""
        audio = self._report("audio") if "audio" in self.written else None
        stems = self._report("stems") if "stems" in self.written else None
        return music.read(audio, stems, self.senses.listen, self.senses.separate, self._rate(show))

    def _rate(self, show: Show) -> Fraction:
        """Frames a second as far as they can be read; `_clock` tells what is wrong with them."""
        try:
            return rate(self.written["fps"].value.text)
        except (KeyError, TimeError):
            return show.fps or Fraction(str(FIELDS["fps"].default))

    def _clock(self, settings: Mapping[str, Setting], heard: Music, show: Show) -> Clock:
        fps = show.fps or Fraction(str(FIELDS["fps"].default))
        if "fps" in self.written:
            node, field, report = self._report("fps")
            try:
                fps = rate(node.text if not isinstance(node.value, tuple | Table) else "")
            except TimeError as error:
                report.refuse(node, field, error.what, error.hint)
        bpm: float | str | bool = settings["bpm"]
        beats: tuple[float, ...] = ()
        if bpm == "auto":
            bpm, beats = music.counted(heard, "audio" in self.written, *self._report("bpm"))
        clock = Clock(
            fps=fps,
            max_frames=int(settings["max_frames"]),
            bpm=float(bpm),
            seed=int(settings["seed"]),
            beats=beats,
        )
        if "duration" in self.written:
            clock = self._with_duration(clock)
        return self._with_cues(clock, heard)

    def _with_duration(self, clock: Clock) -> Clock:
        node, field, report = self._report("duration")
        if isinstance(node.value, tuple | Table | None) or not node.text.strip():
            report.refuse(node, field, f"{shown(node)} is not a time", "240, 20s or 32b")
            return clock
        try:
            frames = clock.frame(node.text)
        except TimeError as error:
            report.refuse(node, field, error.what, error.hint)
            return clock
        row = FIELDS["max_frames"]
        if not row.low <= frames <= row.high:
            report.refuse(node, field, f"{node.text} are {frames} frames", f"{row.low} to {row.high:,}")
            return clock
        if "max_frames" in self.written and frames != clock.max_frames:
            other = self.written["max_frames"]
            what = f"{node.text} are {frames} frames, but {other.spelled} says {clock.max_frames}"
            report.refuse(node, field, what, "one of the two is enough")
        return replace(clock, max_frames=frames)

    def _with_cues(self, clock: Clock, heard: Music) -> Clock:
        if "cues" not in self.written:
            return clock
        node, field, report = self._report("cues")
        if not isinstance(node.value, Table):
            report.refuse(node, field, f"{shown(node)} is not a mapping", FIELDS["cues"].example)
            return clock
        cues: dict[str, int] = {}
        groups: dict[str, tuple[int, ...]] = {}
        for key, value in node.value.pairs:
            name = key.text
            if not expression.IDENTIFIER.match(name) or name in expression.VARIABLES:
                report.refuse(
                    key,
                    field,
                    f"{name[:40]!r} cannot be a cue's name",
                    "letters, digits and _, not one of t, max_f, s …",
                )
                continue
            if isinstance(value.value, Table):
                frames = music.struck(value, f"{field}.{name}", heard, clock, report)
                if frames is not None:
                    groups[name] = frames
                    cues |= {f"{name}{number}": frame for number, frame in enumerate(frames, start=1)}
                continue
            if isinstance(value.value, tuple | None):
                report.refuse(value, f"{field}.{name}", f"{shown(value)} is not a time", "48, 2s, 4b, 50%")
                continue
            frame = curve.read_time(value, f"{field}.{name}", replace(clock, cues=cues), report)
            if frame is not None:
                cues[name] = frame
        return replace(clock, cues=cues, groups=groups)

    def _seconds(self, name: str, clock: Clock) -> float:
        if name not in self.written:
            return 0.0
        node, field, report = self._report(name)
        if isinstance(node.value, tuple | Table | None):
            report.refuse(node, field, f"{shown(node)} is not a time", FIELDS[name].example)
            return 0.0
        try:
            return clock.seconds(node.text)
        except TimeError as error:
            report.refuse(node, field, error.what, error.hint)
            return 0.0

    # --- one value for the run --------------------------------------------------------------------------------------

    def _model(self) -> str:
        """The model's name; a path that exists beside the schedule becomes absolute."""
        if "model" not in self.written:
            return str(FIELDS["model"].default)
        node, field, report = self._report("model")
        text = str(READERS["string"](FIELDS["model"], node, field, report) or FIELDS["model"].default).strip()
        path = files.inside(report.source.folder, text)
        if path is not None and path.exists():
            return str(path.absolute())
        if text.lower().endswith((".safetensors", ".ckpt", ".pt")):
            files.miss(text, node, field, report)
            return text
        self._find_fault("model", text)
        return text

    def _find_fault(self, name: str, text: str) -> None:
        if name in self.senses.faults and text:
            node, field, report = self._report(name)
            what, hint = self.senses.faults[name](text)
            if what:
                report.refuse(node, field, what, hint)

    def _setting(self, row: Field) -> Setting | None:
        node, field, report = self._report(row.name)
        value = READERS[row.kind](row, node, field, report)
        if row.kind == "file" and value:
            return files.find(str(value), node, field, report)
        if row.name == "prompt_ease" and value is not None:
            return curve.read_ease(node, field, report)
        self._find_fault(row.name, str(value or ""))
        return value

    # --- over time --------------------------------------------------------------------------------------------------

    def _curve(self, row: Field, model: str, clock: Clock) -> Keyframes:
        silent = curve.constant(float(self._silent(row, model)))
        if row.name not in self.written:
            return silent
        node, field, report = self._report(row.name)
        found = curve.read(node, field, clock, report)
        if found is None:
            return silent
        return replace(found, complement=True) if row.name in self.inverted else found

    def _text(self, row: Field, model: str, clock: Clock) -> TextTrack:
        found = None
        if row.name in self.written:
            node, field, report = self._report(row.name)
            found = texts.read(node, field, row, self.senses.choices.get(row.name) or row.choices, clock, report)
            if found is not None and row.name in masks.FIELDS:
                filmed = "video" in self.written
                keys = ((at, masks.read(text, node, field, report, filmed), node) for at, text, node in found.keys)
                found = TextTrack(tuple(keys))
        return found or TextTrack(((0, str(row.default_for(model)), Node(None)),))

    def _reader(self, name: str, clock: Clock, shelf: Shelf, salt: int) -> tuple[Node, Reader]:
        node, field, report = self._report(name)
        return node, Reader(field, clock, shelf, report, salt)

    def _prompts(self, name: str, clock: Clock, shelf: Shelf) -> PromptTrack | None:
        if name not in self.written:
            return None
        node, reader = self._reader(name, clock, shelf, 1 + (name == "negative_prompts"))
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

    def _cuts(self, clock: Clock) -> tuple[int, ...]:
        if "cuts" not in self.written:
            return ()
        node, field, report = self._report("cuts")
        items = node.value if isinstance(node.value, tuple) else (node,)
        frames = set()
        for item in items:
            if isinstance(item.value, tuple | Table | None):
                report.refuse(item, field, f"{shown(item)} is not a time", FIELDS["cuts"].example)
                continue
            if item.text in clock.groups:
                frames |= set(clock.groups[item.text]) - {0}
                continue
            frame = curve.read_time(item, field, clock, report)
            if frame is not None and frame > clock.last:
                report.note(item, field, f"{item.text} lies past the end")
            elif frame is not None:
                frames.add(frame)
        return tuple(sorted(frames))

    def _let(self, clock: Clock) -> dict[str, Keyframes]:
        if "let" not in self.written:
            return {}
        node, field, report = self._report("let")
        if not isinstance(node.value, Table):
            report.refuse(node, field, f"{shown(node)} is not a mapping", FIELDS["let"].example)
            return {}
        found = {}
        for key, value in node.value.pairs:
            name = key.text
            if not expression.IDENTIFIER.match(name) or name in expression.VARIABLES:
                report.refuse(
                    key,
                    field,
                    f"{name[:40]!r} cannot be a curve's name",
                    "letters, digits and _, not one of t, max_f, s …",
                )
                continue
            read = curve.read(value, f"{field}.{name}", clock, report)
            # A name that could not be read still exists: those who use it are not to blame.
            found[name] = read or curve.constant(0.0)
        return found

    def _series(self, clock: Clock, heard: Music) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for prefix, sound in heard.sounds.items():
            found |= by_frame(sound, prefix, clock, heard.offset)
        for name, values in self.series.items():
            column = np.asarray(values, dtype=np.float64).ravel()
            if len(column) and np.isfinite(column).all():
                wanted = np.minimum(np.arange(clock.max_frames), len(column) - 1)
                found[name] = column[wanted]
        return found

    # --- files of the model, batches --------------------------------------------------------------------------------

    def _loras(self, clock: Clock) -> tuple[tuple[str, Keyframes], ...]:
        found = []
        for key, value, field, report in self._entries("loras"):
            path = files.find(key.text, key, field, report)
            weight = curve.read(value, f"{field}.{key.text}", clock, report)
            if path and weight:
                found.append((path, weight))
        return tuple(found)

    def _embeddings(self) -> tuple[tuple[str, str], ...]:
        found = []
        for key, value, field, report in self._entries("embeddings"):
            if isinstance(value.value, tuple | Table | None):
                report.refuse(value, f"{field}.{key.text}", f"{shown(value)} is not a path")
                continue
            path = files.find(value.text, value, f"{field}.{key.text}", report)
            if path:
                found.append((key.text, path))
        return tuple(found)

    def _entries(self, name: str) -> Iterable[tuple[Node, Node, str, Report]]:
        if name not in self.written:
            return
        node, field, report = self._report(name)
        if not isinstance(node.value, Table):
            report.refuse(node, field, f"{shown(node)} is not a mapping", FIELDS[name].example)
            return
        for key, value in node.value.pairs:
            yield key, value, field, report

    def _vary(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, tuple[Node, ...]] = {}
        count = 1
        for key, value, field, report in self._entries("vary"):
            name = key.text
            if name not in NAMES or NAMES[name][0] == "vary":
                report.refuse(key, field, f"there is no field {name[:40]!r}", nearest(name))
            elif not isinstance(value.value, tuple) or not value.value:
                report.refuse(value, f"{field}.{name}", "is not a list of values", FIELDS["vary"].example)
            else:
                found[name] = value.value
                count *= len(value.value)
        if count > MAX_VARIANTS:
            node, field, report = self._report("vary")
            report.refuse(node, field, f"makes {count:,} schedules", f"at most {MAX_VARIANTS:,}")
            return {}
        return found


def _equal(a: Node, b: Node) -> bool:
    x, y = a.plain(), b.plain()
    return bool(x == y) and isinstance(x, bool) == isinstance(y, bool)
