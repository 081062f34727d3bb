"""Tiny random models of every family, in diffusers' layout: a few channels each, built in well under a second.

Other rooms use `tiny_sd(path)` when a test needs a painter that paints something at once.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch


def tiny_sd(path: Path, **unet: Any) -> Path:
    """A random Stable Diffusion 1.x of 0.1 M weights; pictures of 8 × 8 px a latent position."""
    return _save(path, _scheduler(), _unet(cross_attention_dim=16, **unet), [_text(16, "quick_gelu")])


def tiny_sd2(path: Path) -> Path:
    """A random Stable Diffusion 2.x with v-prediction."""
    unet = _unet(cross_attention_dim=16, attention_head_dim=(2, 4), use_linear_projection=True)
    return _save(path, _scheduler(prediction_type="v_prediction"), unet, [_text(16, "gelu", pad="!")])


def tiny_lcm(path: Path) -> Path:
    """A random model distilled on guidance: it is told the scale (`time_cond_proj_dim`)."""
    from diffusers import LCMScheduler

    scheduler = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)
    return _save(path, scheduler, _unet(cross_attention_dim=16, time_cond_proj_dim=32), [_text(16, "quick_gelu")])


def tiny_depth(path: Path) -> Path:
    """A random model like SD 2's depth2img: the network reads a depth channel beside the latent."""
    _save(path, _scheduler(), _unet(cross_attention_dim=16, in_channels=5), [_text(16, "quick_gelu")])
    index = json.loads((path / "model_index.json").read_text(encoding="utf-8"))
    index["_class_name"] = "StableDiffusionDepth2ImgPipeline"
    (path / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return path


def tiny_inpaint(path: Path) -> Path:
    """A random inpainting model: the network reads a mask and the picture with a hole beside the latent."""
    return _save(path, _scheduler(), _unet(cross_attention_dim=16, in_channels=9), [_text(16, "quick_gelu")])


def tiny_embedded(path: Path) -> Path:
    """A random model made like the embedded painter: its autoencoder, tokenizer, depth channel and noise levels."""
    from tokenizers import Tokenizer, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    from animate.diffusion.autoencoder import PatchAutoencoder

    torch_state = torch.random.get_rng_state()
    torch.manual_seed(4)
    vae = PatchAutoencoder(latent_channels=8, block_out_channels=(16,) * 5, wide_blocks=1, fine_blocks=1)
    torch.random.set_rng_state(torch_state)
    unet = _unet(cross_attention_dim=16, in_channels=9, out_channels=8)
    words = [("<pad>", 0.0), ("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("▁fox", -5.0), ("▁red", -5.0), ("▁a", -5.0)]
    core = Tokenizer(Unigram([*words, *((f"<0x{byte:02X}>", -40.0) for byte in range(256))], 1, byte_fallback=True))
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, model_max_length=48, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    tiny_zero_snr(path)
    for part, model in (("unet", unet), ("vae", vae)):
        model.half().save_pretrained(path / part)
    tokenizer.save_pretrained(path / "tokenizer")
    config = json.loads((path / "tokenizer" / "tokenizer_config.json").read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (path / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return path


def tiny_zero_snr(path: Path) -> Path:
    """v-prediction with zero terminal signal-to-noise ratio and trailing steps, as the embedded painter is trained."""
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    return _save(path, scheduler, _unet(cross_attention_dim=16), [_text(16, "quick_gelu")])


def tiny_sdxl(path: Path) -> Path:
    """A random SDXL: two text encoders, pooled text and sizes."""
    from diffusers import EulerDiscreteScheduler

    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        timestep_spacing="leading",
        steps_offset=1,
    )
    unet = _unet(
        cross_attention_dim=32,
        attention_head_dim=(2, 4),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 16,
    )
    return _save(path, scheduler, unet, [_text(16, "quick_gelu"), _text(16, "gelu", pad="!", projected=True)])


FAMILIES = {
    "sd": tiny_sd,
    "sd2": tiny_sd2,
    "sdxl": tiny_sdxl,
    "lcm": tiny_lcm,
    "zero_snr": tiny_zero_snr,
}
"""The families that diffusers' img2img pipelines can run, too."""


def _scheduler(**settings: Any) -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        **settings,
    )


def _unet(**settings: Any) -> Any:
    from diffusers import UNet2DConditionModel

    torch_state = torch.random.get_rng_state()
    torch.manual_seed(0)
    options: dict[str, Any] = {
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "attention_head_dim": 2,
    }
    unet = UNet2DConditionModel(**{**options, **settings})
    torch.random.set_rng_state(torch_state)
    return unet


def _vae() -> Any:
    from diffusers import AutoencoderKL

    torch_state = torch.random.get_rng_state()
    torch.manual_seed(1)
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 8),
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=64,
        scaling_factor=0.18215,
    )
    torch.random.set_rng_state(torch_state)
    return vae


def _text(width: int, act: str, pad: str = "<|endoftext|>", projected: bool = False) -> tuple[Any, str]:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    words = len(_vocabulary())
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(2 + projected)
    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=77,
        projection_dim=16,
        hidden_act=act,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=1,
    )
    model = (CLIPTextModelWithProjection if projected else CLIPTextModel)(config).eval()
    torch.random.set_rng_state(torch_state)
    return model, pad


def _vocabulary() -> dict[str, int]:
    """A byte-level CLIP vocabulary without a single merge: every letter is a token."""
    letters = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256)]]
    letters += [chr(256 + n) for n in range(256 - len(letters))]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return {word: number for number, word in enumerate(words)}


def _tokenizer(path: Path, pad: str) -> None:
    path.mkdir(parents=True)
    (path / "vocab.json").write_text(json.dumps(_vocabulary()), encoding="utf-8")
    (path / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": 77,
        "pad_token": pad,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }
    (path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")


def _save(path: Path, scheduler: Any, unet: Any, texts: list[tuple[Any, str]]) -> Path:
    double = len(texts) > 1
    index: dict[str, Any] = {
        "_class_name": "StableDiffusionXLPipeline" if double else "StableDiffusionPipeline",
        "scheduler": ["diffusers", type(scheduler).__name__],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    if double:
        index["force_zeros_for_empty_prompt"] = True
    else:
        index["safety_checker"] = index["feature_extractor"] = [None, None]
        index["requires_safety_checker"] = False
    path.mkdir(parents=True, exist_ok=True)
    unet.save_pretrained(path / "unet")
    _vae().save_pretrained(path / "vae")
    scheduler.save_pretrained(path / "scheduler")
    for number, (model, pad) in enumerate(texts):
        suffix = "" if number == 0 else f"_{number + 1}"
        model.save_pretrained(path / f"text_encoder{suffix}")
        _tokenizer(path / f"tokenizer{suffix}", pad)
        index[f"text_encoder{suffix}"] = ["transformers", type(model).__name__]
        index[f"tokenizer{suffix}"] = ["transformers", "CLIPTokenizer"]
    (path / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")
    return path
