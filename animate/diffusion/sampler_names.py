"""The samplers by the names people know them by: diffusers' class names, A1111's and Deforum's labels.

Imports nothing heavy, so that a schedule is checked without torch. To add a sampler: one row in `SAMPLERS`; the tests
of this room run over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType

from animate.errors import BadInput

MODEL_OWN = "default"
"""The sampler that the model's own files name."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A scheduler class of diffusers and what its configuration must say."""

    scheduler: str
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    note: str = ""
    """Where the original has no exact counterpart in diffusers: what stands for it."""


_GRIDS = {
    "": {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False},
    " Karras": {"use_karras_sigmas": True, "use_exponential_sigmas": False, "use_beta_sigmas": False},
    " Exponential": {"use_karras_sigmas": False, "use_exponential_sigmas": True, "use_beta_sigmas": False},
    " Beta": {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": True},
}
"""The spacings of noise levels that a label may end with."""

_SGM = {"timestep_spacing": "trailing"}
"""A1111's "SGM Uniform": levels counted down from the last training step."""

_ON_A_GRID: dict[str, tuple[str, dict[str, object], str]] = {
    "Euler": ("EulerDiscreteScheduler", {}, ""),
    "LMS": ("LMSDiscreteScheduler", {}, ""),
    "Heun": ("HeunDiscreteScheduler", {}, ""),
    "DPM2": ("KDPM2DiscreteScheduler", {}, ""),
    "DPM2 a": ("KDPM2AncestralDiscreteScheduler", {}, ""),
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}, ""),
    "DPM++ 2M SDE": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}, ""),
    "DPM++ 2M SDE Heun": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 2, "solver_type": "heun"},
        "",
    ),
    "DPM++ 3M": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 3}, ""),
    "DPM++ 3M SDE": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 3},
        "diffusers' three-step SDE",
    ),
    "DPM++ SDE": (
        "DPMSolverSinglestepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
        "noise drawn a step at a time instead of from a Brownian tree",
    ),
    "DPM++ 2S": ("DPMSolverSinglestepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}, ""),
    "DPM++ 2S a": (
        "DPMSolverSinglestepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
        "the stochastic single-step solver stands for the ancestral one",
    ),
    "DPM fast": (
        "DPMSolverSinglestepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 3},
        "the ++ form, which diffusers keeps",
    ),
    "DPM adaptive": (
        "DPMSolverSinglestepScheduler",
        {"algorithm_type": "dpmsolver++", "solver_order": 3},
        "third order with a fixed number of steps instead of adaptive ones",
    ),
    "UniPC": ("UniPCMultistepScheduler", {}, ""),
    "DEIS": ("DEISMultistepScheduler", {}, ""),
    "SA-Solver": ("SASolverScheduler", {}, ""),
}
"""Samplers that exist on every spacing: label → class, settings, note."""

_SINGLE: dict[str, Sampler] = {
    "Euler a": Sampler(scheduler="EulerAncestralDiscreteScheduler"),
    "DDIM": Sampler(scheduler="DDIMScheduler"),
    "DDPM": Sampler(scheduler="DDPMScheduler"),
    "PLMS": Sampler(scheduler="PNDMScheduler", settings=MappingProxyType({"skip_prk_steps": True})),
    "LCM": Sampler(scheduler="LCMScheduler"),
    "TCD": Sampler(scheduler="TCDScheduler"),
    "Euler SGM Uniform": Sampler(scheduler="EulerDiscreteScheduler", settings=MappingProxyType(dict(_SGM))),
    "Euler a SGM Uniform": Sampler(scheduler="EulerAncestralDiscreteScheduler", settings=MappingProxyType(dict(_SGM))),
    "DPM++ 2M SGM Uniform": Sampler(
        scheduler="DPMSolverMultistepScheduler",
        settings=MappingProxyType({"algorithm_type": "dpmsolver++", "solver_order": 2, **_GRIDS[""], **_SGM}),
    ),
    "DPM++ 2M SDE SGM Uniform": Sampler(
        scheduler="DPMSolverMultistepScheduler",
        settings=MappingProxyType({"algorithm_type": "sde-dpmsolver++", "solver_order": 2, **_GRIDS[""], **_SGM}),
    ),
    "Restart": Sampler(
        scheduler="HeunDiscreteScheduler",
        settings=MappingProxyType(_GRIDS[" Karras"]),
        note="Heun's steps without the restarts",
    ),
    "DDIM Trailing": Sampler(scheduler="DDIMScheduler", settings=MappingProxyType(dict(_SGM))),
}

CLASSES: tuple[str, ...] = (
    "DDIMScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "SASolverScheduler",
    "TCDScheduler",
    "UniPCMultistepScheduler",
)
"""diffusers' own names; with them the model's settings are taken as they are."""

DRAWING = frozenset(
    {
        "DDPMScheduler",
        "EulerAncestralDiscreteScheduler",
        "KDPM2AncestralDiscreteScheduler",
        "LCMScheduler",
        "SASolverScheduler",
    }
)
"""Classes that draw noise at every step; the solvers of an SDE do, too."""

TAKING_ETA = frozenset({"DDIMScheduler", "TCDScheduler"})
"""Classes that draw as much noise as `eta` says."""

SAMPLERS: Mapping[str, Sampler] = MappingProxyType(
    {
        **{
            label + grid: Sampler(scheduler=scheduler, settings=MappingProxyType({**settings, **levels}), note=note)
            for label, (scheduler, settings, note) in _ON_A_GRID.items()
            for grid, levels in _GRIDS.items()
        },
        **_SINGLE,
        **{name: Sampler(scheduler=name) for name in CLASSES},
    }
)
"""Every sampler by its main name."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "PNDM": "PLMS",
        "klms": "LMS",
        "k_lms": "LMS",
        "euler_ancestral": "Euler a",
        "k_euler": "Euler",
        "k_euler_a": "Euler a",
        "k_euler_ancestral": "Euler a",
        "k_heun": "Heun",
        "k_dpm_2": "DPM2",
        "k_dpm_2_a": "DPM2 a",
        "dpm2_ancestral": "DPM2 a",
        "k_dpm_2_ancestral": "DPM2 a",
        "dpm_fast": "DPM fast",
        "k_dpm_fast": "DPM fast",
        "dpm_adaptive": "DPM adaptive",
        "k_dpm_adaptive": "DPM adaptive",
        "dpmpp_2s_a": "DPM++ 2S a",
        "dpmpp_2s_ancestral": "DPM++ 2S a",
        "dpmpp_2m": "DPM++ 2M",
        "dpmpp_2m_sde": "DPM++ 2M SDE",
        "dpmpp_3m_sde": "DPM++ 3M SDE",
        "dpmpp_sde": "DPM++ SDE",
        "dpm_solver": "DPM++ 2M",
        "DPM-Solver++": "DPM++ 2M",
        "DPMSolverSDEScheduler": "DPM++ SDE",
        "uni_pc": "UniPC",
        "uni_pc_bh2": "UniPC",
    }
)
"""Other spellings (k-diffusion's, early Deforum's) → main name."""


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c not in " -_").removesuffix("scheduler").replace("ancestral", "a")


_BY_PLAIN = {
    **{_plain(alias): name for alias, name in ALIASES.items()},
    **{_plain(name): name for name in CLASSES},
    **{_plain(name): name for name in SAMPLERS if name not in CLASSES},
    **{_plain(name): name for name in (MODEL_OWN,)},
}


def resolve(name: str) -> str:
    """The main name of a sampler, whatever the case, blanks, hyphens and underscores; raises `BadInput` if unknown.

    >>> resolve("dpm++ 2m karras"), resolve("euler_ancestral"), resolve("EulerDiscreteScheduler")
    ('DPM++ 2M Karras', 'Euler a', 'EulerDiscreteScheduler')
    """
    if name in SAMPLERS:
        return name
    found = _BY_PLAIN.get(_plain(name))
    if found is not None:
        return found
    near = get_close_matches(_plain(name), _BY_PLAIN, n=1, cutoff=0.0)
    raise BadInput(f"no sampler is called {name!r}; the nearest is {_BY_PLAIN[near[0]]!r}")


def draws_noise(name: str, eta: float = 0.0) -> bool:
    """Whether a sampler draws noise on its way; not known, and so False, of the model's own (`MODEL_OWN`)."""
    sampler = SAMPLERS.get(resolve(name))
    if sampler is None:
        return False
    if sampler.scheduler in TAKING_ETA:
        return eta > 0
    return sampler.scheduler in DRAWING or str(sampler.settings.get("algorithm_type", "")).startswith("sde-")


def names() -> tuple[str, ...]:
    """All main names, for lists and for completion."""
    return (MODEL_OWN, *SAMPLERS)
