"""Parts of a picture worked on side by side: compiled loops and OpenCV let go of the interpreter while they compute.

What is done to a part depends on nothing but that part, so the number of threads never changes a result.

OpenCV's own threads are sent away when ours begin, and torch's by who asks for that (`torch_threads`). They wait awake
for the next call, on the cores that ours need: a frame's work took 20 ms with them and 15 without, with all of torch's
27 and 18.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import pairwise
from threading import Lock, Thread
from typing import Any, TypeVar

import cv2
import torch

Part = TypeVar("Part")
Result = TypeVar("Result")

STRIP_PIXELS = 1 << 17
"""Of one plane, so 512² are two strips. Smaller ones cost more calls: a tenth of a colour match at half of this."""


def each(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """`work` of every part, in order; in as many threads as this process may use processors, this one too.

    A helper that is busy elsewhere is not waited for, so calls may be nested, and come from several threads. Processes
    are not to be started in it: they would inherit the one processor that a thread keeps to meanwhile.

    Of two processors this thread keeps to the first, which its helper is kept off. Left to itself, Linux may wake a
    helper where this thread runs though the other processor sleeps, and leave both there for longer than they work: on
    a virtual machine of two a warp took 6 ms instead of 3. Of more processors one is easily found, and several renders
    are not all to meet on the first.
    """
    parts = list(parts)
    results: list[Any] = [None] * len(parts)
    left = iter(enumerate(parts))

    def take() -> None:
        for place, part in left:  # one at a time, whoever is free
            results[place] = work(part)

    helpers = _borrowed(min(_most.get(), len(parts)) - 1)
    if not helpers:
        take()
        return results
    for helper in helpers:
        helper.begin(take)
    before = _processors()
    apart = len(before) == 2
    errors: list[BaseException | None] = []
    try:
        if apart:
            _keep_to({min(before)})
        take()
    finally:
        errors.extend(helper.end() for helper in helpers)
        _free.extend(helpers)
        if apart:
            _keep_to(before)
    for error in errors:
        if error is not None:
            raise error
    return results


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
    """Torch's operations in so many threads, those of this thread alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    _keep_for_later(before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Keeper:
    """A thread that tells torch with how many of its threads those to come begin.

    Torch takes for them what any thread said last, of its own: a render that was begun in a new thread while another
    one moved pictures had one thread for its models, to its end. 20 µs each time.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self._asking, self._asked, self._done = Lock(), Lock(), Lock()
        self._asked.acquire()
        self._done.acquire()
        self._count = 1
        Thread(target=self._live, name="torch's threads", daemon=True).start()

    def keep(self, count: int) -> None:
        with self._asking:
            self._count = count
            self._asked.release()
            self._done.acquire()

    def _live(self) -> None:
        while True:
            self._asked.acquire()
            torch.set_num_threads(self._count)
            self._done.release()


def _keep_for_later(count: int) -> None:
    """Threads that begin from now on have so many of torch's, whatever this one has."""
    global _keeper
    with _keeping:
        if _keeper is None or _keeper.process != os.getpid():  # a fork has none of its parent's threads
            _keeper = _Keeper()
    _keeper.keep(count)


def strips(height: int, width: int, pixels: int = STRIP_PIXELS) -> list[slice]:
    """The rows of a picture in strips of about so many `pixels`, as even as may be."""
    count = max(1, min(height, -(-height * width // pixels)))
    edges = [height * strip // count for strip in range(count + 1)]
    return [slice(top, bottom) for top, bottom in pairwise(edges)]


class _Helper:
    """A thread that sleeps until there is work. Two locks wake it, and whoever waits for it: the futures of an executor
    cost a fifth of a millisecond a call where the caches are cold, as much as a strip of a colour match."""

    def __init__(self, processors: set[int]) -> None:
        self._asked, self._done = Lock(), Lock()
        self._asked.acquire()
        self._done.acquire()
        self._work: Callable[[], None] | None = None
        self._error: BaseException | None = None
        Thread(target=self._live, args=(processors,), name="picture", daemon=True).start()
        self._done.acquire()

    def begin(self, work: Callable[[], None]) -> None:
        self._work = work
        self._asked.release()

    def end(self) -> BaseException | None:
        """Once its work is over; what it failed of, if it did. One that has not come yet need not come any more."""
        if not self._asked.acquire(blocking=False):
            self._done.acquire()
        error, self._work, self._error = self._error, None, None
        return error

    def _live(self, processors: set[int]) -> None:
        usual = torch.get_num_threads()  # of a thread that has just begun
        torch.set_num_threads(1)
        _keep_for_later(usual)
        self._done.release()
        if len(processors) == 2:
            _keep_to(processors - {min(processors)})
        while True:
            self._asked.acquire()
            try:
                if self._work is not None:
                    self._work()
            except BaseException as error:  # whoever waits is to hear of it, whatever it is
                self._error = error
            self._done.release()


_free: list[_Helper] = []
_made: list[_Helper] = []
_making = Lock()
_keeper: _Keeper | None = None
_keeping = Lock()


def _borrowed(count: int) -> list[_Helper]:
    """At most so many helpers that have nothing to do; there is one for each processor but this thread's own."""
    found: list[_Helper] = []
    while len(found) < count:
        try:
            found.append(_free.pop())
        except IndexError:
            if not _one_more():
                break
    return found


def _one_more() -> bool:
    with _making:
        processors = _processors()
        if len(_made) + 1 >= (len(processors) or os.cpu_count() or 1):
            return False
        cv2.setNumThreads(1)
        _made.append(_Helper(processors))
        _free.append(_made[-1])
        return True


def _keep_to(processors: set[int]) -> None:
    with suppress(OSError):  # some services forbid it; it only makes things faster
        os.sched_setaffinity(0, processors)


def _processors() -> set[int]:
    """Where this thread may run; nowhere in particular on systems that do not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
