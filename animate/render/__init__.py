"""From a plan to pictures: requests, the animator that makes them, the runner that answers, the run directory.

    plan ─> animator ─> Imagine, Redraw, EstimateDepth, …, Emit ─> runner ─> models, files, ffmpeg

The animator and the steps that it is made of are pure, and only they ask by `yield`; the runner owns models, devices,
threads and files. `run` is the one door that the command line and `animate.render(…)` use.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """This package, callable: importing it puts it in the place of the function `animate.render` of the same name."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        from animate.render.run import render

        return render(*arguments, **named)


sys.modules[__name__].__class__ = _Room
