"""The projector: the frames of a film as the animation wants them, streamed."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from torch import Tensor

from animate.errors import VideoError
from animate.picture import convert
from animate.render.watch import measured
from animate.schedule.film import Film
from animate.video.reader import read_frames

FORGIVEN = 3
"""Frames that a container may count and a decoder not give: they were cut away, or are for other frames alone. The
last picture stands in for them."""


class Projector:
    """Pictures of a film by the animation's frames; best asked in their order.

    The last `reach` of them are kept, which is all the memory it takes; to go further back the film is begun anew.
    Each has its place by its time: for what is lost of a damaged film, and past its end, the last picture stands.
    """

    def __init__(
        self,
        film: Film,
        size: tuple[int, int],
        fit: str = "crop",
        *,
        frames: int,
        reach: int = 2,
        alpha: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`size` is (height, width), `frames` how many of the film's pictures there should be, 0 for any number.

        `alpha`: its transparency is shown, in grey, and not its pictures. `say` hears of a damage, once.
        """
        self._alpha = alpha
        self._film = film
        self._size = size
        self._fit = fit
        self._frames = frames
        self._reach = max(2, reach)
        self._say = say
        self._damaged = False
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._reel: Iterator[np.ndarray] | None = None
        self._next = 0
        self._last = sys.maxsize
        """The last picture there is; far off until the end was met."""

    def __call__(self, index: int) -> Tensor:
        """(3, H, W) in [0, 1], on the CPU. Raises VideoError where the film ends too early or cannot be read."""
        index = min(index, self._last)
        if index not in self._kept and index < self._next:
            self.close()
        if self._reel is None:
            self._begin(max(0, index - self._reach))
        while index not in self._kept:
            self._advance(index)
            index = min(index, self._last)
        return convert.fit(convert.from_uint8(self._kept[index]), *self._size, self._fit)

    def reaches(self, index: int) -> bool:
        """Whether a picture is shown without the film being begun anew."""
        index = min(index, self._last)
        return index in self._kept or index >= self._next

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child that decodes; the next picture begins the film anew."""
        if self._reel is not None:
            self._reel.close()  # type: ignore[attr-defined]
        self._reel, self._next = None, 0
        self._kept.clear()

    def _begin(self, start: int) -> None:
        """Begin the film anew, at `start`; what lies before is decoded, and not sent through the pipe."""
        self.close()
        film = self._film
        self._next = start = max(start, -(film.first // film.every))
        self._reel = read_frames(
            Path(film.file),
            fps=Fraction(film.rate) if film.rate else measured(Path(film.file)).keeping,
            first=film.first + start * film.every,
            every=film.every,
            scaled=self._scaled,
            alpha=self._alpha,
            damaged=self._tell,
        )

    def _advance(self, wanted: int) -> None:
        """Read one more picture; at the film's end settle which is the last."""
        picture = next(self._reel, None) if self._reel is not None else None
        if picture is not None:
            self._kept[self._next] = picture
            self._next += 1
            while len(self._kept) > self._reach:
                self._kept.popitem(last=False)
        elif self._kept:
            if self._frames and self._frames - self._next > FORGIVEN:
                there = self._film.first + self._next * self._film.every
                raise VideoError(
                    f"{self._film.file}: ends before frame {self._next} of {self._frames}; what is rendered is kept, "
                    f"and `to: {there}`, in another directory or with --restart, renders all there is"
                )
            self._last = self._next - 1
        elif self._next > -(self._film.first // self._film.every):  # begun past the end: twice as far before it
            self._begin(2 * self._next - wanted - 1)
        else:
            raise VideoError(f"{self._film.file}: holds no picture that can be read")

    def _tell(self, words: str) -> None:
        if not self._damaged:
            self._damaged = True
            first = words.splitlines()[0]
            self._say(f"{self._film.file}: is damaged; for what is lost of it the picture before stands ({first})")

    def _scaled(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) to which ffmpeg scales a film of this size; what hangs over is cut by `fit`."""
        high, wide = self._size
        if self._fit == "stretch":
            return high, wide
        choose = max if self._fit == "crop" else min
        scale = choose(high / height, wide / width)
        return max(1, round(height * scale)), max(1, round(width * scale))
