"""Which device to compute on."""

from __future__ import annotations

import torch

from animate.errors import BadInput


def pick_device(name: str) -> torch.device:
    """auto → the first of cuda, mps, cpu that is there; a device asked for by name must be there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    kind = name.split(":")[0]
    if not there.get(kind, False):
        here = ", ".join(kind for kind, present in there.items() if present)
        raise BadInput(f"device {name} is not available here (there is {here})")
    return torch.device(name)
