"""Listening: tempo, beats, onsets and energies of a sound file, by librosa, kept in the user's cache.

Any file that ffmpeg reads, mixed to one channel at 22,050 Hz (the louder one of two that cancel one another out), from
where the file begins, even if its sound begins later; a value every 256 samples (11.6 ms). All series are
smoothed by a Hann window of 5 values (a flicker shorter than a frame is no light) and divided by their largest value,
so that 1 is the loudest moment of the file; silence is 0. What librosa does is said at each line.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from animate import cache
from animate.errors import DAMAGED
from animate.schedule.sound import SERIES, ListenError, Sound
from animate.video.atomic import write_whole
from animate.video.ffmpeg import PROTOCOLS, executable, file_argument

Array = NDArray[np.float64]

RATE = 22_050
HOP = 256
WINDOW = 2048
BANDS = {"bass": (20.0, 150.0), "mid": (150.0, 2000.0), "treble": (2000.0, 11_025.0)}
"""Hertz."""
QUIET = 1e-5
"""A file whose loudest value is below this (−100 dB) is silent."""
FAINT = 1e-2
"""A mix below it (−40 dB) is held against the file's two channels: it may be all that is left of them."""
LONGEST = 4 * 3600
VERSION = 3
"""Of what is kept; another one is listened to anew."""
FROM_THE_BEGINNING = ("-af", "aresample=async=1:first_pts=0")
"""A sound that begins after its file's pictures has silence before it, and pauses keep their length."""


def listen(path: Path) -> Sound:
    """What is heard in a file; from the cache if it was listened to before.

    Raises:
        ListenError: the file holds no sound that can be read, or librosa is not installed.
    """
    kept = cache.folder("sounds") / f"{fingerprint(path)}-{VERSION}.npz"
    try:
        with np.load(kept) as stored:
            return _unpacked(dict(stored))
    except DAMAGED:
        pass  # not there, or to be written anew
    heard = _heard(_samples(path), path)
    packed = {
        "about": np.array([heard.seconds, heard.tempo, heard.rate]),
        "beats": heard.beats,
        "onsets": heard.onsets,
        **{f"series_{name}": values.astype(np.float32) for name, values in heard.series.items()},
    }
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        file = io.BytesIO()
        np.savez_compressed(file, **packed)  # type: ignore[arg-type]
        write_whole(kept, file.getvalue())
    except OSError:
        pass  # a cache that cannot be written costs time, nothing else
    return _unpacked(packed)  # rounded as the stored one is: the same plan with and without the cache


def _unpacked(stored: dict[str, Any]) -> Sound:
    seconds, tempo, rate = stored["about"].tolist()
    series = {name: np.asarray(stored[f"series_{name}"], dtype=np.float64) for name in SERIES}
    return Sound(seconds=seconds, tempo=tempo, beats=stored["beats"], onsets=stored["onsets"], rate=rate, series=series)


def _heard(samples: NDArray[np.float32], path: Path) -> Sound:
    try:
        import librosa
    except ImportError as error:
        what = f"music is heard by librosa, which is not installed ({error})"
        raise ListenError(what, 'pip install "animate[audio]"') from error
    power = np.abs(librosa.stft(samples, n_fft=WINDOW, hop_length=HOP)) ** 2  # (1025, n), centred on each value
    hertz = librosa.fft_frequencies(sr=RATE, n_fft=WINDOW)
    mel = librosa.feature.melspectrogram(S=power, sr=RATE)  # (128, n)
    # Median filters along time and pitch (Fitzgerald 2010), over pairs of bands: twice as fast, and nothing is lost.
    _, struck = librosa.decompose.hpss(mel.reshape(64, 2, -1).sum(axis=1), kernel_size=(31, 15), margin=1.0)
    strength = librosa.onset.onset_strength(S=librosa.power_to_db(mel), sr=RATE, hop_length=HOP)
    loud = _loudness(samples)
    raw = {
        "rms": librosa.feature.rms(y=samples, frame_length=WINDOW, hop_length=HOP)[0],
        "onset": strength,
        **{name: np.sqrt(power[(hertz >= low) & (hertz < high)].sum(0)) for name, (low, high) in BANDS.items()},
        "percussive": np.sqrt(struck.sum(0)),
    }
    silent = loud < QUIET
    length = min(len(values) for values in raw.values())
    series = {name: np.zeros(length) if silent else _scaled(values[:length]) for name, values in raw.items()}
    beats = onsets = np.empty(0)
    if not silent:
        onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=RATE, hop_length=HOP, units="time")
        _, beats = librosa.beat.beat_track(onset_envelope=strength, sr=RATE, hop_length=HOP, units="time", trim=False)
    return Sound(
        seconds=len(samples) / RATE,
        tempo=_tempo(beats),
        beats=np.asarray(beats, dtype=np.float64),
        onsets=np.asarray(onsets, dtype=np.float64),
        rate=RATE / HOP,
        series=series,
    )


def _scaled(values: NDArray[Any]) -> Array:
    window = np.hanning(7)[1:-1]
    smooth = np.convolve(np.asarray(values, dtype=np.float64), window / window.sum(), mode="same")
    largest = smooth.max(initial=0.0)
    return smooth / largest if largest > 0 else smooth


def _tempo(beats: NDArray[Any]) -> float:
    """Beats a minute: the slope of the line through the beats, finer than librosa's own grid of tempi."""
    if len(beats) < 4:
        return 0.0
    period = float(np.polyfit(np.arange(len(beats)), beats, 1)[0])
    return round(60 / period, 2)


def _samples(path: Path) -> NDArray[np.float32]:
    """(n,) the file's first sound, one channel."""
    mixed = _channels(path, 1)[:, 0]
    loud = _loudness(mixed)
    if loud < FAINT:
        both = _channels(path, 2)
        louder = max(both.T, key=_loudness)
        # What is left of two channels in antiphase is none of either; a quiet sound is as loud in one of them.
        return louder if _loudness(louder) > 10 * loud else mixed
    return mixed


def _loudness(samples: NDArray[np.float32]) -> float:
    """Root of the mean square."""
    return float(np.sqrt((samples**2).mean()))


def _channels(path: Path, count: int) -> NDArray[np.float32]:
    """(n, count) the file's first sound, mixed to so many channels."""
    command = [
        *(executable(), "-v", "error", "-nostdin", *PROTOCOLS, "-i", file_argument(path), "-vn", *FROM_THE_BEGINNING),
        *("-t", str(LONGEST), "-ac", str(count), "-ar", str(RATE), "-f", "f32le", "pipe:1"),
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    samples = np.frombuffer(done.stdout, np.float32)
    if done.returncode or not len(samples):
        last = done.stderr.decode(errors="replace").strip().splitlines()
        if any("does not contain any stream" in line for line in last):  # without a film's pictures nothing is left
            raise ListenError(f"{path.name} is silent: it has pictures and no sound")
        raise ListenError(f"{path.name} holds no sound that can be read" + (f" ({last[-1][:200]})" if last else ""))
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0).reshape(-1, count)


def fingerprint(path: Path) -> str:
    """SHA-256 of a file, its first half. Raises ListenError."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    except OSError as error:
        raise ListenError(f"{path.name} cannot be read: {error.strerror or error}") from error
    return found.hexdigest()[:32]
