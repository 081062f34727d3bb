"""diffusers' schedulers by the names of samplers: made for a model, set up for a number of steps, copied for a run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from animate.diffusion.sampler_names import MODEL_OWN, SAMPLERS, resolve
from animate.errors import MissingExtra


def make(name: str, own: Any) -> Any:
    """A fresh diffusers scheduler called `name` for a model whose own scheduler is `own`.

    Raises `BadInput` for an unknown name. The settings are those of the model, as with diffusers' `from_config`, and
    over them those that the name implies.
    """
    import diffusers

    name = resolve(name)
    if name == MODEL_OWN:
        return type(own).from_config(own.config)
    sampler = SAMPLERS[name]
    try:
        kind = getattr(diffusers, sampler.scheduler)
        return kind.from_config(own.config, **sampler.settings, **_zero_ending(kind, own))
    except ImportError as error:
        raise MissingExtra(f"the sampler {name!r} needs another package: pip install scipy") from error


def prepare(name: str, own: Any, steps: int) -> Any:
    """A scheduler as `make` gives it, with its levels for `steps` steps: to be kept, and copied for every run.

    Its tables stay on the CPU, where reading them waits for no device. KDPM2 takes 240 ms to set them up for 25 steps.
    """
    scheduler = make(name, own)
    if scheduler.config.get("skip_prk_steps") is False and steps < scheduler.pndm_order:
        scheduler.register_to_config(skip_prk_steps=True)  # the steps by Runge and Kutta that it would begin with are 4
    scheduler.set_timesteps(steps)
    return scheduler


def fresh(prepared: Any, begin: int) -> Any:
    """A copy to be walked once, beginning at evaluation `begin`; it shares the tables, not what it will remember."""
    scheduler = object.__new__(type(prepared))
    for name, value in vars(prepared).items():
        scheduler.__dict__[name] = list(value) if isinstance(value, list) else value
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    return scheduler


def parameters(function: Callable[..., Any]) -> set[str]:
    """The names that a function can be given."""
    return set(inspect.signature(function).parameters)


def _zero_ending(kind: Any, own: Any) -> dict[str, object]:
    """For models whose training ends in pure noise (zero terminal SNR, arXiv 2305.08891): their levels, spelled out.

    Half of diffusers' schedulers do not know the setting and would start at a level that the network has not seen. The
    last level is 2⁻²⁴ instead of 0, as in those that know it, so that σ is finite.
    """
    if not own.config.get("rescale_betas_zero_snr") or "rescale_betas_zero_snr" in parameters(kind.__init__):
        return {}
    alphas = own.alphas_cumprod.double().clamp_min(2.0**-24)
    steps = torch.cat([alphas[:1], alphas[1:] / alphas[:-1]])
    return {"trained_betas": (1 - steps).tolist()}
