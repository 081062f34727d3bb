"""A tiny Stable Diffusion 1.x in the layout it was first published in: one file, the authors' names of tensors.

The inverse of what diffusers' converters do, for the shapes of `tiny_sd`.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
OUTSIDE = {
    "time_embedding.cond_proj": "time_embed.cond_proj",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
MIDDLE = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}


def checkpoint(folder: Path) -> dict[str, Tensor]:
    """All tensors of a diffusers folder under their original names."""
    tensors = {}
    for name, value in load_file(folder / "unet" / "diffusion_pytorch_model.safetensors").items():
        tensors["model.diffusion_model." + _unet_name(name)] = value
    for name, value in load_file(folder / "vae" / "diffusion_pytorch_model.safetensors").items():
        tensors["first_stage_model." + _vae_name(name)] = value[..., None, None] if _is_projection(name) else value
    for name, value in load_file(folder / "text_encoder" / "model.safetensors").items():
        tensors["cond_stage_model.transformer.text_model." + name.removeprefix("text_model.")] = value
    return {name: value.contiguous() for name, value in tensors.items()}


def family(folder: Path, families: Path) -> Path:
    """The configurations of a diffusers folder as a family like those that ship with us."""
    place = families / "sd1"
    for part in ("unet", "vae", "text_encoder", "scheduler"):
        (place / part).mkdir(parents=True)
        for config in (folder / part).glob("*config.json"):
            shutil.copy(config, place / part)
    index = {"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer_pad": ["<|endoftext|>"]}
    (place / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return families


def _unet_name(name: str, layers: int = 1) -> str:
    for theirs, original in OUTSIDE.items():
        if name.startswith(theirs + "."):
            return original + name.removeprefix(theirs)
    if name.startswith("mid_block."):
        _, kind, number, rest = name.split(".", 3)
        return f"middle_block.{MIDDLE[f'{kind}.{number}']}.{_inside(kind, rest)}"
    side, block, kind, number, rest = re.match(r"(\w+)_blocks\.(\d)\.(\w+)\.(\d)\.(.+)", name).groups()  # type: ignore[union-attr]
    first = int(block) * (layers + 1)
    if kind == "downsamplers":
        return f"input_blocks.{first + layers + 1}.0.op.{rest.removeprefix('conv.')}"
    if kind == "upsamplers":
        return f"output_blocks.{first + layers}.{2 if block == '1' else 1}.{rest}"
    at = first + int(number) + (1 if side == "down" else 0)
    return f"{'input' if side == 'down' else 'output'}_blocks.{at}.{int(kind == 'attentions')}.{_inside(kind, rest)}"


def _inside(kind: str, rest: str) -> str:
    if kind != "resnets":
        return rest
    part, ending = rest.rsplit(".", 1)
    return f"{RESNET[part]}.{ending}"


def _is_projection(name: str) -> bool:
    return "attentions" in name and name.endswith("weight") and "group_norm" not in name


def _vae_name(name: str) -> str:
    name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm").replace(
        "mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"
    )
    name = re.sub(r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1", name)
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", name)
