"""Parts of a picture worked on side by side: OpenCV and numpy let go of the interpreter while they compute.

What is done to a part depends on nothing but that part, so the number of threads never changes a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeVar

import cv2

Part = TypeVar("Part")
Result = TypeVar("Result")

STRIP_PIXELS = 1 << 17
"""Of one plane, so 512² are two strips. Smaller ones cost more calls: a tenth of a colour match at half of this."""


def each(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """`work` of every part, in order; in as many threads as OpenCV may use (`cv2.setNumThreads`), this one too."""
    parts = list(parts)
    helpers = min(cv2.getNumThreads(), len(parts)) - 1
    if helpers < 1:
        return [work(part) for part in parts]
    results: dict[int, Result] = {}
    left = iter(enumerate(parts))

    def take() -> None:
        for place, part in left:  # one at a time, whoever is free
            results[place] = work(part)

    helping = [_pool(helpers).submit(take) for _ in range(helpers)]
    take()
    for helper in helping:
        if not helper.cancel():  # one that has not come yet is not waited for
            helper.result()
    return [results[place] for place in range(len(parts))]


def strips(height: int, width: int, pixels: int = STRIP_PIXELS) -> list[slice]:
    """The rows of a picture in strips of about so many `pixels`, as even as may be."""
    count = min(height, -(-height * width // pixels))
    edges = [height * strip // count for strip in range(count + 1)]
    return [slice(top, bottom) for top, bottom in pairwise(edges)]


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="picture")
