"""LoRA files and textual inversions, put on and taken off."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from animate.diffusion import models
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt
from animate.errors import BadInput, MissingModel
from tests.diffusion.conftest import sampling

UNET_LAYER = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q"
TEXT_LAYERS = ("encoder.layers.0.self_attn.q_proj", "encoder.layers.1.self_attn.out_proj")


@pytest.fixture
def painter(tiny_models: Callable[[str], Path]) -> Painter:
    """A painter of this test's own: adapters change it."""
    return models.load(str(tiny_models("sd")), device="cpu")


def kohya(path: Path, *, text: bool = False, seed: int = 0) -> str:
    """A LoRA of rank 2 on a layer of the network and two of the text encoder, in kohya's names."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    layers = [("lora_unet_" + UNET_LAYER.replace(".", "_"), 8, 1.0)]
    if text:
        layers += [
            ("lora_te_text_model_" + name.replace(".", "_"), 16, alpha) for name, alpha in zip(TEXT_LAYERS, (1.0, 4.0))
        ]
    for name, width, alpha in layers:
        tensors[f"{name}.lora_down.weight"] = torch.randn(2, width, generator=generator)
        tensors[f"{name}.lora_up.weight"] = torch.randn(width, 2, generator=generator)
        tensors[f"{name}.alpha"] = torch.tensor(alpha)
    save_file(tensors, path)
    return str(path)


def paint(painter: Painter, *loras: tuple[str, float]) -> torch.Tensor:
    return painter.imagine((64, 64), [sampling(steps=2, loras=loras)])


@pytest.mark.parametrize("text", [False, True])
def test_weight_is_followed_and_taken_off(painter: Painter, tmp_path: Path, text: bool) -> None:
    path = kohya(tmp_path / "ink.safetensors", text=text)
    bare = paint(painter)
    full = paint(painter, (path, 1.0))
    half = paint(painter, (path, 0.5))
    assert (full - bare).abs().max() > 1e-4
    assert not torch.equal(half, full)
    assert torch.equal(paint(painter, (path, 0.0)), bare)
    assert torch.equal(paint(painter), bare)
    assert torch.equal(paint(painter, (path, 1.0)), full)


def test_equals_weights_merged_by_hand(painter: Painter, tiny_models: Callable[[str], Path], tmp_path: Path) -> None:
    """W + weight · alpha / rank · up · down."""
    path = kohya(tmp_path / "ink.safetensors", text=True)
    file = load_file(path)
    merged = models.load(str(tiny_models("sd")), device="cpu")
    layers = {"lora_unet_" + UNET_LAYER.replace(".", "_"): merged._parts.unet.get_submodule(UNET_LAYER)}
    for name in TEXT_LAYERS:
        layers["lora_te_text_model_" + name.replace(".", "_")] = merged.texts.encoders[0].model.get_submodule(name)
    for name, layer in layers.items():
        delta = file[f"{name}.lora_up.weight"] @ file[f"{name}.lora_down.weight"]
        layer.weight.data += 0.7 * file[f"{name}.alpha"] / 2 * delta
    assert (paint(painter, (path, 0.7)) - paint(merged)).abs().max() < 1e-5


def test_rows_of_one_batch_wear_different_files(painter: Painter, tmp_path: Path) -> None:
    one = kohya(tmp_path / "one.safetensors", text=True)
    two = kohya(tmp_path / "two.safetensors", seed=1)
    worn = [(), ((one, 1.0),), ((two, 0.5),), ((one, 0.5), (two, 0.5))]
    together = painter.imagine((64, 64), [sampling(steps=2, loras=loras) for loras in worn])
    for row, loras in zip(together, worn):
        assert torch.allclose(row, paint(painter, *loras)[0], atol=1e-5)


def test_nothing_is_done_while_the_weights_stay(
    painter: Painter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kohya(tmp_path / "ink.safetensors")
    paint(painter, (path, 0.5))
    monkeypatch.setattr(painter._adapters, "_set", lambda loras: pytest.fail("set again"))
    paint(painter, (path, 0.5))


def test_files_that_are_none_are_named(painter: Painter, tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="no LoRA file"):
        paint(painter, (str(tmp_path / "none.safetensors"), 1.0))
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(BadInput, match=r"other\.safetensors is not a LoRA file"):
        paint(painter, (str(tmp_path / "other.safetensors"), 1.0))


def test_files_in_capitals_are_what_they_hold(painter: Painter, tmp_path: Path) -> None:
    path = kohya(tmp_path / "ink.safetensors", text=True)
    loud = tmp_path / "INK.SAFETENSORS"
    loud.write_bytes(Path(path).read_bytes())
    assert torch.equal(paint(painter, (str(loud), 1.0)), paint(painter, (path, 1.0)))
    save_file({"emb_params": torch.zeros(1, 16)}, tmp_path / "MIST.SAFETENSORS")
    painter._adapters.teach(painter.texts, "mist", str(tmp_path / "MIST.SAFETENSORS"))


def test_an_inversion_that_is_more_than_weights_is_refused_shortly(painter: Painter, tmp_path: Path) -> None:
    torch.save({"string_to_param": {"*": Path}}, tmp_path / "mist.pt")
    with pytest.raises(BadInput, match="holds more than weights") as told:
        painter._adapters.teach(painter.texts, "mist", str(tmp_path / "mist.pt"))
    assert "weights_only" not in str(told.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".dictionary"])
def test_textual_inversion_is_called_by_its_token(painter: Painter, tmp_path: Path, suffix: str) -> None:
    vectors = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    path = tmp_path / f"mist{suffix}"
    if suffix == ".pt":
        torch.save({"string_to_param": {"*": vectors}, "name": "mist"}, path)
    elif suffix == ".dictionary":  # as the first ones are
        torch.save({"string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(vectors)})}, path)
    else:
        save_file({"emb_params": vectors}, path)

    def ask(text: str) -> torch.Tensor:
        how = sampling(steps=2, prompts=(Prompt(text),), embeddings=(("<mist>", str(path)),))
        return painter.imagine((64, 64), [how])

    plain = painter.imagine((64, 64), [sampling(steps=2, prompts=(Prompt("a fox"),))])
    assert torch.equal(ask("a fox"), plain)
    assert not torch.equal(ask("a <mist> fox"), plain)
    assert not torch.equal(ask("a (<mist>:0.5) fox"), ask("a <mist> fox"))
    encoder = painter.texts.encoders[0]
    ids = encoder.tokenizer(painter.texts._spelled("<mist>"), add_special_tokens=False).input_ids
    assert torch.allclose(encoder.model.get_input_embeddings().weight[ids], vectors)


def test_inversion_of_another_family_is_refused(painter: Painter, tmp_path: Path) -> None:
    save_file({"clip_l": torch.zeros(1, 16), "clip_g": torch.zeros(1, 16)}, tmp_path / "xl.safetensors")
    with pytest.raises(BadInput, match="2 text encoder"):
        painter.imagine((64, 64), [sampling(embeddings=(("<x>", str(tmp_path / "xl.safetensors")),))])
    save_file({"emb_params": torch.zeros(1, 24)}, tmp_path / "wide.safetensors")
    with pytest.raises(BadInput, match="24 numbers"):
        painter.imagine((64, 64), [sampling(embeddings=(("<x>", str(tmp_path / "wide.safetensors")),))])


@pytest.mark.parametrize(
    ("tokens", "prompt", "meant"),
    [
        (("easynegative", "easynegativev2"), "easynegativev2, (easynegative:0.5)", ["easynegativev2", "easynegative"]),
        (("bad",), "badminton, my_bad, bad-tempered", ["bad"]),
        (("bad_hands",), "bad_hands_v2, my_bad_hands, very-bad_hands", ["bad_hands"]),
        (("bad-hands",), "bad-hands-5, bad-handsome, not-bad-hands, bad-hands.", ["bad-hands"]),
        (("bad-hands", "bad-hands-5"), "bad-hands-5", ["bad-hands-5"]),
        (("<mist>",), "a<mist>fox", ["<mist>"]),
        (("-mist-",), "a-mist-fox", ["-mist-"]),
    ],
)
def test_a_token_acts_where_it_stands_by_itself(
    painter: Painter, tokens: tuple[str, ...], prompt: str, meant: list[str]
) -> None:
    encoder = painter.texts.encoders[0]
    known = len(encoder.tokenizer)
    for token in tokens:
        painter.texts.teach(token, [torch.zeros(2, 16)])
    ids = encoder.tokenizer(painter.texts._spelled(prompt)).input_ids
    vectors = [at for token in meant for at in (known + 2 * tokens.index(token), known + 2 * tokens.index(token) + 1)]
    assert [at for at in ids if at >= known] == vectors
    assert not [at for at in encoder.tokenizer(prompt).input_ids if at >= known]


def test_alpha_in_the_metadata_counts(painter: Painter, tmp_path: Path) -> None:
    """diffusers writes it there; alpha 8 at rank 2 is four times the strength."""
    generator = torch.Generator().manual_seed(0)
    rows = {side: torch.randn(shape, generator=generator) for side, shape in (("A", (2, 8)), ("B", (8, 2)))}
    tensors = {f"unet.{UNET_LAYER}.lora_{side}.weight": value for side, value in rows.items()}
    settings = {"unet.r": 2, "unet.lora_alpha": 8, "unet.target_modules": [UNET_LAYER]}
    save_file(tensors, tmp_path / "told.safetensors", {"format": "pt", "lora_adapter_metadata": json.dumps(settings)})
    save_file(tensors, tmp_path / "plain.safetensors", {"format": "pt"})
    told = paint(painter, (str(tmp_path / "told.safetensors"), 0.25))
    plain = paint(painter, (str(tmp_path / "plain.safetensors"), 1.0))
    assert (told - plain).abs().max() < 1e-5


@pytest.mark.parametrize(("end", "said"), [("dora_scale", "DoRA"), ("hada_w1_a", "LyCORIS"), ("diff", "LyCORIS")])
def test_kin_of_lora_are_refused(painter: Painter, tmp_path: Path, end: str, said: str) -> None:
    layer = "lora_unet_" + UNET_LAYER.replace(".", "_")
    save_file({f"{layer}.{end}": torch.zeros(8, 1)}, tmp_path / "kin.safetensors")
    with pytest.raises(BadInput, match=said):
        paint(painter, (str(tmp_path / "kin.safetensors"), 1.0))


def test_a_refused_file_leaves_nothing_on(painter: Painter, tmp_path: Path) -> None:
    """Its network's part fits, its text encoder's does not."""
    bare = paint(painter)
    tensors = load_file(kohya(tmp_path / "half.safetensors", text=True))
    name = "lora_te_text_model_" + TEXT_LAYERS[0].replace(".", "_")
    tensors[f"{name}.lora_down.weight"] = torch.zeros(2, 999)
    save_file(tensors, tmp_path / "half.safetensors")
    with pytest.raises(BadInput, match="is not a LoRA file for this model"):
        paint(painter, (str(tmp_path / "half.safetensors"), 1.0))
    assert torch.equal(paint(painter), bare)


def peft(path: Path, *layers: str, width: int = 8) -> str:
    """A LoRA of rank 2 in PEFT's names."""
    tensors = {}
    for at, layer in enumerate(layers):
        generator = torch.Generator().manual_seed(at)
        size = 16 if layer.startswith("text_encoder") else width
        tensors[f"{layer}.lora_A.weight"] = torch.randn(2, size, generator=generator)
        tensors[f"{layer}.lora_B.weight"] = torch.randn(size, 2, generator=generator)
    save_file(tensors, path)
    return str(path)


@pytest.mark.parametrize(
    "stranger",
    [
        f"unet.{UNET_LAYER}".replace("blocks.0.att", "blocks.5.att"),
        f"text_encoder.text_model.{TEXT_LAYERS[0]}".replace("layers.0", "layers.11"),
    ],
)
def test_a_file_that_fits_in_part_is_told(
    painter: Painter, tmp_path: Path, caplog: pytest.LogCaptureFixture, stranger: str
) -> None:
    fitting = (f"unet.{UNET_LAYER}", f"text_encoder.text_model.{TEXT_LAYERS[0]}")
    whole = paint(painter, (peft(tmp_path / "whole.safetensors", *fitting), 1.0))
    assert not caplog.records
    part = paint(painter, (peft(tmp_path / "part.safetensors", *fitting, stranger), 1.0))
    assert torch.equal(part, whole)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "part.safetensors fits this model only in part" in caplog.text
    assert stranger in caplog.text


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (f"unet.{UNET_LAYER}".replace("blocks.0.att", "blocks.5.att"), "for the unet is in this model"),
        (f"text_encoder.text_model.{TEXT_LAYERS[0]}".replace("layers.0", "layers.11"), "for the text_encoder is in"),
        (f"text_encoder_2.text_model.{TEXT_LAYERS[0]}", "text_encoder_2, which this model does not have"),
        ("transformer.blocks.0.attn.to_q", "transformer, which this model does not have"),
    ],
)
def test_a_file_with_a_part_of_another_family_is_refused(
    painter: Painter, tmp_path: Path, layer: str, said: str
) -> None:
    bare = paint(painter)
    fitting = [f"text_encoder.{TEXT_LAYERS[1]}"] if layer.startswith("unet.") else [f"unet.{UNET_LAYER}"]
    with pytest.raises(BadInput, match=said):
        paint(painter, (peft(tmp_path / "other.safetensors", *fitting, layer), 1.0))
    assert torch.equal(paint(painter), bare)


def test_a_text_encoder_may_be_trained_without_its_output_layer(painter: Painter, tmp_path: Path) -> None:
    """diffusers tells kohya's form by that layer."""
    tensors = load_file(kohya(tmp_path / "ink.safetensors", text=True))
    left = {name: value for name, value in tensors.items() if "out_proj" not in name}
    assert len(left) < len(tensors)
    save_file(left, tmp_path / "ink.safetensors")
    assert not torch.equal(paint(painter, (str(tmp_path / "ink.safetensors"), 1.0)), paint(painter))
