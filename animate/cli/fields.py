"""Explain the fields of a schedule: all of them by group, or one in full.

`animate fields expressions` lists the variables, functions and easings that curves may use.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping

from animate.errors import BadInput, near
from animate.schedule.fields import FIELDS, INF, Field

WIDTH = 96
EXPRESSIONS = "expressions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="fields to explain in full")


def run(args: argparse.Namespace) -> int:
    if args.names:
        print("\n\n".join(_expressions() if name == EXPRESSIONS else _page(_found(name)) for name in args.names))
    else:
        print(_overview())
    return 0


def _overview() -> str:
    lines: list[str] = []
    group = ""
    width = max(map(len, FIELDS)) + 1
    for field in FIELDS.values():
        if field.group != group:
            group = field.group
            lines += ["", group] if lines else [group]
        start = f"  {field.name:<{width}}{_default(field):<14}"
        lines += textwrap.wrap(field.doc, WIDTH, initial_indent=f"{start} ", subsequent_indent=" " * (len(start) + 1))
    return "\n".join([*lines, "", *_ENDING])


_ENDING = (
    "`animate fields NAME` tells unit, range, other names and an example;",
    f"`animate fields {EXPRESSIONS}` lists the variables and functions that curves may use.",
)


def _expressions() -> str:
    """What may stand in an expression."""
    from animate.schedule.easing import EASINGS
    from animate.schedule.expression import VARIABLES
    from animate.schedule.functions import FUNCTIONS, NUMEXPR

    own = {function.usage: function.doc for function in FUNCTIONS.values() if not function.name.startswith("ease")}
    easings = ", ".join(EASINGS)
    return "\n".join(
        [
            "variables",
            *_terms(VARIABLES),
            "",
            "functions",
            *_terms(own),
            "",
            *_wrapped("and", ", ".join(NUMEXPR)),
            "",
            "easings",
            *_wrapped("", f"as `ease:` of a keyframe, and as a function ease_…(x): {easings}"),
        ]
    )


def _terms(terms: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for term, meaning in terms.items():
        start = f"  {term:<30} "
        lines += textwrap.wrap(meaning, WIDTH, initial_indent=start, subsequent_indent=" " * 33) or [start.rstrip()]
    return lines


def _wrapped(head: str, text: str) -> list[str]:
    start = f"  {head} " if head else "  "
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def _page(field: Field) -> str:
    """Everything about one field."""
    facts = {
        "kind": _kind(field),
        "default": _default(field) or "none",
        "under `model: embedded`": "" if field.embedded is None else str(field.embedded),
        "in old Deforum files": "" if field.deforum is None else str(field.deforum),
        "unit": field.unit,
        "range": _range(field),
        "choices": ", ".join(field.choices),
        "also written": ", ".join(_other_names(field)),
        "opposite sense": ", ".join(f"{name} = 1 − {field.name}" for name in field.inverted),
        "example": f"{field.name}: {field.example}" if field.example else "",
    }
    width = max(len(name) for name, fact in facts.items() if fact) + 4
    lines = [field.name, *textwrap.wrap(field.doc, WIDTH, initial_indent="  ", subsequent_indent="  "), ""]
    for name, fact in facts.items():
        if fact:
            indent = " " * (width + 2)
            lines += textwrap.wrap(fact, WIDTH, initial_indent=f"  {name:<{width}}", subsequent_indent=indent)
    return "\n".join(lines)


def _found(name: str) -> Field:
    """The field of this name or alias. Raises BadInput with the nearest right one."""
    names = {word.lower(): field for field in FIELDS.values() for word in (*_other_names(field), *field.inverted)}
    names |= {field.name.lower(): field for field in FIELDS.values()}
    if name.lower() in names:
        return names[name.lower()]
    raise BadInput(f"there is no field {name} ({near(name, names, '`animate fields` lists them')})")


def _other_names(field: Field) -> tuple[str, ...]:
    scheduled = field.kind in ("curve", "text") and not field.name.endswith("_schedule")
    return (*field.aliases, *([f"{field.name}_schedule"] if scheduled else []))


def _default(field: Field) -> str:
    return str(field.default).lower() if isinstance(field.default, bool) else f"{field.default}"


_KINDS = {
    "curve": "curve: a number, an expression, or keyframes",
    "text": "text, which may have keyframes",
    "number": "number",
    "integer": "whole number",
    "flag": "true or false",
    "choice": "one word",
    "string": "text",
    "file": "path of a file, relative to the schedule",
    "size": "whole number of pixels",
    "time": "time: frames (240), seconds (20s) or beats (32b)",
    "prompts": "prompts by frame",
    "mapping": "mapping, list or text",
}


def _kind(field: Field) -> str:
    return _KINDS[field.kind] + (", rounded to whole numbers" if field.whole else "")


def _range(field: Field) -> str:
    if field.low == -INF and field.high == INF:
        return ""
    if field.high == INF or field.high >= 1e7:
        return f"at least {field.low:g}"
    return f"{field.low:g} to {field.high:g}"
