"""One file that holds a whole model, as Stable Diffusion was first published: `.safetensors`, or `.ckpt`.

The file holds tensors only. What they are parts of is told from their names and shapes; the configurations of the
families ship with us (`animate/models/families`), and diffusers' converters rename the tensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from animate.diffusion import digests, tensor_file, vocabulary
from animate.diffusion.conditioning import Encoder
from animate.diffusion.folder import class_of, described, made_scheduler
from animate.diffusion.parts import Parts
from animate.errors import MissingModel

FAMILIES = Path(__file__).parent.parent / "models" / "families"
FEW_STEPS = re.compile(r"turbo|lightning|hyper|\dstep")
"""In the name of a file whose model was distilled to paint in few steps."""
_OLD_TEXT = re.compile(r"^(cond_stage_model\.transformer\.)(embeddings|encoder|final_layer_norm)")
"""Names of a text encoder as early derivatives of SD 1.x have them, without the part that later ones say."""
INPUT = "model.diffusion_model.input_blocks.0.0.weight"
"""The network's first convolution: its second axis counts the channels that it reads."""
SCALE = "model.diffusion_model.time_embed.cond_proj.weight"
"""Where models distilled on guidance (LCM) are told its scale, (D, n)."""


def from_file(
    path: Path, dtype: torch.dtype = torch.float32, families: Path = FAMILIES, *, with_vae: bool = True
) -> Parts:
    """The parts of a checkpoint in one file; no network is touched if CLIP's vocabulary is on the machine.

    Without an autoencoder where another is given (`with_vae`): many files have none.
    """
    tensors = {_OLD_TEXT.sub(r"\1text_model.\2", name): tensor for name, tensor in tensor_file.tensors(path).items()}
    name = family_of(tensors, path)
    family = families / name
    index = described(family / "model_index.json")
    pads = list(index["tokenizer_pad"])
    encoders: list[Encoder] = []
    for part in ("text_encoder", "text_encoder_2"):
        kind = (index.get(part) or [None, None])[1]
        if kind is not None:
            words = vocabulary.tokenizer(pads[len(encoders)], beside=path.parent)
            encoders.append(Encoder(words, text_model(tensors, family, part, class_of(kind), dtype)))
    if with_vae and not any(name.startswith("first_stage_model.") for name in tensors):
        raise MissingModel(f"{path} has no autoencoder: name one under vae")
    config = described(family / "scheduler" / "scheduler_config.json")
    config["prediction_type"] = prediction_of(tensors, path, name)
    if FEW_STEPS.search(path.stem.casefold()):
        config["timestep_spacing"] = "trailing"  # the last step of another spacing begins below full noise
    if SCALE in tensors:
        config["_class_name"] = "LCMScheduler"
    if "ztsnr" in tensors:
        config |= {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    return Parts(
        unet=unet(tensors, family, dtype),
        vae=autoencoder(tensors, family, dtype) if with_vae else None,
        encoders=tuple(encoders),
        scheduler=made_scheduler(config, family),
        empty_is_zero=bool(index.get("force_zeros_for_empty_prompt", False)),
        aesthetic=bool(index.get("requires_aesthetics_score", False)),
        depth_like_sd2=index.get("_class_name") == "StableDiffusionDepth2ImgPipeline",
        digest=lambda: digests.of_file(path),
    )


def family_of(tensors: Mapping[str, Tensor], path: Path) -> str:
    """The family of a checkpoint: a folder's name in `animate/models/families`."""
    first = tensors.get(INPUT)
    if first is None:
        raise MissingModel(f"{path} {_what_it_is(tensors)}")
    if any(name.startswith("conditioner.embedders.1.model.") for name in tensors):
        return "sdxl"
    if any(name.startswith("conditioner.embedders.0.model.") for name in tensors):
        return "sdxl-refiner"
    if "cond_stage_model.model.token_embedding.weight" in tensors:
        return "sd2-depth" if first.shape[1] == 5 else "sd2"
    if any(name.startswith("cond_stage_model.transformer.") for name in tensors):
        return "sd1"
    raise MissingModel(f"{path} holds a network without a text encoder; merge one in, or take a complete model")


def prediction_of(tensors: Mapping[str, Tensor], path: Path, family: str) -> str:
    """`epsilon` or `v_prediction`: what the network tells, which its tensors do not show.

    Asked in turn: a marker tensor, the safetensors metadata, a `.yaml` beside the file (A1111's habit), the file's
    name; else what the family usually is. SD 2.x comes in both kinds: 768-v, and 512-base.
    """
    if "v_pred" in tensors:
        return "v_prediction"
    told = tensor_file.metadata(path)
    said = told.get("modelspec.prediction_type") or told.get("modelspec.predict_key")
    if said:
        return "v_prediction" if said in ("v", "v_prediction") else "epsilon"
    recipe = path.with_suffix(".yaml")
    if recipe.is_file():
        found = re.search(r"parameterization:\s*[\"']?(\w+)", recipe.read_text(encoding="utf-8", errors="replace"))
        return "v_prediction" if found and found.group(1) == "v" else "epsilon"
    name = path.stem.casefold()
    if re.search(r"v[-_]?pred", name):
        return "v_prediction"
    if family == "sd2" and tensors[INPUT].shape[1] == 4 and not re.search(r"base|512|turbo|eps", name):
        return "v_prediction"
    return "epsilon"


def unet(tensors: dict[str, Tensor], family: Path, dtype: torch.dtype) -> Any:
    """The network of a checkpoint; an inpainting model reads more channels than its family."""
    from diffusers import UNet2DConditionModel

    channels = int(tensors[INPUT].shape[1])
    network = _converted(UNet2DConditionModel, tensors, family, "unet", dtype, in_channels=channels)
    if SCALE in tensors:  # which diffusers' converter leaves behind
        weight = tensors[SCALE].to(dtype)
        network.time_embedding.cond_proj = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=dtype)
        network.time_embedding.cond_proj.weight.data = weight
        network.register_to_config(time_cond_proj_dim=weight.shape[1])
    return network


def autoencoder(tensors: dict[str, Tensor], family: Path, dtype: torch.dtype) -> Any:
    """The autoencoder of a checkpoint."""
    from diffusers import AutoencoderKL

    return _converted(AutoencoderKL, tensors, family, "vae", dtype)


def text_model(tensors: dict[str, Tensor], family: Path, part: str, kind: Any, dtype: torch.dtype) -> Any:
    """One text encoder of a checkpoint; `part` is its folder's name, `kind` its class in transformers."""
    from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm

    try:
        model = create_diffusers_clip_model_from_ldm(
            kind, tensors, subfolder=part, config=str(family), torch_dtype=dtype, local_files_only=True
        )
    except (ValueError, KeyError, RuntimeError) as error:
        raise MissingModel(f"the checkpoint's text encoder cannot be read: {error}") from error
    return _whole(model, part)


def _converted(kind: Any, tensors: dict[str, Tensor], family: Path, part: str, dtype: torch.dtype, **more: int) -> Any:
    from diffusers.loaders.single_file_utils import SingleFileComponentError

    try:
        model = kind.from_single_file(
            tensors, config=str(family), subfolder=part, torch_dtype=dtype, local_files_only=True, **more
        )
    except NotImplementedError as error:  # a parameter has no data
        raise MissingModel(
            f"the checkpoint's {part} is not complete: some of its weights are not in the file"
        ) from error
    except (ValueError, KeyError, RuntimeError, SingleFileComponentError) as error:
        raise MissingModel(f"the checkpoint's {part} does not fit its family {family.name}: {error}") from error
    return _whole(model, part)


def _whole(model: Any, part: str) -> Any:
    """The model; raises `MissingModel` where the file left some of its weights out."""
    missing = [name for name, value in model.named_parameters() if value.is_meta]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise MissingModel(f"the checkpoint's {part} is not complete: {missing[0]}{more} is not in it")
    return model


def _what_it_is(tensors: Mapping[str, Tensor]) -> str:
    """The most likely mistake, named."""
    names = list(tensors)
    if any("lora" in name for name in names):
        return "is a LoRA file, not a model: name it under loras"
    if {"emb_params"} & set(names) or {"clip_l", "clip_g"} <= set(names):
        return "is a textual inversion, not a model: name it under embeddings"
    if any(name.startswith(("down_blocks.", "mid_block.")) for name in names):
        return "is a network alone, without text encoder and autoencoder: give a complete model"
    if any(name.startswith(("encoder.", "decoder.", "first_stage_model.")) for name in names):
        return "is an autoencoder, not a model: name it under vae"
    if any("double_blocks" in name or "joint_blocks" in name for name in names):
        return "is of a family that is not supported (known: SD 1.x, SD 2.x, SDXL)"
    return "is no Stable Diffusion checkpoint"
