"""A picture made ready for the model, and how the model is to draw it: the same for every animation mode."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from torch import Tensor

from animate.diffusion.sampling import Prompt, Sampling
from animate.picture import color, mask, noise, sharpen
from animate.render import masking
from animate.render.requests import EstimateDepth, Request
from animate.schedule.plan import Frame, Plan


def sampling(plan: Plan, frame: Frame) -> Sampling:
    """How the model draws this frame."""
    return Sampling(
        prompts=tuple(Prompt(*part) for part in frame.prompts),
        blend=plan.settings["prompt_interpolation"],  # type: ignore[arg-type]
        weighting=plan.settings["prompt_weighting"],  # type: ignore[arg-type]
        seed=int(frame["seed"]),
        subseed=int(frame["subseed"]),
        subseed_strength=float(frame["subseed_strength"]),
        sampler=plan.text["sampler"][frame.index],
        steps=int(frame["steps"]),
        cfg_scale=float(frame["cfg_scale"]),
        guidance_rescale=float(frame["guidance_rescale"]),
        guidance_end=float(frame["guidance_end"]),
        eta=float(frame["eta"]),
        controlnet_scale=float(frame["controlnet_scale"]),
        inversion=float(frame["inversion"]),
        source=plan.text["source_prompt"][frame.index],
        depth_scale=float(frame["depth_scale"]),
        clip_skip=int(frame["clip_skip"]),
        loras=frame.loras,
        embeddings=plan.embeddings,
    )


def structure(plan: Plan, frame: Frame, picture: Tensor) -> Generator[Request, Any, Tensor | None]:
    """(1, H, W) the depth that the model is to keep, that of the moved picture; None where it goes by the picture."""
    if plan.settings["generation"] != "depth2img":
        return None
    return (yield EstimateDepth(index=frame.index, picture=picture))


def foretold(plan: Plan) -> bool:
    """Whether the depth that the model is to keep is known before there is a picture: only a file knows it."""
    return plan.settings["generation"] == "depth2img" and plan.settings["depth_algorithm"] == "file"


def matcher(plan: Plan, colors: Tensor) -> Callable[[Tensor], Tensor]:
    """The colour match of this plan towards `colors`; the identity where there is none."""
    space = str(plan.settings["color_coherence"])
    if space == "None":
        return lambda picture: picture
    match = color.MATCHERS["LAB" if space == "Image" else space]
    return lambda picture: match(picture, colors)


def greyed(plan: Plan, picture: Tensor) -> Tensor:
    return color.greyscale(picture) if plan.settings["color_force_grayscale"] else picture


def prepared(plan: Plan, frame: Frame, picture: Tensor) -> Generator[Request, Any, Tensor]:
    """The warped picture made ready for redrawing: graded, sharpened, with fresh noise to draw from."""
    picture = color.contrast(greyed(plan, picture), frame["contrast"])
    picture = color.grade(picture, frame["brightness"], frame["saturation"], frame["hue"])
    picture = sharpen.unsharp(picture, int(frame["kernel"]), frame["sigma"], frame["amount"], frame["threshold"])
    if frame["noise"] == 0:
        return picture
    rng = noise.rng(int(frame["seed"]), frame.index, "noise")
    height, width = plan.size
    kind, how = str(plan.settings["noise_type"]), {}
    if kind == "perlin":
        how = {name: plan.settings[f"perlin_{name}"] for name in ("octaves", "persistence")}
    field = noise.NOISES[kind](rng, height, width, **how)
    noisy = noise.add_noise(picture, frame["noise"], field.to(picture))
    where = yield from masking.of(plan, frame, "noise_mask", picture)
    return noisy if where is None else mask.blend(picture, noisy, where)
