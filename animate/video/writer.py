"""Frames into a video file, while they are made, through a pipe to ffmpeg."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np

from animate.errors import EncodeError, VideoError
from animate.video.atomic import PART, put_in_place, settle, settle_folder
from animate.video.codecs import Codec, Encoding, codec_of
from animate.video.ffmpeg import PROTOCOLS, Ffmpeg, FfmpegFailed, file_argument
from animate.video.metadata import gif_comment, to_ffmetadata
from animate.video.reader import clock_start, sound_seconds
from animate.video.stills import check_frame

# Browsers show a GIF's frame of less than 2/100 s for 10/100 s.
_FASTEST_GIF = 50

PLAIN = Encoding()
"""H.264 of high quality."""


@dataclass(frozen=True, kw_only=True)
class Soundtrack:
    """A sound file, or a video's sound, to be put under the frames."""

    path: Path
    offset: float = 0.0
    """Seconds of it that are skipped; negative: seconds of silence before it begins."""


class VideoWriter:
    """A video being written; a context manager.

        with VideoWriter(path, width=512, height=512, fps=Fraction(24)) as video:
            video.write(frame)      # uint8 (512, 512, 3), RGB

    The file appears under its name, whole and playable, when the block ends well, and replaces one that was there;
    until then ffmpeg writes another one beside it, which goes when the block ends with an exception. `close` early and
    the video simply is shorter. The sound is cut, or silence is added, to the length of the pictures; where ffmpeg
    cannot put it under them, the silent video stays, and `close` raises.
    Raises EncodeError with ffmpeg's last words, ValueError for a frame of another shape.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        fps: Fraction,
        encoding: Encoding = PLAIN,
        soundtrack: Soundtrack | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        codec = codec_of(encoding)
        if soundtrack is not None and not codec.sound:
            raise EncodeError(f"{encoding.codec} holds no sound; take another codec or leave out the soundtrack")
        if soundtrack is not None:
            check_sound(soundtrack)
        self.path = path
        self.frames = 0
        """How many were written."""
        self._shape = (height, width, 3)
        self._fps = fps
        self._codec = codec
        self._comment = (metadata or {}).get("comment", "")
        self._soundtrack = soundtrack
        self._part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
        self._mixed = path.with_name(f"{path.name}.{os.getpid()}.mixed{PART}")
        self._texts = path.with_name(f"{path.name}.{os.getpid()}.texts{PART}")
        self._ffmpeg: Ffmpeg | None = None
        try:
            clear_leftovers(path)
            if metadata:
                self._texts.write_text(to_ffmetadata(metadata), encoding="utf-8", newline="\n")
            self._ffmpeg = Ffmpeg(
                [
                    *("-v", "warning", "-y"),
                    *("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"),
                    *("-framerate", f"{fps.numerator}/{fps.denominator}", "-i", "pipe:0"),
                    *(("-f", "ffmetadata", *PROTOCOLS, "-i", file_argument(self._texts)) if metadata else ()),
                    *("-map", "0:v", "-filter:v", _filters(codec, width, height, fps), "-fps_mode", "passthrough"),
                    *("-c:v", codec.encoder, "-pix_fmt", codec.pixels, *codec.arguments(encoding)),
                    *("-map_metadata", "1" if metadata else "-1", "-map_chapters", "-1"),
                    *(*codec.container, "-f", codec.muxer, file_argument(self._part)),
                ],
                feed=True,
            )
        except OSError as error:
            self._discard()
            raise EncodeError(f"{path}: cannot be written: {error.strerror or error}") from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    @property
    def pid(self) -> int:
        """Process id of the ffmpeg that writes; 0 after the end."""
        return self._ffmpeg.pid if self._ffmpeg else 0

    def write(self, frame: np.ndarray) -> None:
        """Add a frame, uint8 (height, width, 3), RGB; waits while ffmpeg is behind."""
        if self._ffmpeg is None:
            raise EncodeError(f"{self.path}: is no longer being written")
        check_frame(frame)
        if frame.shape != self._shape:
            raise ValueError(f"a frame of {frame.shape} in a video of {self._shape}")
        try:
            self._ffmpeg.write(np.ascontiguousarray(frame).data)
        except FfmpegFailed as error:
            self._discard()
            raise EncodeError(f"{self.path}: {error}") from error
        self.frames += 1

    def close(self) -> None:
        """End the video and give it its name; without frames there is no file. Harmless when repeated."""
        if self._ffmpeg is None:
            return
        if self.frames == 0:
            self._discard()
            return
        try:
            self._ffmpeg.finish()
            whole = self._part
            if self._codec.muxer == "gif" and self._comment:
                self._add_comment()
            unheard = self._mix(self._soundtrack) if self._soundtrack is not None else ""
            if self._soundtrack is not None and not unheard:
                whole = self._mixed
            settle(whole)
            put_in_place(whole, self.path)
            settle_folder(self.path.parent)
            if unheard:
                raise EncodeError(f"{self.path}: is whole but silent; its sound cannot be used: {unheard}")
        except (FfmpegFailed, OSError) as error:
            raise EncodeError(f"{self.path}: {error}") from error
        finally:
            self._discard()

    def abort(self) -> None:
        """Stop at once and leave what was under the name before. Harmless when repeated."""
        self._discard()

    def _add_comment(self) -> None:
        """Put the comment, which ffmpeg leaves out of a GIF, before the file's last byte, its end mark."""
        with open(self._part, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            end = file.read()
            file.seek(-1, os.SEEK_END)
            file.write(gif_comment(self._comment) + end)

    def _mix(self, soundtrack: Soundtrack) -> str:
        """Put the sound under the finished pictures, exactly as long as they are; says why where it cannot be done.

        Not while they are made: `-shortest` there let the sound run on by up to a second, by how the pipes happened
        to fill. The pictures are only copied.
        """
        try:
            zero = clock_start(soundtrack.path) + soundtrack.offset
        except VideoError as error:
            return str(error)
        # By its own clock: sound that begins later than its file, or has a gap, is late in the mix as well.
        chain = [f"asetpts=PTS-({zero:.6f})/TB", "atrim=start=0", "aresample=async=1:first_pts=0"]
        if self._codec.layouts:
            chain.append(f"aformat=channel_layouts={self._codec.layouts}")
        chain += ["apad", f"atrim=duration={float(self.frames / self._fps):.6f}"]
        self._ffmpeg = Ffmpeg(
            [
                *("-v", "warning", "-y", "-copyts", *PROTOCOLS, "-i", file_argument(self._part)),
                *(*PROTOCOLS, "-i", file_argument(soundtrack.path)),
                *("-map", "0:v", "-c:v", "copy", "-map", "1:a:0", "-filter:a", ",".join(chain), *self._codec.sound),
                *("-map_metadata", "0", "-map_chapters", "-1"),
                *(*self._codec.container, "-f", self._codec.muxer, file_argument(self._mixed)),
            ]
        )
        try:
            self._ffmpeg.finish()
        except FfmpegFailed as error:
            return str(error)
        return ""

    def _discard(self) -> None:
        if self._ffmpeg is not None:
            self._ffmpeg.kill()
            self._ffmpeg = None
        for leftover in (self._part, self._mixed, self._texts):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)


def check_sound(soundtrack: Soundtrack) -> None:
    """Raise EncodeError, naming the file, unless the sound can be read and lasts beyond the offset."""
    try:
        seconds = sound_seconds(soundtrack.path)
    except VideoError as error:
        raise EncodeError(f"soundtrack {error}") from error
    if seconds and soundtrack.offset >= seconds:
        raise EncodeError(
            f"soundtrack {soundtrack.path}: lasts {seconds:.1f} s; an offset of {soundtrack.offset:.1f} s is past it"
        )


def clear_leftovers(path: Path) -> None:
    """Remove what writers of this file left behind when they were killed.

    The ffmpeg of a killed writer may still be ending its file: the names hold the writer's process id, so that
    it cannot write into ours.
    """
    for leftover in path.parent.glob(f"{_literally(path.name)}.*{PART}"):
        with contextlib.suppress(OSError):  # Windows: still open, and gone with the next run
            leftover.unlink()


def _literally(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _filters(codec: Codec, width: int, height: int, fps: Fraction) -> str:
    if codec.filters:
        return codec.filters if fps <= _FASTEST_GIF else f"fps={_FASTEST_GIF},{codec.filters}"
    chain = []
    right, bottom = -width % codec.coarse[0], -height % codec.coarse[1]
    if right or bottom:  # one more column or row, a copy of the last
        chain.append(f"pad=iw+{right}:ih+{bottom}")
        chain.append(f"fillborders=right={right}:bottom={bottom}:mode=smear")
    # Players take untagged pictures of small sizes for BT.601 and of large ones for BT.709: convert to one and say so.
    chain.append("scale=out_color_matrix=bt709:out_range=limited:flags=bicubic+accurate_rnd+full_chroma_int")
    chain.append(f"format={codec.pixels}")
    chain.append("setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709")
    return ",".join(chain)
