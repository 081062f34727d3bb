"""Looking at a painter: grids of samples from fixed prompts and seeds, and the curve of its losses.

python -m training.grid --steps 8 --guidance 3 --sampler DDIM        # the embedded painter, as exported
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training import checkpoint, words

PROMPTS = (
    "snowy mountains at sunset",
    "the sea at golden hour",
    "sand dunes at noon",
    "a lake at dawn with mist",
    "green hills on a sunny day",
    "rocky mountains in fog",
    "the sea at night with stars and a full moon",
    "a pine forest in winter",
    "a city skyline at night",
    "red flowers in a meadow",
    "a lonely lighthouse by the sea",
    "crimson dunes under a violet heaven",
    "watercolor of a lake at golden hour",
    "an oil painting of mountains at dusk",
    "ink drawing of a single tree",
    "pixel art of hills at twilight",
    "neon lines, a city at night",
    "woodcut of a boat on a stormy sea",
    "hot air balloons over a valley in the morning",
    "a bridge over a river at sunset",
    "aurora over a frozen lake",
    "a planet with rings in space",
    "a road through a desert under a pink sky",
    "a sailing boat on a calm blue sea",
)
SAMPLERS = {
    "DDIM": ("DDIMScheduler", {}),
    "Euler": ("EulerDiscreteScheduler", {}),
    "Euler a": ("EulerAncestralDiscreteScheduler", {}),
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {}),
    "DPM++ 2M Karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "DPM++ 2M SDE": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "UniPC": ("UniPCMultistepScheduler", {}),
}


@torch.no_grad()
def paint(
    unet: nn.Module,
    hidden: Tensor,
    empty: Tensor,
    noise: Tensor,
    schedule: dict[str, Any],
    *,
    sampler: str = "DDIM",
    steps: int = 8,
    guidance: float = 3.0,
    rescale: float = 0.0,
    depth: Tensor | None = None,
) -> Tensor:
    """Latents (N, 32, h, w) painted from ``noise`` for captions read as ``hidden`` (N, 48, 192)."""
    import diffusers

    name, options = SAMPLERS[sampler]
    scheduler = getattr(diffusers, name).from_config(schedule | options)
    scheduler.set_timesteps(steps)
    depth = torch.zeros_like(noise[:, :1]) if depth is None else depth
    both = torch.cat([empty.expand_as(hidden), hidden])
    generator = torch.Generator().manual_seed(0)
    latents = noise * scheduler.init_noise_sigma
    extra = {"generator": generator} if sampler in ("Euler a", "DPM++ 2M SDE") else {}
    for time in scheduler.timesteps:
        scaled = torch.cat([scheduler.scale_model_input(latents, time), depth], dim=1)
        away, towards = unet(torch.cat([scaled, scaled]), time, both).sample.chunk(2)
        found = away + guidance * (towards - away)
        if rescale:
            same = found * towards.std(dim=(1, 2, 3), keepdim=True) / found.std(dim=(1, 2, 3), keepdim=True)
            found = rescale * same + (1 - rescale) * found
        latents = scheduler.step(found, time, latents, **extra).prev_sample
    return latents


def sheet(pictures: Tensor, across: int) -> np.ndarray:
    """Pictures (N, 3, H, W) in [-1, 1] side by side, BGR of 8 bits."""
    rows = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()[..., ::-1]
    rows = np.concatenate([rows, np.zeros((-len(rows) % across, *rows.shape[1:]), np.uint8)])
    return np.vstack([np.hstack(list(rows[i : i + across])) for i in range(0, len(rows), across)])


def save(path: Path, pictures: Tensor, across: int = 6) -> None:
    """Write a sheet whole."""
    import cv2

    checkpoint.write_whole(path, lambda temporary: cv2.imwrite(str(temporary), sheet(pictures, across)))


def noise(count: int, seed: int, side: int = 16) -> Tensor:
    """Starting noise (count, 32, side, side)."""
    return torch.randn(count, 32, side, side, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def write(
    path: Path,
    painter: Any,
    average: Any,
    vae: Any,
    tokenizer: Any,
    schedule: dict[str, Any],
    prompts: Sequence[str] = PROMPTS,
    side: int = 256,
) -> None:
    """A grid of the averaged weights of a training that goes on."""
    device = next(painter.parameters()).device
    kept = [value.detach().clone() for value in painter.parameters()]
    average.into(painter)
    painter.eval()
    hidden = read(painter.read, tokenizer, ["", *prompts], device)
    start = noise(len(prompts), 1, side // 16).to(device)
    latents = paint(painter.unet, hidden[1:], hidden[:1], start, schedule)
    save(path, vae.decode(latents.float().cpu()).sample)
    for value, old in zip(painter.parameters(), kept):
        value.copy_(old)
    painter.train()


def read(reader: Any, tokenizer: Any, prompts: Sequence[str], device: torch.device | str = "cpu") -> Tensor:
    """Captions as the UNet hears them, (N, 48, 192)."""
    return reader(torch.from_numpy(words.encode(tokenizer, list(prompts)).astype(np.int64)).to(device))


def curve(folder: Path) -> None:
    """Draw the losses of ``log.txt`` over samples seen."""
    from matplotlib.figure import Figure

    found = re.findall(r"samples (\d+) (?:loss|error) ([\d.]+)", (folder / "log.txt").read_text(encoding="utf-8"))
    if not found:
        return
    samples, losses = zip(*((int(a), float(b)) for a, b in found))
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    axes.plot(samples, losses)
    axes.set(xlabel="samples", ylabel="loss of v", xscale="log")
    axes.grid(alpha=0.3)
    checkpoint.write_whole(folder / "loss.png", lambda path: figure.savefig(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", nargs="*", default=PROMPTS)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--rescale", type=float, default=0.0)
    parser.add_argument("--sampler", choices=SAMPLERS, default="DDIM")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, default=checkpoint.MODELS / "painter")
    parser.add_argument("--to", type=Path, default=checkpoint.RUNS / "grid.png")
    options = parser.parse_args()
    import json

    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextModel, PreTrainedTokenizerFast

    from animate.diffusion.autoencoder import PatchAutoencoder

    unet = UNet2DConditionModel.from_pretrained(str(options.model / "unet")).float().eval()
    vae = PatchAutoencoder.from_pretrained(str(options.model / "vae")).float().eval()
    text = CLIPTextModel.from_pretrained(str(options.model / "text_encoder")).float().eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(options.model / "tokenizer"))
    schedule = json.loads((options.model / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    with torch.no_grad():
        hidden = read(lambda tokens: text(input_ids=tokens).last_hidden_state, tokenizer, ["", *options.prompts])
        how = {"sampler": options.sampler, "steps": options.steps, "guidance": options.guidance}
        start = noise(len(options.prompts), options.seed)
        latents = paint(unet, hidden[1:], hidden[:1], start, schedule, **how, rescale=options.rescale)
        save(options.to, vae.decode(latents).sample)


if __name__ == "__main__":
    main()
