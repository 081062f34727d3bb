"""Model names: what is meant by one is known before anything loads."""

import os
from pathlib import Path

import pytest

from animate.diffusion import names


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANIMATE_MODELS", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["embedded", "stabilityai/sd-turbo", "runwayml/stable-diffusion-v1-5"])
def test_no_fault_with_what_may_be_there(name: str) -> None:
    assert names.fault(name) == ("", "")


def test_files_folders_and_the_shelf(elsewhere: Path) -> None:
    (elsewhere / "models").mkdir()
    (elsewhere / "models" / "dreams.safetensors").write_bytes(b"")
    (elsewhere / "here").mkdir()
    (elsewhere / "here" / "model_index.json").write_text("{}")
    for name in ("here", "./here", "dreams", "dreams.safetensors"):
        assert names.fault(name) == ("", "")
    assert names.located("dreams") == Path("models/dreams.safetensors")
    assert names.fault("dream") == ("there is no model called 'dream'", "did you mean dreams?")


def test_capitals_do_not_matter_where_they_tell_nothing_apart(elsewhere: Path) -> None:
    folder = elsewhere / "models"
    (folder / "old").mkdir(parents=True)
    for name in ("dreams.safetensors", "LOUD.SAFETENSORS", "old/mist.ckpt", "Twin.pt", "twin.pt"):
        (folder / name).write_bytes(b"")
    for name, meant in (
        ("DREAMS", "dreams.safetensors"),
        ("Dreams.SafeTensors", "dreams.safetensors"),
        ("loud", "LOUD.SAFETENSORS"),
        ("LOUD", "LOUD.SAFETENSORS"),
        ("old/MIST", "old/mist.ckpt"),
        ("twin", "twin.pt"),
        ("Twin", "Twin.pt"),
    ):
        assert names.located(name) == Path("models") / meant
        assert names.fault(name) == ("", "")
    assert names.located("dream") is None
    assert names.looks_like_path("gone.SAFETENSORS")


def test_faults(elsewhere: Path) -> None:
    assert names.fault("embeded") == ("there is no model called 'embeded'", "did you mean embedded?")
    assert "a folder of diffusers" in names.fault("zzz")[1]
    assert names.fault("./gone") == ("there is no model './gone' here", f"it was looked for in {elsewhere}")
    assert names.fault("gone.safetensors")[0] == "there is no model 'gone.safetensors' here"


def test_what_is_there_and_no_model_is_told(elsewhere: Path) -> None:
    (elsewhere / "empty").mkdir()
    assert names.fault("empty") == (
        "empty is a folder without a model",
        "a folder of diffusers holds a model_index.json",
    )
    assert "without a model" in names.fault(".")[0]


@pytest.mark.parametrize("name", ["a" * 300, "./" + "a" * 300, "~nobody/x", "a\0b"])
def test_a_name_that_cannot_be_a_path_is_told(name: str, elsewhere: Path) -> None:
    (elsewhere / "models").mkdir()
    assert names.located(name) is None
    assert "there is no model" in names.fault(name)[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_no_model(elsewhere: Path) -> None:
    os.mkfifo(elsewhere / "pipe")
    assert names.located("pipe") is None


def test_the_shelf_may_be_named(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere / "nas").mkdir()
    (elsewhere / "nas" / "mist.ckpt").write_bytes(b"")
    monkeypatch.setenv("ANIMATE_MODELS", str(elsewhere / "nas"))
    assert names.located("mist") == elsewhere / "nas" / "mist.ckpt"
