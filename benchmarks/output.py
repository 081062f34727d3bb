"""What it costs the render loop to hand on a frame, and to make a PNG of it, at 512²."""

from __future__ import annotations

import io
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import cv2
import numpy as np
import torch
from PIL import Image

from animate.picture import convert
from animate.render.output import Output
from animate.render.requests import Carry
from animate.render.run_dir import RunDirectory
from animate.video.reader import count_frames
from animate.video.stills import encode_png
from animate.video.writer import VideoWriter
from benchmarks.rows import Row, compare

SIDE = 512
ROUNDS = 20


def picture(seed: int = 0) -> torch.Tensor:
    """(3, H, W): soft shapes with a little grain, about as hard to compress as a painted frame."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((16, 16, 3), np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    fine = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE, 3)).astype(np.float32), (0, 0), 1.5)
    return torch.from_numpy((0.8 * coarse + 0.05 * fine + 0.1).clip(0, 1)).permute(2, 0, 1).contiguous()


def blocked() -> tuple[list[float], list[float]]:
    """Milliseconds that the loop waits for each frame: ours, and PIL writing a PNG; the threads are idle between."""
    shown = picture()
    still = np.eye(3)
    carry = Carry(
        index=0,
        painted_at=0,
        arriving=shown,
        arriving_by=still,
        leaving=shown,
        leaving_by=still,
        colors=shown,
        first=shown,
        unseen=shown.new_empty(0),
        depth=shown.new_empty(0),
    )
    ours, reference = [], []
    with tempfile.TemporaryDirectory() as folder:
        directory = RunDirectory(Path(folder) / "run")

        def open_video() -> VideoWriter:
            path = directory.video("h264")
            return VideoWriter(path, width=SIDE, height=SIDE, fps=Fraction(24), metadata={"title": "benchmark"})

        with (
            directory.claim(),
            Output(directory, first=0, texts=lambda _: {"parameters": "x"}, video=open_video) as out,
        ):
            for index in range(ROUNDS + 3):
                began = perf_counter()
                out.put(index, convert.to_uint8(shown), carry, {"event": "frame", "frame": index})
                ours.append(1000 * (perf_counter() - began))
                time.sleep(0.15)
                began = perf_counter()
                Image.fromarray(convert.to_uint8(shown)).save(Path(folder) / "pil.png")
                reference.append(1000 * (perf_counter() - began))
        assert count_frames(directory.video("h264")) == ROUNDS + 3
        assert np.array_equal(np.asarray(Image.open(directory.frame(3))), convert.to_uint8(shown))
    return ours[3:], reference[3:]


def against_pil() -> Row:
    ours, reference = blocked()
    ratios = [b / a for a, b in zip(ours, reference)]
    low, _, high = quantiles(ratios, n=4)
    note = "time the loop waits; ours writes PNG, log, checkpoint and H.264 in threads; equal pixels on disk"
    return Row(
        name=f"PIL PNG ÷ frame output, blocked, {SIDE}²",
        ours_ms=median(ours),
        reference_ms=median(reference),
        ratio=median(ratios),
        goal=8.0,
        better="higher",
        spread=(low, high),
        note=note,
    )


def waiting() -> Row:
    ours, _ = blocked()
    low, middle, high = quantiles(ours, n=4)
    return Row(
        name=f"frame output, blocked, {SIDE}²",
        ours_ms=middle,
        reference_ms=5.0,
        ratio=middle / 5,
        goal=1.0,
        better="lower",
        spread=(low / 5, high / 5),
        note="the goal is 5 ms",
    )


def png() -> Row:
    frame = convert.to_uint8(picture())
    reversed_frame = np.ascontiguousarray(frame[..., ::-1])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(frame)))), frame)
    theirs = cv2.imencode(".png", reversed_frame, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
    return compare(
        f"OpenCV PNG of level 1 ÷ ours, {SIDE}²",
        lambda: encode_png(frame),
        lambda: cv2.imencode(".png", reversed_frame, [cv2.IMWRITE_PNG_COMPRESSION, 1]),
        goal=1.0,
        better="higher",
        note=f"kB: ours {len(encode_png(frame)) // 1000}, OpenCV {len(theirs) // 1000}; equal pixels",
    )


ROWS = {"output-blocked": waiting, "output-pil": against_pil, "png": png}
