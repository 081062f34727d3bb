"""Writes what is generated from the tables: `schema.json` and `docs/fields.md`.

python -m animate.schedule.document
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from animate.schedule import schema
from animate.schedule.easing import EASINGS
from animate.schedule.expression import VARIABLES
from animate.schedule.fields import FIELDS, Field, in_words
from animate.schedule.functions import FUNCTIONS, NUMEXPR

PAGE = Path(__file__).parents[2] / "docs" / "fields.md"

_GROUPS = {
    "time": "Time",
    "model": "Picture size and model",
    "prompts": "Prompts",
    "diffusion": "Diffusion",
    "seeds": "Seeds",
    "motion": "2D motion",
    "3D": "3D motion",
    "picture": "Picture",
    "cadence": "Cadence",
    "output": "Output",
    "batch": "Batches",
}
_KINDS = {
    "curve": "curve",
    "text": "text over time",
    "number": "number",
    "integer": "whole number",
    "flag": "true or false",
    "choice": "one of the choices",
    "string": "text",
    "file": "path",
    "size": "whole number",
    "time": "time",
    "prompts": "prompts over time",
    "mapping": "mapping, list or text",
}


def page() -> str:
    """The documentation page of all fields, variables, functions and easings, in Markdown."""
    lines = [
        "# Fields of a schedule",
        "",
        "Generated from the table in `animate/schedule/fields.py` by `python -m animate.schedule.document`.",
        "A *curve* is a number, an expression, keyframes, or a Deforum string; every curve and text is also known with",
        "`_schedule` behind its name.",
    ]
    for group, rows in groupby(FIELDS.values(), key=lambda row: row.group):
        lines += ["", f"## {_GROUPS.get(group, group.capitalize())}", ""]
        lines += ["| field | kind | default | range | meaning | example |", "|---|---|---|---|---|---|"]
        lines += [_line(row) for row in rows]
    lines += ["", "## Variables", "", "| name | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(meaning)} |" for name, meaning in VARIABLES.items()]
    lines += ["| a name in `let` | that curve |", "", "## Functions", "", "| call | value |", "|---|---|"]
    lines += [
        f"| `{function.usage}` | {_cell(function.doc)} |"
        for name, function in FUNCTIONS.items()
        if not name.startswith("ease_")
    ]
    lines += [
        "| `at(curve, x)` | a curve at another frame: `at(zoom, t - 1)` |",
        "| `where(condition, a, b)` | a where the condition holds, else b; also `a if condition else b` |",
        "",
        "Of numexpr: " + " ".join(f"`{name}`" for name in NUMEXPR if name not in ("where", "complex")) + ".",
        "",
        "## Easings",
        "",
        "For `ease:` in a keyframe; in expressions they are functions, `ease_in_cubic(x)` with x from 0 to 1.",
        "Beside them `hold`, `cubic` (smooth through the keys, never beyond them) and `cubic-bezier(x1, y1, x2, y2)`.",
        "",
        " ".join(f"`{name}`" for name in EASINGS),
    ]
    return "\n".join(lines) + "\n"


def _line(row: Field) -> str:
    names = f"`{row.name}`"
    others = [f"`{name}`" for name in row.aliases] + [f"`{name}` (1 − x)" for name in row.inverted]
    if others:
        names += f"<br>also {', '.join(others)}"
    default = f"`{row.default}`" if row.default != "" else ""
    if row.embedded is not None and row.embedded != row.default:
        default += f"<br>`{row.embedded}` with the embedded model"
    bounds = ", ".join(f"`{choice}`" for choice in row.choices)
    if not bounds and in_words(row) != "any":
        bounds = in_words(row)
    kind = _KINDS[row.kind] + (f", {row.unit}" if row.unit else "")
    return f"| {names} | {kind} | {default} | {bounds} | {_cell(row.doc)} | `{_cell(row.example)}` |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def write() -> None:
    """Write both files."""
    schema.PATH.write_text(schema.text(), encoding="utf-8")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
