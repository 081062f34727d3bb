"""Segmentation models behind the protocol: tiny ones of random weights, and what is said where there is none."""

from pathlib import Path

import pytest
import torch

from animate import segment
from animate.errors import BadInput, MissingModel
from tests.diffusion.tiny import _tokenizer, _vocabulary


def clipseg(path: Path) -> Path:
    """A CLIPSeg of a few channels, with its processor."""
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, ViTImageProcessor

    words = len(_vocabulary())
    text = {"vocab_size": words, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3}
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "image_size": 32, "patch_size": 8}
    config = CLIPSegConfig(
        text_config=text | {"num_attention_heads": 2, "bos_token_id": words - 2, "eos_token_id": words - 1},
        vision_config=vision | {"num_attention_heads": 2},
        projection_dim=16,
        reduce_dim=8,
        extract_layers=[1, 2],
        decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
    )
    torch.manual_seed(5)
    CLIPSegForImageSegmentation(config).save_pretrained(path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(path)
    made = path / "tokenizer"
    _tokenizer(made, "<|endoftext|>")
    for file in made.iterdir():
        file.rename(path / file.name)
    return path


def by_class(path: Path) -> Path:
    """A SegFormer of a few channels that knows a sky and a tree."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    config = SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 16],
        patch_sizes=[3, 3],
        strides=[2, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=8,
        id2label={0: "sky", 1: "tree"},
        label2id={"sky": 0, "tree": 1},
    )
    torch.manual_seed(5)
    SegformerForSemanticSegmentation(config).save_pretrained(path)
    SegformerImageProcessor(size={"height": 32, "width": 32}).save_pretrained(path)
    return path


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(3, 40, 56, generator=torch.Generator().manual_seed(3))


def test_clipseg_takes_any_words(tmp_path: Path, picture: torch.Tensor) -> None:
    find = segment.load(str(clipseg(tmp_path / "seg")))
    sky, fox = find(picture, "the sky"), find(picture, "a red fox")
    assert sky.shape == (1, 40, 56)
    assert float(sky.min()) >= 0
    assert float(sky.max()) <= 1
    assert not torch.equal(sky, fox)
    assert torch.equal(sky, find(picture, "the sky"))


def test_classes_are_found_by_name_and_add_up(tmp_path: Path, picture: torch.Tensor) -> None:
    find = segment.load(str(by_class(tmp_path / "seg")))
    sky, tree = find(picture, "the sky"), find(picture, "Tree")
    assert torch.allclose(sky + tree, torch.ones_like(sky), atol=1e-5)
    assert torch.allclose(find(picture, "sky, tree"), torch.ones_like(sky), atol=1e-5)
    with pytest.raises(BadInput, match="did you mean tree"):
        find(picture, "trees")


@pytest.mark.parametrize("name", ["nobody/no-such-model", "./nowhere"])
def test_a_model_that_is_not_here_is_said(name: str) -> None:
    with pytest.raises(MissingModel, match="mask_model"):
        segment.load(name)
