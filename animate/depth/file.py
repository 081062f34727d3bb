"""Depth that the user brings: brighter = nearer, as every tool saves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from animate.depth import from_disparity
from animate.errors import DAMAGED, BadInput, VideoError
from animate.order import by_number

PICTURES = (".png", ".tif", ".tiff", ".exr", ".jpg", ".jpeg", ".npy")


class FromFile:
    """One map for all frames, a folder of them in the order of the numbers in their names, or a video of them."""

    def __init__(self, file: str, film: Callable[[], Iterator[np.ndarray]] | None = None) -> None:
        """`file`: a picture (8 or 16 bits), a .npy array (H, W), a folder of these, or a video, which `film` plays.

        Raises:
            BadInput: nothing readable is there.
        """
        path = Path(file)
        if path.is_dir():
            found = (entry for entry in path.iterdir() if entry.suffix.lower() in PICTURES)
            self._files = sorted(found, key=by_number)
        else:
            self._files = [path] if path.suffix.lower() in PICTURES else []
        self._file = file
        self._film = film
        self._reel: Iterator[np.ndarray] | None = None
        self._next = 0
        self._last: np.ndarray | None = None
        if path.is_dir() and not self._files:
            raise BadInput(f"{file}: the folder holds no depth pictures ({', '.join(PICTURES)})")
        first = self._map(0)  # what cannot be read is told now, not at the first frame
        if not np.isfinite(first).all():
            raise BadInput(f"{self._files[0]}: expected a depth map of finite numbers, found NaN or infinity")
        self.size = first.shape
        """(height, width) of the first map."""

    def __call__(self, pictures: Tensor, frames: Sequence[int]) -> Tensor:
        maps = []
        for frame in frames:
            array = torch.from_numpy(np.ascontiguousarray(self._map(frame), dtype=np.float32))
            size = (pictures.shape[-2], pictures.shape[-1])
            maps.append(F.interpolate(array[None, None], size=size, mode="bilinear", align_corners=False)[0])
        return from_disparity(torch.stack(maps).to(pictures))

    def _map(self, frame: int) -> np.ndarray:
        """(H, W) brighter = nearer, as finite as it is there (`mended` tells); past the end the last one holds."""
        if not self._files:
            return self._from_video(frame)
        path = self._files[min(frame, len(self._files) - 1)]
        array = _array(path) if path.suffix.lower() == ".npy" else _picture(path)
        array = array.squeeze()
        if array.ndim == 3:
            array = array[..., :3].mean(axis=2)
        if array.ndim != 2:
            raise BadInput(f"{path}: expected a depth map (H, W), found shape {array.shape}")
        return array

    def _from_video(self, frame: int) -> np.ndarray:
        """(H, W) of a video's frame; frames are asked for in order, a step back begins anew."""
        if self._film is None:
            raise BadInput(f"{self._file}: is no map of depth ({', '.join(PICTURES)}), and nothing plays it as a video")
        if self._reel is None or frame < self._next - 1:
            self._reel, self._next, self._last = self._film(), 0, None
        while self._next <= frame and (picture := next(self._reel, None)) is not None:
            self._last = picture.mean(axis=2)
            self._next += 1
        if self._last is None:
            raise VideoError(f"{self._file}: holds no depth that can be read")
        return self._last


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except DAMAGED as error:
        raise BadInput(f"{path}: not a readable array ({error})") from error
    if not isinstance(array, np.ndarray):
        raise BadInput(f"{path}: holds several arrays; a map is one")
    return array


def _picture(path: Path) -> np.ndarray:
    """Through a buffer, since OpenCV's own reading fails on Windows for paths beyond ASCII."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error
    array = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if array is None:
        raise BadInput(f"{path}: not a readable picture")
    return array
