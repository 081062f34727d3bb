"""Loops over pixels, compiled to machine code when they are first called and kept beside their source.

What numpy and OpenCV do in many passes over memory such a loop does in one: matching colours in L*a*b* took 5.8 ms at
512² by tables and passes, and takes 2 so. Threads of ours share the work (`threads`): a compiled loop lets go of the
interpreter and starts none of its own.

A loop calls and reads only what stands in its own file: what is kept is thrown away when that file changes, no other's.
Numbers in it are `np.float32`, as a Python float would make all of them 64 bits wide. It trusts the shapes that it is
given, so who calls it looks at them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pickle import UnpicklingError
from typing import Any, TypeVar

from numba import njit
from numba.core import config
from numba.core.caching import FunctionCache

Loop = TypeVar("Loop", bound=Callable[..., Any])

SIDE_BY_SIDE = int(os.environ.get("NUMBA_SLP_VECTORIZE", "1"))
"""Whether the channels of a pixel that lie beside each other become one vector, which numba leaves out untold."""
config.SLP_VECTORIZE = SIDE_BY_SIDE  # type: ignore[attr-defined]

HOW: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "arcp", "nsz"},
}
"""Sums, products and quotients may be reordered; infinities and what is no number stay what they are."""


def compiled(function: Loop) -> Loop:
    """A function over arrays, compiled."""
    loop: Any = njit(**HOW)(function)
    with suppress(RuntimeError):  # there may be no place to keep it: neither beside the source nor in the user's cache
        loop._cache = _Kept(function)
    return loop


def inlined(function: Loop) -> Loop:
    """A function over numbers, as part of the loops that call it."""
    loop: Any = njit(inline="always", **HOW)(function)
    return loop


class _Kept(FunctionCache):
    """Machine code on disk. A file that a crash cut off is as good as none, a full disk no reason to stop."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, UnpicklingError):
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError, EOFError, UnpicklingError):
            super().save_overload(sig, data)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return *super()._index_key(sig, codegen), repr(sorted(HOW["fastmath"])), SIDE_BY_SIDE
