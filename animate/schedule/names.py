"""Every name a field goes by: its own, its aliases, the `…_schedule` forms, and names of the opposite sense."""

from __future__ import annotations

from collections.abc import Mapping

from animate.errors import near
from animate.schedule.fields import FIELDS


def _names() -> dict[str, tuple[str, bool]]:
    """Every name a field goes by, with the field and whether the sense is the opposite."""
    found: dict[str, tuple[str, bool]] = {}
    for row in FIELDS.values():
        suffixes = ("", "_schedule") if row.kind in ("curve", "text") else ("",)
        for suffix in suffixes:
            for name in (row.name, *row.aliases):
                found.setdefault(name + suffix, (row.name, False))
            for name in row.inverted:
                found.setdefault(name + suffix, (row.name, True))
    return {**found, **{name: (name, False) for name in FIELDS}}  # a field's own name wins: `seed_schedule`


NAMES: Mapping[str, tuple[str, bool]] = _names()
"""By every name a field goes by: (field, whether its values are 1 − the field's)."""


def nearest(name: str) -> str:
    """Hint for a name that no field goes by."""
    return near(name, NAMES, "`animate fields` lists them all")
