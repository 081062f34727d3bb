"""What the embedded models can do, from fixed seeds: the figures and grids of their cards.

    python benchmarks/embedded.py [--count 512] [--out DIR] [PART …]      # all parts if none; --help lists them

It needs what training needs (`make train-painter MINUTES=0` sets it up): unseen pictures of the world are rendered
here, and the VGG distance is measured with weights that are fetched once (`training/README.md`).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import scipy.stats
import skimage.data
import torch
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from animate import depth as depths  # noqa: E402  (the folder is not installed, so the path comes first)
from animate.depth.embedded import Embedded  # noqa: E402
from animate.diffusion import models  # noqa: E402
from animate.diffusion.sampling import Sampling  # noqa: E402
from animate.render import view  # noqa: E402
from animate.schedule.compile import compile as compile_plan  # noqa: E402
from animate.schedule.load import load as load_schedule  # noqa: E402
from training import autoencoder, depth, judge, questions  # noqa: E402
from training.grid import PROMPTS, sheet  # noqa: E402
from training.painted import STEPS, plain  # noqa: E402
from training.world.dataset import Row, Shard, inverse  # noqa: E402
from training.world.dataset import rows as world_rows  # noqa: E402
from training.world.dataset import seen as scene_seen  # noqa: E402

UNSEEN = 990_000_000
"""Numbers of scenes from here on belong to no data set."""
LOOP, STILLS = "DDIM", "DPM++ 2M SDE"
"""The embedded painter's own sampler, which keeps what it is given, and one that draws noise on the way, for pictures
from nothing: it paints over what went wrong, and boils in a loop."""
SUBJECTS = {
    "canyon": "a canyon",
    "city": "a city",
    "coast": "a beach",
    "desert": "sand dunes",
    "forest": "a forest",
    "hills": "rolling hills",
    "islands": "islands in the sea",
    "lake": "a lake",
    "meadow": "a flower meadow",
    "mountains": "rocky mountains",
    "road": "a road",
    "sea": "the sea",
    "valley": "a river valley",
    "village": "a village",
    "winter": "a winter landscape",
}
TIMES = {"dawn": "at dawn", "day": "at noon", "sunset": "at sunset", "dusk": "at dusk", "night": "at night"}
COLOURS = ("blue", "pink", "orange", "yellow", "green", "teal", "purple", "red")
STYLES = {
    "photo": "{}, photo",
    "watercolour": "a watercolour of {}",
    "ink": "an ink drawing of {}",
    "oil painting": "an oil painting of {}",
    "pixel art": "pixel art of {}",
    "neon": "{}, neon",
    "woodcut": "a woodcut of {}",
}
STRANGE = (
    "a lonely lighthouse",
    "crimson dunes under a violet heaven",
    "a quiet village in winter twilight",
    "emerald hills after the rain",
    "an old castle on a cliff",
    "the moon above a silent ocean",
    "golden wheat field in august",
    "a frozen tundra under the northern lights",
    "volcano at night",
    "a foggy swamp at daybreak",
    "sailing into a scarlet sunset",
    "skyscrapers in heavy rain",
    "a lavender field",
    "icebergs drifting at noon",
    "autumn forest, amber light",
    "a tropical lagoon",
    "dark storm over the harbor",
    "saturn above a red desert",
    "cherry blossoms by a pond",
    "a gloomy ravine",
    "turquoise lake in the alps",
    "dreamy pastel clouds",
    "a windmill on a green plain",
    "starlit cabin in the snow",
)
"""Prompts outside the grammar of the captions."""


def how(prompt: str, seed: int, steps: int = STEPS, sampler: str = LOOP) -> Sampling:
    """A plain picture of a prompt."""
    return plain(prompt, seed, sampler, steps)


def still(prompt: str, seed: int) -> Sampling:
    """A picture as good as the painter paints them."""
    return how(prompt, seed, sampler=STILLS)


def asked(count: int) -> list[tuple[str, list[int]]]:
    """Prompts and the right answers to the judge's questions; -1 where a prompt leaves one open.

    An hour is asked for or a colour of the sky, as a sky of a colour has it at every hour; lines show neither.
    """
    random = np.random.default_rng(2026)
    found = []
    for place in range(count):
        wish = {"kind": list(SUBJECTS)[place % len(SUBJECTS)]}
        wish["style"] = list(STYLES)[int(random.integers(len(STYLES)))] if random.random() < 0.6 else "photo"
        hour, colour = list(TIMES)[int(random.integers(len(TIMES)))], COLOURS[int(random.integers(len(COLOURS)))]
        text = SUBJECTS[wish["kind"]]
        if wish["style"] in questions.DRAWN or random.random() < 0.5:
            text += f" {TIMES[hour]}"
            wish |= {} if wish["style"] in questions.DRAWN else {"time_group": hour}
        else:
            text += f" under a {colour} sky"
            wish["sky_colour"] = colour
        answers = [known.index(wish[name]) if name in wish else -1 for name, known in questions.QUESTIONS.items()]
        found.append((STYLES[wish["style"]].format(text), answers))
    return found


def unseen(count: int) -> np.ndarray:
    """(count, 256, 256, 3) photos of scenes that no training saw."""
    return np.stack([row.picture for row in scenes(UNSEEN, count)])


def scenes(first: int, count: int) -> list[Row]:
    """Photos of ``count`` scenes from number ``first``; those that give none are passed over."""
    photos = (next(world_rows(seed), None) for seed in itertools.count(first))
    return list(itertools.islice((row for row in photos if row is not None), count))


def painted(painter: models.Paints, orders: Sequence[Sampling], size: int = 256) -> Tensor:
    """(N, 3, size, size) in [0, 1], eight at a time."""
    parts = [painter.imagine((size, size), orders[i : i + 8]) for i in range(0, len(orders), 8)]
    return torch.cat(parts)


def measure_autoencoder(painter: models.Paints, options: argparse.Namespace) -> None:
    """PSNR, VGG distance, seams and ten rounds, closed form against refined."""
    vae = autoencoder.PatchAutoencoder.from_pretrained(str(autoencoder.EMBEDDED)).float().eval()
    for name, row in autoencoder.report(vae, options.out).items():
        print(f"autoencoder, {name}: " + " ".join(f"{key} {value:.3f}" for key, value in row.items()))


def measure_judge(painter: models.Paints, options: argparse.Namespace) -> None:
    """How far the judge itself can be trusted: pictures of scenes that no training saw, in every style."""
    seen = [row for number in range(UNSEEN + 2000, UNSEEN + 2000 + options.count // 2) for row in world_rows(number)]
    pictures, depth, texts = zip(*seen)
    vae = autoencoder.PatchAutoencoder.from_pretrained(str(autoencoder.EMBEDDED)).float().eval()
    parts = (autoencoder.tensor(np.stack(pictures[i : i + 64])) for i in range(0, len(seen), 64))
    truth = questions.truth(Shard(np.stack(pictures), np.stack(depth), list(texts)))
    for name, one in judge.verdicts(judge.load(), vae.encoder, parts, truth).items():
        print(
            f"judge, {name}: sure of {one.sure:.3f} of {len(seen)} unseen pictures, where they show it, and right on "
            f"{one.right:.3f} of those (its best guess: {one.best:.3f})"
        )


def measure_obedience(painter: models.Paints, options: argparse.Namespace) -> None:
    """What share of paintings shows what their prompts asked for, as the judge sees them."""
    if not judge.KEPT.is_file():
        print("obedience: not measured, there is no judge yet (python -m training.judge)")
        return
    known = judge.load()
    vae = autoencoder.PatchAutoencoder.from_pretrained(str(autoencoder.EMBEDDED)).float().eval()
    wishes = asked(options.count)
    for sampler in (LOOP, STILLS):
        pictures = painted(painter, [how(text, seed, sampler=sampler) for seed, (text, _) in enumerate(wishes)])
        parts = (part * 2 - 1 for part in pictures.split(64))
        told = judge.verdicts(known, vae.encoder, parts, questions.truths([answers for _, answers in wishes]))
        for name, one in told.items():
            print(
                f"obedience, {sampler}, {name}: {one.shown:.3f} of {options.count} paintings, where it was asked for "
                f"(the judge is sure of {one.sure:.3f}; its best guess is right of {one.best:.3f})"
            )
    save(options.out / "obedience.png", pictures[:64], 8)


def measure_layout(painter: models.Paints, options: argparse.Namespace) -> None:
    """Edges kept at strength 0.5, and what a changed prompt changes."""
    sources = torch.from_numpy(unseen(16)).permute(0, 3, 1, 2).float() / 255
    prompts = ("a city at night", "a snowy forest at dawn", "a red desert at sunset", "a green meadow at noon")
    orders = [how(prompts[place % 4], place) for place in range(16)]
    drawn = torch.cat([painter.redraw(sources[i : i + 8], 0.5, orders[i : i + 8]) for i in (0, 8)])
    kept = [correlation(edges(a), edges(b)) for a, b in zip(sources, drawn)]
    print(f"layout, edge correlation at strength 0.5: mean {np.mean(kept):.3f}, least {min(kept):.3f}")
    print(f"layout, change of colour: {float((sources - drawn).abs().mean()):.3f}")
    save(options.out / "layout.png", torch.cat([sources[:8], drawn[:8]]), 8)


def edges(picture: Tensor) -> np.ndarray:
    """Gradient magnitude of the blurred luma (H, W)."""
    luma = cv2.GaussianBlur(picture.mean(0).numpy(), (0, 0), 2)
    return np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def measure_depth(painter: models.Paints, options: argparse.Namespace) -> None:
    """Depth of unseen scenes after scale and shift: every pixel of what a render is given, sky left out."""
    eye = Embedded()
    found = (scene_seen(number) for number in itertools.count(UNSEEN + 1000))
    views = list(itertools.islice((one[1] for one in found if one is not None), 128))
    pictures = torch.from_numpy(np.stack([view.picture for view in views])).permute(0, 3, 1, 2).float() / 255
    truth = torch.from_numpy(np.stack([inverse(view.depth) for view in views])).clamp_min(depth.SKY)
    said = torch.cat([eye(part, range(len(part))) for part in pictures.split(16)])
    ours = depth.aligned(1 / said[:, 0], truth)
    land = truth > depth.SKY * 1.01
    share = depth.within(ours[land], truth[land])
    print(f"depth, δ₁ after scale and shift on {len(views)} unseen scenes, sky left out: {share:.3f}")
    shown = depths.to_disparity(said[:8])
    save(options.out / "depth.png", torch.cat([pictures[:8], shown.expand(-1, 3, -1, -1)]), 8)


def measure_motorcycle(painter: models.Paints, options: argparse.Namespace) -> None:
    """Nearness on a real stereo pair of known disparity, which nothing was tuned on, against two guesses.

    A nearness of an unknown scale: so its order (Spearman's; a constant has none), and what is left of the disparity
    after the best scale and shift, robustly meant: least absolute errors, pixels.
    """
    left, _, disparity = skimage.data.stereo_motorcycle()
    known = np.isfinite(disparity)
    seen = Embedded()(torch.from_numpy(np.ascontiguousarray(left)).permute(2, 0, 1)[None].float() / 255, [0])
    lower = np.broadcast_to(np.arange(left.shape[0], dtype=np.float64)[:, None], disparity.shape)
    truth = disparity[known][::37].astype(np.float64)
    guesses = {"the network": 1 / seen[0, 0].double().numpy(), "lower is nearer": lower, "constant": 0 * lower}
    for name, guess in guesses.items():
        values = guess[known][::37]
        order = float(scipy.stats.spearmanr(values, truth).statistic) if np.ptp(values) else 0.0
        left_over = np.abs(lined_up(values, truth) - truth).mean()
        print(f"depth, motorcycle, {name}: rank correlation {order:.3f}, {left_over:.1f} px off after scale and shift")


def lined_up(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """`values` by the scale and shift that leave the least sum of absolute differences from `truth`."""
    columns, weight = np.stack([values, np.ones_like(values)], 1), np.ones_like(values)
    for _ in range(30):
        root = np.sqrt(weight)[:, None]
        fitted = columns @ np.linalg.lstsq(columns * root, truth * root[:, 0], rcond=None)[0]
        weight = 1 / np.maximum(np.abs(fitted - truth), 1e-3)
    return fitted


def measure_steadiness(painter: models.Paints, options: argparse.Namespace) -> None:
    """How much the depth of a place changes from frame to frame of a flight, with and without alignment."""
    eye = Embedded()
    plan = compile_plan(load_schedule({"max_frames": 100, "animation_mode": "3D", "translation_z": 4, "seed": 1}))
    picture = torch.from_numpy(unseen(1)[0]).permute(2, 0, 1).float() / 255
    nothing = picture.new_empty(0)
    known = {"aligned": nothing, "each by itself": nothing}
    changes: dict[str, list[float]] = {name: [] for name in known}
    for frame in list(plan)[1:]:  # the same pictures for both, each against what its own last depth said
        found = eye(picture[None], [frame.index])[0]
        for name, before in known.items():
            flight = view.of_frame(plan, frame, found, before if name == "aligned" else nothing)
            if before.numel():
                there = before > 0
                changes[name].append(float((flight.depth[there] / before[there]).log().abs().mean()))
            known[name] = flight.depth_after()
            if name == "aligned":
                moved = flight.see(picture).picture
        picture = moved
    for name, changed in changes.items():
        print(
            f"depth, change of a place's depth a frame, {len(plan)} frames, {name}: {np.mean(changed):.4f} (of its log)"
        )


def measure_cost(painter: models.Paints, options: argparse.Namespace) -> None:
    """Seconds of a redrawn frame with six guided passes, encoding and decoding included."""
    source = torch.rand(1, 3, 256, 256)
    order = replace(how("a lake at dawn", 1, steps=12), guidance_end=1.0)  # strength 0.5 of 12 steps: six, all guided
    times = []
    for _ in range(7):
        started = time.perf_counter()
        painter.redraw(source, 0.5, [order])
        times.append(time.perf_counter() - started)
    print(f"cost, a frame of 6 guided passes at 256²: {median(times[2:]):.3f} s on {torch.get_num_threads()} threads")


def draw_grids(painter: models.Paints, options: argparse.Namespace) -> None:
    """The card's grids: prompts in and outside the grammar, one prompt under 16 seeds, paintings beside the world."""
    save(options.out / "grid.png", painted(painter, [still(text, seed) for seed, text in enumerate(PROMPTS)]), 6)
    save(options.out / "strange.png", painted(painter, [still(text, seed) for seed, text in enumerate(STRANGE)]), 6)
    seeds = [still("snowy mountains above a lake at sunset", seed) for seed in range(16)]
    save(options.out / "seeds.png", painted(painter, seeds), 8)
    found = [text for text, _ in asked(64)]
    mixed = painted(painter, [still(text, 7000 + seed) for seed, text in enumerate(found)])
    world = torch.from_numpy(unseen(32)).permute(0, 3, 1, 2).float() / 255
    save(options.out / "beside.png", torch.cat([mixed, world]), 12)


def save(path: Path, pictures: Tensor, across: int) -> None:
    """Write a sheet of pictures in [0, 1]."""
    cv2.imwrite(str(path), sheet(pictures * 2 - 1, across))


PARTS: dict[str, Callable[[models.Paints, argparse.Namespace], None]] = {
    "autoencoder": measure_autoencoder,
    "judge": measure_judge,
    "obedience": measure_obedience,
    "layout": measure_layout,
    "depth": measure_depth,
    "motorcycle": measure_motorcycle,
    "steadiness": measure_steadiness,
    "cost": measure_cost,
    "grids": draw_grids,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--count", type=int, default=512, help="paintings that the judge sees")
    parser.add_argument("--out", type=Path, default=Path("out/embedded"))
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    painter = models.load("embedded")
    for name in options.parts or PARTS:
        PARTS[name](painter, options)


if __name__ == "__main__":
    main()
