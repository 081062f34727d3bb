"""Disco Diffusion's settings files (v4–5.7), the ancestors of Deforum's: the same motion, other names around it.

Its pictures come from CLIP guidance and cannot look alike; what comes along is motion, prompts, length and cadence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from animate.schedule.importers import deforum
from animate.schedule.source import Imported, Source
from animate.schedule.tree import Node, Table

ORIGIN = "Disco Diffusion settings"

_SIGNS = {"text_prompts", "clip_guidance_scale", "tv_scale", "range_scale", "cutn_batches", "frames_skip_steps"}
_SHARED = (
    "max_frames", "animation_mode", "angle", "zoom", "translation_x", "translation_y", "translation_z",
    "rotation_3d_x", "rotation_3d_y", "rotation_3d_z", "fov", "padding_mode", "sampling_mode", "steps",
)  # fmt: skip
"""Keys that mean the same in Deforum's files."""
_WEIGHT = re.compile(r"(.*?):\s*(-?\d+(?:\.\d+)?)\s*")


def recognise(source: Source) -> bool:
    """Whether the file holds Disco's settings."""
    return isinstance(source.root.value, Table) and len(_SIGNS & set(source.root.value.names())) >= 2


def read(source: Source) -> Imported:
    """The file in our names, by way of Deforum's."""
    table = source.root.value
    assert isinstance(table, Table)
    values = {key.text: value for key, value in table.pairs}
    pairs = tuple((Node.of(name), node) for name, node in _translated(values))
    imported = deforum.read(source.with_root(Node(Table(pairs), source.root.line, source.root.column)))
    differs = "Disco guides its pictures by CLIP; motion and prompts come along, the look does not."
    return Imported(source=imported.source, notes=imported.notes, differs=differs, origin=ORIGIN)


def _translated(values: dict[str, Node]) -> Iterator[tuple[str, Node]]:
    """Deforum's keys with Disco's values."""
    for name in _SHARED:
        if name in values:
            yield name, values[name]
    size = values.get("width_height")
    if size is not None and isinstance(size.value, tuple) and len(size.value) == 2:
        yield "W", size.value[0]
        yield "H", size.value[1]
    seed = values.get("set_seed") or values.get("seed")
    if seed is not None and str(seed.plain()) != "random_seed":
        yield "seed", seed
    kept = values.get("frames_skip_steps")
    if kept is not None and (match := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", str(kept.plain()))):
        yield "strength_schedule", Node.of(float(match[1]) / 100, at=kept)
    turbo = values.get("turbo_steps")
    on = values.get("turbo_mode")
    yield "diffusion_cadence", turbo if turbo is not None and on is not None and on.value is True else Node.of(1)
    init = values.get("init_image")
    if init is not None and init.value:
        yield "use_init", Node.of(True)
        yield "init_image", init
    eyes = values.get("vr_mode")
    if eyes is not None and eyes.value is True:
        yield "stereo", Node.of("side_by_side", at=eyes)
        for name, ours in (("vr_ipd", "stereo_ipd"), ("vr_eye_angle", "stereo_angle")):
            if name in values:
                yield ours, values[name]
    prompts = values.get("text_prompts")
    if prompts is not None and isinstance(prompts.value, Table):
        texts = {key.text: _prompt(value.plain()) for key, value in prompts.value.pairs}
        yield "animation_prompts", Node.of(texts, at=prompts)


def _prompt(texts: Any) -> str:
    """Disco's list of weighted texts as one prompt; those of negative weight are what to avoid."""
    wanted: list[str] = []
    avoided: list[str] = []
    for text in texts if isinstance(texts, list) else [texts]:
        match = _WEIGHT.fullmatch(str(text))
        (avoided if match and float(match[2]) < 0 else wanted).append(match[1] if match else str(text))
    prompt = ", ".join(part.strip() for part in wanted)
    return f"{prompt} --neg {', '.join(part.strip() for part in avoided)}" if avoided else prompt
