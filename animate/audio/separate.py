"""Taking a song apart: drums, bass, vocals and the rest, by demucs, kept in the user's cache.

demucs is another package and brings a network of its own, fetched at its first use; it runs as a program of this
Python, so that nothing of it is imported here. What is kept is what listening needs: both channels at its rate.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from animate import cache
from animate.audio.listen import FROM_THE_BEGINNING, RATE, fingerprint
from animate.schedule.sound import ListenError
from animate.video.ffmpeg import PROTOCOLS, executable, file_argument

NAMES = ("drums", "bass", "vocals", "other")
MODEL = "htdemucs"
VERSION = 2
"""Of what is kept; another one is taken apart anew."""


def separate(path: Path) -> dict[str, Path]:
    """The parts of a song by name, each a file; from the cache if it was taken apart before.

    Raises:
        ListenError: demucs is not installed, or could not do it.
    """
    place = cache.folder("stems") / f"{fingerprint(path)}-{MODEL}-{VERSION}"
    parts = {name: place / f"{name}.flac" for name in NAMES}
    if all(part.is_file() for part in parts.values()):
        return parts
    if find_spec("demucs") is None:
        hint = 'pip install "animate[stems]", or name the separated files: stems: {drums: drums.wav}'
        raise ListenError("songs are taken apart by demucs, which is not installed", hint)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".part-") as folder:
            _separated(path, Path(folder))
            kept = Path(folder) / "kept"
            if not place.exists():
                os.replace(kept, place)
    except OSError as error:
        raise ListenError(f"{path.name} cannot be taken apart: {error.strerror or error}") from error
    return parts


def _separated(path: Path, folder: Path) -> None:
    """Run demucs over the file; its parts, as listening reads them, in `folder`/kept."""
    song = folder / "song.wav"
    _ffmpeg([*PROTOCOLS, "-i", file_argument(path), "-vn", *FROM_THE_BEGINNING, "-ac", "2", "-ar", "44100"], song, path)
    command = [sys.executable, "-m", "demucs", "-n", MODEL, "-o", str(folder / "out"), str(song)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    made = folder / "out" / MODEL / "song"
    if done.returncode or not all((made / f"{name}.wav").is_file() for name in NAMES):
        last = done.stderr.strip().splitlines()
        told = f" ({last[-1][:200]})" if last else ""
        raise ListenError(f"demucs could not take {path.name} apart{told}", "it fetches its network at the first use")
    (folder / "kept").mkdir()
    for name in NAMES:
        part = made / f"{name}.wav"
        _ffmpeg(["-i", file_argument(part), "-ar", str(RATE)], folder / "kept" / f"{name}.flac", path)


def _ffmpeg(words: list[str], to: Path, path: Path) -> None:
    command = [executable(), "-v", "error", "-nostdin", "-y", *words, file_argument(to)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()
        raise ListenError(f"{path.name} holds no sound that can be read" + (f" ({last[-1][:200]})" if last else ""))
