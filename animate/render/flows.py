"""The flow of a film, asked for frame by frame; what a network found is kept on disk for the next run.

Only networks' flows are: the classical methods are as fast as reading a file. Kept in whole 32nds of a pixel, and given
so when they are new, too: a run that finds them and one that makes them have the same bytes.
"""

from __future__ import annotations

import hashlib
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from animate import cache
from animate.motion import flow
from animate.render.requests import Follow
from animate.schedule.plan import Plan
from animate.video.atomic import write_whole

PARTS = 32
"""Of a pixel."""
MOST = 2 << 30
"""Bytes that are kept of all films when a run begins; the oldest go."""


class Flows:
    """Answers `Follow`."""

    def __init__(self, plan: Plan, device: str = "cpu", folder: Path | None = None) -> None:
        """`folder`: where flows are kept, the user's cache by default.

        Raises:
            MissingExtra, MissingModel: the method's package or weights are not there.
        """
        self._method = str(plan.settings["flow_method"])
        self._between = flow.load(self._method, device)
        self._folder: Path | None = None
        if self._method in flow.NETWORKS and plan.film.digest:
            about = [plan.film.digest, plan.film.first, plan.film.every, plan.film.rate, *plan.size]
            name = hashlib.sha256(repr([*about, plan.settings["video_fit"], self._method]).encode()).hexdigest()[:24]
            self._folder = (folder or cache.folder("flow")) / name
            with suppress(OSError):  # once a run: to look at 4,000 files takes 70 ms
                _pruned(self._folder.parent)

    def __call__(self, request: Follow) -> Tensor:
        """(2, 2, H, W): now → before, before → now."""
        if self._folder is None or request.since < 0:
            return self._found(request)
        file = self._folder / f"{request.index}-{request.since}.flow"
        shape = (2, 2, *request.now.shape[-2:])
        with suppress(OSError, ValueError, zlib.error):
            values = np.frombuffer(zlib.decompress(file.read_bytes()), "<i2").reshape(shape)
            return torch.from_numpy(values.astype(np.float32) / PARTS).to(request.now.device)
        found = self._found(request)
        values = (found.cpu().numpy() * PARTS).round().clip(-32768, 32767).astype("<i2")
        with suppress(OSError):  # a full disk or a locked one keeps nothing, and the run goes on
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(file, zlib.compress(values.tobytes(), 1))
        return torch.from_numpy(values.astype(np.float32) / PARTS).to(request.now.device)

    def _found(self, request: Follow) -> Tensor:
        now, before = request.now, request.before
        if self._method in flow.METHODS:
            return torch.stack(flow.both_ways(now, before, self._method))
        return torch.stack([self._between(now, before), self._between(before, now)])


def _pruned(folder: Path, most: int = MOST) -> None:
    """Remove the oldest files until at most `most` bytes are left."""
    files = sorted(((told := path.stat()).st_mtime_ns, told.st_size, path) for path in folder.glob("*/*.flow"))
    over = sum(size for _, size, _ in files) - most
    for _, size, path in files:
        if over <= 0:
            return
        path.unlink(missing_ok=True)
        over -= size
