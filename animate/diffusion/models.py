"""Models by name: found, checked, loaded.

A name is `embedded`; a folder in diffusers' layout; one `.safetensors` or `.ckpt` file; or an id of the Hugging Face
hub. No pipeline is built: parts are loaded one by one (`folder`, `single_file`), and put where they run (`device`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from animate.diffusion import digests, hub, names, single_file, tensor_file
from animate.diffusion.device import is_small, pick_dtype, settled
from animate.diffusion.folder import from_folder, network
from animate.diffusion.parts import Parts
from animate.diffusion.quiet import quietly
from animate.diffusion.sampling import Sampling
from animate.diffusion.shelf import EMBEDDED, Found, find
from animate.diffusion.single_file import from_file
from animate.errors import MissingModel
from animate.picture.device import pick_device

__all__ = ["EMBEDDED", "Found", "Paints", "find", "from_file", "from_folder", "load", "pick_device", "pick_dtype"]


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
    frugal = memory == "low" or (memory == "auto" and is_small(where))
    with quietly():
        parts = _parts(model, kind, with_vae=not vae)
        if vae:
            parts = replace(parts, vae=_other_autoencoder(vae, parts, kind))
        if controlnet:
            beside = _controlnet(controlnet, kind)
            theirs, ours = beside.config.cross_attention_dim, parts.unet.config.cross_attention_dim
            if theirs != ours:
                what = f"reads texts of {theirs} numbers a token, the model makes {ours}"
                raise MissingModel(f"the ControlNet {controlnet!r} is of another family: it {what}")
            parts = replace(parts, controlnet=beside)
    return settled(parts, model, where, kind, frugal)


def _parts(model: str, dtype: torch.dtype, with_vae: bool) -> Parts:
    """The parts of a model by its name: the package's own, a folder, a file, or one of the hub.

    Without its autoencoder where another is given (`with_vae`).
    """
    if model == names.EMBEDDED:
        digests.verify(EMBEDDED)
        return from_folder(EMBEDDED, dtype, with_vae=with_vae)
    what, hint = names.fault(model)
    if what:
        raise MissingModel(f"{what} ({hint})")
    path = names.located(model)
    if path is None:
        return from_folder(_downloaded(model), dtype, with_vae=with_vae)
    read: Callable[..., Parts] = from_folder if path.is_dir() else from_file
    return read(path, dtype, with_vae=with_vae)


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
        return network(place.parent, place.name, dtype)
    if path is not None:
        family = single_file.FAMILIES / ("sdxl" if len(parts.encoders) > 1 else "sd1")
        return single_file.autoencoder(tensor_file.tensors(path), family, dtype)
    try:
        return AutoencoderKL.from_pretrained(name, torch_dtype=dtype, local_files_only=not hub.reachable())
    except (OSError, ValueError) as error:
        raise MissingModel(f"the autoencoder {name!r} is not here and could not be fetched: {error}") from error


def _controlnet(name: str, dtype: torch.dtype) -> Any:
    """A ControlNet: a folder, or an id of the hub."""
    from diffusers import ControlNetModel

    path = names.located(name)
    if path is not None and path.is_dir():
        return network(path.parent, path.name, dtype)
    if path is not None:
        raise MissingModel(f"{path} is a file; a ControlNet is a folder with config.json, or an id of the hub")
    try:
        return ControlNetModel.from_pretrained(name, torch_dtype=dtype, local_files_only=not hub.reachable())
    except (OSError, ValueError) as error:
        raise MissingModel(f"the ControlNet {name!r} is not here and could not be fetched: {error}") from error
