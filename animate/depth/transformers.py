"""Depth models of transformers, by hub id or folder: MiDaS/DPT, Depth Anything, ZoeDepth, Depth Pro, GLPN …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from animate.depth import from_disparity
from animate.errors import MissingModel
from animate.picture import convert

METRIC = {"zoedepth", "depth_pro", "glpn", "prompt_depth_anything"}
"""Model types that predict distance; all others predict disparity (larger = nearer) of an unknown scale. Both are put
between `NEAR` and `FAR`: how large a scene is to the camera is said by the schedule's `near` and `far`."""


class FromTransformers:
    """A depth model of transformers behind our protocol."""

    def __init__(self, name: str, *, device: str | torch.device = "cpu") -> None:
        """Load the model from a folder, the user's cache or the hub.

        Raises:
            MissingModel: it is not there, or it is no depth model.
        """
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation

        try:
            self._processor: Any = AutoImageProcessor.from_pretrained(name)
            self._model: Any = AutoModelForDepthEstimation.from_pretrained(name).to(device).eval()
        except (OSError, ValueError, ImportError) as error:
            raise MissingModel(f"depth model {name!r}: {error}") from error
        config = self._model.config
        kind = getattr(config, "depth_estimation_type", "relative")
        self._metric = config.model_type in METRIC or kind == "metric"
        self._device = torch.device(device)

    @torch.inference_mode()
    def __call__(self, pictures: Tensor, frames: Sequence[int]) -> Tensor:
        # the processors want (H, W, 3) arrays and know size, mean and deviation of their model
        images = [convert.to_uint8(picture) for picture in pictures]
        inputs = self._processor(images=images, return_tensors="pt").to(self._device)
        predicted = self._model(**inputs).predicted_depth.float()  # (N, h, w) of the model's own size
        size = (pictures.shape[-2], pictures.shape[-1])
        field = F.interpolate(predicted[:, None], size=size, mode="bicubic", align_corners=False).to(pictures)
        if self._metric:  # metres, ranked like the rest; bicubic overshoot towards 0 would become the nearest point
            nearest = predicted.amin(dim=(1, 2)).to(pictures).clamp_min(1e-3)
            field = 1 / torch.maximum(field, nearest[:, None, None, None])
        return from_disparity(field)
