"""A video, a folder of pictures or two stills at a higher frame rate: reader → stream of in-betweens → writer."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from torch import Tensor

from animate.errors import BadInput, EncodeError
from animate.interp import Interpolator
from animate.interp.stream import Event, retime
from animate.picture import convert
from animate.picture.device import pick_device
from animate.render.between import engine as engine_of
from animate.render.folder import refuse_full, whole_folder
from animate.render.progress import Progress, Quiet
from animate.render.run_dir import FRAME_NAME
from animate.render.source import Source, find
from animate.video import ffmpeg
from animate.video.codecs import CODECS, Encoding, codec_for
from animate.video.stills import write_png
from animate.video.writer import Soundtrack, VideoWriter

SLOWEST_TEMPO = 0.5
"""The least that ffmpeg's `atempo` does in one step; slower is done in several."""

MOST_TIMES = 10_000
"""Frames of the result for each of the source; more is a slip of the hand."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How fast the result is, in a user's words; at least one is given."""

    fps: Fraction | None = None
    """Frames a second of the result."""
    times: Fraction | None = None
    """Frames of the result for each of the source, at the source's speed."""
    slow: Fraction | None = None
    """How many times longer it lasts; alone, at the source's own rate."""

    def of(self, source: Fraction) -> tuple[Fraction, Fraction]:
        """(frames of the result for each of the source, frames a second of the result).

        Raises:
            BadInput: nothing asked for, both `fps` and `times`, fewer frames than there are, or far too many.
        """
        if self.fps is not None and self.times is not None:
            raise BadInput("--fps and --times both set the frame rate: give one of them")
        if self.fps is None and self.times is None and self.slow is None:
            raise BadInput("say how many frames there shall be: --fps 60, --times 4 or --slow 2")
        for name, value in (("--fps", self.fps), ("--times", self.times), ("--slow", self.slow)):
            if value is not None and value <= 0:
                raise BadInput(f"{name} must be above 0, not {float(value):g}")
        slow = self.slow or Fraction(1)
        fps = self.fps or source * (self.times or 1)
        ratio = slow * fps / source
        if ratio < 1:
            for name, value in (("--times", self.times), ("--slow", self.slow)):
                if value is not None and value < 1:
                    raise BadInput(f"{name} {float(value):g} would leave frames out; in-betweens only add frames")
            raise BadInput(
                f"{float(fps):g} frames a second are fewer than the {float(source):g} of the source; "
                "in-betweens only add frames"
            )
        if ratio > MOST_TIMES:
            raise BadInput(f"that is {float(ratio):g} frames for each of the source; at most {MOST_TIMES} are made")
        return ratio, fps


def interpolate(
    inputs: Sequence[Path],
    output: Path,
    rate: Rate,
    *,
    engine: str = "auto",
    weights: Path | None = None,
    device: str = "auto",
    end: Literal["hold", "stop", "loop"] | None = None,
    cuts: bool = True,
    repeats: Literal["keep", "retime"] = "keep",
    sound: Literal["keep", "stretch", "drop"] | None = None,
    encoding: Encoding | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write `inputs` with in-betweens to `output`.

    Args:
        inputs: a video, a folder of pictures (in the order of the numbers in their names), or two or more pictures.
        output: a video by its ending, or a folder of numbered PNG files, by having none.
        engine, weights: as for `animate.interp.load`.
        device: auto, cuda, mps or cpu.
        cuts: find cuts and never blend across one; not between pictures that were named one by one.
        end: as for `retime`; None holds the last frame of a video, which keeps its duration, and stops with the last
            of several pictures.
        force: write over the frames that a folder holds.
        sound: of a video that is not slowed: `keep` is the default; slowed: `drop` is, `stretch` lowers its tempo.

    Returns:
        `output`.

    Raises:
        BadInput: what is asked makes no sense for this input.
        VideoError, EncodeError: reading or writing failed.
        MissingModel: the engine's weights are not there.
    """
    source = find(inputs)
    ratio, fps = rate.of(source.fps)
    end = end or ("hold" if source.video else "stop")
    if source.count == 1:
        raise BadInput(f"{inputs[0]} holds one frame; in-betweens need two")
    _check_output(output, source, force)
    between = engine_of(engine, pick_device(device), weights)
    told = progress or Quiet()
    frames = retime(
        source.frames(),
        ratio,
        between,
        end=end,
        cuts=cuts and not source.named,
        repeats=repeats,
        moments=source.moments,
        tell=_teller(told),
    )
    told.begin(source.expected(ratio, end), 0)
    try:
        if _is_video(output):
            _to_video(frames, source, output, fps, rate.slow or Fraction(1), sound, encoding, between, told)
        else:
            _to_folder(frames, output, between, told)
    finally:
        told.end()
    return output


def _suffixes() -> set[str]:
    return {codec.suffix for codec in CODECS.values()}


def _is_video(output: Path) -> bool:
    return output.suffix.lower() in _suffixes() and not output.is_dir()


def _check_output(output: Path, source: Source, force: bool) -> None:
    """Raise BadInput for a place that cannot be written to, or must not be without being asked."""
    known = ", ".join(sorted(_suffixes()))
    if output.is_dir():
        if any(output.samefile(picture.parent) for picture in source.pictures):
            raise BadInput(f"{output} holds the source's own pictures; name another folder")
        refuse_full(output, FRAME_NAME, "frame", force)
    elif _is_video(output):
        if output.exists() and source.video is not None and output.samefile(source.video):
            raise BadInput(f"{output} is the source itself; name another file")
    elif output.exists():
        raise BadInput(f"{output} is a file; name a folder, or a video ({known})")
    elif re.search("[A-Za-z]", output.suffix):
        raise BadInput(f"{output}: videos end in {known}, not {output.suffix}; a folder of PNG files has no ending")


def _teller(progress: Progress) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        progress.say(f"frame {event.frame}: {event.text}")

    return tell


def _to_folder(frames: Iterator[Tensor], output: Path, between: Interpolator, told: Progress) -> None:
    with whole_folder(output, FRAME_NAME) as folder:
        started = time.monotonic()
        for index, picture in enumerate(frames):
            write_png(folder / f"{index:06d}.png", convert.to_uint8(picture))
            told.frame(index, time.monotonic() - started, between.name)
            started = time.monotonic()


def _to_video(
    frames: Iterator[Tensor],
    source: Source,
    output: Path,
    fps: Fraction,
    slow: Fraction,
    sound: str | None,
    encoding: Encoding | None,
    between: Interpolator,
    told: Progress,
) -> None:
    chosen = encoding or Encoding(codec=codec_for(output))
    sound = sound or ("keep" if slow == 1 else "drop")
    if sound == "keep" and slow != 1:
        raise BadInput("a slowed video cannot keep its sound as it is: stretch or drop it")
    audible = sound != "drop" and source.sound and bool(CODECS[chosen.codec].sound)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        soundtrack = None
        if audible and source.video is not None:
            heard = source.video if slow == 1 else _stretched(source.video, slow, Path(folder) / "sound.wav")
            soundtrack = Soundtrack(path=heard, offset=source.begins * float(slow))
        with VideoWriter(
            output, width=source.width, height=source.height, fps=fps, encoding=chosen, soundtrack=soundtrack
        ) as video:
            started = time.monotonic()
            for index, picture in enumerate(frames):
                video.write(convert.to_uint8(picture))
                told.frame(index, time.monotonic() - started, between.name)
                started = time.monotonic()


def _stretched(video: Path, slow: Fraction, to: Path) -> Path:
    """The sound of a video at 1 / slow of its tempo, its pitch kept; silent until it begins."""
    tempo, steps = float(1 / slow), ["aresample=async=1:first_pts=0"]
    while tempo < SLOWEST_TEMPO:
        steps.append(f"atempo={SLOWEST_TEMPO}")
        tempo /= SLOWEST_TEMPO
    steps.append(f"atempo={tempo:.9f}")
    status, _, words = ffmpeg.output_of(
        [
            *("-v", "error", "-y", *ffmpeg.PROTOCOLS, "-i", ffmpeg.file_argument(video)),
            *("-map", "0:a:0", "-filter:a", ",".join(steps), ffmpeg.file_argument(to)),
        ]
    )
    if status != 0:
        raise EncodeError(f"{video}: its sound could not be stretched: {words.strip()}")
    return to
