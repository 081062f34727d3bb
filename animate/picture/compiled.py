"""Loops over pixels, compiled to machine code when they are first called and kept beside their source.

What numpy and OpenCV do in many passes over memory such a loop does in one: matching colours in L*a*b* took 5.8 ms at
512² by tables and passes, and takes 2 so. Threads of ours share the work (`threads`): a compiled loop lets go of the
interpreter and starts none of its own.

A loop calls only what stands in its own file: what is kept is thrown away when that file changes, no other's. Numbers
in it are `np.float32`, as a Python float would make all of them 64 bits wide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.core import config

config.SLP_VECTORIZE = 1  # type: ignore[attr-defined]
"""The channels of a pixel that lie beside each other as one vector, which numba leaves out if it is not told."""

Loop = TypeVar("Loop", bound=Callable[..., Any])

HOW: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "arcp", "nsz"},
}
"""Sums, products and quotients may be reordered; infinities and what is no number stay what they are."""


def compiled(function: Loop) -> Loop:
    """A function over arrays, compiled."""
    try:
        return njit(cache=True, **HOW)(function)
    except RuntimeError:  # nowhere to keep it: neither beside the source nor in the user's cache
        return njit(**HOW)(function)


def inlined(function: Loop) -> Loop:
    """A function over numbers, as part of the loops that call it."""
    return njit(inline="always", **HOW)(function)
