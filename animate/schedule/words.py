"""What a plain (unquoted) word means: YAML's surprises end here.

`1e-3` is a number, `012` is twelve, and `1:30` is text; `off` and `no` are false.
"""

from __future__ import annotations

import re

_INTEGER = re.compile(r"[-+]?[0-9][0-9_]{0,40}\Z")
_BASED = re.compile(r"[-+]?0[xob][0-9a-fA-F_]{1,40}\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = {f"{sign}{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")} | {
    word: float("nan") for word in (".nan", ".NaN", ".NAN")
}
_MEANT: dict[str, bool | None] = {
    "null": None,
    "true": True,
    "yes": True,
    "on": True,
    "false": False,
    "no": False,
    "off": False,
}
_WORDS: dict[str, bool | None] = {"": None, "~": None}
for _word, _meaning in _MEANT.items():
    _WORDS |= dict.fromkeys((_word, _word.capitalize(), _word.upper()), _meaning)
_TAGS = {f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "map", "seq")}
NO_NUMBER = object()


def number(text: str) -> float | int | object:
    """The number a plain word stands for, in decimal (`012` is twelve), or `NO_NUMBER`."""
    if _INTEGER.match(text):
        return int(text.replace("_", ""))
    if _BASED.match(text):
        try:
            return int(text.replace("_", ""), 0)
        except ValueError:
            return NO_NUMBER
    if _FLOAT.match(text) and len(text) <= 400:
        return float(text.replace("_", ""))
    return _SPECIAL.get(text, NO_NUMBER)


def scalar(text: str) -> bool | int | float | str | None:
    """What a plain (unquoted) word of YAML means to a schedule."""
    if text in _WORDS:
        return _WORDS[text]
    found = number(text)
    return text if found is NO_NUMBER else found  # type: ignore[return-value]
