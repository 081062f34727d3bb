"""Music: what it costs to hear a song of seven minutes and to compile a schedule that moves with it, at 30 fps."""

from __future__ import annotations

import os
import tempfile
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from animate import cache
from animate.render.checked import load
from animate.schedule.compile import compile
from benchmarks.rows import Row, within

SECONDS = 7 * 60
RATE = 22_050


def song(path: Path) -> Path:
    """Two slow tones and a struck noise twice a second."""
    times = np.arange(SECONDS * RATE) / RATE
    sound = 0.1 * np.sin(2 * np.pi * 110 * times) * (1 + np.sin(2 * np.pi * times / 16))
    sound += 0.05 * np.sin(2 * np.pi * 440 * times)
    hit = np.random.default_rng(0).standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    for start in np.arange(0.5, SECONDS - 1, 0.5):
        at = int(start * RATE)
        sound[at : at + 2000] += 0.3 * hit
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@contextmanager
def _schedule() -> Iterator[dict[str, object]]:
    """A schedule with the song; what is heard is kept in a folder of its own."""
    kept = {name: os.environ.get(name) for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME")}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(dict.fromkeys(kept, folder))
        try:
            yield {
                "audio": str(song(Path(folder) / "song.wav")),
                "bpm": "auto",
                "fps": 30,
                "duration": f"{SECONDS}s",
                "zoom": "1 + 0.02*audio_bass",
                "strength": "0.6 - 0.2*audio_onset",
                "prompt_travel": "2*audio_travel",
                "cues": {"hit": {"onsets": "audio"}},
                "prompts": {0: "a", "4b": "b", "8b": "c"},
            }
        finally:
            for name, value in kept.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def cold() -> Row:
    with _schedule() as document:

        def hear() -> None:
            for file in cache.folder("sounds").glob("*.npz"):
                file.unlink()
            assert abs(float(compile(load(document)).settings["bpm"]) - 120) < 1

        return within("a song of 7 min heard and compiled", hear, 20_000.0, rounds=2, warmups=0)


def cached() -> Row:
    with _schedule() as document:
        return within("the same, heard before", lambda: compile(load(document)), 1000.0, rounds=5, warmups=1)


ROWS: dict[str, Callable[[], Row]] = {"music-cold": cold, "music-cached": cached}
