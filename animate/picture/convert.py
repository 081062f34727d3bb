"""The edge of the picture world: 8-bit arrays, picture files, sizes. Pictures in 8 bits and in BGR are made into
ours, and out of them, here."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from animate.errors import BadInput, VideoError

FITS = ("crop", "pad", "stretch")


def to_uint8(picture: Tensor) -> np.ndarray:
    """(3, H, W) or (1, H, W) in [0, 1] → uint8 (H, W, 3), RGB, rounded; what lies outside [0, 1] is clamped."""
    picture = picture.detach().float()
    if picture.device.type == "cpu":
        # scaled, rounded and held in range in one pass over each plane
        levels = [cv2.addWeighted(plane, 255, plane, 0, 0, dtype=cv2.CV_8U) for plane in picture.numpy()]
    else:
        levels = list(picture.mul(255).round_().clamp_(0, 255).to(torch.uint8).cpu().numpy())
    return cv2.merge(levels * (3 // len(levels)))


def to_uint16(plane: Tensor) -> np.ndarray:
    """(1, H, W) in [0, 1] → uint16 (H, W), rounded and clamped."""
    levels = plane.detach().float().mul(65535).round_().clamp_(0, 65535)
    return levels[0].cpu().numpy().astype(np.uint16)


def from_uint8(array: np.ndarray) -> Tensor:
    """uint8 (H, W, 3), RGB, or (H, W), grey → (3, H, W) in [0, 1]."""
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"expected uint8 (H, W, 3) or (H, W), not {array.dtype} {array.shape}")
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1))).float().div_(255)


def read_picture(path: str | Path) -> Tensor:
    """A picture file → (3, H, W), turned upright by its EXIF note; 16-bit files keep their depth, alpha is dropped.

    Raises:
        BadInput: there is no such file.
        VideoError: it is not a picture that OpenCV reads.
    """
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    return _rgb(_decoded(path, flags), path)


def size_of(path: str | Path) -> tuple[int, int]:
    """(height, width) of a picture file as `read_picture` gives it; of a PNG by its head alone. Raises as that does."""
    try:
        with open(path, "rb") as file:
            head = file.read(24)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) == 24:
        width, height = struct.unpack(">II", head[16:])
        return height, width
    height, width = _decoded(path, cv2.IMREAD_GRAYSCALE).shape
    return height, width


def read_mask(path: str | Path) -> Tensor:
    """A mask file → (1, H, W) in [0, 1]: its alpha if that says anything, else its brightness; white is 1."""
    array = _decoded(path, cv2.IMREAD_UNCHANGED)
    if array.ndim == 3 and array.shape[2] == 4 and array[..., 3].min() < array[..., 3].max():
        return _scaled(array[..., 3], path)[None]
    if array.ndim == 3:
        array = cv2.cvtColor(array[..., :3].copy(), cv2.COLOR_BGR2GRAY)
    return _scaled(array, path)[None]


def read_alpha(path: str | Path) -> Tensor:
    """The alpha of a picture file → (1, H, W) in [0, 1]. Raises BadInput where it has none, else as `read_mask`."""
    array = _decoded(path, cv2.IMREAD_UNCHANGED)
    if array.ndim != 3 or array.shape[2] != 4:
        raise BadInput(f"{path}: has no alpha to mask by; take luma, or a mask in a file of its own")
    return _scaled(array[..., 3], path)[None]


def fit(picture: Tensor, height: int, width: int, how: str = "crop") -> Tensor:
    """(C, h, w) → (C, height, width).

    Args:
        picture: any size.
        height: wanted, pixels.
        width: wanted, pixels.
        how: `crop` fills the size and cuts what hangs over; `pad` shows all between black bars; `stretch` ignores
            the aspect ratio.
    """
    if how not in FITS:
        raise ValueError(f"unknown way to fit {how!r}; known are {', '.join(FITS)}")
    old_height, old_width = picture.shape[-2:]
    if (old_height, old_width) == (height, width):
        return picture
    if how == "stretch":
        return _resized(picture, height, width)
    by_height, by_width = height / old_height, width / old_width
    scale = max(by_height, by_width) if how == "crop" else min(by_height, by_width)
    rows, columns = max(1, round(old_height * scale)), max(1, round(old_width * scale))
    scaled = _resized(picture, rows, columns)
    if how == "crop":
        top, left = (rows - height) // 2, (columns - width) // 2
        return scaled[:, top : top + height, left : left + width].contiguous()
    top, left = (height - rows) // 2, (width - columns) // 2
    fitted = torch.zeros(picture.shape[0], height, width, dtype=picture.dtype, device=picture.device)
    fitted[:, top : top + rows, left : left + columns] = scaled
    return fitted


def _resized(picture: Tensor, height: int, width: int) -> Tensor:
    """Area averages where it shrinks, Lanczos where it grows."""
    shrinks = height * width < picture.shape[-2] * picture.shape[-1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    planes = [cv2.resize(plane, (width, height), interpolation=method) for plane in picture.cpu().numpy()]
    return torch.from_numpy(np.stack(planes)).clamp_(0, 1).to(picture.device)


def _decoded(path: str | Path, flags: int) -> np.ndarray:
    """Through a buffer, since OpenCV's own reading fails on Windows for paths beyond ASCII."""
    path = Path(path)
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from error
    array = cv2.imdecode(data, flags) if data.size else None
    if array is None:
        raise VideoError(f"{path}: not a picture that can be read (PNG, JPEG, WebP, TIFF, BMP … can)")
    return array


def _rgb(array: np.ndarray, path: str | Path) -> Tensor:
    return _scaled(array[..., ::-1], path)


def _scaled(array: np.ndarray, path: str | Path) -> Tensor:
    """(H, W[, C]) of any depth → ([C, ]H, W) in [0, 1]."""
    if array.dtype == np.uint8:
        levels = 255.0
    elif array.dtype == np.uint16:
        levels = 65535.0
    elif np.issubdtype(array.dtype, np.floating):
        levels = 1.0
    else:
        raise VideoError(f"{path}: pixels of type {array.dtype} are not understood (8 or 16 bits are)")
    planes = array if array.ndim == 2 else array.transpose(2, 0, 1)
    picture = torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32)).div_(levels)
    if levels == 1 and bool(picture.isnan().any()):
        raise VideoError(f"{path}: holds values that are not numbers (NaN); whatever wrote it failed there")
    return picture.clamp_(0, 1)
