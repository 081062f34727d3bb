"""A model as a folder in diffusers' layout: part by part, with diffusers' and transformers' own classes.

Nothing that a model's files say is imported or run beyond the classes named in `CLASSES`.
"""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from animate.diffusion import digests
from animate.diffusion.conditioning import Encoder
from animate.diffusion.parts import Parts
from animate.errors import MissingModel

CLASSES: dict[str, str] = {
    "UNet2DConditionModel": "diffusers",
    "ControlNetModel": "diffusers",
    "AutoencoderKL": "diffusers",
    "AutoencoderTiny": "diffusers",
    "AsymmetricAutoencoderKL": "diffusers",
    "PatchAutoencoder": "animate.diffusion.autoencoder",
    "CLIPTextModel": "transformers",
    "CLIPTextModelWithProjection": "transformers",
    "CLIPTokenizer": "transformers",
    "CLIPTokenizerFast": "transformers",
    "PreTrainedTokenizerFast": "transformers",
}
"""Classes of parts, and the package each comes from."""

_WEIGHTS = re.compile(
    r"(?:diffusion_pytorch_model|model|pytorch_model)(?:\.(?P<before>\w+))?(?:-\d+-of-\d+)?(?:\.(?P<after>\w+))?\.\w+"
)
"""Names of files of weights, whole or in pieces: the precision stood behind the piece's number once."""


def from_folder(folder: Path, dtype: torch.dtype = torch.float32, *, with_vae: bool = True) -> Parts:
    """The parts of a model in diffusers' layout; without its autoencoder where another is given (`with_vae`)."""
    index = described(folder / "model_index.json")
    encoders = []
    for suffix in ("", "_2"):
        if index.get(f"text_encoder{suffix}", [None])[0] is None:
            continue
        tokenizer = class_of(_tokenizerclass_of(folder / f"tokenizer{suffix}")).from_pretrained(
            folder / f"tokenizer{suffix}", local_files_only=True
        )
        encoders.append(Encoder(tokenizer, network(folder, f"text_encoder{suffix}", dtype)))
    if not encoders:
        raise MissingModel(f"{folder} has no text encoder")
    scheduler = _scheduler(folder / "scheduler")
    if len(encoders) == 1:
        _mend(scheduler)
    return Parts(
        unet=network(folder, "unet", dtype),
        vae=network(folder, "vae", dtype) if with_vae else None,
        encoders=tuple(encoders),
        scheduler=scheduler,
        empty_is_zero=bool(index.get("force_zeros_for_empty_prompt", len(encoders) > 1)),
        aesthetic=bool(index.get("requires_aesthetics_score", False)),
        depth_like_sd2=index.get("_class_name") == "StableDiffusionDepth2ImgPipeline",
        digest=lambda: digests.of_folder(folder),
    )


def network(folder: Path, part: str, dtype: torch.dtype) -> Any:
    """One network of a folder, in `dtype`."""
    place = folder / part
    config = described(place / "config.json")
    name = config.get("_class_name") or (config.get("architectures") or ["?"])[0]
    variant = _variant(place)
    try:
        model, told = class_of(name).from_pretrained(
            place,
            torch_dtype=dtype,
            local_files_only=True,
            low_cpu_mem_usage=False,
            output_loading_info=True,
            **variant,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise MissingModel(f"{place} cannot be loaded: {error}") from error
    missing = sorted(name for name in told["missing_keys"] if not name.endswith("position_ids"))
    if missing:  # they would be whatever lay in memory
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise MissingModel(f"{place} is not complete: {missing[0]}{more} is not in its files")
    return model


def _variant(place: Path) -> dict[str, str]:
    """Which set of weights a folder holds, where it holds only one of another precision, or none but the raw one."""
    for ending in ("safetensors", "bin"):
        names = (_WEIGHTS.fullmatch(path.name) for path in place.glob(f"*.{ending}"))
        held = {name["before"] or name["after"] or "" for name in names if name}
        if "" in held:
            return {}
        for variant in ("fp16", "bf16", "non_ema"):
            if variant in held:
                return {"variant": variant}
    return {}


def _scheduler(place: Path) -> Any:
    return made_scheduler(described(place / "scheduler_config.json"), place)


def made_scheduler(config: dict[str, Any], place: Path) -> Any:
    import diffusers

    name = str(config.get("_class_name", ""))
    try:  # of a class whose package is missing there is only a shadow, which raises whatever it is asked
        kind = getattr(diffusers, name, None)
        if kind is None or not hasattr(kind, "add_noise"):
            raise MissingModel(f"{place} names a scheduler that is not supported: {name}")
        scheduler = kind.from_config(config)
    except ImportError as error:
        raise MissingModel(f"{place} names {name}, which needs a package: {' '.join(str(error).split())}") from error
    if not hasattr(scheduler, "alphas_cumprod"):
        raise MissingModel(
            f"{place} names {name}, which is of another kind of diffusion (EDM, flow matching) "
            "than the models that are supported"
        )
    return scheduler


def _mend(scheduler: Any) -> None:
    """Two entries that diffusers' Stable Diffusion pipelines correct in old configurations."""
    from diffusers.configuration_utils import FrozenDict

    config = dict(scheduler.config)
    if config.get("steps_offset", 1) != 1:
        config["steps_offset"] = 1
    if config.get("clip_sample", False) is True:
        config["clip_sample"] = False
    scheduler._internal_dict = FrozenDict(config)


def _tokenizerclass_of(place: Path) -> str:
    config = described(place / "tokenizer_config.json")
    return str(config.get("tokenizer_class", "CLIPTokenizer"))


def class_of(name: str) -> Any:
    if name not in CLASSES:
        raise MissingModel(f"models made of a {name} are not supported (known: {', '.join(sorted(CLASSES))})")
    return getattr(import_module(CLASSES[name]), name)


def described(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MissingModel(f"{path.parent} is not a model in diffusers' layout: {path.name} is missing") from error
    except ValueError as error:
        raise MissingModel(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise MissingModel(f"{path} is damaged: it holds no names and values")
    return content
