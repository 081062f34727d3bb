"""A video that moves with music: a short beat is synthesised here, heard, and used in a schedule's expressions.

python examples/music.py out/music [song.mp3]
"""

import sys
import wave
from pathlib import Path

import numpy as np

import animate

RATE = 22_050
BEATS_A_MINUTE = 120
SECONDS = 4


def beat(path: Path) -> Path:
    """Four to the floor: a kick on every beat, a hat between two, a bass that follows."""
    time = np.arange(RATE * SECONDS) / RATE
    period = 60 / BEATS_A_MINUTE
    since = time % period
    kick = np.sin(2 * np.pi * (45 * since + 6 * (1 - np.exp(-since * 30)))) * np.exp(-since * 9)
    hat = np.random.default_rng(1).standard_normal(len(time)) * np.exp(-((time + period / 2) % period) * 60)
    bass = np.sin(2 * np.pi * 55 * time) * np.minimum(since * 8, 1) * 0.3
    sound = np.clip(0.7 * kick + 0.12 * hat + 0.4 * bass, -1, 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((sound * 30_000).astype("<i2").tobytes())
    return path


def main(output: Path, song: Path | None = None) -> Path:
    output.parent.mkdir(parents=True, exist_ok=True)
    schedule = {
        "audio": str(song or beat(output.with_suffix(".wav"))),
        "bpm": "auto",
        "fps": 12,
        "duration": f"{SECONDS}s",
        "seed": 3,
        "zoom": "1.004 + 0.05*audio_bass",
        "angle": "1.5*audio_treble*sin(pi*beat)",
        "strength": "0.5 - 0.35*audio_onset",
        "prompts": {0: "a lake between snowy mountains at dawn", "4b": "the sea at sunset under an orange sky"},
        "color_coherence": "None",
    }
    return animate.render(schedule, output)


if __name__ == "__main__":
    given = [Path(word) for word in sys.argv[1:3]]
    print(main(*(given or [Path("out/music")])))
