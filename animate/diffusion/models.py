"""Models by name: found, checked, loaded.

A name is `embedded`; a folder in diffusers' layout; one `.safetensors` or `.ckpt` file; or an id of the Hugging Face
hub. Parts are loaded one by one with diffusers' and transformers' own classes: no pipeline is built, and nothing that a
model's files say is imported or run beyond the classes named in `CLASSES`.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from animate.diffusion import digests
from animate.diffusion.conditioning import Encoder
from animate.diffusion.painter import Painter, Parts
from animate.errors import BadInput, MissingModel

EMBEDDED = Path(__file__).parent.parent / "models" / "painter"
"""The model that ships with the package."""

CLASSES: dict[str, str] = {
    "UNet2DConditionModel": "diffusers",
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


def load(
    model: str,
    device: str = "auto",
    dtype: str = "auto",
    memory: str = "auto",
    vae: str = "",
) -> Painter:
    """The painter called `model`, ready to paint.

    `device`: auto, cpu, cuda, mps. `dtype`: auto (half precision on a GPU), float32, float16, bfloat16. `memory`: auto,
    normal, low (for cards of 4 GB). `vae`: another autoencoder, a folder or a hub id. Raises `MissingModel` with what
    is missing and what to do.
    """
    where = pick_device(device)
    kind = pick_dtype(dtype, where)
    frugal = memory == "low" or (memory == "auto" and _is_small(where))
    folder = Path(model).expanduser()
    if model == "embedded":
        digests.verify(EMBEDDED)
        parts = from_folder(EMBEDDED, kind)
    elif folder.is_dir():
        parts = from_folder(folder, kind)
    else:
        raise MissingModel(f"there is no model {model!r}: give embedded, a folder, a .safetensors file, or a hub id")
    return _settled(parts, model, where, kind, frugal)


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


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """auto → float16 on cuda and mps; float32 on the CPU, where half precision is slower (30 against 148 GFLOP/s)."""
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.float16
    kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
    if name not in kinds:
        raise BadInput(f"precision {name!r} is none of auto, {', '.join(kinds)}")
    return kinds[name]


def from_folder(folder: Path, dtype: torch.dtype = torch.float32) -> Parts:
    """The parts of a model in diffusers' layout."""
    index = _json(folder / "model_index.json")
    encoders = []
    for suffix in ("", "_2"):
        if index.get(f"text_encoder{suffix}", [None])[0] is None:
            continue
        tokenizer = _class(_tokenizer_class(folder / f"tokenizer{suffix}")).from_pretrained(
            folder / f"tokenizer{suffix}", local_files_only=True
        )
        encoders.append(Encoder(tokenizer, _model(folder, f"text_encoder{suffix}", dtype)))
    if not encoders:
        raise MissingModel(f"{folder} has no text encoder")
    scheduler = _scheduler(folder / "scheduler")
    if len(encoders) == 1:
        _mend(scheduler)
    return Parts(
        unet=_model(folder, "unet", dtype),
        vae=_model(folder, "vae", dtype),
        encoders=tuple(encoders),
        scheduler=scheduler,
        empty_is_zero=bool(index.get("force_zeros_for_empty_prompt", len(encoders) > 1)),
        aesthetic=bool(index.get("requires_aesthetics_score", False)),
        digest=lambda: digests.of_folder(folder),
    )


def _model(folder: Path, part: str, dtype: torch.dtype) -> Any:
    """One network of a folder, in `dtype`."""
    place = folder / part
    config = _json(place / "config.json")
    name = config.get("_class_name") or (config.get("architectures") or ["?"])[0]
    variant = _variant(place)
    try:
        return _class(name).from_pretrained(
            place, torch_dtype=dtype, local_files_only=True, low_cpu_mem_usage=False, **variant
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise MissingModel(f"{place} cannot be loaded: {error}") from error


def _variant(place: Path) -> dict[str, str]:
    """Which set of weights a folder holds, where it holds only one of another precision."""
    names = [path.name for path in place.glob("*.safetensors")]
    plain = {"diffusion_pytorch_model.safetensors", "model.safetensors"}
    for variant in ("fp16", "bf16"):
        if not plain & set(names) and any(f".{variant}." in name for name in names):
            return {"variant": variant}
    return {}


def _scheduler(place: Path) -> Any:
    import diffusers

    config = _json(place / "scheduler_config.json")
    kind = getattr(diffusers, str(config.get("_class_name", "")), None)
    if kind is None or not hasattr(kind, "add_noise"):
        raise MissingModel(f"{place} names a scheduler that is not supported: {config.get('_class_name')}")
    return kind.from_config(config)


def _mend(scheduler: Any) -> None:
    """Two entries that diffusers' Stable Diffusion pipelines correct in old configurations."""
    from diffusers.configuration_utils import FrozenDict

    config = dict(scheduler.config)
    if config.get("steps_offset", 1) != 1:
        config["steps_offset"] = 1
    if config.get("clip_sample", False) is True:
        config["clip_sample"] = False
    scheduler._internal_dict = FrozenDict(config)


def _tokenizer_class(place: Path) -> str:
    config = _json(place / "tokenizer_config.json")
    return str(config.get("tokenizer_class", "CLIPTokenizer"))


def _class(name: str) -> Any:
    if name not in CLASSES:
        raise MissingModel(f"models made of a {name} are not supported (known: {', '.join(sorted(CLASSES))})")
    return getattr(import_module(CLASSES[name]), name)


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingModel(f"{path.parent} is not a model in diffusers' layout: {path.name} is missing") from error
    except ValueError as error:
        raise MissingModel(f"{path} is damaged: {error}") from error
    return content


def _is_small(device: torch.device) -> bool:
    """Cards below 6 GB hold SD 1.x in half precision only part by part at larger sizes."""
    return device.type == "cuda" and torch.cuda.get_device_properties(device).total_memory < 6e9


def _settled(parts: Parts, name: str, device: torch.device, dtype: torch.dtype, frugal: bool) -> Painter:
    """The parts in place on the device, with what saves memory switched on if asked for."""
    for module in (parts.unet, parts.vae, *(encoder.model for encoder in parts.encoders)):
        module.requires_grad_(False).eval()
        module.to("cpu" if frugal and device.type != "cpu" else device)
    if dtype == torch.float16 and getattr(parts.vae.config, "force_upcast", False):
        parts.vae.to(torch.float32)  # SDXL's autoencoder overflows in half precision
    if frugal:
        for saver in ("enable_slicing", "enable_tiling"):
            if hasattr(parts.vae, saver):
                getattr(parts.vae, saver)()
        parts.unet.set_attention_slice("auto")
    return Painter(parts, name=name, device=device, frugal=frugal)
