"""JSON files that are something else entirely: recognised only to be refused in one clear sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from animate.errors import ScheduleError
from animate.schedule.fields import FIELDS
from animate.schedule.source import Source
from animate.schedule.tree import Node, Table

_OURS = {word for row in FIELDS.values() for word in (row.name, *row.aliases, *row.inverted)}

_SIGNS: Mapping[str, Callable[[dict[str, Node]], bool]] = {
    "a workflow of ComfyUI": lambda keys: (
        {"nodes", "links"} <= keys.keys()
        or any(isinstance(node.value, Table) and node.value.get("class_type") for node in keys.values())
    ),
    "the configuration of a webui": lambda keys: {"sd_model_checkpoint", "samples_save"} <= keys.keys(),
    "an A1111 interface file": lambda keys: any(key.startswith(("txt2img/", "img2img/")) for key in keys),
    "a diffusers model's description": lambda keys: "_diffusers_version" in keys or "_class_name" in keys,
    "a LoRA training configuration": lambda keys: {"pretrained_model_name_or_path", "network_dim"} <= keys.keys(),
}


def refuse(source: Source) -> None:
    """Raises ScheduleError for a JSON object without one name of ours that is known to be another thing."""
    if not isinstance(source.root.value, Table) or not source.in_json:
        return
    keys = {key.text: value for key, value in source.root.value.pairs}
    if not keys or any(key.removesuffix("_schedule") in _OURS for key in keys):
        return
    for name, is_it in _SIGNS.items():
        if is_it(keys):
            hint = "`animate init` writes a schedule to start from"
            raise ScheduleError([source.problem(source.root, "", f"this is {name}, not a schedule", hint)])
