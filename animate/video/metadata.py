"""Texts inside a video file, as ffmpeg's own metadata files carry them.

They go in and out through files and pipes and never on the command line, which Windows ends at 32,767 characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPECIAL = re.compile(r"([=;#\\\n])")


def to_ffmetadata(texts: Mapping[str, str]) -> str:
    """Texts by name in ffmpeg's format `;FFMETADATA1`.

    >>> to_ffmetadata({"title": "a=b"})
    ';FFMETADATA1\\ntitle=a\\\\=b\\n'
    """
    lines = [f"{_escaped(name)}={_escaped(value)}\n" for name, value in texts.items()]
    return ";FFMETADATA1\n" + "".join(lines)


def from_ffmetadata(source: str) -> dict[str, str]:
    """The texts of the file as a whole, by their names in lower case; without those of its streams and chapters."""
    found: dict[str, str] = {}
    name, text, in_value, escaped = "", "", False, False
    for letter in source + "\n":
        if escaped:
            text += letter
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == "=" and not in_value:
            name, text, in_value = text, "", True
        elif letter == "\n":
            if in_value:
                found[name.lower()] = text
            elif text.startswith("["):
                break
            name, text, in_value = "", "", False
        else:
            text += letter
    return found


def gif_comment(text: str) -> bytes:
    """A comment as GIF89a holds it (§24, Comment Extension): blocks of at most 255 bytes, of which readers take UTF-8.

    >>> gif_comment("hi")
    b'!\\xfe\\x02hi\\x00'
    """
    data = text.encode()
    blocks = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"!\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("\r\n", "\n").replace("\0", ""))
