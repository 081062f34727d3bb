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
    """`work` of every part, in order; in as many threads as OpenCV may use (`cv2.setNumThreads`)."""
    parts = list(parts)
    workers = cv2.getNumThreads()
    if workers < 2 or len(parts) < 2:
        return [work(part) for part in parts]
    return list(_pool(workers).map(work, parts))


def strips(height: int, width: int, pixels: int = STRIP_PIXELS) -> list[slice]:
    """The rows of a picture in strips of about so many `pixels`, as even as may be."""
    count = min(height, -(-height * width // pixels))
    edges = [height * strip // count for strip in range(count + 1)]
    return [slice(top, bottom) for top, bottom in pairwise(edges)]


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="picture")
