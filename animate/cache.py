"""The user's cache: where what is dear to find is kept from run to run. Whatever lies there may be deleted."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def folder(name: str = "") -> Path:
    """A folder of ours in the user's cache, or all of it; it need not be there yet."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "animate" / name
