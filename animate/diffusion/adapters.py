"""LoRA files and textual inversions: small files that change a model, put on and taken off between frames.

LoRA files of diffusers and of kohya are read by diffusers' own loaders. A file is loaded once; afterwards only its
weight changes, and nothing at all is done while the weights stay the same.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from animate.diffusion import tensor_file
from animate.diffusion.conditioning import Encoder, Texts
from animate.diffusion.quiet import quietly
from animate.errors import BadInput, MissingModel

Worn = tuple[tuple[str, float], ...]

UNET = "unet"
"""What diffusers calls the network in its files."""


class Adapters:
    """What a model wears."""

    def __init__(self, unet: Any, encoders: Sequence[Encoder]) -> None:
        self._unet = unet
        self._encoders = tuple(encoders)
        self._worn: Worn = ()
        self._names: dict[str, str] = {}
        self._tried = 0
        self._touched: dict[str, tuple[bool, ...]] = {}
        self._taught: dict[str, str] = {}

    def wear(self, loras: Worn) -> Hashable:
        """Bring exactly these (file, weight) into force; answers what the text encoders now depend on."""
        if loras != self._worn:
            for path, _ in loras:
                if path not in self._names:
                    self._load(path)
            self._set(loras)
            self._worn = loras
        return tuple((path, weight) for path, weight in loras if any(self._touched[path][1:]))

    def teach(self, texts: Texts, token: str, path: str) -> None:
        """Let `token` in a prompt stand for the vectors of a textual-inversion file."""
        if self._taught.get(token) == path:
            return
        vectors = _vectors(path, len(self._encoders))
        for encoder, rows in zip(self._encoders, vectors):
            width = encoder.model.get_input_embeddings().embedding_dim
            if rows.shape[1] != width:
                raise BadInput(f"{path} is of another family: {rows.shape[1]} numbers a token, the model has {width}")
        texts.teach(token, vectors)
        self._taught[token] = path

    def _load(self, path: str) -> None:
        from diffusers.loaders import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin

        if not Path(path).is_file():
            raise MissingModel(f"there is no LoRA file {path}")
        held = tensor_file.tensors(Path(path))
        _refuse_others(path, held)
        said = tensor_file.metadata(Path(path)).get("lora_adapter_metadata")
        double = len(self._encoders) > 1
        loader = StableDiffusionXLLoraLoaderMixin if double else StableDiffusionLoraLoaderMixin
        self._tried += 1
        name = f"lora_{self._tried}"
        try:
            with quietly():
                state, alphas = loader.lora_state_dict(held, unet_config=self._unet.config)
                _fold(state, alphas)
                state, lacking = _fitting(state, self._parts())
                settings = None if said is None else json.loads(said)
                options: dict[str, Any] = {"network_alphas": None, "adapter_name": name, "metadata": settings}
                touched = []
                for part, module in self._parts().items():
                    touched.append(any(key.startswith(part + ".") for key in state))
                    if touched[-1] and part == UNET:
                        loader.load_lora_into_unet(state, unet=module, **options)
                    elif touched[-1]:
                        loader.load_lora_into_text_encoder(state, text_encoder=module, prefix=part, **options)
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            self._drop(name)
            raise BadInput(f"{path} is not a LoRA file for this model: {error}") from error
        if lacking:
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            what = f"it has no layer for {lacking[0]}{more}, which of the file is left out"
            logging.getLogger(__name__).warning("%s fits this model only in part: %s", path, what)
        self._names[path] = name
        self._touched[path] = tuple(touched)

    def _parts(self) -> dict[str, Any]:
        """The modules by the names that diffusers' files have for them."""
        names = [UNET, "text_encoder", *(f"text_encoder_{index}" for index in range(2, len(self._encoders) + 1))]
        return dict(zip(names, [self._unet, *(encoder.model for encoder in self._encoders)]))

    def _drop(self, name: str) -> None:
        """Take off what was loaded of a file before it turned out not to fit."""
        for module in self._parts().values():
            for layer in module.modules():
                if hasattr(layer, "lora_A") and name in layer.lora_A:
                    layer.delete_adapter(name)
            getattr(module, "peft_config", {}).pop(name, None)

    def _set(self, loras: Worn) -> None:
        for index, module in enumerate(self._parts().values()):
            has = [path for path in self._names if self._touched[path][index]]
            if not has:
                continue
            weights = dict.fromkeys(has, 0.0)
            weights.update({path: weight for path, weight in loras if path in weights})
            _weigh(module, {self._names[path]: weight for path, weight in weights.items()})


def _refuse_others(path: str, names: Iterable[str]) -> None:
    """Raise `BadInput` for kin of LoRA that diffusers does not know, or would take for plain ones."""
    ends = {name.rpartition(".")[2] for name in names}
    if "dora_scale" in ends:
        raise BadInput(f"{path} is a DoRA in kohya's form, which is not supported; PEFT's form is")
    if ends & {"hada_w1_a", "lokr_w1", "lokr_w1_a", "lokr_w2", "lora_mid", "diff", "diff_b"}:
        raise BadInput(f"{path} is a LyCORIS file (LoHa, LoKr or full), which is not supported; LoRA and LoCon are")


def _fold(state: dict[str, Any], alphas: dict[str, float] | None) -> None:
    """Multiply each pair's upper matrix by alpha / rank, which is then 1.

    diffusers loses the alphas of text encoders where they differ from layer to layer (0.42 looks for names that
    transformers 5 no longer has), as kohya's files may have them.
    """
    for name, alpha in (alphas or {}).items():
        layer = name.removesuffix(".alpha")
        for down in (layer, f"{layer}.lora.down.weight", f"{layer}.lora_linear_layer.down.weight"):
            up = down.replace(".down.weight", ".up.weight")
            if up != down and up in state:
                state[up] = state[up] * (float(alpha) / state[down].shape[0])
                break
        else:
            raise ValueError(f"no weights belong to {name}")


def _fitting(state: dict[str, Any], parts: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Of a file's weights those that have a layer to go to, by its name; and the layers that no part has.

    Raises `ValueError` where nothing fits of what the file has for a part: then it was made for another family.
    """
    from diffusers.utils.state_dict_utils import (
        StateDictType,
        convert_state_dict_to_peft,
        convert_unet_state_dict_to_peft,
    )

    fitting: dict[str, Any] = {}
    lacking: dict[str, None] = {}
    named = dict.fromkeys(key.partition(".")[0] for key in state)
    if not named.keys() & parts.keys():
        raise ValueError("it holds nothing for a network or a text encoder")
    for part in named:
        if part not in parts:
            raise ValueError(f"it is also for a {part}, which this model does not have")
        own = {key.removeprefix(f"{part}."): value for key, value in state.items() if key.startswith(f"{part}.")}
        if part == UNET:
            own = convert_unet_state_dict_to_peft(own)
        else:  # the older of diffusers' two forms says all that the newer says
            own = convert_state_dict_to_peft(own, StateDictType.DIFFUSERS_OLD)
        there = {name for name, _ in parts[part].named_modules()}
        found = 0
        for key, value in own.items():
            layer, dot, rest = key.partition(".lora_")
            bare = layer.removeprefix("text_model.")  # which some releases of transformers say, and some do not
            place = next((name for name in (bare, f"text_model.{bare}") if name in there), None)
            if place is None:
                lacking[f"{part}.{layer}"] = None
            else:
                found += 1
                fitting[f"{part}.{place}{dot}{rest}"] = value
        if not found:
            raise ValueError(f"no layer that it has for the {part} is in this model")
    return fitting, list(lacking)


def _weigh(module: Any, weights: dict[str, float]) -> None:
    """Set the weight of each adapter; those at 0 are switched off, so that they cost nothing."""
    from diffusers.utils import set_weights_and_activate_adapters

    on = {name: weight for name, weight in weights.items() if weight != 0}
    for layer in module.modules():
        if hasattr(layer, "lora_A"):  # a layer of peft's
            layer.enable_adapters(enabled=bool(on))
    if on:
        set_weights_and_activate_adapters(module, list(on), list(on.values()))


def _vectors(path: str, encoders: int) -> list[Tensor]:
    """The token vectors of a textual-inversion file, (n, D) for each text encoder."""
    if not Path(path).is_file():
        raise MissingModel(f"there is no textual-inversion file {path}")
    tensors = tensor_file.content(Path(path))
    try:
        if "clip_l" in tensors and "clip_g" in tensors:
            found = [tensors["clip_l"], tensors["clip_g"]]
        elif "string_to_param" in tensors:
            found = [tensors["string_to_param"]["*"]]
        elif "emb_params" in tensors:
            found = [tensors["emb_params"]]
        else:
            found = [value for value in tensors.values() if isinstance(value, Tensor)][:1]
        vectors = [vector.detach().float().reshape(-1, vector.shape[-1]) for vector in found]
    except Exception as error:  # the file's reader may raise anything; all of it means one thing to the user
        raise BadInput(f"{path} is not a textual-inversion file: {error}") from error
    if len(vectors) != encoders:
        raise BadInput(f"{path} holds vectors for {len(vectors)} text encoder(s), the model has {encoders}")
    return vectors
