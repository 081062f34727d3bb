"""Videos read as a stream of pictures: what is in a file, and its frames one by one.

`imageio-ffmpeg` brings no ffprobe, so ffmpeg's own description of a file is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from animate.errors import VideoError
from animate.video import ffmpeg
from animate.video.ffmpeg import PROTOCOLS, Ffmpeg, FfmpegFailed, file_argument
from animate.video.framecrc import LENGTH, SHOWN, STORED, listed
from animate.video.metadata import from_ffmetadata

_WITH_ALPHA = ("rgba", "bgra", "argb", "abgr", "yuva", "gbrap", "ya8", "ya16", "pal8")
_PROBED_PACKETS = 60


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What is known of a video before it is decoded."""

    path: Path
    width: int
    """Width as shown, after the file's own rotation."""
    height: int
    fps: Fraction
    """Frames a second; the mean where the rate varies."""
    duration: float
    """Seconds; 0 where the file does not say."""
    codec: str
    pixels: str
    """ffmpeg's name of the pixel format."""
    aspect: float
    """Width of a pixel as shown, in heights of it."""
    rotation: float
    """Degrees by which the stored picture is turned when shown."""
    sound: str
    """Codec of the sound; empty without."""
    container: str
    alpha: bool
    """Whether parts of it may be transparent."""
    metadata: Mapping[str, str]


def probe(path: Path) -> VideoInfo:
    """Look into a video; raises VideoError naming the file where it is missing, broken or no video."""
    described = _describe(path)
    line = _pictures(path, described)
    size = re.search(r" ([1-9]\d{0,5})x([1-9]\d{0,5})\b", line)
    if size is None:
        raise VideoError(f"{path}: the size of its pictures cannot be told; the file is damaged")
    width, height = int(size.group(1)), int(size.group(2))
    turned = re.search(r"rotation of (-?[\d.]+) degrees", described)
    rotation = float(turned.group(1)) if turned else 0.0
    told = re.search(r"\[SAR (\d+):(\d+) DAR", line)
    aspect = int(told[1]) / int(told[2]) if told and int(told[1]) and int(told[2]) else 1.0
    if round(rotation / 90) % 2:
        width, height, aspect = height, width, 1 / aspect
    sound = re.search(r"Stream #\d+:\d+.*?: Audio: (\w+)", described)
    container = re.search(r"Input #0, (\S+?), from", described)
    pixels = re.search(r", ([a-z][a-z0-9]+)(?:\(|,)", line)
    beside = re.search(r"^\s+alpha_mode\s*: 1$", described, flags=re.MULTILINE | re.IGNORECASE)
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        fps=_rate(path, line),
        duration=_duration(described),
        codec=line.split()[0].rstrip(","),
        pixels=pixels.group(1) if pixels else "",
        aspect=aspect,
        rotation=rotation,
        sound=sound.group(1) if sound else "",
        container=container.group(1) if container else "",
        alpha=beside is not None or (pixels is not None and pixels.group(1).startswith(_WITH_ALPHA)),
        metadata=read_metadata(path),
    )


def read_frames(
    path: Path,
    *,
    fps: Fraction | None = None,
    first: int = 0,
    every: int = 1,
    scaled: Callable[[int, int], tuple[int, int]] | None = None,
    alpha: bool = False,
    damaged: Callable[[str], None] | None = None,
) -> Iterator[np.ndarray]:
    """The frames of a video, in order, as uint8 (H, W, 3), RGB, turned as the file says, over black where transparent.

    Without `fps` each stored frame comes once, however long it is shown; with it, frames come at that rate, repeated
    and left out as need be. Of these, only every `every`-th is given, from the one numbered `first`. `scaled` is told
    height and width of the picture as it is to be seen, its pixels square, and tells those that are wanted: averaged
    over areas where the picture shrinks, Lanczos where it grows. With `alpha` the frames show how opaque each place
    is, in grey. Only one frame is held. Raises VideoError naming the file; where it is damaged or cut off, after the
    frames that could be read.
    """
    info = probe(path)
    chain = [f"setpts=PTS-STARTPTS,fps={fps.numerator}/{fps.denominator}"] if fps is not None else []
    if first or every > 1:
        chain.append(f"select=gte(n\\,{first})*not(mod(n-{first}\\,{every}))")
    if scaled is not None:
        height, width = scaled(info.height, round(info.width * info.aspect))
        shrinks = height * width < info.height * info.width
        chain.append(f"scale={width}:{height}:flags={'area' if shrinks else 'lanczos'}+accurate_rnd+full_chroma_int")
    if alpha:
        chain += ["format=rgba", "alphaextract"]
    elif info.alpha:
        chain += ["format=gbrap", "premultiply=inplace=1"]
    # PPM: each picture tells its own size, so that rotation is ffmpeg's business alone.
    arguments = [
        *("-v", "error", *PROTOCOLS, *_decoder(info), "-i", file_argument(path), "-map", "0:v:0"),
        *(("-filter:v", ",".join(chain)) if chain else ()),
        *("-fps_mode", "passthrough"),  # another mode would fill up again what `select` leaves out
        *("-enc_time_base", "1/90000"),  # in units of the mean rate frames fall together, and ffmpeg complains
        *("-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"),
    ]
    child = Ffmpeg(arguments, listen=True)
    count = 0
    try:
        while (frame := _next_ppm(child, path)) is not None:
            count += 1
            yield frame
            if damaged is not None and child.words:
                damaged(child.words)
        wrong = _end(child, count)
        if wrong and damaged is None:
            raise VideoError(f"{path}: damaged{wrong}")
    finally:
        child.kill()
        if damaged is not None and child.words:
            damaged(child.words)


def _end(child: Ffmpeg, count: int) -> str:
    """What was wrong with a video of which `count` frames could be read; "" where nothing was."""
    try:
        child.finish()
    except FfmpegFailed as error:
        return f" after frame {count - 1}: {error}"
    # ffmpeg goes on past a damage and ends well
    return f", {count} frames could be read: {child.words}" if child.words else ""


class Measured(NamedTuple):
    """The frames of a video by their times."""

    frames: int
    """How many there are to be shown."""
    seconds: float
    """How long they last together; 0 where there is but one."""
    steady: bool
    """Whether each stands, to less than half a frame, where `rate` puts it."""
    rate: Fraction
    """Frames a second, such that sound and pictures do not drift apart; the mean where it varies."""
    begins: float
    """Seconds after the file's beginning, which may be its sound's, at which the first picture is shown."""
    stamped: bool
    """Whether the file says when each is shown; without it they are taken as steady, in the order they are stored."""

    @property
    def keeping(self) -> Fraction | None:
        """A steady film's own rate: read at it, what is not lost keeps its place. None, each frame once, for others."""
        return self.rate if self.steady and self.stamped and self.frames > 1 else None


def measure(path: Path) -> Measured:
    """The frames of a video by the times of their packets, without decoding them; raises VideoError."""
    described = _describe(path)
    told = _rate(path, _pictures(path, described))
    base, packets = _packets(path)
    shown = packets[:, SHOWN]
    if len(shown) and not (shown == _MISSING).any():
        return _measured(np.sort(shown) * float(base), told, _start(described))
    return Measured(len(shown), len(shown) / float(told) if told else 0.0, True, told, 0.0, False)


def _measured(stamps: np.ndarray, told: Fraction, start: float) -> Measured:
    """`stamps`: seconds, ascending; `told`: the rate that the file tells, which may be rounded, wrong, or 0; `start`:
    the stamp at which the file begins."""
    frames, begins, stamped = len(stamps), float(stamps[0]) - start, True
    length = float(stamps[-1] - stamps[0])
    if length <= 0:
        return Measured(frames, 0.0, True, told, begins, stamped)
    mean = _simplest(frames - 1, length)
    for rate in (told, mean):
        last = _last_place(stamps, rate)
        if frames - 1 <= last <= _FEW_LOST * frames:  # beyond that it is no steady film of which some are lost
            return Measured(frames, (last + 1) / float(rate), last == frames - 1, rate, begins, stamped)
    rate = told if mean / 2 < told < 2 * mean else mean
    return Measured(frames, length + float(np.median(np.diff(stamps))), False, rate, begins, stamped)


def _last_place(stamps: np.ndarray, rate: Fraction) -> int:
    """The place of the last stamp in an even count that all of them keep to; -1 where they do not."""
    exact = (stamps - stamps[0]) * float(rate)
    places = np.rint(exact)
    keeps = np.abs(exact - places).max() < _NEAR and np.diff(places).min() >= 1
    return int(places[-1]) if keeps else -1


def _simplest(count: int, seconds: float) -> Fraction:
    """`count` in `seconds` as a rate with a small denominator, which over all of them errs by less than a frame."""
    for most in (1, 100, 1001, 100_000):
        rate = Fraction(count / seconds).limit_denominator(most)
        if abs(float(rate) * seconds - count) < _NEAR / 4:
            break
    return rate


_NEAR = 0.4
"""Of a frame: what a frame may stand off its even place, by the stamps' rounding and by drift, and still be the next.
`fps` of ffmpeg rounds at 0.5."""
_FEW_LOST = 1.25
_MISSING = -(1 << 63)
"""ffmpeg's number for no stamp: AVI has none where pictures are stored in another order than shown."""


def count_frames(path: Path) -> int:
    """How many frames a video shows, by its packets, without decoding them; raises VideoError."""
    return len(_packets(path)[1])


def read_metadata(path: Path) -> dict[str, str]:
    """The texts in a video file by their names in lower case; raises VideoError."""
    status, texts, words = ffmpeg.output_of(
        ["-v", "error", *PROTOCOLS, "-i", file_argument(path), "-f", "ffmetadata", "pipe:1"]
    )
    if status != 0:
        raise VideoError(f"{path}: cannot be read: {words.strip()}")
    return from_ffmetadata(texts)


def clock_start(path: Path) -> float:
    """What the clock of a sound or video file shows at its beginning, in seconds; raises VideoError."""
    return _start(_describe(path))


def sound_seconds(path: Path) -> float:
    """Length of the sound in a sound or video file; raises VideoError where there is none or it does not tell."""
    described = _describe(path)
    if not re.search(r"Stream #\d+:\d+.*?: Audio: ", described):
        raise VideoError(f"{path}: holds no sound")
    return _duration(described)


def _describe(path: Path) -> str:
    """ffmpeg's description of a file."""
    if not path.is_file():
        raise VideoError(f"{path}: is not there" if not path.exists() else f"{path}: is not a file")
    if not path.stat().st_size:
        raise VideoError(f"{path}: is empty")
    _, _, words = ffmpeg.output_of([*PROTOCOLS, "-i", file_argument(path)])
    if "Input #0" not in words:
        reason = words.strip().splitlines()[-1] if words.strip() else "no reason given"
        raise VideoError(f"{path}: cannot be read as a video or sound ({_told(words) or reason})")
    if "Input #0, tty," in words:  # ffmpeg makes a film of any text
        raise VideoError(f"{path}: is a text, not a video")
    return words


def _pictures(path: Path, described: str) -> str:
    """What ffmpeg says about the video's pictures."""
    stream = re.search(r"Stream #\d+:\d+.*?: Video: (.*)", described)
    if stream is None:
        raise VideoError(f"{path}: holds no pictures")
    return stream.group(1)


def _told(words: str) -> str:
    """The line that says why, without ffmpeg's addresses: `moov atom not found`."""
    for line in words.splitlines():
        match = re.match(r"\[\w+[^\]]* @ 0x[0-9a-f]+\] (.*)", line)
        if match and not re.search("probe|misdetection", match.group(1), re.IGNORECASE):
            return match.group(1)
    return ""


def _duration(described: str) -> float:
    match = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", described)
    if match is None:
        return 0.0
    hours, minutes, seconds = match.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _start(described: str) -> float:
    match = re.search(r"Duration: [^,]*, start: (-?[\d.]+)", described)
    return float(match.group(1)) if match else 0.0


def _rate(path: Path, line: str) -> Fraction:
    """Exact from the first packets where they follow evenly, else as ffmpeg prints it, to two digits; 0 without."""
    printed = [_number(match) for match in re.findall(r"([\d.]+k?) (?:fps|tbr)", line)]
    if not printed:
        return Fraction(0)
    base, packets = _packets(path, first=_PROBED_PACKETS)
    steps = set(np.diff(packets[:, STORED]).tolist() or packets[:, LENGTH].tolist())
    step = steps.pop() * base if len(steps) == 1 else Fraction(0)
    if step > 0 and any(abs(1 / step - told) < Fraction(1, 50) for told in printed):
        return 1 / step
    for whole in (24, 30, 48, 60, 120):  # the rates of television, which two digits do not hold
        exact = Fraction(whole * 1000, 1001)
        if abs(printed[0] - exact) <= Fraction(1, 200):
            return exact
    return printed[0]


def _number(printed: str) -> Fraction:
    """`1k` is 1000."""
    return Fraction(printed.rstrip("k")) * (1000 if printed.endswith("k") else 1)


def _packets(path: Path, first: int = 0) -> tuple[Fraction, np.ndarray]:
    """The list (`framecrc.listed`) of the packets of the video, or of the first of them."""
    limit = ("-frames:v", str(first)) if first else ()
    # Without -copyts a transport stream's stamps begin with those of its pictures, and not with the file's.
    return listed(path, "-copyts", *limit, "-c", "copy")


def _decoder(info: VideoInfo) -> tuple[str, ...]:
    """ffmpeg's own decoders of VP8 and VP9 drop the alpha that WebM keeps beside the picture."""
    other = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(info.codec, "")
    return ("-c:v", other) if info.alpha and other else ()


def _next_ppm(child: Ffmpeg, path: Path) -> np.ndarray | None:
    """The next picture of a stream of binary PPMs, None at its end."""
    head = child.answers.readline()
    if not head:
        return None
    size, most = child.answers.readline(), child.answers.readline()
    try:
        width, height = (int(number) for number in size.split())
        known = head.strip() == b"P6" and int(most) == 255
    except ValueError:
        known = False
    if not known:
        raise VideoError(f"{path}: ffmpeg's answer cannot be read ({head[:20]!r})")
    data = bytearray(width * height * 3)
    if child.answers.readinto(data) < len(data):
        return None  # cut off: `finish` hears why
    return np.frombuffer(data, np.uint8).reshape(height, width, 3)
