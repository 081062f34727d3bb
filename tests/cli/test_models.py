"""Weights brought by the command line: converted from a published file, refused where they do not fit."""

import torch
from safetensors.torch import load_file, save_file

from animate.cli import main
from animate.interp import film


def test_a_published_file_is_converted(tmp_path, capsys):
    torch.manual_seed(0)
    network = film.Network()
    torch.save(network.state_dict(), tmp_path / "film_net_fp32.pt")
    target = tmp_path / "film.safetensors"
    assert main(["models", "convert", "film", str(tmp_path / "film_net_fp32.pt"), "-o", str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    kept = load_file(target)
    assert all(torch.equal(kept[name], value) for name, value in network.state_dict().items())


def test_what_cannot_be_brought_is_said(tmp_path, capsys):
    (tmp_path / "text.pt").write_text("no weights")
    for words, told in (
        (["get", "film"], "no package is known"),
        (["convert", "film"], "needs an engine and a file"),
        (["convert", "flow", str(tmp_path / "text.pt")], "there are no weight files for 'flow'"),
    ):
        assert main(["models", *words]) == 2
        assert told in capsys.readouterr().err
    assert main(["models", "convert", "film", str(tmp_path / "text.pt"), "-o", str(tmp_path / "x.safetensors")]) == 2
    assert "cannot be read: it is neither safetensors, TorchScript nor a state dict" in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()


def test_every_name_that_does_not_match_is_listed(tmp_path, capsys):
    tensors = {name: tensor for name, tensor in film.Network().state_dict().items() if "predictors" not in name}
    save_file({**tensors, **{f"other.{index}": torch.zeros(1) for index in range(20)}}, tmp_path / "film.safetensors")
    assert main(["models", "convert", "film", str(tmp_path / "film.safetensors"), "-o", str(tmp_path / "x")]) == 2
    told = capsys.readouterr().err
    assert all(f"not known: other.{index}\n" in told for index in range(20))
    assert all(f"missing: {name}\n" in told for name in film.Network().state_dict() if "predictors" in name)
