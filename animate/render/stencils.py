"""Stencils: the masks that are files, pictures and videos, in the animation's size and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from animate.errors import BadInput
from animate.picture import convert
from animate.render.projector import Projector
from animate.schedule.files import PICTURES
from animate.schedule.plan import Plan
from animate.video.reader import probe, read_frames

KEPT = 8
"""Pictures that are held."""
OPAQUE = 250
"""Of 255: an alpha that is nowhere less says nothing; codecs with loss do not keep 255."""


class Stencils:
    """Masks by file; a video's frames go with those of the film, or with the animation's own."""

    def __init__(self, plan: Plan, say: Callable[[str], None] = lambda _: None) -> None:
        """`say` hears of a damage, once a file."""
        self._film = plan.film
        self._size = plan.size
        self._fit = str(plan.settings["video_fit"])
        self._say = say
        self._videos: dict[tuple[str, bool], tuple[Projector, Projector]] = {}
        """Each twice, since keys of a restyled film are painted ahead: the second shows what the first has passed."""
        self._still = lru_cache(KEPT)(self._still)  # type: ignore[method-assign]

    def __call__(self, index: int, file: str, alpha: bool = False) -> Tensor:
        """(1, H, W) in [0, 1], on the CPU, for frame `index`.

        Of a picture, and of a video that has one, the alpha where it says anything, else the brightness; with `alpha`
        nothing else. Past the end of a video its last picture stands.

        Raises:
            BadInput: there is no alpha.
            VideoError: it cannot be read.
        """
        if Path(file).suffix.lower() in PICTURES:
            return self._still(file, alpha)
        if (file, alpha) not in self._videos:
            transparent = probe(Path(file)).alpha
            if alpha and not transparent:
                raise BadInput(f"{file}: has no alpha to mask by; take luma, or a mask in a file of its own")
            told = replace(self._film, file=file, styles=())
            masks = transparent and (alpha or _lets_through(Path(file)))
            more: dict[str, Any] = {"frames": 0, "alpha": masks}
            ahead = Projector(told, self._size, self._fit, **more, say=self._say)
            self._videos[file, alpha] = ahead, Projector(told, self._size, self._fit, **more)
        ahead, behind = self._videos[file, alpha]
        return (ahead if ahead.reaches(index) else behind)(index)[:1]

    def _still(self, file: str, alpha: bool) -> Tensor:
        mask = convert.read_alpha(file) if alpha else convert.read_mask(file)
        return convert.fit(mask, *self._size, self._fit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for reels in self._videos.values():
            for reel in reels:
                reel.close()


def _lets_through(path: Path) -> bool:
    """Whether a video with alpha is anywhere less than opaque; every GIF has one, whatever it shows."""
    told = path.stat()
    return _is_clear(path, told.st_size, told.st_mtime_ns)


@lru_cache(KEPT)
def _is_clear(path: Path, size: int, changed: int) -> bool:
    frames = read_frames(path, alpha=True, scaled=lambda height, width: (64, 64), damaged=lambda _: None)
    return any(int(frame.min()) < OPAQUE for frame in frames)
