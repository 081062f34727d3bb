"""Checksums of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from animate.diffusion import digests
from animate.errors import MissingModel
from tests.diffusion.tiny import tiny_sd


def test_tampered_and_missing_files_are_named(tmp_path: Path) -> None:
    folder = tiny_sd(tmp_path / "m")
    digests.write(folder)
    digests.verify(folder)
    before = digests.of_folder(folder)
    with (folder / "unet" / "diffusion_pytorch_model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    (folder / "vae" / "config.json").unlink()
    with pytest.raises(MissingModel, match=r"unet/diffusion_pytorch_model.safetensors has been changed") as caught:
        digests.verify(folder)
    assert "vae/config.json is missing" in str(caught.value)
    (folder / digests.LIST).unlink()
    with pytest.raises(MissingModel, match=r"digests\.json"):
        digests.verify(folder)
    assert digests.of_folder(folder) != before


def test_large_files_are_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_REMEMBER_FROM", 1)
    monkeypatch.setattr("animate.cache.folder", lambda: tmp_path / "cache")
    path = tmp_path / "weights"
    path.write_bytes(b"abc")
    first = digests.of_file(path)
    monkeypatch.setattr(digests, "_hashed", lambda path: pytest.fail("hashed again"))
    assert digests.of_file(path) == first
