"""What will work on this machine, and what not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import torch

from animate.diffusion import models
from animate.errors import AnimateError
from animate.video import ffmpeg
from animate.video.codecs import CODECS

EXTRAS = {
    "matplotlib": "animate plot to png and svg: pip install 'animate[plot]'",
    "librosa": "music in schedules: pip install 'animate[audio]'",
    "demucs": "stems: auto: pip install 'animate[stems]'",
    "torchvision": "flow_method: RAFT: pip install 'animate[flow]'",
}
"""Optional packages and what they are for."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    group: str
    name: str
    text: str
    ok: bool


def doctor() -> list[Finding]:
    """Everything that decides what can be rendered here, by group."""
    return [*_machine(), *_devices(), *_video(), *_models(), *_packages()]


def _machine() -> list[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return [
        Finding("machine", "python", python, sys.version_info >= (3, 11)),
        Finding("machine", "processors", f"{os.cpu_count()}, torch uses {torch.get_num_threads()}", True),
        Finding("machine", "disk", f"{free / 1e9:.1f} GB free here", free > 1e9),
    ]


def _devices() -> list[Finding]:
    rows = [Finding("devices", "torch", str(torch.__version__), True)]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            rows.append(Finding("devices", f"cuda:{index}", f"{card.name}, {card.total_memory / 1e9:.1f} GB", True))
    else:
        rows.append(Finding("devices", "cuda", "none; models run on the processor", False))
    if torch.backends.mps.is_available():
        rows.append(Finding("devices", "mps", "Apple's graphics", True))
    rows.append(Finding("devices", "device: auto", f"takes {models.pick_device('auto')}", True))
    return rows


def _video() -> list[Finding]:
    try:
        rows = [Finding("video", "ffmpeg", f"{ffmpeg.version()}, {ffmpeg.executable()}", True)]
        able = ffmpeg.encoders()
    except (AnimateError, OSError) as error:
        return [Finding("video", "ffmpeg", str(error), False)]
    for name, codec in CODECS.items():
        rows.append(Finding("video", name, f"{codec.encoder} → {codec.suffix}", codec.encoder in able))
    return rows


def _models() -> list[Finding]:
    found = models.find()
    rows = [Finding("models", model.name, f"{model.size / 1e6:,.0f} MB, {model.path}", True) for model in found]
    if not any(model.name == "embedded" for model in found):
        rows.insert(0, Finding("models", "embedded", "missing: install the package again", False))
    return rows


def _packages() -> list[Finding]:
    rows = []
    for name, use in EXTRAS.items():
        there = find_spec(name) is not None
        rows.append(
            Finding("packages", name, f"{metadata.version(name)}, {use.split(':')[0]}" if there else use, there)
        )
    return rows
