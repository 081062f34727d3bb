"""The projector: the frames of a film as the animation wants them, streamed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from torch import Tensor

from animate.errors import VideoError
from animate.picture import convert
from animate.schedule.film import Film
from animate.video.reader import read_frames

FORGIVEN = 3
"""Frames that a container may count and a decoder not give: they were cut away, or are for other frames alone. The
last picture stands in for them."""


class Projector:
    """Pictures of a film by the animation's frames; best asked in their order.

    The last `reach` of them are kept, which is all the memory it takes; to go further back the film is begun anew.
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
    ) -> None:
        """`size` is (height, width), `frames` how many of the film's pictures there should be.

        `alpha`: its transparency is shown, in grey, and not its pictures.
        """
        self._alpha = alpha
        self._film = film
        self._size = size
        self._fit = fit
        self._frames = frames
        self._reach = max(2, reach)
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()
        self._reel: Generator[np.ndarray, None, None] | None = None
        self._next = 0

    def __call__(self, index: int) -> Tensor:
        """(3, H, W) in [0, 1], on the CPU. Raises VideoError where the film ends too early or is damaged."""
        if index not in self._kept and index < self._next:
            self.close()
        while index not in self._kept:
            self._advance(index)
        return convert.fit(convert.from_uint8(self._kept[index]), *self._size, self._fit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child that decodes; the next picture begins the film anew."""
        if self._reel is not None:
            self._reel.close()
        self._reel, self._next = None, 0
        self._kept.clear()

    def _advance(self, wanted: int) -> None:
        if self._reel is None:
            film = self._film
            self._next = max(0, wanted - self._reach)  # what lies before is decoded, and not sent through the pipe
            self._reel = read_frames(  # type: ignore[assignment]
                Path(film.file),
                fps=Fraction(film.rate) if film.rate else None,
                first=film.first + self._next * film.every,
                every=film.every,
                scaled=self._scaled,
                alpha=self._alpha,
            )
        picture = next(self._reel, None)  # type: ignore[arg-type]
        if picture is None:
            if not self._kept or self._frames - self._next > FORGIVEN:
                raise VideoError(
                    f"{self._film.file}: ends before frame {self._next} of {self._frames}; "
                    "what is rendered is kept, and a `to` that is earlier renders it whole"
                )
            picture = self._kept[next(reversed(self._kept))]
        self._kept[self._next] = picture
        self._next += 1
        while len(self._kept) > self._reach:
            self._kept.popitem(last=False)

    def _scaled(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) to which ffmpeg scales a film of this size; what hangs over is cut by `fit`."""
        high, wide = self._size
        if self._fit == "stretch":
            return high, wide
        choose = max if self._fit == "crop" else min
        scale = choose(high / height, wide / width)
        return max(1, round(height * scale)), max(1, round(width * scale))
