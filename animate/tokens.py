"""Where the token of an embedding (textual inversion) stands in a prompt."""

from __future__ import annotations

import re


def by_itself(token: str) -> str:
    """A pattern that finds `token` where it is no part of a longer word, as `bad` is of badminton.

    A hyphen joins words where the token has one itself: bad-hands is not meant by bad-hands-5.
    """
    joined = r"[\w-]" if "-" in token else r"\w"
    before = rf"(?<!{joined})" if re.match(r"\w", token) else ""
    after = rf"(?!{joined})" if re.search(r"\w\Z", token) else ""
    return before + re.escape(token) + after
