"""The order of the files in a folder, wherever one is read as a film: by the numbers in their names."""

from __future__ import annotations

import re
from pathlib import Path


def by_number(path: Path) -> tuple[list[tuple[bool, int | str]], str]:
    """To sort by: frame 9 before frame 10, whether or not the names are filled with zeros."""
    parts = re.split(r"(\d+)", path.stem)
    return [(part.isdecimal(), int(part) if part.isdecimal() else part) for part in parts if part], path.name
