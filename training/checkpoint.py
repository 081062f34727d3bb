"""Runs that survive a kill: whole files only, and the state of a training as one file.

A checkpoint holds everything the next step depends on (weights, moments, averages, how many steps were done); all that
is drawn at random is drawn from (seed, step), so there is no state of a generator to keep, and a training killed and
resumed gives the same weights as one that ran through.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

RUNS = Path(__file__).parent / "runs"
CACHE = Path(__file__).parent / "cache"
WORLD = CACHE / "world"
MODELS = Path(__file__).parent.parent / "animate" / "models"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it: a reader sees all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_array(path: Path, values: NDArray[Any]) -> None:
    """Write an array whole; ``path`` ends in ``.npy``."""
    write_whole(path, lambda temporary: np.save(temporary, values))


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a training's state whole."""
    write_whole(path, lambda temporary: torch.save(state, temporary))


def load(path: Path) -> dict[str, Any] | None:
    """A training's state, or None where none was saved; only tensors, numbers and texts are read."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def generator(seed: int, step: int, purpose: str, where: str | torch.device = "cpu") -> torch.Generator:
    """Random numbers of one step for one purpose: the same after any number of kills."""
    return torch.Generator(where).manual_seed(int(numpy_generator(seed, step, purpose).integers(2**62)))


def numpy_generator(seed: int, step: int, purpose: str) -> np.random.Generator:
    """As :func:`generator`, for numpy."""
    return np.random.default_rng([seed, step, *purpose.encode()])


_asked: list[int] = []


def stop_kindly() -> None:
    """From now on a request to end (SIGTERM) lets the step that runs finish and the checkpoint be written."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, _: _asked.append(number))


class Clock:
    """Wall-clock of one sitting: when to stop, and when the next checkpoint is due."""

    def __init__(self, minutes: float, every: float = 180.0) -> None:
        self.start = self.last = time.monotonic()
        self.minutes = minutes
        self.every = every

    def over(self) -> bool:
        """Whether the sitting's minutes are used up, or somebody asked it to end."""
        return bool(_asked) or self.spent() >= self.minutes * 60

    def left(self) -> float:
        """Minutes until then."""
        return max(0.0, self.minutes - self.spent() / 60)

    def spent(self) -> float:
        """Seconds since the sitting began."""
        return time.monotonic() - self.start

    def due(self) -> bool:
        """Whether ``every`` seconds have passed since the last time this said yes."""
        now = time.monotonic()
        if now - self.last < self.every:
            return False
        self.last = now
        return True


def log(folder: Path, line: str) -> None:
    """Say a line and keep it in the run's ``log.txt``."""
    stamped = f"{time.strftime('%H:%M:%S')} {line}"
    print(stamped, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(stamped + "\n")


def device(name: str) -> torch.device:
    """``auto`` is the first GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def halves(where: torch.device) -> bool:
    """Whether to compute in bfloat16 there: on GPUs, and on CPUs with units for it, 3 times as fast as floats with
    AMX, twice with AVX-512's own."""
    if where.type != "cpu":
        return where.type == "cuda"
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def compiles(where: torch.device) -> bool:
    """Whether to compile what learns there: not in bfloat16 on a CPU, where torch 2.13 fails or, worse, leaves layers
    without a gradient; in floats it is right."""
    return where.type != "cpu" or (not halves(where) and shutil.which("c++") is not None)
