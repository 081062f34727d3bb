"""The whole loop (warp, match, noise, redraw, PNG, ffmpeg, checkpoint) against the model alone and a naive loop."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from time import sleep
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from skimage.exposure import match_histograms
from torch import Tensor

import animate
from animate.diffusion import models
from animate.diffusion.models import Paints
from animate.diffusion.sampling import Sampling
from animate.render.animator import animate as walk
from animate.render.progress import Quiet
from animate.render.run_dir import Record, RunDirectory
from animate.render.runner import Order, run
from animate.schedule.plan import Plan
from animate.video.codecs import Encoding
from animate.video.ffmpeg import executable
from animate.video.writer import VideoWriter
from benchmarks.rows import Row, now
from tests.diffusion.tiny import tiny_sd

SIDE = 512
STEPS = 12
"""Half of them run: the diffusers call then takes well over the 200 ms that the goal of the whole loop speaks of."""
FAST: Mapping[str, float] = {"steps": 2, "cfg_scale": 1.0}
"""One step runs, without guidance, as with the few-step models, where what is done beside the model shows most."""
STRENGTH = 0.5
FRAMES = 8


class Clock(Quiet):
    """Notes when each frame was done."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def frame(self, index: int, seconds: float, prompt: str) -> None:
        self.times.append(now())

    @property
    def steady(self) -> list[float]:
        """Milliseconds of each frame after the first two, which open the model and the encoder."""
        return [1000 * (b - a) for a, b in zip(self.times[1:], self.times[2:])]


class Nothing:
    """A painter that returns what it is given: what is timed with it is everything but the networks.

    `seconds`: what it pretends to take, in which the threads that write can keep up as they can beside a model.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def imagine(self, size: tuple[int, int], how: list[Sampling]) -> Tensor:
        noise = torch.rand(len(how), 3, *size, generator=torch.Generator().manual_seed(how[0].seed))
        return torch.nn.functional.avg_pool2d(noise, 9, 1, 4)

    def redraw(self, pictures: Tensor, strength: float, how: list[Sampling]) -> Tensor:
        before = now()
        sleep(self.seconds)
        self.slept = now() - before
        return pictures


def plan_of(frames: int, side: int = 0, **more: Any) -> Plan:
    """A plan as a checkpoint's defaults have it; the embedded painter's differ."""
    side = side or SIDE
    fields = {
        "sharpness_coherence": 0,
        "width": side,
        "height": side,
        "max_frames": frames,
        "seed": 1,
        "zoom": 1.01,
        "angle": 0.3,
    }
    return animate.plan(
        {**fields, "steps": STEPS, "strength": STRENGTH, "prompts": "a lake", "sampler": "DDIM", **more}
    )


@contextmanager
def rendered(plan: Plan, painter: Paints) -> Iterator[Clock]:
    """The plan rendered by our own loop into a folder that is thrown away."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder) / "run")
        height, width = plan.size
        video, encoding = directory.video("h264"), Encoding(preset="veryfast")
        record = Record(version="0", digest=plan.digest, painter="", painter_digest="", plan={})

        def open_video() -> VideoWriter:
            return VideoWriter(video, width=width, height=height, fps=plan.fps, encoding=encoding)

        with directory.claim():
            directory.begin(record, b"")
            order = Order(plan=plan, walk=walk, painter=painter, texts=lambda index: {}, video=open_video)
            run(order, directory, clock)
        yield clock


SLOW: Mapping[str, Any] = {"block_out_channels": (32, 64)}
QUICK: Mapping[str, Any] = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
}
"""Networks by what sets them apart: one that takes its time, and one as quick as few-step models are on a GPU, without
attention at the latent's full size (as in SDXL)."""


@cache
def tiny(quick: bool) -> Path:
    return tiny_sd(Path(tempfile.mkdtemp()) / "tiny", **(QUICK if quick else SLOW))


@cache
def pipeline(quick: bool) -> Any:
    from diffusers import DDIMScheduler, StableDiffusionImg2ImgPipeline

    pipe = StableDiffusionImg2ImgPipeline.from_pretrained(tiny(quick), safety_checker=None)
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def call(picture: Any, seed: int, kind: str, quick: bool = False) -> Any:
    """diffusers' own img2img; `picture` (1, 3, H, W) for kind pt, a PIL image for kind pil."""
    steps, cfg_scale = (FAST["steps"], FAST["cfg_scale"]) if quick else (STEPS, 7.0)
    return pipeline(quick)(
        "a lake",
        image=picture,
        strength=1 - STRENGTH,
        num_inference_steps=int(steps),
        guidance_scale=cfg_scale,
        generator=torch.Generator().manual_seed(seed),
        output_type=kind,
    ).images


def bare() -> list[float]:
    """Milliseconds of each diffusers call, tensors in and out."""
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    times = []
    for seed in range(FRAMES):
        start = now()
        picture = call(picture, seed, "pt")
        times.append(1000 * (now() - start))
    return times[2:]


def naive() -> list[float]:
    """The loop as it is mostly written: 8 bits, PIL in and out, PNG files, ffmpeg afterwards; milliseconds a frame."""
    height = width = SIDE
    rng = np.random.default_rng(0)
    start = now()
    with tempfile.TemporaryDirectory() as folder:
        picture = (rng.random((height, width, 3)) * 255).astype(np.uint8)
        sample = picture
        matrix = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), 0.3, 1.01), [0, 0, 1]])
        for frame in range(FRAMES):
            picture = cv2.warpPerspective(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
            lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB), cv2.cvtColor(sample, cv2.COLOR_RGB2LAB)
            matched = match_histograms(*lab, channel_axis=-1).astype(np.uint8)
            picture = cv2.cvtColor(matched, cv2.COLOR_LAB2RGB)
            blurred = cv2.GaussianBlur(picture, (5, 5), 1.0)
            picture = np.clip(1.1 * picture.astype(np.float64) - 0.1 * blurred, 0, 255).astype(np.uint8)
            field = perlin_by_octaves(rng, height, width)
            noised = 0.96 * picture + 0.04 * 127.5 * (1 + np.clip(field, -1, 1))
            image = Image.fromarray(noised.clip(0, 255).astype(np.uint8))
            picture = np.array(call(image, frame, "pil", quick=True)[0])
            Image.fromarray(picture).save(f"{folder}/{frame:06d}.png")
        command = [executable(), "-v", "error", "-r", "12", "-i", f"{folder}/%06d.png"]
        command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-pix_fmt", "yuv420p", f"{folder}/v.mp4"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return [1000 * (now() - start) / FRAMES]


def perlin_by_octaves(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Gaussian noise under Perlin noise, each octave by corner gradients over the whole picture (the usual recipe)."""
    total = np.zeros((height, width))
    for octave in range(4):
        cells = 8 * 2**octave
        gradient = rng.standard_normal((cells + 1, cells + 1, 2))
        gradient /= np.linalg.norm(gradient, axis=-1, keepdims=True)
        y, x = np.meshgrid(np.arange(height) * cells / height, np.arange(width) * cells / width, indexing="ij")
        top, left = y.astype(int), x.astype(int)
        v, u = y - top, x - left
        corner = [
            (gradient[top + dy, left + dx] * np.stack([u - dx, v - dy], -1)).sum(-1) for dy in (0, 1) for dx in (0, 1)
        ]
        a, b = u**3 * (u * (u * 6 - 15) + 10), v**3 * (v * (v * 6 - 15) + 10)
        low, high = corner[0] + a * (corner[1] - corner[0]), corner[2] + a * (corner[3] - corner[2])
        total += 0.5**octave * (low + b * (high - low))
    white = rng.standard_normal((height, width, 3))
    return white * ((total + 1) / 2)[..., None]


def _row(name: str, ours: list[float], reference: list[float], goal: float, lower: bool, note: str) -> Row:
    ratios = [a / b if lower else b / a for a, b in zip(ours, reference)]
    low, _, high = quantiles(ratios, n=4)
    return Row(
        name=name,
        ours_ms=median(ours),
        reference_ms=median(reference),
        ratio=median(ratios),
        goal=goal,
        better="lower" if lower else "higher",
        spread=(low, high),
        note=note,
    )


def _rounds(reference: Callable[[], list[float]], quick: bool, rounds: int = 5) -> tuple[list[float], list[float]]:
    """Medians of a frame of ours and of the reference, taken in turn."""
    painter = models.load(str(tiny(quick)), device="cpu")
    plan = plan_of(FRAMES, **(FAST if quick else {}))
    ours, others = [], []
    for _ in range(rounds + 1):
        with rendered(plan, painter) as clock:
            ours.append(median(clock.steady))
        others.append(median(reference()))
    return ours[1:], others[1:]


def whole_loop() -> Row:
    ours, reference = _rounds(bare, quick=False)
    note = "warp, LAB match, unsharp, Perlin noise, redraw, PNG, x264, checkpoints; reference: the diffusers call alone"
    return _row(f"whole loop ÷ bare img2img call, {SIDE}²", ours, reference, 1.05, True, note)


def against_naive() -> Row:
    ours, reference = _rounds(naive, quick=True)
    note = "one unguided step a frame; reference: 8-bit stages, diffusers call with PIL, PIL PNG, ffmpeg afterwards"
    return _row(f"naive loop ÷ ours, {SIDE}²", ours, reference, 2.0, False, note)


def beside_the_networks() -> Row:
    painter = Nothing(seconds=0.06)
    with rendered(plan_of(24), painter) as clock:
        ours = [milliseconds - 1000 * painter.slept for milliseconds in clock.steady]
    note = "all that the loop waits for but the model, which sleeps 60 ms; PNG and x264 in their threads meanwhile"
    return _row(f"work outside the networks, {SIDE}²", ours, [15.0] * len(ours), 1.0, True, note)


LENGTHS = (100, 10_000)
SHORT_RUNS = 20
"""Runs of 100 frames that are taken together: one is half a second, and says more about the machine than about us."""


def _long(frames: int, runs: int = 1) -> tuple[float, float]:
    """Peak memory in MB and milliseconds a frame of runs of so many small frames, in a process of its own."""
    program = (
        "import sys; sys.path.insert(0, '.'); from benchmarks import loop; import resource; "
        f"m = loop.steady_of({frames}, {runs}); peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "print(peak / (1 << 20 if sys.platform == 'darwin' else 1 << 10), m)"  # bytes there, kB elsewhere
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    peak, milliseconds = done.stdout.split()
    return float(peak), float(milliseconds)


def steady_of(frames: int, runs: int = 1) -> float:
    plan, times = plan_of(frames, side=64, codec="h264"), []
    for _ in range(runs):
        with rendered(plan, Nothing()) as clock:
            times += clock.steady
    return median(times)


def memory() -> Row:
    short, long = _long(LENGTHS[0])[0], _long(LENGTHS[1])[0]
    note = f"MB: {short:.0f} for {LENGTHS[0]} frames, {long:.0f} for {LENGTHS[1]}; the goal is +10 MB"
    more = long - short
    return Row("peak memory, 10,000 frames − 100, ÷ 10 MB", more, 10, more / 10, 1.0, "lower", None, note)


def pace() -> Row:
    pairs = [(_long(LENGTHS[1])[1], _long(LENGTHS[0], SHORT_RUNS)[1]) for _ in range(3)]
    ours, reference = [long for long, _ in pairs], [short for _, short in pairs]
    return _row("time a frame, 10,000 frames ÷ 100", ours, reference, 1.02, True, "64², stub painter")


ROWS = {
    "whole-loop": whole_loop,
    "naive-loop": against_naive,
    "outside-networks": beside_the_networks,
    "memory": memory,
    "pace": pace,
}
