"""Latents as the embedded painter leaves them: what a decoder meets in use, and no picture of the world is like.

Painted once from the world's captions, and kept in a cache by the painter's weights.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from animate.diffusion import models
from animate.diffusion.autoencoder import PatchAutoencoder
from animate.diffusion.sampling import Prompt, Sampling
from animate.schedule.fields import FIELDS
from training import checkpoint
from training.world.dataset import read_shard, shards

FOLDER = checkpoint.MODELS / "painter"
COUNT = 480
SAMPLERS = ("DDIM", "DPM++ 2M SDE")
OWN = {
    name: float(FIELDS[name].default_for("embedded"))  # type: ignore[arg-type]
    for name in ("cfg_scale", "guidance_rescale", "guidance_end")
}
STEPS = int(FIELDS["steps"].default_for("embedded"))  # type: ignore[call-overload]
BATCH = 8


def plain(prompt: str, seed: int, sampler: str, steps: int) -> Sampling:
    """A picture of a prompt, guided as a schedule guides this painter where it is silent."""
    return Sampling(prompts=(Prompt(prompt),), seed=seed, sampler=sampler, steps=steps, **OWN)  # type: ignore[arg-type]


@torch.no_grad()
def latents() -> Tensor | None:
    """(n, 32, 16, 16), half of them by each of `SAMPLERS`; None while there is no painter, or no world, to paint."""
    weights = FOLDER / "unet" / "diffusion_pytorch_model.safetensors"
    if not weights.exists() or len(shards(checkpoint.WORLD)) < 2:
        return None
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    file = checkpoint.CACHE / "painted" / f"{digest}.npy"
    if not file.exists():
        checkpoint.save_array(file, np.concatenate([_painted(sampler) for sampler in SAMPLERS]))
    return torch.from_numpy(np.load(file)).float()


def _painted(sampler: str) -> NDArray[np.float16]:
    """Half of all, by that sampler."""
    painter = models.load("embedded")
    vae = PatchAutoencoder.from_pretrained(str(FOLDER / "vae")).float()
    random = checkpoint.numpy_generator(0, 0, sampler)
    rows = read_shard(shards(checkpoint.WORLD)[1]).rows
    captions = [str(random.choice(rows[place]["captions"])) for place in random.integers(len(rows), size=COUNT // 2)]
    orders = [plain(text, seed, sampler, STEPS) for seed, text in enumerate(captions)]
    parts = [orders[place : place + BATCH] for place in range(0, len(orders), BATCH)]
    found = [vae.encoder(painter.imagine((256, 256), part).cpu() * 2 - 1) for part in parts]  # exactly what was decoded
    return torch.cat(found).half().numpy()
