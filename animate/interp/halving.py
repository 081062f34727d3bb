"""Any time from an engine that is best half-way: split the longest way, always as near its middle as possible.

FILM's published weights have only ever seen t = 0.5. Asked for several times, the one that lies nearest the middle of
the gap it falls into is made first; it then is an end of the two gaps beside it.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence

from torch import Tensor

HALF = 1e-3
"""How far from the middle of its gap a time may lie for the engine to be asked for the middle."""


class Halving:
    """An engine asked for half-way pictures only, down to a gap of 1 / 2^depth.

    A time that is not reached by then is asked for where it lies in its gap, which is at least nearly straight by then.
    """

    def __init__(self, engine: Callable[[Tensor, Tensor, Sequence[float]], Iterable[Tensor]], depth: int = 4) -> None:
        self.engine = engine
        self.depth = depth

    def __call__(self, a: Tensor, b: Tensor, times: Sequence[float]) -> Iterator[Tensor]:
        known = {0.0: a, 1.0: b}
        for time in times:
            self._reach(known, time)
            yield known[time]
            for place in [place for place in known if place < time]:
                del known[place]  # times ascend: nothing is asked for before this one again

    def _reach(self, known: dict[float, Tensor], time: float) -> None:
        """Make the picture at `time`, keeping those made on the way."""
        while time not in known:
            places = sorted(known)
            index = bisect(places, time)
            low, high = places[index - 1], places[index]
            gap = high - low
            place = (time - low) / gap
            if abs(place - 0.5) < HALF or gap <= 0.5**self.depth:
                (known[time],) = self.engine(known[low], known[high], [place])
            else:
                middle = low + gap / 2
                (known[middle],) = self.engine(known[low], known[high], [0.5])
