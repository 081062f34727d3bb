"""In what precision a model runs, and with how much memory."""

from __future__ import annotations

import torch

from animate.diffusion.painter import Painter
from animate.diffusion.parts import Parts
from animate.errors import BadInput


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """auto → float16 on cuda and mps; float32 on the CPU, where half precision is slower (30 against 148 GFLOP/s)."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    if name not in kinds:
        raise BadInput(f"precision {name!r} is none of auto, {', '.join(kinds)}")
    return kinds[name]


def is_small(device: torch.device) -> bool:
    """Cards below 6 GB hold SD 1.x in half precision only part by part at larger sizes."""
    return device.type == "cuda" and torch.cuda.get_device_properties(device).total_memory < 6e9


def settled(parts: Parts, name: str, device: torch.device, dtype: torch.dtype, frugal: bool) -> Painter:
    """The parts in place on the device, with what saves memory switched on if asked for."""
    further = [] if parts.controlnet is None else [parts.controlnet]
    for module in (parts.unet, parts.vae, *(encoder.model for encoder in parts.encoders), *further):
        module.requires_grad_(False).eval()
        module.to("cpu" if frugal and device.type != "cpu" else device)
    double = getattr(parts.unet.config, "addition_embed_type", None) == "text_time"
    if dtype == torch.float16 and double and getattr(parts.vae.config, "force_upcast", False):
        parts.vae.to(torch.float32)  # SDXL's autoencoder overflows in half precision
    if frugal:
        for saver in ("enable_slicing", "enable_tiling"):
            if hasattr(parts.vae, saver):
                getattr(parts.vae, saver)()
        if device.type == "mps":  # elsewhere torch's own attention is lean already, and slicing would only slow it
            parts.unet.set_attention_slice("auto")
    return Painter(parts, name=name, device=device, frugal=frugal)
