"""Weight files of interpolation networks: read whatever their format is, renamed to our names, nothing left unsaid.

Published files name the same tensors in several ways. Each network's module holds a function `names`, which gives for
one of our names the spellings it is known by; `fit` matches them and lists what is left over on either side.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from animate.errors import MissingModel

PREFIXES = re.compile(r"^(?:module\.|model\.|_orig_mod\.|net\.|state_dict\.)+")
"""What wrappers (DataParallel, Lightning, torch.compile) put before every name."""

SHOWN = 8
"""Names listed in an error; the rest is counted."""

LONGEST_HEADER = 100_000_000
"""Bytes of names that a safetensors file may have."""


class BadWeights(MissingModel):
    """A weight file that is there and cannot be used."""

    exit_code = 2

    def __init__(self, told: str, in_full: str = "") -> None:
        super().__init__(told)
        self.in_full = in_full or told
        """With every name that does not match, a line each."""


def read(path: Path) -> dict[str, Tensor]:
    """Every tensor of a file by its name, on the CPU: safetensors, TorchScript, or a pickled state dict.

    A pickle is read with `weights_only`, so that nothing in it is executed. Of a TorchScript archive the tensors are
    taken; its code is not run.

    Raises:
        MissingModel: the file is not there.
        BadWeights: it is damaged, or holds no tensors.
    """
    if not path.is_file():
        raise MissingModel(f"there is no weight file {path}")
    try:
        tensors = _tensors(path)
    except Exception as error:  # damaged bytes raise whatever they happen to mean
        raise BadWeights(f"{path} cannot be read: {_why(path, error)}") from error
    if not tensors:
        raise BadWeights(f"{path} holds no tensors by name")
    return tensors


def _why(path: Path, error: Exception) -> str:
    """What is the matter with a file that is no weight file, in one clause."""
    if isinstance(error, PermissionError):
        return str(error.strerror)
    with path.open("rb") as file:
        start = file.read(256).lstrip()
    if not start:
        return "it is empty"
    if start.startswith(b"version https://git-lfs"):
        return "it only stands for the file in Git LFS (`git lfs pull` brings that)"
    if start.lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page, which came in place of the download"
    if "GLOBAL" in str(error) or "Unsupported global" in str(error):
        return "it holds more than tensors, which would have to be run; a state dict or safetensors does not"
    if _is_safetensors(path) or start.startswith((b"PK", b"\x80")):
        return "it is damaged or was cut off; get it again"
    return "it is neither safetensors, TorchScript nor a state dict"


def _tensors(path: Path) -> dict[str, Tensor]:
    if _is_safetensors(path):
        from safetensors.torch import load_file

        return load_file(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            scripted = any(name.split("/", 1)[-1].startswith("code/") for name in archive.namelist())
        if scripted:
            return dict(torch.jit.load(str(path), map_location="cpu").state_dict())
    content = torch.load(path, map_location="cpu", weights_only=True)
    while isinstance(content, Mapping) and not any(isinstance(value, Tensor) for value in content.values()):
        inner = [value for value in content.values() if isinstance(value, Mapping)]
        if not inner:
            return {}
        content = inner[0]  # {"state_dict": {…}, "epoch": …} and the like
    if not isinstance(content, Mapping):
        raise ValueError(f"it holds a {type(content).__name__}, not tensors by name")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _is_safetensors(path: Path) -> bool:
    """By content: eight bytes of length, then a JSON object; also where the file was cut off."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < LONGEST_HEADER


def fit(
    network: nn.Module,
    tensors: Mapping[str, Tensor],
    names: Callable[[str], Sequence[str]],
    source: str,
    unused: Callable[[str], bool] = lambda name: False,
) -> None:
    """Put `tensors` into `network`, in place.

    Args:
        names: for one of the network's names, every spelling under which a file may hold it; its own comes for free.
        source: what to call the file in an error.
        unused: whether a left-over name is known to be of no use.

    Raises:
        BadWeights: names that the file lacks, has too many, or has in another shape.
    """
    given = {PREFIXES.sub("", name): tensor for name, tensor in tensors.items()}
    left = set(given)
    found: dict[str, Tensor] = {}
    missing, misshapen = [], []
    for name, place in network.state_dict().items():
        spelling = next((known for known in (name, *names(name)) if known in left), None)
        if spelling is None:
            missing.append(name)
            continue
        left.discard(spelling)
        tensor = _turned(given[spelling], place, spelling)
        if tensor.shape != place.shape:
            misshapen.append(f"{spelling} {_shape(tensor)}, wanted {_shape(place)}")
        found[name] = tensor
    surplus = sorted(name for name in left if not unused(name))
    complaints = {"missing": missing, "not known": surplus, "of another shape": misshapen}
    told = {what: names for what, names in complaints.items() if names}
    if told:
        misfit = f"{source} does not fit the {type(network).__name__}"
        raise BadWeights(
            f"{misfit}: " + "; ".join(f"{what}: {_listed(names)}" for what, names in told.items()),
            "\n".join([f"{misfit}:", *(f"  {what}: {name}" for what, names in told.items() for name in names)]),
        )
    network.load_state_dict(found)


def _turned(tensor: Tensor, place: Tensor, spelling: str) -> Tensor:
    """A TensorFlow kernel (height, width, in, out) as torch has it (out, in, height, width)."""
    if spelling.endswith("/kernel") and tensor.ndim == 4:
        return tensor.permute(3, 2, 0, 1)
    return tensor


def _shape(tensor: Tensor) -> str:
    return "×".join(str(length) for length in tensor.shape) or "scalar"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
