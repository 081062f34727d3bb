"""Models by name: found, checked, loaded.

A name is `embedded`; a folder in diffusers' layout; one `.safetensors` or `.ckpt` file; or an id of the Hugging Face
hub. Parts are loaded one by one with diffusers' and transformers' own classes: no pipeline is built, and nothing that a
model's files say is imported or run beyond the classes named in `CLASSES`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from animate.diffusion import digests, hub, names, single_file, vocabulary
from animate.diffusion.conditioning import Encoder
from animate.diffusion.painter import Painter, Parts
from animate.diffusion.sampling import Sampling
from animate.errors import BadInput, MissingModel

EMBEDDED = Path(__file__).parent.parent / "models" / "painter"
"""The model that ships with the package."""

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


class Paints(Protocol):
    """What a run needs of a painter; another package brings one by an entry point `animate.painters`."""

    name: str
    device: torch.device

    @property
    def digest(self) -> str:
        """Two painters with an equal digest paint the same."""
        ...

    @property
    def multiple(self) -> int:
        """Height and width must divide by it."""
        ...

    def imagine(self, size: tuple[int, int], how: Sequence[Sampling]) -> Tensor:
        """Pictures (N, 3, H, W) in [0, 1] from noise; `size` is (height, width)."""
        ...

    def redraw(self, pictures: Tensor, strength: float, how: Sequence[Sampling]) -> Tensor:
        """Pictures (N, 3, H, W) redrawn; strength in (0, 1), 1 would keep them."""
        ...


def load(
    model: str,
    device: str = "auto",
    dtype: str = "auto",
    memory: str = "auto",
    vae: str = "",
    controlnet: str = "",
) -> Paints:
    """The painter called `model`, ready to paint.

    `device`: auto, cpu, cuda, mps. `dtype`: auto (half precision on a GPU), float32, float16, bfloat16. `memory`: auto,
    normal, low (for cards of 4 GB). `vae`: another autoencoder, `controlnet`: a ControlNet for depth, each a folder or
    a hub id. Raises `MissingModel` with what is missing and what to do.
    """
    where = pick_device(device)
    for plugin in entry_points(group=names.PLUGINS, name=model):
        brought: Paints = plugin.load()(str(where))
        return brought
    kind = pick_dtype(dtype, where)
    frugal = memory == "low" or (memory == "auto" and _is_small(where))
    with _quietly():
        parts = _parts(model, kind)
        if vae:
            parts = replace(parts, vae=_other_autoencoder(vae, parts, kind))
        if controlnet:
            parts = replace(parts, controlnet=_controlnet(controlnet, kind))
    return _settled(parts, model, where, kind, frugal)


def _parts(model: str, dtype: torch.dtype) -> Parts:
    """The parts of a model by its name: the package's own, a folder, a file, or one of the hub."""
    if model == names.EMBEDDED:
        digests.verify(EMBEDDED)
        return from_folder(EMBEDDED, dtype)
    what, hint = names.fault(model)
    if what:
        raise MissingModel(f"{what} ({hint})")
    path = names.located(model)
    if path is None:
        return from_folder(_downloaded(model), dtype)
    return from_folder(path, dtype) if path.is_dir() else from_file(path, dtype)


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
        depth_like_sd2=index.get("_class_name") == "StableDiffusionDepth2ImgPipeline",
        digest=lambda: digests.of_folder(folder),
    )


def from_file(path: Path, dtype: torch.dtype = torch.float32, families: Path = single_file.FAMILIES) -> Parts:
    """The parts of a checkpoint in one file; no network is touched if CLIP's vocabulary is on the machine."""
    tensors = single_file.read(path)
    name = single_file.family_of(tensors, path)
    family = families / name
    index = _json(family / "model_index.json")
    pads = list(index["tokenizer_pad"])
    encoders: list[Encoder] = []
    for part in ("text_encoder", "text_encoder_2"):
        kind = (index.get(part) or [None, None])[1]
        if kind is not None:
            words = vocabulary.tokenizer(pads[len(encoders)], beside=path.parent)
            encoders.append(Encoder(words, single_file.text_model(tensors, family, part, _class(kind), dtype)))
    config = _json(family / "scheduler" / "scheduler_config.json")
    config["prediction_type"] = single_file.prediction_of(tensors, path, name)
    if "ztsnr" in tensors:
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return Parts(
        unet=single_file.unet(tensors, family, dtype),
        vae=single_file.autoencoder(tensors, family, dtype),
        encoders=tuple(encoders),
        scheduler=_made_scheduler(config, family),
        empty_is_zero=bool(index.get("force_zeros_for_empty_prompt", False)),
        aesthetic=bool(index.get("requires_aesthetics_score", False)),
        depth_like_sd2=index.get("_class_name") == "StableDiffusionDepth2ImgPipeline",
        digest=lambda: digests.of_file(path),
    )


@dataclass(frozen=True)
class Found:
    """A model on this machine."""

    name: str
    """What a schedule calls it."""
    path: Path
    size: int
    """Bytes."""
    licence: str
    """As the model's card says; empty if it says nothing."""
    digest: str
    """sha256; empty where it would have to be computed over gigabytes first."""


def find() -> list[Found]:
    """The models of this machine: those of the package, of the folder `ANIMATE_MODELS`, and of the hub's cache."""
    found = []
    for card in sorted(EMBEDDED.parent.glob("*/CARD.md")):
        folder = card.parent
        name = "embedded" if folder == EMBEDDED else f"embedded {folder.name}"
        listed = digests.of_folder(folder) if (folder / digests.LIST).is_file() else ""
        found.append(Found(name, folder, _size(folder), _licence(card), listed))
    shelf = names.shelf()
    for path in sorted(shelf.iterdir()) if shelf is not None else []:
        if path.suffix in names.SUFFIXES or (path / "model_index.json").is_file():
            found.append(Found(path.name, path, _size(path), _licence(path / "README.md"), ""))
    for index in sorted(Path(_hub_cache()).glob("models--*/snapshots/*/model_index.json")):
        name = index.parents[2].name.removeprefix("models--").replace("--", "/")
        found.append(Found(name, index.parent, _size(index.parent), _licence(index.parent / "README.md"), ""))
    return found


def _hub_cache() -> str:
    from huggingface_hub.constants import HF_HUB_CACHE

    return HF_HUB_CACHE


def _downloaded(model: str) -> Path:
    """A model of the hub in its cache: from there if it is complete, else over the network."""
    from diffusers import DiffusionPipeline

    try:
        return Path(DiffusionPipeline.download(model, local_files_only=True))
    except Exception as error:  # whatever keeps the cache from serving, the network is asked next
        if not hub.reachable():
            raise MissingModel(f"{model} is not on this machine, and the hub cannot be reached") from error
    try:
        return Path(DiffusionPipeline.download(model))
    except Exception as error:  # no network, no such model, no right to it: the hub's own words tell
        raise MissingModel(f"{model} is not on this machine and could not be fetched: {error}") from error


def _other_autoencoder(name: str, parts: Parts, dtype: torch.dtype) -> Any:
    """An autoencoder given apart from its model: a folder, a file, or an id of the hub."""
    from diffusers import AutoencoderKL

    path = names.located(name)
    if path is not None and path.is_dir():
        place = path / "vae" if (path / "vae" / "config.json").is_file() else path
        return _model(place.parent, place.name, dtype)
    if path is not None:
        family = single_file.FAMILIES / ("sdxl" if len(parts.encoders) > 1 else "sd1")
        return single_file.autoencoder(single_file.read(path), family, dtype)
    try:
        return AutoencoderKL.from_pretrained(name, torch_dtype=dtype, local_files_only=not hub.reachable())
    except (OSError, ValueError) as error:
        raise MissingModel(f"the autoencoder {name!r} is not here and could not be fetched: {error}") from error


def _controlnet(name: str, dtype: torch.dtype) -> Any:
    """A ControlNet: a folder, or an id of the hub."""
    from diffusers import ControlNetModel

    path = names.located(name)
    if path is not None and path.is_dir():
        return _model(path.parent, path.name, dtype)
    try:
        return ControlNetModel.from_pretrained(name, torch_dtype=dtype, local_files_only=not hub.reachable())
    except (OSError, ValueError) as error:
        raise MissingModel(f"the ControlNet {name!r} is not here and could not be fetched: {error}") from error


def _size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _licence(card: Path) -> str:
    """The `license:` line of a model card."""
    try:
        head = card.read_text(encoding="utf-8")[:4000]
    except OSError:
        return ""
    said = re.search(r"^licen[cs]e:\s*(.+)$", head, re.MULTILINE | re.IGNORECASE)
    return said.group(1).strip(" \"'") if said else ""


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the progress bars of the libraries, which are as they were afterwards."""
    from diffusers.utils import logging as ours
    from transformers.utils import logging as theirs

    shown = theirs.is_progress_bar_enabled()
    level = ours.get_verbosity()
    theirs.disable_progress_bar()
    ours.set_verbosity_error()
    try:
        yield
    finally:
        ours.set_verbosity(level)
        if shown:
            theirs.enable_progress_bar()


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
    return _made_scheduler(_json(place / "scheduler_config.json"), place)


def _made_scheduler(config: dict[str, Any], place: Path) -> Any:
    import diffusers

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
