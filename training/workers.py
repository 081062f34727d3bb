"""Workers: processes of one thread each that train one set of weights, and meet once a step.

On CPUs this beats threads: two threads wait for one another at every layer, and where something else wants a core, both
wait for the slower. Gradients are averaged over the workers through torch's own gloo; each worker then takes the same
step, so the weights never have to be sent.
"""

from __future__ import annotations

import datetime
import signal
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")


@dataclass(frozen=True)
class Workers:
    """One of ``count`` workers."""

    rank: int = 0
    count: int = 1

    def together(self, parameters: Iterable[torch.nn.Parameter], told: Tensor) -> Tensor:
        """Average the gradients over all workers, in place; returns the sum of what each has ``told``, float64 (n,)."""
        if self.count == 1:
            return told
        held = [value.grad for value in parameters if value.grad is not None]
        flat = torch.cat([grad.flatten() for grad in held])
        torch.distributed.all_reduce(flat)
        torch.distributed.all_reduce(told)
        flat /= self.count
        for grad, part in zip(held, flat.split([grad.numel() for grad in held])):
            grad.copy_(part.view_as(grad))
        return told

    def after_the_first(self, work: Callable[[], Result]) -> Result:
        """What ``work`` answers; the others begin when the first one is done, and find what it leaves in a cache."""
        if self.count == 1:
            return work()
        if self.rank:
            torch.distributed.barrier()
        found = work()
        if not self.rank:
            torch.distributed.barrier()
        return found


ALONE = Workers()


def _enter(rank: int, count: int, store: str, work: Callable[..., None], given: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    limit = datetime.timedelta(hours=1)  # the first step waits for a compiler
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=count, timeout=limit
    )
    try:
        work(Workers(rank, count), *given)
    finally:
        torch.distributed.destroy_process_group()


def run(count: int, work: Callable[..., None], *given: Any) -> None:
    """Call ``work(workers, *given)`` in ``count`` processes at once, or here where one is enough."""
    if count == 1:
        work(ALONE, *given)
        return
    with tempfile.TemporaryDirectory() as folder:
        store = (Path(folder) / "store").as_posix()
        context = torch.multiprocessing.spawn(_enter, (count, store, work, given), nprocs=count, join=False)

        def pass_on(number: int, _: object) -> None:
            for process in context.processes:
                process.terminate()  # SIGTERM, which a trainer hears as a request to end kindly

        before = signal.signal(signal.SIGTERM, pass_on)
        try:
            while not context.join():
                pass
        finally:
            signal.signal(signal.SIGTERM, before)
