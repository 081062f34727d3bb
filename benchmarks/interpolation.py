"""In-betweens judged on real clips: the table of the gate, and the speed of flow tweening.

    python benchmarks/interpolation.py                      # the table, of every engine whose weights are there
    python benchmarks/interpolation.py --count 10 --engines blend flow rife
    python benchmarks/interpolation.py --json gate.json     # for `python -m training.inbetween export --figures`

A triplet is two frames and the true ones between them. At gap g the frames lie 2 g apart and the middle one is
predicted (t = 0.5); `quarters` are frames 4 apart, predicted at t = 0.25, 0.5 and 0.75. The gate, against flow
tweening: at least +0.2 dB in the mean of the clips on both gaps, and no clip lower by more than 0.3 dB. `bikes` is not
among the clips: it is for the last judgement alone (`--held-out`).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.errors import MissingModel
from animate.interp import Interpolator, load
from animate.picture import convert
from benchmarks.clips import CLIPS, HELD_OUT, triplets
from benchmarks.rows import Row, compare, within

ENGINES = ("hold", "blend", "farneback", "flow", "embedded", "rife", "film")
FLOOR = "flow"
GAIN, LOSS = 0.2, 0.3
SETS: dict[str, tuple[int, tuple[float, ...]]] = {
    "gap 1": (1, (0.5,)),
    "gap 3": (3, (0.5,)),
    "quarters": (2, (0.25, 0.5, 0.75)),
}
"""Name → (gap, times); frames lie 2 · gap apart."""
RESAMPLES = 2000
"""Of the bootstrap."""


def psnr(ours: Tensor, truth: Tensor) -> float:
    """Decibels; pictures as they would be stored, in 8 bits."""
    error = float((convert.to_uint8(ours).astype(np.float64) - convert.to_uint8(truth)).__pow__(2).mean())
    return float(10 * np.log10(255**2 / max(error, 1e-2)))


def ssim(ours: Tensor, truth: Tensor) -> float:
    """Structural similarity of the luma (Wang et al. 2004), 11 × 11 Gaussian of 1.5 px."""
    a, b = (
        255 * cv2.cvtColor(p.permute(1, 2, 0).numpy(), cv2.COLOR_RGB2GRAY).astype(np.float64) for p in (ours, truth)
    )

    def around(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    mean_a, mean_b = around(a), around(b)
    spread = around(a * a) + around(b * b) - mean_a**2 - mean_b**2
    common = around(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    score = (2 * mean_a * mean_b + c1) * (2 * common + c2) / ((mean_a**2 + mean_b**2 + c1) * (spread + c2))
    return float(score.mean())


def vgg() -> Callable[[Tensor, Tensor], float] | None:
    """Distance of normalised VGG-16 features, where the trainers' weights are there; lower is nearer.

    Of the middle of the pictures only: the network costs more than every engine here.
    """
    try:
        from training import perceptual

        features = perceptual.Features(3)
    except (ImportError, OSError):
        return None

    def distance(ours: Tensor, truth: Tensor) -> float:
        a, b = (2 * _middle(picture)[None] - 1 for picture in (ours, truth))
        with torch.no_grad():
            return float(perceptual.distance(features, a, b).mean())

    return distance


def _middle(picture: Tensor, side: int = 128) -> Tensor:
    top, left = (max(0, (length - side) // 2) for length in picture.shape[-2:])
    return picture[:, top : top + side, left : left + side]


def available(names: tuple[str, ...]) -> dict[str, Interpolator]:
    engines = {}
    for name in names:
        try:
            engines[name] = load(name)
        except MissingModel as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return engines


Scores = dict[tuple[str, str, str], np.ndarray]
"""(set, clip, engine) → (triplets, 3): PSNR, SSIM, VGG distance, the mean over the times of each triplet."""


def judge(engines: dict[str, Interpolator], clips: dict[str, object], sets: list[str], count: int) -> Scores:
    """Every engine on the same triplets."""
    far = vgg()
    scores: Scores = {}
    for name, (gap, times) in [(name, SETS[name]) for name in sets]:
        for clip, source in clips.items():
            rows = defaultdict(list)
            for window, _ in triplets(source, gap, count):  # type: ignore[arg-type]
                frames = [convert.from_uint8(frame) for frame in window]
                truths = [frames[round(time * 2 * gap)] for time in times]
                for engine, between in engines.items():
                    made = between(frames[0], frames[-1], times)
                    pairs = list(zip(made, truths))
                    rows[engine].append(
                        np.mean([(psnr(*p), ssim(*p), far(*p) if far else np.nan) for p in pairs], axis=0)
                    )
            for engine, values in rows.items():
                scores[name, clip, engine] = np.array(values)
            print(f"{name}, {clip}: {len(next(iter(rows.values())))} triplets", file=sys.stderr, flush=True)
    return scores


def interval(ours: list[np.ndarray], floor: list[np.ndarray]) -> tuple[float, float, float]:
    """Mean gain in dB over clips, and its 95 % interval by a paired bootstrap over the triplets of each clip."""
    random = np.random.default_rng(0)
    gains = [a[:, 0] - b[:, 0] for a, b in zip(ours, floor)]
    draws = [
        np.mean([gain[random.integers(0, len(gain), len(gain))].mean() for gain in gains]) for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(np.mean([gain.mean() for gain in gains])), float(low), float(high)


def table(scores: Scores, clips: list[str], engines: list[str], sets: list[str]) -> str:
    """Markdown, one table a set."""
    lines = []
    for name in sets:
        lines += [f"**{name}** | {' | '.join(clips)} | mean PSNR | SSIM | VGG | against {FLOOR}, 95 %"]
        lines += ["---|" * (len(clips) + 4) + "---"]
        for engine in engines:
            values = [scores[name, clip, engine] for clip in clips]
            means = [value.mean(0) for value in values]
            gain = ""
            if FLOOR in engines and engine != FLOOR:
                middle, low, high = interval(values, [scores[name, clip, FLOOR] for clip in clips])
                gain = f"{middle:+.2f} ({low:+.2f} … {high:+.2f})"
            mean = np.mean(means, axis=0)
            cells = [f"{value[0]:.2f}" for value in means]
            lines.append(f"{engine} | {' | '.join(cells)} | {mean[0]:.2f} | {mean[1]:.4f} | {mean[2]:.4f} | {gain}")
        lines.append("")
    return "\n".join(lines)


def gate(scores: Scores, clips: list[str], engine: str = "embedded") -> dict[str, object]:
    """Whether an engine beats flow tweening as the gate wants it, with the figures."""
    passed = True
    figures: dict[str, object] = {}
    for name in ("gap 1", "gap 3"):
        ours, floor = ([scores[name, clip, which] for clip in clips] for which in (engine, FLOOR))
        middle, low, high = interval(ours, floor)
        worst = min(float(a[:, 0].mean() - b[:, 0].mean()) for a, b in zip(ours, floor))
        figures[name] = {
            "gain_db": round(middle, 3),
            "interval": [round(low, 3), round(high, 3)],
            "worst_clip_db": round(worst, 3),
        }
        passed = passed and middle >= GAIN and worst >= -LOSS
    return {"passed": passed, "gate": figures}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40, help="triplets of a clip")
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--held-out", action="store_true", help="judge on bikes instead")
    parser.add_argument("--json", type=Path, help="write the gate's figures here")
    options = parser.parse_args()
    clips = HELD_OUT if options.held_out else CLIPS
    engines = available(tuple(options.engines))
    scores = judge(engines, dict(clips), options.sets, options.count)
    print(table(scores, list(clips), list(engines), options.sets))
    if {"embedded", FLOOR} <= set(engines) and {"gap 1", "gap 3"} <= set(options.sets):
        result = gate(scores, list(clips))
        print(f"embedded: the gate is {'passed' if result['passed'] else 'not passed'}: {result['gate']}")
        if options.json:
            options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


# --- speed ------------------------------------------------------------------------------------------------------------


def _pair(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures with motion in them, of any size and without a download."""
    random = np.random.default_rng(0)
    layers = np.zeros((height, width + 16, 3), np.float32)
    for step in (8, 16, 32, 64):
        cells = random.random((height // step + 2, width // step + 2, 3)).astype(np.float32)
        layers += step * cv2.resize(cells, (width + 16, height), interpolation=cv2.INTER_CUBIC)
    wide = (255 * (layers - layers.min()) / np.ptp(layers)).astype(np.uint8)
    return np.ascontiguousarray(wide[:, :width]), np.ascontiguousarray(wide[:, 6 : width + 6])


def tween_720p() -> Row:
    """Against OpenCV's calls with nothing around them: the same flow, cubic reads, occlusion and mixing."""
    first, second = _pair(1280, 720)
    a, b = convert.from_uint8(first), convert.from_uint8(second)
    between = load("flow")
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    place = np.dstack(np.meshgrid(np.arange(1280, dtype=np.float32), np.arange(720, dtype=np.float32)))
    blank = np.zeros((720, 1280, 2), np.float32)

    def read(picture: np.ndarray, where: np.ndarray, kernel: int) -> np.ndarray:
        return cv2.remap(picture, where, None, kernel, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]

    def hidden(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        there = read(theirs, place + ours, cv2.INTER_LINEAR)
        size = (ours**2).sum(2) + (there**2).sum(2)
        return 0.7 * cv2.blur((((ours + there) ** 2).sum(2) > 0.01 * size + 0.5).astype(np.float32), (7, 7))

    def bare() -> np.ndarray:
        grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second)]
        forth, back = estimator.calc(*grey, blank.copy()), estimator.calc(*reversed(grey), blank.copy())
        to_a, to_b = place + 0.25 * (back - forth), place + 0.25 * (forth - back)
        weight_b = 1 - read(hidden(forth, back), to_a, cv2.INTER_LINEAR)
        weight_a = 1 - read(hidden(back, forth), to_b, cv2.INTER_LINEAR)
        share = (weight_b / (weight_a + weight_b))[..., None]
        from_a = read(first.astype(np.float32), to_a, cv2.INTER_CUBIC)
        from_b = read(second.astype(np.float32), to_b, cv2.INTER_CUBIC)
        return from_a + share * (from_b - from_a)

    return compare(
        "flow tweening, 720p, one in-between",
        lambda: between(a, b, [0.5]),
        bare,
        goal=1 / 0.9,
        better="lower",
        rounds=8,
        note="the bare loop is the same method in plain OpenCV and numpy calls",
    )


def tween_720p_rate() -> Row:
    """Three frames a second: two in-betweens and one given frame of every pair, as 24 → 60 has them on average."""
    a, b = (convert.from_uint8(picture) for picture in _pair(1280, 720))
    between = load("flow")
    return within("flow tweening, 720p, 3 frames at 3 a second", lambda: between(a, b, [1 / 3, 2 / 3]), 1000, rounds=6)


def embedded_256() -> Row:
    """A frame of the embedded network, whatever its weights."""
    from animate.interp.embedded import Embedded, Network

    a, b = (convert.from_uint8(picture) for picture in _pair(256, 256))
    engine = Embedded(Network())
    return within("embedded in-between, 256²", lambda: engine(a, b, [0.5]), 150, rounds=10)


def play(frames: int) -> None:
    """So many small frames, a window sliding over noise, at two and a half times their rate."""
    from animate.interp.stream import retime

    wide = torch.rand(3, 72, 512)
    source = (wide[..., index % 384 : index % 384 + 128].clone() for index in range(frames))
    for _ in retime(source, Fraction(5, 2), load("flow")):
        pass


def _peak(frames: int) -> float:
    """Peak memory in MB of a process that plays so many."""
    program = (
        "import sys; sys.path.insert(0, '.'); from benchmarks import interpolation; import resource; "
        f"interpolation.play({frames}); peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "print(peak / (1 << 20 if sys.platform == 'darwin' else 1 << 10))"  # bytes there, kB elsewhere
    )
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


def memory() -> Row:
    few, many = _peak(100), _peak(2000)
    note = f"MB: {few:.0f} for 100 frames, {many:.0f} for 2,000; the goal is +10 MB"
    more = many - few
    return Row("peak memory of in-betweens, 2,000 frames − 100, ÷ 10 MB", more, 10, more / 10, 1.0, "lower", None, note)


ROWS = {
    "tween-720p": tween_720p,
    "tween-720p-rate": tween_720p_rate,
    "embedded-256": embedded_256,
    "tween-memory": memory,
}


if __name__ == "__main__":
    sys.exit(main())
