"""A film as a run asks for it: from anywhere, at any rate, to its end and past it."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animate.picture import convert
from animate.render.projector import Projector
from animate.schedule.film import Film
from animate.video.codecs import Encoding
from animate.video.writer import VideoWriter
from tests.video.pictures import frame, number_in

SIZE = 48, 64
FRAMES = 60


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty numbered frames, 25 a second."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with VideoWriter(path, width=64, height=48, fps=Fraction(25), encoding=Encoding(preset="ultrafast")) as video:
        for number in range(FRAMES):
            video.write(frame(number))
    return path


def shown(show: Projector, index: int) -> int:
    return number_in(np.asarray(convert.to_uint8(show(index))))


@pytest.mark.parametrize("rate", ["", "10", "50"])
def test_a_part_of_a_film_is_the_same_wherever_it_begins(film: Path, rate: str) -> None:
    told = Film(file=str(film), first=7, every=3, rate=rate)
    frames = (FRAMES * int(rate or 25) // 25 - 7) // 3
    with Projector(told, SIZE, frames=frames) as straight:
        seen = [shown(straight, index) for index in range(frames)]
    step = 75 / int(rate or 25)
    assert seen == pytest.approx([7 / 3 * step + index * step for index in range(frames)], abs=1.5)
    for begin in (1, frames // 2, frames - 1):
        with Projector(told, SIZE, frames=frames) as show:
            assert shown(show, begin) == seen[begin]
