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
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from animate.errors import MissingModel

PREFIXES = re.compile(r"^(?:module\.|model\.|_orig_mod\.|net\.|state_dict\.)+")
"""What wrappers (DataParallel, Lightning, torch.compile) put before every name."""

SHOWN = 8
"""Names listed in full in an error; the rest is counted."""


def read(path: Path) -> dict[str, Tensor]:
    """Every tensor of a file by its name, on the CPU: safetensors, TorchScript, or a pickled state dict.

    A pickle is read with `weights_only`, so that nothing in it is executed. Of a TorchScript archive the tensors are
    taken; its code is not run.

    Raises:
        MissingModel: the file is not there, is damaged, or holds no tensors.
    """
    if not path.is_file():
        raise MissingModel(f"there is no weight file {path}")
    try:
        tensors = _tensors(path)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, UnpicklingError, struct.error) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MissingModel(f"{path} cannot be read as safetensors, TorchScript or a state dict: {first}") from error
    if not tensors:
        raise MissingModel(f"{path} holds no tensors by name")
    return tensors


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
    """By content: eight bytes of length, then a JSON object."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < path.stat().st_size


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
        MissingModel: names that the file lacks, has too many, or has in another shape; each is listed.
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
    complaints = [
        f"{what}: {_listed(which)}"
        for what, which in (("missing", missing), ("not known", surplus), ("of another shape", misshapen))
        if which
    ]
    if complaints:
        raise MissingModel(f"{source} does not fit the {type(network).__name__}: " + "; ".join(complaints))
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
