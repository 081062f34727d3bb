"""A model taken apart, and its parts on a device that may be too small for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from animate.diffusion.conditioning import Encoder


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A model taken apart, as diffusers names its parts."""

    unet: Any
    vae: Any
    encoders: tuple[Encoder, ...]
    scheduler: Any
    controlnet: Any = None
    """A ControlNet for depth (arXiv 2302.05543), or None."""
    empty_is_zero: bool = False
    """`force_zeros_for_empty_prompt` of SDXL."""
    aesthetic: bool = False
    """`requires_aesthetics_score` of the SDXL refiner."""
    depth_like_sd2: bool = False
    """Depth is brought to the latent's size as in diffusers' depth2img: bicubic, without a filter."""
    digest: Callable[[], str] = lambda: ""
    """sha256 over the weights, asked for when needed."""


class Turns:
    """Modules that take turns on the device, where it is small; elsewhere they stay on it."""

    def __init__(self, device: torch.device, frugal: bool) -> None:
        """`frugal`: only the part at work is on the device (cards of 4 GB)."""
        self._device = device
        self._frugal = frugal and device.type != "cpu"

    @contextmanager
    def at_work(self, *modules: Any) -> Iterator[None]:
        """These are on the device."""
        if not self._frugal:
            yield
            return
        _move(modules, self._device)
        try:
            yield
        finally:
            _move(modules, torch.device("cpu"))


def _move(modules: Sequence[Any], device: torch.device) -> None:
    with torch.inference_mode(False):  # parameters made in inference mode could never be changed again
        for module in modules:
            module.to(device)
