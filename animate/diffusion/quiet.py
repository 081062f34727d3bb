"""Silence of the libraries while a file is loaded: what is wrong with it, we tell ourselves."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Without the reports and progress bars of diffusers, transformers and peft, which are as they were afterwards."""
    from diffusers.utils import logging as ours
    from transformers.utils import logging as theirs

    levels = [(library, library.get_verbosity()) for library in (ours, theirs)]
    shown = theirs.is_progress_bar_enabled()
    theirs.disable_progress_bar()
    for library, _ in levels:
        library.set_verbosity(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for library, level in levels:
            library.set_verbosity(level)
        if shown:
            theirs.enable_progress_bar()
