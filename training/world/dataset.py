"""The world as a data set on disk.

    python -m training.world.dataset --out training/cache/world --count 12000 --seed 1 --workers 2

Shards: `shard_00000.npz`, `shard_00001.npz` … of SHARD scenes each. A scene gives its photo and, in the next rows,
the same picture in some of the styles; one that does not show its kind (`sight.py`) gives nothing. Scene numbers start
at seed × 10,000,000, so a shard depends on its number and the seed only: a lost one is simply made again, and a second
run does what is missing. Keys of a shard with n rows:

    jpeg     uint8 (bytes,)        all JPEGs (256 × 256, quality 95) one after the other
    offsets  int64 (n + 1,)        row i is jpeg[offsets[i] : offsets[i + 1]]
    depth    float16 (n, 64, 64)   inverse depth along the axis, 1 / world units; 0 is sky
    rows     uint8 (bytes,)        UTF-8 JSON lines: {"seed", "style", "captions", "mirrored", "labels"}

`mirrored` are the captions of the mirrored picture. `labels` as in `captions.labels`.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from .captions import captions, labels, mirrored
from .render import View, render
from .scene import Scene, draw
from .sight import lacking, shares
from .styles import STYLES

SHARD = 256
SIZE = 256
STYLED = 3
"""Styles that each scene is also written in: a style costs a tenth of a scene."""
LACKING = 0.1
"""What a frame may lack of its kind's sight at most."""


class Row(NamedTuple):
    """One picture of the set."""

    picture: np.ndarray
    """uint8 (SIZE, SIZE, 3) RGB."""
    depth: np.ndarray
    """float16 (64, 64), see the module."""
    text: dict[str, Any]


class Shard(NamedTuple):
    """A shard, decoded."""

    pictures: np.ndarray
    """uint8 (n, SIZE, SIZE, 3) RGB."""
    depth: np.ndarray
    """float16 (n, 64, 64)."""
    rows: list[dict[str, Any]]


def _text(scene: Scene, view: View, style: str) -> dict[str, Any]:
    truth = labels(scene, view, style)
    texts = captions(scene.seed, truth)
    return {
        "seed": scene.seed,
        "style": style,
        "captions": texts,
        "mirrored": [mirrored(t) for t in texts],
        "labels": truth,
    }


def seen(seed: int) -> tuple[Scene, View] | None:
    """A scene and its frame; None where that does not show the scene's kind."""
    scene = draw(seed)
    view = render(scene.world, scene.camera, SIZE, SIZE)
    return None if lacking(scene.kind, shares(view.what)) > LACKING else (scene, view)


def inverse(depth: np.ndarray) -> np.ndarray:
    """Inverse depth, float32 (H, W), of a view's; 0 is sky."""
    return np.where(depth > 900, 0, 1 / np.maximum(depth, 0.02)).astype(np.float32)


def rows(seed: int) -> Iterator[Row]:
    """The rows of one scene: the photo and some styles; none where the scene does not show its kind."""
    if (found := seen(seed)) is None:
        return
    scene, view = found
    depth = cv2.resize(inverse(view.depth), (64, 64), interpolation=cv2.INTER_AREA).astype(np.float16)
    yield Row(view.picture, depth, _text(scene, view, "photo"))
    rng = np.random.default_rng([seed, 3])
    for style in rng.choice(list(STYLES), STYLED, replace=False).tolist():
        yield Row(STYLES[style](view.picture, view.depth, view.seen, rng), depth, _text(scene, view, style))


def write_shard(path: Path, first: int, count: int = SHARD) -> int:
    """Render `count` scenes from number `first` into `path`; whole or not at all. Returns the rows; none, no file."""
    data: list[bytes] = []
    depths, texts = [], []
    for seed in range(first, first + count):
        for row in rows(seed):
            done, code = cv2.imencode(".jpg", row.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
            if not done:
                raise OSError(f"JPEG encoder refused scene {seed}")
            data.append(code.tobytes())
            depths.append(row.depth)
            texts.append(json.dumps(row.text))
    if not data:
        return 0  # of the few scenes of a last shard none may show its kind
    part = path.with_name(path.name + f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(
            file,
            jpeg=np.frombuffer(b"".join(data), np.uint8),
            offsets=np.cumsum([0, *map(len, data)]),
            depth=np.stack(depths),
            rows=np.frombuffer("\n".join(texts).encode(), np.uint8),
        )
    os.replace(part, path)
    return len(data)


def shards(folder: Path | str) -> list[Path]:
    """Finished shards in order."""
    return sorted(Path(folder).glob("shard_*.npz"))


def read_shard(path: Path | str) -> Shard:
    """Decode a whole shard."""
    with np.load(path) as file:
        jpeg, offsets, depth = file["jpeg"], file["offsets"], file["depth"]
        texts = bytes(file["rows"]).decode().split("\n")
    pictures = [np.asarray(cv2.imdecode(jpeg[a:b], cv2.IMREAD_COLOR)) for a, b in itertools.pairwise(offsets)]
    return Shard(np.stack(pictures)[..., ::-1], depth, [json.loads(t) for t in texts])


def _work(task: tuple[Path, int, int]) -> tuple[str, int, float]:
    cv2.setNumThreads(1)
    path, first, count = task
    start = time.monotonic()
    return path.name, write_shard(path, first, count), time.monotonic() - start


def main() -> None:
    """Render what is missing."""
    parser = argparse.ArgumentParser(description="Render the procedural world into shards.")
    parser.add_argument("--out", type=Path, default=Path("training/cache/world"))
    parser.add_argument("--count", type=int, default=12000, help="scenes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard", type=int, default=SHARD, help="scenes a shard")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    tasks = []
    for k in range(-(-given.count // given.shard)):
        path = given.out / f"shard_{k:05d}.npz"
        if not path.exists():
            tasks.append(
                (path, given.seed * 10_000_000 + k * given.shard, min(given.shard, given.count - k * given.shard))
            )
    with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
        for name, n, seconds in pool.imap_unordered(_work, tasks):
            print(f"{name}: {n} rows, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
