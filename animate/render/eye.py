"""The depth estimator of a plan, and the video of depth that it may read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from animate import depth
from animate.depth.embedded import FOLDER
from animate.depth.file import FromFile
from animate.diffusion import digests
from animate.render import finish, masking
from animate.render.progress import Progress
from animate.schedule.plan import Plan
from animate.video.reader import measure, read_frames


def of_plan(plan: Plan, device: str, progress: Progress) -> depth.DepthEstimator | None:
    """The estimator that a plan asks for; None where it needs none. Says where a file's maps are of another shape."""
    name, file = str(plan.settings["depth_algorithm"]), str(plan.settings["depth_file"])
    flown = plan.settings["animation_mode"] == "3D" and plan.settings["use_depth_warping"] and name != "flat"
    asked = plan.settings["generation"] == "depth2img" or finish.wants_depth(plan) or masking.wanted(plan, "depth")
    if not (flown or asked):
        return None
    if name == "embedded":
        digests.verify(FOLDER)
    estimator = depth.load(name, device=device, file=file, film=film(Path(file), progress.say))
    if isinstance(estimator, FromFile):
        (height, width), (rows, columns) = plan.size, estimator.size
        if abs(columns / rows - width / height) > 0.01 * width / height:
            progress.say(
                f"depth_file: maps of {columns} × {rows} are stretched to pictures of {width} × {height}, another shape"
            )
    return estimator


def film(path: Path, say: Callable[[str], None]) -> Callable[[], Iterator[np.ndarray]]:
    """What plays a video of depth from its start, a frame for each that is shown.

    `say` hears of its damage, once: for what is lost of it the map before stands.
    """
    told = False

    def tell(words: str) -> None:
        nonlocal told
        if not told:
            told = True
            say(f"{path}: is damaged; for what is lost of it the map before stands ({words.splitlines()[0]})")

    return lambda: read_frames(path, fps=measure(path).keeping, damaged=tell)
