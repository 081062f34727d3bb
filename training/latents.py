"""The world as the painter sees it: latents, depth and token numbers, encoded once a shard and kept in a cache.

A shard of pictures becomes one file under ``cache/latents/<digest>/``; the digest is that of the encoder and of the
tokenizer, so that another encoder can never be given stale latents. 20 kB a picture: 50,000 pictures are 1 GB.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from animate.diffusion.autoencoder import PATCH, PatchAutoencoder
from training import autoencoder, words
from training.checkpoint import CACHE, WORLD, write_whole
from training.world.dataset import read_shard, shards

SIDE = 256
"""Of the pictures that the painter paints."""
CAPTIONS = 6
"""Captions kept of each picture; where there are fewer they repeat."""


@dataclass(frozen=True)
class Table:
    """Rows of the world: what a step of the painter's training draws from."""

    latents: NDArray[np.float16]
    """(n, 32, h, w), 16 x 16 of a whole picture."""
    depth: NDArray[np.float16]
    """(n, h, w) relative inverse depth in [-1, 1], 1 nearest; all 0 where a picture has none."""
    tokens: NDArray[np.int16]
    """(n, 2, 6, 48): of the picture and of its mirror."""

    def __len__(self) -> int:
        return len(self.latents)


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
    return found.hexdigest()[:12] + ("" if side == SIDE else f"-{side}")


@torch.no_grad()
def encode(model: PatchAutoencoder, tokenizer, path: Path, side: int = SIDE) -> Table:  # type: ignore[no-untyped-def]
    """One shard of the world, made ``side`` pixels large and encoded."""
    shard = read_shard(path)
    pictures = [
        np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in shard.pictures[i : i + 32]])
        for i in range(0, len(shard.pictures), 32)
    ]
    latents = torch.cat([model.encoder(autoencoder.tensor(batch)) for batch in pictures]).half().numpy()
    places = side // PATCH
    depth = np.stack([relative_depth(one, places, places) for one in shard.depth]).astype(np.float16)
    texts = [
        (row[kind] * CAPTIONS)[:CAPTIONS] for row in shard.rows for kind in ("captions", "mirrored")
    ]  # two lists of six a row
    flat = words.encode(tokenizer, [text for six in texts for text in six])
    return Table(latents, depth, flat.reshape(len(latents), 2, CAPTIONS, words.LENGTH))


class World:
    """All rows encoded so far; :meth:`refresh` takes in shards that have appeared since."""

    def __init__(self, model: PatchAutoencoder, tokenizer, name: str, side: int = SIDE) -> None:  # type: ignore[no-untyped-def]
        self.model, self.tokenizer, self.side = model, tokenizer, side
        self.folder = CACHE / "latents" / name
        self.parts: dict[str, Table] = {}
        self.table = Table(
            np.empty((0, 32, side // PATCH, side // PATCH), np.float16),
            np.empty((0, side // PATCH, side // PATCH), np.float16),
            np.empty((0, 2, CAPTIONS, words.LENGTH), np.int16),
        )

    def refresh(self, most: int = 1000) -> int:
        """Encode at most ``most`` new shards (the first shard is kept for judging) and return how many came."""
        fresh = [path for path in map(Path, shards(WORLD)[1:]) if path.stem not in self.parts][:most]
        for path in fresh:
            self.parts[path.stem] = self._cached(path)
        if fresh:
            parts = [self.parts[name] for name in sorted(self.parts)]
            self.table = Table(
                np.concatenate([part.latents for part in parts]),
                np.concatenate([part.depth for part in parts]),
                np.concatenate([part.tokens for part in parts]),
            )
            self.parts = dict(zip(sorted(self.parts), _views(self.table, parts)))
        return len(fresh)

    def _cached(self, path: Path) -> Table:
        file = self.folder / f"{path.stem}.npz"
        if not file.exists():
            table = encode(self.model, self.tokenizer, path, self.side)
            arrays = {"latents": table.latents, "depth": table.depth, "tokens": table.tokens}
            write_whole(file, lambda temporary: np.savez(temporary, **arrays))
        with np.load(file) as stored:
            return Table(stored["latents"], stored["depth"], stored["tokens"])


def _views(table: Table, parts: list[Table]) -> list[Table]:
    """The parts again, as views of the whole: nothing is held twice."""
    ends = np.cumsum([len(part) for part in parts])
    spans = [slice(end - len(part), end) for part, end in zip(parts, ends)]
    return [Table(table.latents[span], table.depth[span], table.tokens[span]) for span in spans]
