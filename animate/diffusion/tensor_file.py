"""Files of tensors, read by what they hold and not by what they are called: safetensors, or torch's pickles.

A pickle can run any program. It is read by torch's weights-only reader or not at all.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animate.errors import BadInput


def tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their names; raises `BadInput` for files that hold anything else or are damaged."""
    held = content(path)
    while isinstance(held, dict) and "state_dict" in held:
        held = held["state_dict"]
    if not isinstance(held, dict):
        raise BadInput(f"{path} holds no named tensors")
    return {str(name): value for name, value in held.items() if isinstance(value, Tensor)}


def content(path: Path) -> Any:
    """All that a file holds, as its program laid it down; raises `BadInput` for what is no data, or damaged."""
    with path.open("rb") as file:
        head = file.read(16)
    if head.startswith(b"version https:/"):
        raise BadInput(f"{path} only points to the file, as git-lfs leaves it: `git lfs pull` brings the file")
    if _is_safe(path):
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:  # a damaged file may raise anything
            raise BadInput(f"{path} cannot be read: {error}") from error
    zipped = head.startswith(b"PK")  # torch's older form cannot be mapped into memory
    try:
        with torch.serialization.safe_globals(_harmless()):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # a damaged or hostile file may raise anything; nothing of it was run
        raise BadInput(
            f"{path} holds more than weights, or is damaged, and is not opened: such a file can run any program. "
            "Take the same as .safetensors, or convert this one where you trust it"
        ) from error


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself; nothing for others."""
    if not _is_safe(path):
        return {}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _is_safe(path: Path) -> bool:
    """Whether a file is a safetensors: eight bytes of length and then JSON, or meant to be one."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{" or path.suffix.casefold() == ".safetensors"


@cache
def _harmless() -> list[Any]:
    """What pickles of weights hold beside tensors and runs nothing.

    numpy's single numbers, which trainers lay beside the weights (a loss, a step), with the kinds that they are of; and
    torch's dictionary of parameters, in which the first textual inversions are.
    """
    number = np.float64(0).__reduce__()[0]
    kinds = {type(np.dtype(code)) for code in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"}
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since numpy 2
    return [*((number, name) for name in names), np.dtype, *kinds, torch.nn.ParameterDict]
