"""The loop by hand: ask the animator, answer with a painter, take the pictures. No files.

python examples/frames.py
"""

from collections.abc import Iterator

from torch import Tensor

import animate
from animate.diffusion.models import load
from animate.render.animator import animate as walk
from animate.render.requests import Emit, Imagine, Redraw


def frames(schedule: dict[str, object]) -> Iterator[Tensor]:
    """Pictures (3, height, width) in [0, 1], one a frame."""
    plan = animate.plan(schedule)
    painter = load(str(plan.settings["model"]))
    requests = walk(plan)
    answer = None
    while True:
        try:
            request = requests.send(answer)
        except StopIteration:
            return
        answer = None
        match request:
            case Imagine(how=how):
                answer = painter.imagine(plan.size, [how])[0]
            case Redraw(picture=picture, strength=strength, how=how):
                answer = painter.redraw(picture[None], strength, [how])[0]
            case Emit(picture=picture):
                yield picture


if __name__ == "__main__":
    for index, picture in enumerate(frames({"max_frames": 4, "seed": 1, "zoom": 1.02, "prompts": "a forest at dawn"})):
        print(index, tuple(picture.shape), f"mean {picture.mean():.3f}")
