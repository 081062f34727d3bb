"""Listen to a sound file: tempo, beats, and every series that a schedule can use, printed and drawn.

animate listen song.mp3 -o song.png
animate listen song.mp3 --stems     # the same of its drums, bass, vocals and the rest, taken apart by demucs
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animate.cli.files import refuse_input, whole
from animate.cli.palette import THEMES, Palette
from animate.errors import BadInput
from animate.schedule.sound import DERIVED, SERIES, ListenError

if TYPE_CHECKING:
    from animate.schedule.sound import Sound

FORMATS = (".png", ".svg")
POINTS = 2000
"""Of a series, drawn; more than a screen has columns."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="any file with sound that ffmpeg reads")
    parser.add_argument(
        "-o", "--output", metavar="PICTURE", type=Path, help="default: FILE's name with .plot.png, here"
    )
    parser.add_argument("--stems", action="store_true", help="take the song apart first, and tell of each part")
    parser.add_argument("--theme", choices=tuple(THEMES), default="dark", help="default: dark")


def run(args: argparse.Namespace) -> int:
    output = args.output or Path(f"{args.file.stem}.plot.png")  # the bare name may be the song's cover
    if output.suffix.lower() not in FORMATS:
        raise BadInput(f"{output}: a picture is one of {', '.join(FORMATS)}")
    if not args.file.is_file():
        raise BadInput(f"{args.file}: there is no such file")
    refuse_input(output, args.file)
    from animate.render.hearing import hear, parts

    try:
        sound = hear(args.file)
        stems = {name: hear(path) for name, path in parts(args.file).items()} if args.stems else {}
    except ListenError as error:
        raise BadInput(error.what + (f" ({error.hint})" if error.hint else "")) from error
    print(summary(args.file, sound))
    for name, stem in stems.items():
        print(f"\n  {name}: {len(stem.onsets)} onsets")
        print("\n".join(rows(stem, name)))
    if stems:
        print("\n  stems: auto")
    with whole(output) as part:
        draw(sound, part, THEMES[args.theme])
    print(f"\n{output}")
    return 0


def summary(file: Path, sound: Sound) -> str:
    """What a schedule can use of a sound."""
    tempo = f"{sound.tempo:g} beats/min, {len(sound.beats)} beats" if sound.tempo else "no beats heard"
    first = f", the first at {sound.beats[0]:.2f} s" if len(sound.beats) else ""
    lines = [f"{file}", f"  {sound.seconds:.1f} s · {tempo}{first} · {len(sound.onsets)} onsets", ""]
    lines += rows(sound, "audio")
    lines += [f"  audio_{name:<11}{meaning}" for name, meaning in DERIVED.items()]
    lines += ["", f"  audio: {file.name}", "  bpm: auto", "  zoom: 1 + 0.03*audio_bass"]
    return "\n".join(lines)


def rows(sound: Sound, prefix: str) -> list[str]:
    """Every series of a sound, a line each."""
    width = len(prefix) + 12
    values = ((name, sound.series[name], meaning) for name, meaning in SERIES.items())
    return [f"  {f'{prefix}_{name}':<{width}}{bars(v)}  mean {v.mean():.2f}  {meaning}" for name, v, meaning in values]


def bars(values: np.ndarray, width: int = 40) -> str:
    """A series as a row of blocks, the largest value of each piece."""
    pieces = np.array_split(values, min(width, max(1, len(values))))
    heights = [min(7, int(piece.max(initial=0.0) * 7.999)) for piece in pieces]
    return "".join("▁▂▃▄▅▆▇█"[height] for height in heights)


def draw(sound: Sound, path: Path, theme: Palette) -> None:
    """Loudness with beats above, then the other series, over the time."""
    from matplotlib.figure import Figure

    names = list(SERIES)
    figure = Figure(figsize=(12, 1.1 * len(names) + 0.8), facecolor=theme.paper, layout="constrained")
    rows = figure.subplots(len(names), 1, sharex=True)
    for number, (axes, name) in enumerate(zip(rows, names)):
        times, values = _thinned(sound.series[name], sound.rate)
        color = theme.curve(number)
        axes.set_facecolor(theme.panel)
        low = -values if name == "rms" else np.zeros_like(values)
        axes.fill_between(times, low, values, color=color, alpha=0.55, linewidth=0)
        axes.plot(times, values, color=color, linewidth=0.8)
        if name in ("rms", "onset") and len(sound.beats):
            axes.vlines(sound.beats, *axes.get_ylim(), color=theme.cut, alpha=0.5, linewidth=0.8)
        axes.set_ylabel(f"audio_{name}", color=theme.text, rotation=0, ha="right", va="center", fontsize=9)
        axes.set_yticks([])
        axes.tick_params(colors=theme.faint, labelsize=8)
        for side in axes.spines.values():
            side.set_color(theme.grid)
    rows[0].set_title(
        f"{sound.tempo:g} beats/min, red: the beats" if sound.tempo else "no beats heard",
        color=theme.text,
        fontsize=10,
        loc="left",
    )
    rows[0].set_xlim(0, max(sound.seconds, 1e-3))
    rows[-1].set_xlabel("seconds", color=theme.faint, fontsize=9)
    figure.savefig(path, format=path.suffixes[0].lstrip(".") if path.suffix == ".part" else None, dpi=110)


def _thinned(values: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and the largest values of at most `POINTS` pieces."""
    pieces = np.array_split(values, min(POINTS, max(1, len(values))))
    tops = np.array([piece.max(initial=0.0) for piece in pieces])
    return (np.arange(len(tops)) + 0.5) * (len(values) / len(tops) / rate), tops
