"""A folder that is written: whole, and never over what is not ours."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from animate.errors import BadInput
from animate.video.atomic import PART


def refuse_full(output: Path, ours: re.Pattern[str], noun: str, force: bool) -> None:
    """Raise BadInput for a folder that holds anything but files named as `ours`, each a `noun`, or these, unasked."""
    held = [path.name for path in output.iterdir() if path.name != PART]
    others = [name for name in held if not ours.fullmatch(name)]
    if others:
        raise BadInput(f"{output} is not empty: it holds {others[0]}, which is no {noun}; name another folder")
    if held and not force:
        raise BadInput(f"{output} is there already and not empty (--force writes over its {noun}s, -o names another)")


@contextmanager
def whole_folder(output: Path, ours: re.Pattern[str]) -> Iterator[Path]:
    """A folder to write to; the files appear in `output` at the end, and only if nothing went wrong.

    What lay there under such names as `ours` is gone then.
    """
    there = output.is_dir()
    part = output / PART if there else output.with_name(output.name + PART)
    shutil.rmtree(part, ignore_errors=True)  # of a run that was killed
    part.mkdir(parents=True)
    try:
        yield part
        if there:  # the folder itself stays: the user may be in it, or it is a mount
            for old in [path for path in output.iterdir() if ours.fullmatch(path.name)]:
                old.unlink()
            for file in sorted(part.iterdir()):
                file.rename(output / file.name)
        else:
            part.rename(output)
    finally:
        shutil.rmtree(part, ignore_errors=True)
