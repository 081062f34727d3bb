"""Files of tensors: read by what they hold, refused where they hold anything else."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from animate.diffusion import models, tensor_file
from animate.errors import BadInput


class Hostile:
    """A pickle that would leave a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.trace,))


def test_hostile_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    for name, protocol in (("zip.ckpt", None), ("bare.ckpt", 2)):
        path = tmp_path / name
        if protocol is None:
            torch.save({"state_dict": Hostile(trace)}, path)
        else:
            path.write_bytes(pickle.dumps({"state_dict": Hostile(trace)}, protocol))
        with pytest.raises(BadInput, match="holds more than weights"):
            models.load(str(path))
    assert not trace.exists()


def test_damaged_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00\x00\x00")
    with pytest.raises(BadInput, match=r"cut\.safetensors"):
        models.load(str(tmp_path / "cut.safetensors"))


def test_files_are_read_by_what_they_hold(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(3.0)}
    save_file(tensors, tmp_path / "misnamed.ckpt")
    save_file(tensors, tmp_path / "LOUD.SAFETENSORS")
    torch.save({"state_dict": tensors}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    for name in ("misnamed.ckpt", "LOUD.SAFETENSORS", "old.ckpt"):
        assert torch.equal(tensor_file.tensors(tmp_path / name)["a"], tensors["a"]), name
    (tmp_path / "pointer.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(BadInput, match="git lfs pull"):
        tensor_file.tensors(tmp_path / "pointer.safetensors")


@pytest.mark.parametrize("zipped", [True, False])
def test_numbers_of_numpy_beside_the_weights_do_no_harm(tmp_path: Path, zipped: bool) -> None:
    """Trainers lay a loss or a step there; files of numpy 1 name its innermost part otherwise."""
    content = {"state_dict": {"a": torch.ones(2)}, "loss": np.float32(0.5), "step": np.int64(7), "done": np.bool_(True)}
    torch.save(content, tmp_path / "new.ckpt", _use_new_zipfile_serialization=zipped)
    old = (tmp_path / "new.ckpt").read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "old.ckpt").write_bytes(old)
    names = ["new.ckpt"] if zipped else ["new.ckpt", "old.ckpt"]  # the zip file has sums over its parts
    for name in names:
        assert torch.equal(tensor_file.tensors(tmp_path / name)["a"], torch.ones(2)), name
