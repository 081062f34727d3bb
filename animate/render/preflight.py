"""What is refused before the first frame, beyond what the schedule alone tells: files, sizes, room on the disk."""

from __future__ import annotations

from pathlib import Path

from animate.errors import BadInput, RunConflict, ScheduleError
from animate.picture import convert
from animate.render import finish, masking
from animate.render.progress import Progress
from animate.render.run_dir import RunDirectory
from animate.render.stencils import Stencils
from animate.schedule.files import fingerprint
from animate.schedule.plan import Plan
from animate.schedule.schedule import Schedule
from animate.video.codecs import CODECS, NO_VIDEO, Encoding, codec_of
from animate.video.writer import Soundtrack


def refuse_too_long(schedule: Schedule, plan: Plan, directory: RunDirectory) -> None:
    """Raise ScheduleError, at the line that says the length, where the disk cannot hold the frames."""
    height, width = finish.size(plan)
    lacking = directory.lacks(len(plan), height * width)
    if lacking:
        length = "duration" if "duration" in schedule.written else "max_frames"
        raise ScheduleError([schedule.problem(length, lacking, "make room, or give another disk with -o")])


def check_video(plan: Plan, sound: Soundtrack | None, encoding: Encoding, progress: Progress) -> None:
    """Raise EncodeError now for what would fail after the last frame; say which sound will not be heard."""
    if encoding.codec != NO_VIDEO:
        codec_of(encoding)
    if sound is not None and (encoding.codec == NO_VIDEO or not CODECS[encoding.codec].sound):
        progress.say(f"codec {encoding.codec} holds no sound; the soundtrack is left out")
    if sound is None and plan.settings["soundtrack"]:
        progress.say("slow motion has no sound; the soundtrack is left out")


def check_pictures(plan: Plan) -> None:
    """Raise VideoError or BadInput for a picture that could not be read once the model is loaded."""
    named = {"init_image": True, "color_coherence_image": plan.settings["color_coherence"] == "Image"}
    files = [str(plan.settings[name]) for name, used in named.items() if used and plan.settings[name]]
    files += [file for _, file, _ in (*plan.album.keys, *plan.guides, *plan.film.styles)]
    for file in files:
        convert.read_picture(file)  # as the runner will: it takes 16 bits and floats, too
    with Stencils(plan) as stencils:
        for file, alpha in masking.files(plan):
            stencils(0, file, alpha)


def refuse_changed(plan: Plan, directory: RunDirectory) -> None:
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


def refuse_size(plan: Plan, painter: str, multiple: int) -> None:
    """Raise BadInput for a size that the painter does not paint."""
    height, width = plan.size
    if height % multiple or width % multiple:
        near = f"{max(1, round(width / multiple)) * multiple} × {max(1, round(height / multiple)) * multiple}"
        raise BadInput(f"{painter} paints sizes that divide by {multiple}, not {width} × {height} (take {near})")


def _difference(path: Path, digest: str) -> str:
    """What happened to a file of this digest; "" where it is the same."""
    if not path.exists():
        return "is not there any more"
    if fingerprint(path) == digest:
        return ""
    return "holds other files now" if path.is_dir() else "is another file of that name now"
