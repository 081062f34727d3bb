"""The one table of encodings: what each is called, the file it makes, and what ffmpeg must be told for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from animate.errors import BadInput, EncodeError
from animate.video import ffmpeg

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How a video is to be encoded, in a user's words."""

    codec: str = "h264"
    """One of `CODECS`, or `png` for no video at all."""
    crf: int = 17
    """Quality of H.264, H.265 and VP9: smaller is better; 0 to 51, VP9 to 63."""
    preset: str = "medium"
    """Effort of H.264 and H.265."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One row of the table."""

    suffix: str
    muxer: str
    encoder: str
    arguments: Callable[[Encoding], tuple[str, ...]]
    """The encoder's own arguments."""
    pixels: str
    """ffmpeg's name of the pixel format."""
    container: tuple[str, ...] = ()
    """The muxer's own arguments."""
    sound: tuple[str, ...] = ()
    """Arguments for the sound; empty where the file holds none."""
    layouts: str = ""
    """Layouts of channels that the sound is brought to; empty where ffmpeg knows what the encoder takes."""
    coarse: tuple[int, int] = (1, 1)
    """The sizes it takes are multiples of this (width, height)."""
    most_crf: int = 0
    """Largest `crf`; 0 where it has none."""
    filters: str = ""
    """Filter graph of its own, in place of the conversion to `pixels`."""


def _h264(encoding: Encoding) -> tuple[str, ...]:
    return ("-crf", str(encoding.crf), "-preset", encoding.preset)


def _h265(encoding: Encoding) -> tuple[str, ...]:
    # hvc1: Apple's players do not open hev1.
    return (*_h264(encoding), "-tag:v", "hvc1", "-x265-params", "log-level=error")


def _vp9(encoding: Encoding) -> tuple[str, ...]:
    # Without "-b:v 0" crf is only an upper bound beside a bit rate of 200 kbit/s.
    return ("-crf", str(encoding.crf), "-b:v", "0", "-deadline", "good", "-cpu-used", "4", "-row-mt", "1")


def _prores(_: Encoding) -> tuple[str, ...]:
    return ("-profile:v", "3", "-vendor", "apl0")  # 422 HQ


def _gif(_: Encoding) -> tuple[str, ...]:
    return ("-loop", "0")


_FASTSTART = ("-movflags", "+faststart")  # the index first: plays while it loads
_AAC = ("-c:a", "aac", "-b:a", "192k")

CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        "h264": Codec(
            suffix=".mp4",
            muxer="mp4",
            encoder="libx264",
            arguments=_h264,
            pixels="yuv420p",
            container=_FASTSTART,
            sound=_AAC,
            coarse=(2, 2),
            most_crf=51,
        ),
        "h265": Codec(
            suffix=".mp4",
            muxer="mp4",
            encoder="libx265",
            arguments=_h265,
            pixels="yuv420p",
            container=_FASTSTART,
            sound=_AAC,
            coarse=(2, 2),
            most_crf=51,
        ),
        "vp9": Codec(
            suffix=".webm",
            muxer="webm",
            encoder="libvpx-vp9",
            arguments=_vp9,
            pixels="yuv420p",
            sound=("-c:a", "libopus", "-b:a", "160k"),
            layouts="mono|stereo|3.0|quad|5.0|5.1|6.1|7.1",  # those of Vorbis
            coarse=(2, 2),
            most_crf=63,
        ),
        "prores": Codec(
            suffix=".mov",
            muxer="mov",
            encoder="prores_ks",
            arguments=_prores,
            pixels="yuv422p10le",
            # QuickTime's own text atoms end at 64 kB.
            container=("-movflags", "+faststart+use_metadata_tags"),
            sound=("-c:a", "pcm_s16le"),
            coarse=(2, 1),
        ),
        "gif": Codec(
            suffix=".gif",
            muxer="gif",
            encoder="gif",
            arguments=_gif,
            pixels="pal8",
            # A palette a frame: one for all would hold every frame in memory until the last.
            filters="split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=sierra2_4a",
        ),
    }
)

NO_VIDEO = "png"
"""The name that asks for the frames alone."""


def codec_for(path: Path) -> str:
    """The first codec of the table that makes files of this ending; raises BadInput where none does."""
    for name, codec in CODECS.items():
        if codec.suffix == path.suffix.lower():
            return name
    known = ", ".join(sorted({codec.suffix for codec in CODECS.values()}))
    raise BadInput(f"{path}: videos end in {known}{f', not {path.suffix}' if path.suffix else ''}")


def codec_of(encoding: Encoding) -> Codec:
    """The row for an encoding, after all its values were checked; raises EncodeError."""
    codec = CODECS.get(encoding.codec)
    if codec is None:
        raise EncodeError(f"codec {encoding.codec!r} is unknown; there are {', '.join(CODECS)} and {NO_VIDEO}")
    if codec.most_crf and not 0 <= encoding.crf <= codec.most_crf:
        raise EncodeError(f"crf {encoding.crf} is outside 0 to {codec.most_crf}, which {encoding.codec} has")
    if encoding.preset not in PRESETS:
        raise EncodeError(f"preset {encoding.preset!r} is unknown; there are {', '.join(PRESETS)}")
    if codec.encoder not in ffmpeg.encoders():
        able = [name for name, row in CODECS.items() if row.encoder in ffmpeg.encoders()]
        raise EncodeError(
            f"this ffmpeg ({ffmpeg.executable()}) has no encoder {codec.encoder} for {encoding.codec}; "
            f"it can write {', '.join(able) or 'none of ours'}"
        )
    return codec
