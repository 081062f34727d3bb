"""Rows of text set in columns."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Rows with their cells below one another; the last column runs on, cut at the width of the terminal.

    >>> print(columns([["a", "1"], ["bcd", "2"]]))
    a    1
    bcd  2
    """
    if not rows:
        return ""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]) - 1)]
    room = shutil.get_terminal_size((160, 24)).columns - len(indent) - sum(widths) - 2 * len(widths)
    lines = []
    for row in rows:
        last = " ".join(row[-1].split())
        last = last if len(last) <= max(room, 40) else last[: max(room, 40) - 1] + "…"
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        lines.append((indent + "  ".join([*cells, last])).rstrip())
    return "\n".join(lines)
