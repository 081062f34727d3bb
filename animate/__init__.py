"""Turns a YAML keyframe schedule into a video with diffusion models.

    text ─> load ─> Schedule ─> compile ─> Plan ─> animate(plan, carry) ─> requests ─> runner ─> models, disk, ffmpeg

Two calls cover most uses; everything else is in the rooms named after what they hold.

    animate.plan("clip.yaml")["zoom"]          # float64 array, one value a frame
    animate.render("clip.yaml", output="out")  # writes a run directory with the video
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animate.schedule.plan import Plan

# How long torch's threads wait awake for a model's next layer. By default it is so long that two renders side by side
# keep the cores from one another: 16 frames of both took 82 s, with this 20 s, and of one alone 11 s either way. OpenMP
# reads it when torch is imported, so it is said before that; who set one of the two has decided.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

__version__ = "0.1.0"
__all__ = ["__version__", "plan", "render"]


def plan(schedule: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> Plan:
    """Every value of every frame of a schedule (a file, or its content as a mapping).

    Raises:
        ScheduleError: with every problem of the schedule, each at its line.
    """
    from animate.render.checked import load
    from animate.schedule.compile import compile

    return compile(load(schedule, overrides))


def render(
    schedule: str | Path | Mapping[str, Any], output: str | Path, overrides: Mapping[str, Any] | None = None
) -> Path:
    """Render a schedule into the run directory `output` and return the video's path.

    A run that was interrupted there goes on where it stopped.

    Raises:
        ScheduleError: the schedule has mistakes; nothing was written.
        RunConflict: the directory holds another run.
        AnimateError: the render stopped; what was rendered is kept and can be resumed.
    """
    from animate.render.run import render as run

    return run(schedule, output, overrides)
