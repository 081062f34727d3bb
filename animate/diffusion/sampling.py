"""How one picture is drawn, as data: no model, no tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Blend = Literal["hold", "lerp", "slerp", "composable"]
Weighting = Literal["a1111", "no_norm", "compel"]


@dataclass(frozen=True)
class Prompt:
    """One text of a blend."""

    text: str
    negative: str = ""
    weight: float = 1.0
    """Share of this text; the weights of a blend add up to 1."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Everything that decides one picture besides the model and the picture it starts from."""

    prompts: tuple[Prompt, ...]
    blend: Blend = "lerp"
    """How several prompts become one conditioning."""
    weighting: Weighting = "a1111"
    """What weights inside a text do."""
    seed: int
    subseed: int = 0
    subseed_strength: float = 0.0
    """The noise is slerped this far, in [0, 1], from `seed` towards `subseed`."""
    sampler: str = "DDIM"
    """A name of diffusers or of A1111."""
    steps: int = 20
    """Steps for a whole picture; a redrawn picture runs its share of them."""
    cfg_scale: float = 7.0
    """Classifier-free guidance; none at 1 or below."""
    guidance_rescale: float = 0.0
    """How far guidance is brought back to the contrast of the unguided picture, in [0, 1]."""
    guidance_end: float = 1.0
    """Share of the steps run for a picture that are guided, in [0, 1], rounded up to whole steps."""
    eta: float = 0.0
    controlnet_scale: float = 1.0
    """Weight of what a ControlNet says, where there is one and a depth for it."""
    inversion: float = 0.0
    """How far the noise of a redrawn picture leans from the seed's to its own, in [0, 1]: that from which the sampler
    would paint it under `source`."""
    source: str = ""
    """What the picture shows, for the inversion."""
    depth_scale: float = 1.0
    """How far a model that reads depth is held to it: 1 as it was trained, more is guidance by depth (a third pass)."""
    clip_skip: int = 1
    """Layer of the text encoder that is read, counted from the last: 1 is the last."""
    loras: tuple[tuple[str, float], ...] = ()
    """Files and their weights."""
    embeddings: tuple[tuple[str, str], ...] = ()
    """Textual inversions: the token that calls one, and its file."""
