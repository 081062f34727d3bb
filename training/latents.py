"""The world as the painter sees it: latents, depth and token numbers, encoded once a shard and kept in a cache.

    python -m training.latents --minutes 30 --workers 2     # beside a renderer and a training: encodes what appears

A shard of pictures becomes one file under ``cache/latents/<digest>/``; the digest is that of the encoder and of the
tokenizer, so that another encoder can never be given stale latents. 20 kB a picture: 50,000 pictures are 1 GB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animate.diffusion.autoencoder import PATCH, PatchAutoencoder
from training import autoencoder, questions, words
from training.checkpoint import CACHE, MODELS, RUNS, WORLD, Clock, write_whole
from training.world.dataset import read_shard, shards

SIDE = 256
"""Of the pictures that the painter paints."""
RUN = RUNS / "painter"
EMBEDDED = MODELS / "painter"
CAPTIONS = 6
"""Captions kept of each picture; where there are fewer they repeat."""


@dataclass(frozen=True)
class Table:
    """Rows of the world: what a step of the painter's training draws from."""

    latents: Tensor
    """(n, 32, h, w) float16, 16 x 16 of a whole picture."""
    depth: Tensor
    """(n, h, w) float16, relative inverse depth in [-1, 1], 1 nearest; all 0 where a picture has none."""
    tokens: Tensor
    """(n, 2, 6, 48) int16: of the picture and of its mirror."""
    photo: Tensor
    """(n,) bool: a scene as it is, in no style."""
    answers: Tensor
    """(n, questions) int8: the right answers to `QUESTIONS`, -1 where there is none."""
    things: Tensor
    """(n, things) int8: which of `THINGS` are in sight, -1 where it is too small to tell."""
    told: Tensor
    """(n, 2, 6, things) bool: which of those in sight a caption names."""

    def __len__(self) -> int:
        return len(self.latents)

    def to(self, device: torch.device) -> Table:
        """The same rows there."""
        return Table(*(part.to(device) for part in vars(self).values()))


def relative_depth(inverse: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Inverse depth (h, w) at a latent's size, from -1 (farthest) to 1 (nearest), as SD2's depth model is fed."""
    small = cv2.resize(inverse.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    low, high = float(small.min()), float(small.max())
    if high - low < 1e-4:
        return np.zeros_like(small)
    return (small - low) / (high - low) * 2 - 1


def digest(model: PatchAutoencoder, tokens: list[tuple[str, float]], side: int = SIDE) -> str:
    """Names the cache of an encoder, a tokenizer and a size."""
    found = hashlib.sha256(model.encoder.weight.detach().numpy().tobytes())
    found.update("\n".join(token for token, _ in tokens).encode())
    found.update(" ".join(part.name for part in fields(Table)).encode())
    return found.hexdigest()[:12] + ("" if side == SIDE else f"-{side}")


@torch.no_grad()
def encode(model: PatchAutoencoder, tokenizer, path: Path, side: int = SIDE) -> Table:  # type: ignore[no-untyped-def]
    """One shard of the world, made ``side`` pixels large and encoded."""
    shard = read_shard(path)
    pictures = [
        np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in shard.pictures[i : i + 32]])
        for i in range(0, len(shard.pictures), 32)
    ]
    latents = torch.cat([model.encoder(autoencoder.tensor(batch)) for batch in pictures]).half()
    places = side // PATCH
    depth = np.stack([relative_depth(one, places, places) for one in shard.depth]).astype(np.float16)
    texts = [
        (row[kind] * CAPTIONS)[:CAPTIONS] for row in shard.rows for kind in ("captions", "mirrored")
    ]  # two lists of six a row
    flat = words.encode(tokenizer, [text for six in texts for text in six])
    tokens = flat.reshape(len(latents), 2, CAPTIONS, words.LENGTH)
    photo = torch.tensor([row["style"] == "photo" for row in shard.rows])
    answers = torch.tensor([questions.answers(row["labels"]) for row in shard.rows], dtype=torch.int8)
    things = torch.tensor([questions.things(row["labels"]) for row in shard.rows], dtype=torch.int8)
    told = torch.tensor([questions.told(text) for six in texts for text in six])
    told = told.reshape(len(latents), 2, CAPTIONS, -1) & (things > 0)[:, None, None]
    return Table(latents, torch.from_numpy(depth), torch.from_numpy(tokens), photo, answers, things, told)


class World:
    """All rows encoded so far; :meth:`refresh` takes in shards that have appeared since."""

    def __init__(self, model: PatchAutoencoder, tokenizer, name: str, side: int = SIDE) -> None:  # type: ignore[no-untyped-def]
        self.model, self.tokenizer, self.side = model, tokenizer, side
        self.folder = CACHE / "latents" / name
        self.parts: dict[str, Table] = {}
        self.table = Table(
            torch.empty((0, 32, side // PATCH, side // PATCH), dtype=torch.float16),
            torch.empty((0, side // PATCH, side // PATCH), dtype=torch.float16),
            torch.empty((0, 2, CAPTIONS, words.LENGTH), dtype=torch.int16),
            torch.empty(0, dtype=torch.bool),
            torch.empty((0, len(questions.QUESTIONS)), dtype=torch.int8),
            torch.empty((0, len(questions.THINGS)), dtype=torch.int8),
            torch.empty((0, 2, CAPTIONS, len(questions.THINGS)), dtype=torch.bool),
        )

    def missing(self) -> list[Path]:
        """Shards that are rendered and not yet encoded; the first shard is kept for judging."""
        return [path for path in map(Path, shards(WORLD)[1:]) if not self._file(path).exists()]

    def refresh(self, most: int = 1000) -> int:
        """Take in new shards, encoding at most ``most`` of them here, and return how many came."""
        new = [path for path in map(Path, shards(WORLD)[1:]) if path.stem not in self.parts]
        done = [path for path in new if self._file(path).exists()]
        fresh = done + [path for path in new if path not in done][:most]
        for path in fresh:
            self.parts[path.stem] = self.cached(path)
        if fresh:
            parts = [self.parts[name] for name in sorted(self.parts)]
            self.table = Table(*map(torch.cat, zip(*(vars(part).values() for part in parts))))
            self.parts = dict(zip(sorted(self.parts), _views(self.table, parts)))
        return len(fresh)

    def cached(self, path: Path) -> Table:
        """One shard, encoded now if it was not before."""
        file = self._file(path)
        if not file.exists():
            table = encode(self.model, self.tokenizer, path, self.side)
            arrays = {name: value.numpy() for name, value in vars(table).items()}
            write_whole(file, lambda temporary: np.savez(temporary, **arrays))
        with np.load(file) as stored:
            return Table(*(torch.from_numpy(stored[part.name]) for part in fields(Table)))

    def _file(self, path: Path) -> Path:
        return self.folder / f"{path.stem}.npz"


def _views(table: Table, parts: list[Table]) -> list[Table]:
    """The parts again, as views of the whole: nothing is held twice."""
    ends = np.cumsum([len(part) for part in parts])
    spans = [slice(end - len(part), end) for part, end in zip(parts, ends)]
    return [Table(*(part[span] for part in vars(table).values())) for span in spans]


def prepare(side: int = SIDE) -> tuple[PatchAutoencoder, Any, Tensor, str]:
    """The frozen autoencoder, the tokenizer, its vectors and the name of their latents' cache."""
    from transformers import PreTrainedTokenizerFast

    folder = autoencoder.RUN / "model"
    model = PatchAutoencoder.from_pretrained(str(folder if folder.exists() else autoencoder.EMBEDDED)).float()
    kept = RUN / "tokenizer"
    if not (kept / "tokenizer.json").exists():
        exported = EMBEDDED / "tokenizer" / "tokenizer.json"
        if exported.exists():
            tokens = [(token, score) for token, score in json.loads(exported.read_text("utf-8"))["model"]["vocab"]]
            words.save(kept, tokens, words.vectors_of([token for token, _ in tokens]))
        else:
            words.save(kept, *words.vocabulary(captions()))
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(kept))
    tokens = [(token, 0.0) for token, _ in json.loads((kept / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]]
    vectors = torch.from_numpy(np.load(kept / "vectors.npy").astype(np.float32))
    return model, tokenizer, vectors, digest(model, tokens, side)


def captions() -> list[str]:
    """Captions of the world's first shards: their words are in the vocabulary whatever their rank."""
    return [text for path in shards(WORLD)[:4] for row in read_shard(path).rows for text in row["captions"]]


_world: World


def _enter(side: int) -> None:
    global _world
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model, tokenizer, _, name = prepare(side)
    _world = World(model, tokenizer, name, side)


def _encode(path: Path) -> str:
    return f"{path.stem}: {len(_world.cached(path))} rows"


def main() -> None:
    """Encode shards as they appear."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=0, help="how long to wait for further shards")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--side", type=int, default=SIDE)
    options = parser.parse_args()
    _enter(options.side)
    clock, asked = Clock(options.minutes), set[Path]()
    with multiprocessing.get_context("spawn").Pool(options.workers, _enter, (options.side,)) as pool:
        while True:
            fresh = [path for path in _world.missing() if path not in asked]
            asked.update(fresh)
            for said in pool.imap_unordered(_encode, fresh):
                print(said, flush=True)
            if clock.over():
                break
            time.sleep(1)


if __name__ == "__main__":
    main()
