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
from animate.depth import load as load_depth
from animate.depth.embedded import FOLDER as EMBEDDED_DEPTH
from animate.depth.file import FromFile
from animate.diffusion import digests, models
from animate.errors import BadInput, RenderError, RunConflict, ScheduleError, VideoError
from animate.picture import convert
from animate.render import between, finish, hybrid, masking
from animate.render.animator import STEPS
from animate.render.animator import animate as walk
from animate.render.checked import Document, load
from animate.render.contact import sheet
from animate.render.flows import Flows
from animate.render.groups import Groups, width_of
from animate.render.progress import InOneThread, Progress, Quiet
from animate.render.projector import Projector
from animate.render.record import Record, identity
from animate.render.run_dir import RunDirectory
from animate.render.runner import Order, run
from animate.render.stencils import Stencils
from animate.schedule.compile import compile
from animate.schedule.files import fingerprint
from animate.schedule.plan import Plan
from animate.schedule.schedule import Schedule
from animate.schedule.taken import merged
from animate.video.codecs import CODECS, NO_VIDEO, Encoding, codec_of
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
    _refuse_too_long(schedule, plan, directory)
    if isinstance(document, Mapping):
        text = yaml.safe_dump(_plain(merged(document, said)), allow_unicode=True, sort_keys=False)
        return Given(plan=plan, text=text.encode(), file="", overrides=overrides)
    return Given(plan=plan, text=Path(document).read_bytes(), file=str(document), overrides=overrides)


def _refuse_too_long(schedule: Schedule, plan: Plan, directory: RunDirectory) -> None:
    """Raise ScheduleError, at the line that says the length, where the disk cannot hold the frames."""
    height, width = finish.size(plan)
    lacking = directory.lacks(len(plan), height * width)
    if lacking:
        length = "duration" if "duration" in schedule.written else "max_frames"
        raise ScheduleError([schedule.problem(length, lacking, "make room, or give another disk with -o")])


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
    _check_video(plan, encoding, progress)
    told = json.loads(plan.to_json())
    del told["digest"]  # the record has its own
    old = None if restart else directory.record()
    if not (restart and directory.plan.exists()):  # what is not a run is not ours to discard
        directory.refuse_another(told)
    if old is not None and old.digest == identity(told) and directory.holds_all(len(plan)):
        return _written(given, replace(old, plan=told), directory, encoding, progress)
    _refuse_changed(plan, directory)
    _check_pictures(plan)
    height, width = finish.size(plan)
    directory.refuse_unwritable(len(plan), height * width)
    painter = painter_of(plan)
    fill = between.filler(plan, str(painter.device), progress.say)
    tweens = between.of_cadence(plan, str(painter.device))
    width_at_once = width_of(plan)
    _refuse_size(plan, painter.name, painter.multiple)
    if plan.settings["generation"] == "depth2img" and not getattr(painter, "takes_depth", False):
        raise BadInput(
            f"{painter.name} does not read depth; take generation: img2img, a model that does (embedded, SD2-depth), "
            "or a controlnet"
        )
    depth = _depth(plan, str(painter.device), progress)
    record = Record(
        version=animate.__version__,
        digest=identity(told),
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
            texts=_texts(plan, record),
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


def _check_video(plan: Plan, encoding: Encoding, progress: Progress) -> None:
    """Raise EncodeError now for what would fail after the last frame; say which sound will not be heard."""
    sound = _soundtrack(plan)
    if encoding.codec != NO_VIDEO:
        codec_of(encoding)
    if sound is not None and (encoding.codec == NO_VIDEO or not CODECS[encoding.codec].sound):
        progress.say(f"codec {encoding.codec} holds no sound; the soundtrack is left out")
    if sound is None and plan.settings["soundtrack"]:
        progress.say("slow motion has no sound; the soundtrack is left out")


def _check_pictures(plan: Plan) -> None:
    """Raise VideoError or BadInput for a picture that could not be read once the model is loaded."""
    named = {"init_image": True, "color_coherence_image": plan.settings["color_coherence"] == "Image"}
    files = [str(plan.settings[name]) for name, used in named.items() if used and plan.settings[name]]
    files += [file for _, file, _ in (*plan.album.keys, *plan.guides, *plan.film.styles)]
    for file in files:
        convert.read_picture(file)  # as the runner will: it takes 16 bits and floats, too
    with Stencils(plan) as stencils:
        for file, alpha in masking.files(plan):
            stencils(0, file, alpha)


def _refuse_changed(plan: Plan, directory: RunDirectory) -> None:
    """Raise RunConflict where a file is not what the plan was made from: what is painted by now would not go on."""
    files = [(path, digest) for _, path, digest in (*plan.album.keys, *plan.guides, *plan.film.styles)]
    files += [(str(plan.settings.get(name, name)), digest) for name, digest in plan.contents.items()]
    files.append((plan.film.file, plan.film.digest))
    changed = {path: _difference(Path(path), digest) for path, digest in files if digest}
    listed = [f"{path}: {what}" for path, what in changed.items() if what]
    if listed:
        raise RunConflict(
            f"{directory.path} holds frames of other files; changed since:\n  " + "\n  ".join(listed) + "\n"
            "(put them back to go on, or render with --restart to discard those frames)"
        )


def _difference(path: Path, digest: str) -> str:
    """What happened to a file of this digest; "" where it is the same."""
    if not path.exists():
        return "is not there any more"
    if fingerprint(path) == digest:
        return ""
    return "holds other files now" if path.is_dir() else "is another file of that name now"


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


def _depth(plan: Plan, device: str, progress: Progress) -> Any:
    """The depth estimator of a plan; None where it needs none. Says where a file's maps are of another shape."""
    name = str(plan.settings["depth_algorithm"])
    flown = plan.settings["animation_mode"] == "3D" and plan.settings["use_depth_warping"] and name != "flat"
    asked = plan.settings["generation"] == "depth2img" or finish.wants_depth(plan) or masking.wanted(plan, "depth")
    if not (flown or asked):
        return None
    if name == "embedded":
        digests.verify(EMBEDDED_DEPTH)
    estimator = load_depth(name, device=device, file=str(plan.settings["depth_file"]))
    if isinstance(estimator, FromFile):
        (height, width), (rows, columns) = plan.size, estimator.size
        if abs(columns / rows - width / height) > 0.01 * width / height:
            progress.say(
                f"depth_file: maps of {columns} × {rows} are stretched to pictures of {width} × {height}, another shape"
            )
    return estimator


def _refuse_size(plan: Plan, painter: str, multiple: int) -> None:
    height, width = plan.size
    if height % multiple or width % multiple:
        near = f"{max(1, round(width / multiple)) * multiple} × {max(1, round(height / multiple)) * multiple}"
        raise BadInput(f"{painter} paints sizes that divide by {multiple}, not {width} × {height} (take {near})")


def _video(plan: Plan, record: Record, encoding: Encoding, directory: RunDirectory) -> Callable[[], VideoWriter] | None:
    """What opens the video; None where only frames are wanted."""
    if encoding.codec == NO_VIDEO:
        return None
    height, width = finish.size(plan)
    path = directory.video(encoding.codec)
    about = {"title": plan[0].prompts[0][0][:200], "comment": _summary(plan, record)}

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


def _summary(plan: Plan, record: Record) -> str:
    """What made the run, as JSON: data only."""
    height, width = plan.size
    prompts = {str(frame): plan[frame].prompts[0][0] for frame in plan.prompts.key_frames if frame < len(plan)}
    about = {
        "animate": record.version,
        "model": record.painter,
        "model_digest": record.painter_digest,
        "plan_digest": record.digest,
        "size": [width, height],
        "frames": len(plan),
        "fps": str(plan.fps),
        "seed": plan.settings["seed"],
        "prompts": prompts,
    }
    return json.dumps(about, ensure_ascii=False)


def _texts(plan: Plan, record: Record) -> Callable[[int], dict[str, str]]:
    """Texts inside each frame's file: A1111's form, which other tools read too, and our own."""
    height, width = plan.size

    def of(index: int) -> dict[str, str]:
        frame = plan[index]
        positive, negative, _ = max(frame.prompts, key=lambda part: part[2])
        values = {
            "Steps": int(frame["steps"]),
            "Sampler": plan.text["sampler"][index],
            "CFG scale": f"{frame['cfg_scale']:g}",
            "Seed": int(frame["seed"]),
            "Size": f"{width}x{height}",
            "Model": record.painter,
            "Model hash": record.painter_digest[:10],
            "Denoising strength": f"{1 - frame['strength']:g}",
            "Version": f"animate {record.version}",
        }
        lines = [positive, *([f"Negative prompt: {negative}"] if negative else [])]
        lines.append(", ".join(f"{name}: {value}" for name, value in values.items()))
        about = {"frame": index, "plan": record.digest, "model": record.painter_digest, "prompts": frame.prompts}
        return {"parameters": "\n".join(lines), "animate": json.dumps(about, ensure_ascii=False)}

    return of
