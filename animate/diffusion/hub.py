"""The Hugging Face hub: whether it can be reached, asked before anything else.

Its client retries for half a minute where there is no network; a user on a train should read within seconds what is
missing.
"""

from __future__ import annotations

import os
import socket
from urllib.parse import urlparse

PATIENCE = 3.0
"""Seconds."""


def reachable() -> bool:
    """Whether the hub answers; taken for granted behind a proxy, which only the client itself can use."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    place = urlparse(constants.ENDPOINT)
    port = place.port or (80 if place.scheme == "http" else 443)
    try:
        with socket.create_connection((place.hostname or "huggingface.co", port), timeout=PATIENCE):
            return True
    except OSError:
        return False
