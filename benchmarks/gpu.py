"""What a GPU makes of a redrawn frame: the embedded painter; diffusers' own call on a tiny and an SD 1.5 network.

    python benchmarks/run.py gpu                              # under a minute; no rows where there is no GPU
    ANIMATE_TEST_DEVICE=cpu python benchmarks/run.py gpu      # walks through it without one, on small pictures

Weights of the SD 1.5 network are random (the configuration is ours, `animate/models/families/sd1`): nothing is fetched,
and what is painted is noise, in the same time as pictures. All in half precision, guided, half of twenty steps. A
call ends when the card is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.rows import Row, compare, now

DEVICE = os.environ.get("ANIMATE_TEST_DEVICE", "cuda")
PLAYED = DEVICE == "cpu"
DTYPE = torch.float32 if PLAYED else torch.float16
ROUNDS, WARMUPS = (2, 1) if PLAYED else (10, 3)
PROMPT, NEGATIVE, SEED, SCALE = "a red fox in the snow", "dull", 7, 5.0
STEPS, STRENGTH = 20, 0.5


def _done(call: Callable[[], Any]) -> Callable[[], Any]:
    """The call until the card is done."""

    def called() -> Any:
        answer = call()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        return answer

    return called


def _how(steps: int = STEPS, scale: float = SCALE) -> Any:
    from animate.diffusion.sampling import Prompt, Sampling

    return Sampling(prompts=(Prompt(PROMPT, NEGATIVE),), seed=SEED, sampler="DDIM", steps=steps, cfg_scale=scale)


def _bare(unet: Any, vae: Any, side: int, run: int) -> Callable[[], Any]:
    """The networks alone: a picture encoded, `run` guided passes, a picture decoded."""
    picture = torch.zeros(1, 3, side, side, device=DEVICE, dtype=DTYPE)
    cell = 2 ** (len(vae.config.block_out_channels) - 1)
    latents = torch.zeros(1, int(vae.config.latent_channels), side // cell, side // cell, device=DEVICE, dtype=DTYPE)
    inputs = torch.zeros(2, int(unet.config.in_channels), side // cell, side // cell, device=DEVICE, dtype=DTYPE)
    texts = torch.zeros(2, 77, int(unet.config.cross_attention_dim), device=DEVICE, dtype=DTYPE)
    time = torch.tensor(500)

    @torch.inference_mode()
    def networks() -> Any:
        vae.encode(picture)
        for _ in range(run):
            unet(inputs, time, texts, return_dict=False)
        return vae.decode(latents, return_dict=False)[0]

    return _done(networks)


@cache
def _embedded() -> Any:
    from animate.diffusion import models

    return models.load("embedded", device=DEVICE)


def _frame(side: int) -> Row:
    """A frame of the embedded painter against its networks alone."""
    painter, how = _embedded(), _how(10)
    side = 64 if PLAYED else side
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    bare = _bare(painter._parts.unet, painter._parts.vae, side, 5)
    name = f"embedded painter on {_card()}, {side}², 5 steps"
    ours = _done(lambda: painter.redraw(picture, 0.5, [how]))
    row = compare(name, ours, bare, 1.5, "lower", rounds=2 * ROUNDS, warmups=WARMUPS)
    return replace(row, note=f"{row.ours_ms / 1000:.4f} s a frame")


def _card() -> str:
    return torch.cuda.get_device_name() if DEVICE == "cuda" else DEVICE


def frame_256() -> Row:
    """Seconds a frame at 256²."""
    return _frame(256)


def frame_512() -> Row:
    """Seconds a frame at 512²."""
    return _frame(512)


@cache
def _tiny() -> tuple[Any, Any]:
    """Painter and pipeline on a random model of 0.1 M weights, and so its tokenizer, which the larger one takes too."""
    import diffusers

    from animate.diffusion import models
    from tests.diffusion.tiny import tiny_sd

    diffusers.utils.logging.set_verbosity_error()
    with TemporaryDirectory() as place:
        folder = tiny_sd(Path(place) / "sd", block_out_channels=(32, 64), norm_num_groups=32, attention_head_dim=8)
        painter = models.load(str(folder), device=DEVICE)
        pipe = diffusers.StableDiffusionImg2ImgPipeline.from_pretrained(folder, safety_checker=None, torch_dtype=DTYPE)
    pipe.to(DEVICE)
    pipe.set_progress_bar_config(disable=True)
    return painter, pipe


@cache
def _sd1() -> tuple[Any, Any]:
    """Painter and pipeline on one network of SD 1.5's size, its weights made on the card."""
    import diffusers
    import transformers

    from animate.diffusion.conditioning import Encoder
    from animate.diffusion.painter import Painter, Parts
    from animate.diffusion.single_file import FAMILIES

    tokenizer = _tiny()[1].tokenizer
    family = FAMILIES / "sd1"

    def config(part: str) -> Any:
        told = json.loads((family / part / "config.json").read_text(encoding="utf-8"))
        if PLAYED and part == "unet":
            told |= {"block_out_channels": [32, 32, 64, 64]}
        if PLAYED and part == "vae":
            told |= {"block_out_channels": [32, 32, 32, 32]}
        return told

    torch.manual_seed(1)
    with torch.device(DEVICE):
        unet = diffusers.UNet2DConditionModel.from_config(config("unet")).to(dtype=DTYPE).eval().requires_grad_(False)
        vae = diffusers.AutoencoderKL.from_config(config("vae")).to(dtype=DTYPE).eval().requires_grad_(False)
        about = transformers.CLIPTextConfig(**config("text_encoder"))
        text = transformers.CLIPTextModel(about).to(dtype=DTYPE).eval().requires_grad_(False)
    scheduler = diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
    )
    painter = Painter(
        Parts(unet=unet, vae=vae, encoders=(Encoder(tokenizer, text),), scheduler=scheduler), name="sd1", device=DEVICE
    )
    pipe = diffusers.StableDiffusionImg2ImgPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return painter, pipe


def _calls(sides: tuple[Any, Any], side: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Ours, tensors in and out as in our loop; and diffusers' call as its manual has it, a PIL picture in and out."""
    painter, pipe = sides
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    pil = pipe.image_processor.numpy_to_pil(picture.cpu().permute(0, 2, 3, 1).numpy())[0]
    how = _how()

    def ours() -> Tensor:
        painted: Tensor = painter.redraw(picture, 1 - STRENGTH, [how])
        return painted

    def theirs() -> Any:
        return pipe(
            prompt=PROMPT,
            negative_prompt=NEGATIVE,
            image=pil,
            strength=STRENGTH,
            num_inference_steps=STEPS,
            guidance_scale=SCALE,
            generator=torch.Generator().manual_seed(SEED),
        ).images

    return _done(ours), _done(theirs)


def _against(name: str, sides: tuple[Any, Any], side: int, goal: float) -> Row:
    ours, theirs = _calls(sides, side)
    return compare(f"{name}, {side}², 10 guided steps", ours, theirs, goal, "lower", rounds=ROUNDS, warmups=WARMUPS)


def _beside(name: str, sides: tuple[Any, Any], side: int) -> Row:
    """Milliseconds that a call takes beside its networks, ours against diffusers'."""
    painter, _ = sides
    ours, theirs = _calls(sides, side)
    bare = _bare(painter._parts.unet, painter._parts.vae, side, round(STEPS * STRENGTH))
    spent: list[tuple[float, float, float]] = []
    for turn in range(WARMUPS + ROUNDS):
        times = []
        for call in (ours, theirs, bare):
            start = now()
            call()
            times.append(1000 * (now() - start))
        if turn >= WARMUPS:
            spent.append((times[0], times[1], times[2]))
    own = median(a - c for a, _, c in spent)
    other = median(b - c for _, b, c in spent)
    return Row(
        name=f"{name}, {side}², beside the networks",
        ours_ms=own,
        reference_ms=other,
        ratio=own / max(other, 1e-3),
        goal=0.7,
        better="lower",
        note=f"the networks alone: {median(c for _, _, c in spent):.1f} ms",
    )


def tiny() -> Row:
    """Ours against diffusers on a network that costs nothing."""
    return _against("tiny network", _tiny(), 64, 0.9)


def sd1() -> Row:
    """Ours against diffusers on a network of SD 1.5's size."""
    return _against("SD 1.5's network", _sd1(), 64 if PLAYED else 512, 1.0)


def tiny_beside() -> Row:
    """What is not the tiny network."""
    return _beside("tiny network", _tiny(), 64)


def sd1_beside() -> Row:
    """What is not the network of SD 1.5's size."""
    return _beside("SD 1.5's network", _sd1(), 64 if PLAYED else 512)


ROWS: dict[str, Callable[[], Row]] = (
    {
        "gpu-embedded-256": frame_256,
        "gpu-embedded-512": frame_512,
        "gpu-tiny": tiny,
        "gpu-tiny-beside": tiny_beside,
        "gpu-sd1": sd1,
        "gpu-sd1-beside": sd1_beside,
    }
    if PLAYED or torch.cuda.is_available()
    else {}
)
