"""Maps of the depth of pictures, folders and videos: 16-bit PNG, brighter is nearer, and a coloured preview."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from animate import depth as depths
from animate.depth import DepthEstimator, mended
from animate.depth.align import steadied
from animate.errors import BadInput
from animate.picture import convert
from animate.picture.device import pick_device
from animate.render.folder import refuse_full, whole_folder
from animate.render.progress import Progress, Quiet, Warned
from animate.render.source import find
from animate.schedule.files import PICTURES
from animate.video.codecs import CODECS, Encoding
from animate.video.stills import write_grey, write_png
from animate.video.writer import VideoWriter

OURS = re.compile(r"\d{6,}\.png|preview\.mp4")
"""Names of what is written into a folder."""


def maps(
    source: Path,
    output: Path,
    *,
    algorithm: str = "embedded",
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the depth of `source` to `output`.

    Args:
        source: a picture, a folder of pictures, or a video.
        output: of a picture the file, with `.preview.png` beside it; of others a folder of numbered files with
            `preview.mp4`, which appears when all are there.
        algorithm: as the field `depth_algorithm`.
        force: whether maps that are in the folder may be replaced.

    Returns:
        `output`.

    Raises:
        BadInput: nothing there, `output` cannot be such a file or folder, or holds something.
        VideoError: what is there cannot be read.
        MissingModel: the depth model is not there.
    """
    if not source.exists():
        raise BadInput(f"{source} is not there")
    single = source.is_file() and source.suffix.lower() in PICTURES
    _check_output(output, single, force)
    estimate = depths.load(algorithm, device=pick_device(device))
    told = progress or Quiet()
    if single:
        plane = next(_nearness(iter([convert.read_picture(source)]), estimate, told))
        output.parent.mkdir(parents=True, exist_ok=True)
        write_grey(output, convert.to_uint16(plane))
        write_png(output.with_suffix(".preview.png"), coloured(plane))
        return output
    frames = find([source], least=1)
    told.begin(frames.count, 0)
    started = time.monotonic()
    with ExitStack() as stack:
        stack.callback(told.end)
        part = stack.enter_context(whole_folder(output, OURS))
        video = None
        for index, plane in enumerate(_nearness(frames.frames(), estimate, told)):
            write_grey(part / f"{index:06d}.png", convert.to_uint16(plane))
            shown = coloured(plane)
            if video is None:
                height, width, _ = shown.shape
                video = VideoWriter(
                    part / "preview.mp4", width=width, height=height, fps=frames.fps, encoding=Encoding(codec="h264")
                )
                stack.enter_context(video)
            video.write(shown)
            told.frame(index, time.monotonic() - started, algorithm)
            started = time.monotonic()
    return output


def _check_output(output: Path, single: bool, force: bool) -> None:
    """Raise BadInput for what cannot become the map of one picture, or the folder of many."""
    if single:
        if output.is_dir() or output.suffix.lower() != ".png":
            raise BadInput(f"{output}: depth has 16 bits, which a .png holds; -o names one")
        return
    if output.exists() and not output.is_dir():
        raise BadInput(f"{output} is a file; -o names a folder")
    if not output.is_dir():
        if output.suffix.lower() in {codec.suffix for codec in CODECS.values()}:
            raise BadInput(f"{output}: depth is written as pictures of 16 bits; -o names a folder")
        return
    refuse_full(output, OURS, "map", force)


def coloured(nearness: Tensor) -> np.ndarray:
    """(1, H, W) in [0, 1] as uint8 (H, W, 3), RGB: dark and blue far away, bright and yellow near."""
    levels = convert.to_uint8(nearness)[..., 0]
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def _nearness(pictures: Iterator[Tensor], estimate: DepthEstimator, told: Progress) -> Iterator[Tensor]:
    """(1, H, W) in [0, 1], 1 the nearest point; scale and shift of each are drawn to the one before, but for a cut."""
    before: Tensor | None = None
    warned = Warned(told.say)
    for index, picture in enumerate(pictures):
        depth, wrong = mended(estimate(picture[None], [index])[0], (picture.shape[-2], picture.shape[-1]))
        warned(index, wrong)
        if before is not None and before.shape == depth.shape:
            depth = steadied(depth, before, torch.ones_like(depth))
        before = depth
        yield depths.nearness(depth)
