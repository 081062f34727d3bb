"""What a benchmark reports: one row of ours against a reference, timed in pairs.

Single timings on a shared machine lie (a first unpaired run of this project showed an overhead of -116 ms), so both
sides run in turn, A B A B …, in one process, and what counts is the median of the ratios of the pairs.

A benchmark module in this folder holds `ROWS: dict[str, Callable[[], Row]]`; `run.py` finds it:

    def blur() -> Row:
        assert_close(ours(), reference())          # equal output first, then speed
        return compare("blur, 512²", ours, reference, goal=4.0, better="higher")

    ROWS = {"blur": blur}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any, Literal

Better = Literal["lower", "higher"]

_clock = perf_counter


def now() -> float:
    """Seconds, by the clock that this run of the benchmarks goes by."""
    return _clock()


def count_processor_time() -> None:
    """Go by the processor time of this process instead, all its threads together: for a machine that is not idle."""
    global _clock
    _clock = process_time


@dataclass(frozen=True)
class Row:
    """One comparison. The direction of the ratio follows the goal, so that every goal reads as it is spoken."""

    name: str
    ours_ms: float
    """Median time of ours, milliseconds."""
    reference_ms: float
    """Median time of the reference, or the budget if the goal is one, milliseconds."""
    ratio: float
    """`lower`: ours ÷ reference ("at most 1.05 ×"). `higher`: reference ÷ ours ("at least 4 × faster")."""
    goal: float
    better: Better
    spread: tuple[float, float] | None = None
    """Quartiles of the paired ratios."""
    note: str = ""
    """What the two sides agree on, what was asserted before timing."""

    @property
    def met(self) -> bool:
        return self.ratio <= self.goal if self.better == "lower" else self.ratio >= self.goal


def paired(
    ours: Callable[[], Any], reference: Callable[[], Any], rounds: int = 20, warmups: int = 2
) -> tuple[float, float, float]:
    """Medians of both in milliseconds and the median of the paired ratios ours ÷ reference."""
    times = _pairs(ours, reference, rounds, warmups)
    return median(a for a, _ in times), median(b for _, b in times), median(a / b for a, b in times)


def compare(
    name: str,
    ours: Callable[[], Any],
    reference: Callable[[], Any],
    goal: float,
    better: Better,
    rounds: int = 20,
    warmups: int = 2,
    note: str = "",
) -> Row:
    """Time both in pairs and hold the ratio against the goal."""
    times = _pairs(ours, reference, rounds, warmups)
    ratios = [a / b if better == "lower" else b / a for a, b in times]
    low, _, high = quantiles(ratios, n=4)
    return Row(
        name=name,
        ours_ms=median(a for a, _ in times),
        reference_ms=median(b for _, b in times),
        ratio=median(ratios),
        goal=goal,
        better=better,
        spread=(low, high),
        note=note,
    )


def within(
    name: str, ours: Callable[[], Any], budget_ms: float, rounds: int = 20, warmups: int = 2, note: str = ""
) -> Row:
    """A goal in plain milliseconds: the budget takes the reference's place and the ratio must stay below 1."""
    times = [a for a, _ in _pairs(ours, lambda: None, rounds, warmups)]
    low, middle, high = quantiles(times, n=4)
    return Row(
        name=name,
        ours_ms=middle,
        reference_ms=budget_ms,
        ratio=middle / budget_ms,
        goal=1.0,
        better="lower",
        spread=(low / budget_ms, high / budget_ms),
        note=note,
    )


def _pairs(
    ours: Callable[[], Any], reference: Callable[[], Any], rounds: int, warmups: int
) -> list[tuple[float, float]]:
    if rounds < 2:
        raise ValueError(f"a spread needs at least 2 rounds, not {rounds}")
    for _ in range(warmups):
        ours()
        reference()
    return [(_milliseconds(ours), _milliseconds(reference)) for _ in range(rounds)]


def _milliseconds(call: Callable[[], Any]) -> float:
    start = now()
    call()
    return 1000 * (now() - start)
