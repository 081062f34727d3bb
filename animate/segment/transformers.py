"""Segmentation models of transformers, by hub id or folder: CLIPSeg for any words, others for the classes they know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from animate.errors import BadInput, MissingModel, near
from animate.picture import convert

DECIDED = 4.0
"""CLIPSeg answers as its heat map of training was, softly; its logits are sharpened by so much around the middle
between the strongest and the weakest, so that a mask is a mask."""


class FromTransformers:
    """A segmentation model of transformers behind our protocol."""

    def __init__(self, name: str, *, device: str | torch.device = "cpu") -> None:
        """Load the model from a folder, the user's cache or the hub.

        Raises:
            MissingModel: it is not there, or it is no segmentation model.
        """
        from transformers import (
            AutoConfig,
            AutoImageProcessor,
            AutoModelForSemanticSegmentation,
            AutoModelForUniversalSegmentation,
            CLIPSegForImageSegmentation,
            CLIPSegProcessor,
        )

        self._device = torch.device(device)
        try:
            kind = AutoConfig.from_pretrained(name).model_type
            self._by_text = kind == "clipseg"
            self._panoptic = kind in ("mask2former", "maskformer", "oneformer", "detr")
            if self._by_text:
                self._processor: Any = CLIPSegProcessor.from_pretrained(name)
                model: Any = CLIPSegForImageSegmentation.from_pretrained(name)
            else:
                self._processor = AutoImageProcessor.from_pretrained(name)
                auto = AutoModelForUniversalSegmentation if self._panoptic else AutoModelForSemanticSegmentation
                model = auto.from_pretrained(name)
        except (OSError, ValueError, ImportError, KeyError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise MissingModel(
                f"the segmentation model {name!r} for the words of a mask is not here and could not be fetched, or is "
                f"none ({reason}); name a folder or another hub id by mask_model, or take luma, depth or a file"
            ) from error
        self._model = model.to(self._device).eval()
        self._name = Path(name).name
        labels = getattr(self._model.config, "id2label", None) or {}
        self._labels = {str(label).casefold(): int(number) for number, label in labels.items()}

    @torch.inference_mode()
    def __call__(self, picture: Tensor, words: str) -> Tensor:
        image = convert.to_uint8(picture)
        size = (int(picture.shape[-2]), int(picture.shape[-1]))
        share = self._told(image, words) if self._by_text else self._classed(image, words, size)
        return F.interpolate(share[None, None].float(), size=size, mode="bilinear", align_corners=False)[0].to(picture)

    def _told(self, image: Any, words: str) -> Tensor:
        """(h, w) what CLIPSeg sees of the words."""
        inputs = self._processor(text=[words], images=[image], return_tensors="pt", padding=True).to(self._device)
        logits = self._model(**inputs).logits.float()
        logits = logits[0] if logits.ndim == 3 else logits
        share = logits.sigmoid()
        middle = (share.amax() + share.amin()) / 2
        if float(share.amax()) < 0.2:  # nothing of the kind is there
            return torch.zeros_like(share)
        return torch.sigmoid(DECIDED * (logits - torch.logit(middle.clamp(1e-4, 1 - 1e-4))))

    def _classed(self, image: Any, words: str, size: tuple[int, int]) -> Tensor:
        """(h, w) the probability of the classes that the words name, apart by commas."""
        wanted = [self._class_of(word.strip()) for word in words.split(",")]
        inputs = self._processor(images=[image], return_tensors="pt").to(self._device)
        if self._panoptic:
            answer = self._model(**inputs)
            (found,) = self._processor.post_process_semantic_segmentation(answer, target_sizes=[size])
            return torch.isin(found, torch.tensor(wanted, device=found.device)).float()
        shares: Tensor = self._model(**inputs).logits.float().softmax(dim=1)[0, wanted]
        return shares.sum(0)

    def _class_of(self, word: str) -> int:
        plain = word.casefold().removeprefix("the ")
        if plain in self._labels:
            return self._labels[plain]
        hint = near(plain, self._labels, ", ".join(list(self._labels)[:12]))
        raise BadInput(f"{self._name} knows no {word!r} to mask by ({hint})")
