"""The one door to rendering: a schedule in, a run directory with its video out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

import animate
from animate import segment
from animate.diffusion import models
from animate.errors import BadInput, RenderError, VideoError
from animate.render import between, eye, finish, hybrid, labels, masking, preflight
from animate.render.animator import STEPS
from animate.render.animator import animate as walk
from animate.render.checked import Document, load, refuse_stream
from animate.render.contact import sheet
from animate.render.flows import Flows
from animate.render.groups import Groups, width_of
from animate.render.progress import InOneThread, Progress, Quiet
from animate.render.projector import Projector
from animate.render.record import Record
from animate.render.run_dir import RunDirectory
from animate.render.runner import Order, run
from animate.render.stencils import Stencils
from animate.schedule.compile import compile
from animate.schedule.plan import Plan
from animate.schedule.taken import merged
from animate.video.codecs import CODECS, NO_VIDEO, Encoding
from animate.video.reader import count_frames
from animate.video.stills import read_picture, write_png
from animate.video.writer import Soundtrack, VideoWriter

DRAFT_SIDE = 256
"""A draft's longer side is about this, and not less than half of what was asked."""
DRAFT_STEPS = 6


@dataclass(frozen=True, kw_only=True)
class Given:
    """A schedule as it was given, and the plan made of it."""

    plan: Plan
    text: bytes
    """The document, byte for byte."""
    file: str
    """Where it came from; empty for a mapping."""
    overrides: Mapping[str, Any]


def render(
    document: Document,
    output: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    draft: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Render a schedule into the run directory `output`, or go on with it there; returns the video's path.

    Args:
        document: a schedule, an old Deforum settings file, or a schedule's content as a mapping.
        output: the run directory; made if it is not there.
        overrides: fields instead of the document's.
        draft: small and with few steps.
        restart: discard what an earlier run left in `output`.
        progress: told about every frame.

    Raises:
        ScheduleError: the schedule has mistakes; nothing was written.
        RunConflict: `output` holds another run, or something else.
        AnimateError: the render stopped; what was rendered is kept and can be gone on with.
    """
    refuse_stream(document)
    directory = RunDirectory(Path(output))
    given = _given(document, dict(overrides or {}), draft, directory, restart)
    return _rendered(given, directory, restart, InOneThread(progress or Quiet()))


def resume(directory: str | Path, *, restart: bool = False, progress: Progress | None = None) -> Path:
    """Go on with an interrupted run from its own files, or begin it anew; returns the video's path.

    Raises:
        BadInput: no run began there.
        RunConflict: a file that the run is made from is not what it was.
        AnimateError: as `render`.
    """
    place = RunDirectory(Path(directory))
    record = place.record()
    if record is None:
        raise BadInput(f"{place.path}: no run began here (animate render FILE -o {place.path} begins one)")
    if not place.schedule.is_file():
        raise BadInput(f"{place.schedule} is not there; animate render FILE -o {place.path} goes on with your own file")
    plan = Plan.from_json(json.dumps(record.plan))
    given = Given(plan=plan, text=place.schedule.read_bytes(), file=record.source, overrides=record.overrides)
    return _rendered(given, place, restart, progress or Quiet())


def _given(document: Document, overrides: dict[str, Any], draft: bool, directory: RunDirectory, restart: bool) -> Given:
    """The document compiled; a seed that chance drew is drawn once for a run, however often it is gone on with."""
    said = dict(overrides)
    record = None if restart else directory.record()
    schedule = load(document, overrides)
    plan = compile(schedule)
    if plan.seed_drawn and record is not None:
        plan = compile(load(document, {**overrides, "seed": record.plan["settings"]["seed"]}))
    if draft:
        overrides |= _draft(plan)
        drafted = compile(load(document, {**overrides, "seed": plan.settings["seed"]}))
        plan = _moving_alike(drafted, plan)
    preflight.refuse_too_long(schedule, plan, directory)
    if isinstance(document, Mapping):
        text = yaml.safe_dump(_plain(merged(document, said)), allow_unicode=True, sort_keys=False)
        return Given(plan=plan, text=text.encode(), file="", overrides=overrides)
    return Given(plan=plan, text=Path(document).read_bytes(), file=str(document), overrides=overrides)


def _plain(value: Any) -> Any:
    """A mapping's content as YAML writes it: frames stay numbers, what is neither number nor text becomes one."""
    if isinstance(value, Mapping):
        return {key if type(key) is int else str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if value is None or type(value) in (bool, int, float, str) else _number(value)


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _draft(plan: Plan) -> dict[str, Any]:
    """Fields of a draft of this plan: at most half as large, at most `DRAFT_STEPS` steps."""
    height, width = plan.size
    scale = max(0.5, min(1.0, DRAFT_SIDE / max(height, width)))
    small = {"height": _eighths(height * scale), "width": _eighths(width * scale)}
    return {**small, "steps": min(DRAFT_STEPS, int(plan["steps"].min()))}


def _moving_alike(draft: Plan, plan: Plan) -> Plan:
    """The draft with the plan's movements, which are told in pixels, for its own size."""
    if plan.settings["animation_mode"] != "2D":
        return draft
    down, across = (small / large for small, large in zip(draft.size, plan.size))
    moves = {"translation_x": plan["translation_x"] * across, "translation_y": plan["translation_y"] * down}
    return replace(draft, columns={**draft.columns, **moves})


def _eighths(side: float) -> int:
    return max(64, round(side / 64) * 64)


def _rendered(given: Given, directory: RunDirectory, restart: bool, progress: Progress) -> Path:
    plan = given.plan
    mode = str(plan.settings["animation_mode"])
    if mode not in STEPS:
        raise BadInput(f"animation_mode {mode} cannot be rendered; there are {', '.join(STEPS)}")
    encoding = Encoding(
        codec=str(plan.settings["codec"]), crf=int(plan.settings["crf"]), preset=str(plan.settings["preset"])
    )
    preflight.check_video(plan, _soundtrack(plan), encoding, progress)
    told = json.loads(plan.to_json())
    del told["digest"]  # the record has its own
    old = None if restart else directory.record()
    if not (restart and directory.plan.exists()):  # what is not a run is not ours to discard
        directory.refuse_another(told)
    if old is not None and old.digest == plan.digest and directory.holds_all(len(plan)):
        return _written(given, replace(old, plan=told), directory, encoding, progress)
    preflight.refuse_changed(plan, directory)
    preflight.check_pictures(plan)
    height, width = finish.size(plan)
    directory.refuse_unwritable(len(plan), height * width)
    painter = painter_of(plan)
    fill = between.filler(plan, str(painter.device), progress.say)
    tweens = between.of_cadence(plan, str(painter.device))
    width_at_once = width_of(plan)
    preflight.refuse_size(plan, painter.name, painter.multiple)
    if plan.settings["generation"] == "depth2img" and not getattr(painter, "takes_depth", False):
        raise BadInput(
            f"{painter.name} does not read depth; take generation: img2img, a model that does (embedded, SD2-depth), "
            "or a controlnet"
        )
    depth = eye.of_plan(plan, str(painter.device), progress)
    record = Record(
        version=animate.__version__,
        digest=plan.digest,
        painter=painter.name,
        painter_digest=painter.digest,
        batch=width_at_once,
        source=given.file,
        overrides=given.overrides,
        plan=told,
    )
    with ExitStack() as stack:
        film, scout = _film(plan, progress, stack), _scout(plan, stack)
        flows = Flows(plan, str(painter.device)) if film is not None else None
        segmenter = None
        if masking.wanted(plan, "word"):
            segmenter = segment.load(str(plan.settings["mask_model"]), device=str(painter.device))
        stencils = stack.enter_context(Stencils(plan, progress.say))
        stack.enter_context(directory.claim())
        directory.begin(record, given.text, Path(given.file).name, anew=restart)
        order = Order(
            plan=plan,
            walk=walk,
            painter=painter,
            depth=depth,
            between=tweens,
            film=film,
            scout=scout,
            stencils=stencils,
            segment=segmenter,
            flows=flows,
            groups=Groups(plan, painter, width_at_once) if width_at_once > 1 else None,
            texts=labels.texts(plan, record),
            video=_video(plan, record, encoding, directory),
            fill=fill,
            device=str(painter.device),
        )
        run(order, directory, progress)
        _show(plan, directory)
    return _result(encoding, directory)


def painter_of(plan: Plan) -> models.Paints:
    """The model that a plan names, loaded."""
    return models.load(
        str(plan.settings["model"]),
        device=str(plan.settings["device"]),
        dtype=str(plan.settings["precision"]),
        memory=str(plan.settings["memory"]),
        vae=str(plan.settings["vae"]),
        controlnet=str(plan.settings["controlnet"]),
    )


def _soundtrack(plan: Plan) -> Soundtrack | None:
    sound = str(plan.settings["soundtrack"]) if between.slower(plan) == 1 else ""
    return Soundtrack(path=Path(sound), offset=float(plan.settings["soundtrack_offset"])) if sound else None


def _written(given: Given, record: Record, directory: RunDirectory, encoding: Encoding, progress: Progress) -> Path:
    """See to the files of a run whose frames are all there: nothing is painted, so no model is loaded."""
    plan = given.plan
    result = _result(encoding, directory)
    open_video = _video(plan, record, encoding, directory)
    with directory.claim():
        before = directory.record()
        directory.begin(record, given.text, Path(given.file).name)
        if open_video is not None and (before != record or not _plays(result, encoding, between.count(plan))):
            progress.say(f"all {len(plan)} frames are there; writing the video again")
            fill = between.filler(plan, "cpu", progress.say)
            with open_video() as video:
                for frame in fill(read_picture(directory.frame(index)) for index in range(len(plan))):
                    video.write(frame)
        else:
            progress.say(f"all {len(plan)} frames are there; nothing to do")
        if not directory.contact.exists():
            _show(plan, directory)
    return result


def _result(encoding: Encoding, directory: RunDirectory) -> Path:
    return directory.frames if encoding.codec == NO_VIDEO else directory.video(encoding.codec)


def _plays(video: Path, encoding: Encoding, frames: int) -> bool:
    """Whether a video is there and has every frame; a fast GIF has fewer and is not counted."""
    try:
        return video.exists() and (encoding.codec == "gif" or count_frames(video) == frames)
    except VideoError:
        return False


def _show(plan: Plan, directory: RunDirectory) -> None:
    """Write the contact sheet."""
    picture = sheet(len(plan), lambda index: read_picture(directory.frame(index)), plan.fps)
    try:
        write_png(directory.contact, picture)
    except OSError as error:
        raise RenderError(f"{directory.contact}: cannot be written: {error.strerror or error}") from error


def _film(plan: Plan, progress: Progress, stack: ExitStack) -> Projector | None:
    """The film that a plan looks at, its first picture seen, closed with `stack`; None where it looks at none."""
    if plan.settings["animation_mode"] != "Video Input" and not hybrid.is_on(plan):
        return None
    if not plan.film.file:
        raise BadInput("animation_mode Video Input needs a film (video: {file: film.mp4})")
    projector = stack.enter_context(_projector(plan, progress))
    projector(0)
    return projector


def _scout(plan: Plan, stack: ExitStack) -> Projector | None:
    """The film once more, for a plan that looks ahead in it, closed with `stack`; None for others."""
    ahead = plan.settings["animation_mode"] == "Video Input" and plan.settings["video_mode"] == "keyed"
    return stack.enter_context(_projector(plan, Quiet())) if ahead else None


def _projector(plan: Plan, progress: Progress) -> Projector:
    return Projector(plan.film, plan.size, str(plan.settings["video_fit"]), frames=len(plan), say=progress.say)


def _video(plan: Plan, record: Record, encoding: Encoding, directory: RunDirectory) -> Callable[[], VideoWriter] | None:
    """What opens the video; None where only frames are wanted."""
    if encoding.codec == NO_VIDEO:
        return None
    height, width = finish.size(plan)
    path = directory.video(encoding.codec)
    about = {"title": plan[0].prompts[0][0][:200], "comment": labels.summary(plan, record)}

    def opened() -> VideoWriter:
        return VideoWriter(
            path,
            width=width,
            height=height,
            fps=between.rate(plan),
            encoding=encoding,
            soundtrack=_soundtrack(plan) if CODECS[encoding.codec].sound else None,
            metadata=about,
        )

    return opened
