"""A run without a model: a plan, an animator and a painter made of arithmetic, and a way to run them.

As a program it renders into a directory, so that a test can kill it:

    python -m tests.render.stub DIR FRAMES SECONDS_A_FRAME
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animate.diffusion.sampling import Prompt, Sampling
from animate.errors import AnimateError
from animate.render.progress import Progress, Quiet
from animate.render.record import Record
from animate.render.requests import Carry, Emit, Imagine, Redraw, Request
from animate.render.run_dir import RunDirectory
from animate.render.runner import Order, run
from animate.schedule.identity import identity
from animate.video.codecs import Encoding
from animate.video.writer import VideoWriter


@dataclass(frozen=True)
class StubFrame:
    index: int

    @property
    def prompts(self) -> tuple[tuple[str, str, float], ...]:
        return ((f"number {self.index}", "blur", 1.0),)


@dataclass(frozen=True, kw_only=True)
class StubPlan:
    """As much of a plan as a runner looks at."""

    frames: int = 20
    size: tuple[int, int] = (48, 64)
    seed: int = 7
    fps: Fraction = Fraction(12)

    @property
    def data(self) -> Mapping[str, Any]:
        return {"frames": self.frames, "width": self.size[1], "height": self.size[0], "seed": [self.seed] * self.frames}

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, index: int) -> StubFrame:
        return StubFrame(index)

    def __iter__(self) -> Iterator[StubFrame]:
        return map(StubFrame, range(self.frames))


class StubPainter:
    """Paints noise of the seed; redraws by rolling the picture and mixing such noise in. Takes `seconds` for it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.calls = 0

    def imagine(self, size: tuple[int, int], how: Sequence[Sampling]) -> Tensor:
        self.calls += 1
        time.sleep(self.seconds)
        return torch.stack([self._noise(size, one.seed) for one in how])

    def redraw(self, pictures: Tensor, strength: float, how: Sequence[Sampling]) -> Tensor:
        fresh = self.imagine((pictures.shape[-2], pictures.shape[-1]), how)
        return strength * pictures.roll((1, 2), (-2, -1)) + (1 - strength) * fresh

    @staticmethod
    def _noise(size: tuple[int, int], seed: int) -> Tensor:
        height, width = size  # in patches, which survive a video's coarser colours
        patches = np.random.default_rng(seed).random((3, -(-height // 8), -(-width // 8)), np.float32)
        return torch.from_numpy(patches.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width].copy())


def walk(plan: StubPlan, carry: Carry | None = None) -> Generator[Request, Any, None]:
    """Every frame redrawn from the one before; the sum of all frames is carried too, so that a lost carry shows."""
    for index in range(0 if carry is None else carry.index + 1, len(plan)):
        how = Sampling(prompts=(Prompt(f"number {index}"),), seed=plan.seed * 100_000 + index)
        if carry is None:
            picture = yield Imagine(index=index, how=how)
            total = picture
        else:
            picture = yield Redraw(index=index, picture=carry.arriving, strength=0.7, how=how)
            total = 0.9 * carry.first + 0.1 * picture
        carry = Carry(
            index=index,
            painted_at=index,
            arriving=picture,
            arriving_by=np.eye(3),
            leaving=picture,
            leaving_by=np.eye(3),
            colors=picture,
            first=total,
            unseen=picture.new_empty(0),
            depth=picture.new_empty(0),
        )
        yield Emit(index=index, picture=0.5 * picture + 0.5 * total, carry=carry)


def render(
    path: Path,
    plan: StubPlan,
    painter: StubPainter | None = None,
    progress: Progress | None = None,
    encoding: Encoding = Encoding(preset="ultrafast"),  # noqa: B008 - frozen
) -> RunDirectory:
    """Render, or go on with, a stub run in `path`."""
    directory = RunDirectory(path)
    video = directory.video(encoding.codec)
    record = Record(
        version="0", digest=identity(plan.data), painter="stub", painter_digest="0", source="clip.yaml", plan=plan.data
    )

    def open_video() -> VideoWriter:
        return VideoWriter(video, width=plan.size[1], height=plan.size[0], fps=plan.fps, encoding=encoding)

    with directory.claim():
        directory.begin(record, b"prompts: a stub\n")
        order = Order(
            plan=plan,  # type: ignore[arg-type]
            walk=walk,  # type: ignore[arg-type]
            painter=painter or StubPainter(),
            texts=lambda index: {"parameters": f"number {index}"},
            video=open_video,
        )
        run(order, directory, progress or Quiet())
    return directory


def contents(directory: RunDirectory) -> list[bytes]:
    """The bytes of all frames, in order."""
    return [path.read_bytes() for path in sorted(directory.frames.glob("*.png"))]


if __name__ == "__main__":
    try:
        render(Path(sys.argv[1]), StubPlan(frames=int(sys.argv[2])), StubPainter(float(sys.argv[3])))
    except AnimateError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
