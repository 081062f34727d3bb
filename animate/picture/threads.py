"""Parts of a picture worked on side by side: compiled loops and OpenCV let go of the interpreter while they compute.

What is done to a part depends on nothing but that part, so the number of threads never changes a result.

OpenCV's own threads are sent away when ours begin, torch's while they work. They wait awake for the next call, on the
cores that ours need: a frame's work took 20 ms with them and 15 without, with all of torch's 27 and 18.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from itertools import pairwise
from typing import TypeVar

import cv2
import torch

Part = TypeVar("Part")
Result = TypeVar("Result")

STRIP_PIXELS = 1 << 17
"""Of one plane, so 512² are two strips. Smaller ones cost more calls: a tenth of a colour match at half of this."""


def each(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """`work` of every part, in order; in `workers()` threads, this one too.

    Processes are not to be started in it: they would inherit the one processor that a thread keeps to meanwhile.
    """
    parts = list(parts)
    helpers = min(workers(), len(parts)) - 1
    if helpers < 1:
        with torch_threads(1):
            return [work(part) for part in parts]
    results: dict[int, Result] = {}
    left = iter(enumerate(parts))

    def take() -> None:
        for place, part in left:  # one at a time, whoever is free
            results[place] = work(part)

    pool = _pool(helpers)
    with torch_threads(1), _off_the_helpers():
        helping = [pool.submit(take) for _ in range(helpers)]
        take()
        for helper in helping:
            if not helper.cancel():  # one that has not come yet is not waited for
                helper.result()
    return [results[place] for place in range(len(parts))]


def workers() -> int:
    """How many threads share the parts: as many as this process may use cores, or as `at_most` says."""
    return min(len(_processors()) or os.cpu_count() or 1, _most.get())


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """No more than so many threads, for what this one starts."""
    token = _most.set(count)
    try:
        yield
    finally:
        _most.reset(token)


_most: ContextVar[int] = ContextVar("most", default=1 << 10)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Torch's operations in so many threads, those of this thread and of what is begun meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def strips(height: int, width: int, pixels: int = STRIP_PIXELS) -> list[slice]:
    """The rows of a picture in strips of about so many `pixels`, as even as may be."""
    count = max(1, min(height, -(-height * width // pixels)))
    edges = [height * strip // count for strip in range(count + 1)]
    return [slice(top, bottom) for top, bottom in pairwise(edges)]


@cache
def _pool(helpers: int) -> ThreadPoolExecutor:
    cv2.setNumThreads(1)
    return ThreadPoolExecutor(
        helpers, thread_name_prefix="picture", initializer=_begin_to_help, initargs=(_processors(),)
    )


def _begin_to_help(processors: set[int]) -> None:
    torch.set_num_threads(1)
    if len(processors) == 2:
        _keep_to(processors - {min(processors)})


@contextmanager
def _off_the_helpers() -> Iterator[None]:
    """This thread on the first of two processors, which its helper is kept off.

    Left to itself, Linux may wake a helper where this thread runs though the other processor sleeps, and leave both
    there for longer than they work: on a virtual machine of two a warp took 6 ms instead of 3. Of more processors one
    is easily found, and several renders are not all to meet on the first.
    """
    before = _processors()
    if len(before) != 2:
        yield
        return
    _keep_to({min(before)})
    try:
        yield
    finally:
        _keep_to(before)


def _keep_to(processors: set[int]) -> None:
    with suppress(OSError):  # some services forbid it; it only makes things faster
        os.sched_setaffinity(0, processors)


def _processors() -> set[int]:
    """Where this thread may run; nowhere in particular on systems that do not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
