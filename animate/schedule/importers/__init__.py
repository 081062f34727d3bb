"""Foreign formats: one file a format, and the only home of compatibility.

An importer turns a foreign tree into a native one (our names, our values) and tells what it repaired and what will
differ. To add one is to write `recognise(source) -> bool` and `read(source) -> Imported`, and to name it in `FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from animate.schedule.importers import deforum, disco, parseq, strangers
from animate.schedule.source import Imported, Source

FORMATS: dict[str, ModuleType] = {"parseq": parseq, "disco": disco, "deforum": deforum}
"""Every importer by its name, in the order in which they are asked."""


def recognise(source: Source) -> Callable[[Source], Imported] | None:
    """The importer for this file; None for a schedule of our own.

    Raises:
        ScheduleError: the file is known to be something else entirely.
    """
    for form in FORMATS.values():
        if form.recognise(source):
            return form.read  # type: ignore[no-any-return]
    strangers.refuse(source)
    return None
