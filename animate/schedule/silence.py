"""What a field is where a schedule is silent: its default, or what something else in the schedule asks for."""

from __future__ import annotations

from collections.abc import Mapping

from animate.schedule import album, film, seeds
from animate.schedule.fields import Field, Value
from animate.schedule.schedule import Written


def value(row: Field, model: str, written: Mapping[str, Written]) -> Value:
    """Value of a field that is not among the `written` ones, under this model."""
    mode = written["animation_mode"].value.text.strip().upper() if "animation_mode" in written else ""
    instead: Mapping[str, Value] = {}
    if "video" in written and mode not in ("2D", "3D"):  # there it lies beside an animation of its own
        instead = film.DEFAULTS
    elif "image_keys" in written:
        instead = album.DEFAULTS
    elif mode == "INTERPOLATION":
        instead = seeds.DEFAULTS
    return instead.get(row.name, row.default_for(model))
