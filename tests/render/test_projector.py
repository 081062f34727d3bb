"""A film as a run asks for it: from anywhere, at any rate, to its end and past it."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import animate
from animate.errors import VideoError
from animate.picture import convert
from animate.render.projector import Projector
from animate.schedule.film import Film
from animate.video.codecs import Encoding
from animate.video.writer import VideoWriter
from tests.render.test_restyle import made
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


@pytest.mark.parametrize("first", [0, 50, 100])
def test_past_the_end_the_last_picture_stands_wherever_it_is_begun(film: Path, first: int) -> None:
    told = Film(file=str(film), first=first)
    with Projector(told, SIZE, frames=0) as straight:
        seen = [shown(straight, index) for index in range(80)]
    assert seen == [min(first + index, FRAMES - 1) for index in range(80)]
    for begin in (0, 9, 59, 60, 79):
        with Projector(told, SIZE, frames=0) as show:
            assert [shown(show, index) for index in (begin, begin, 0)] == [seen[begin], seen[begin], seen[0]]


@pytest.mark.parametrize("begin", [0, 40, 65])
def test_a_film_that_ends_too_early_is_told_wherever_it_is_begun(film: Path, begin: int) -> None:
    show = Projector(Film(file=str(film)), SIZE, frames=FRAMES + 10)
    with show, pytest.raises(VideoError, match=r"film\.mp4: ends before frame 60 of 70; .* `to: 60`"):
        [show(index) for index in range(begin, FRAMES + 10)]


@pytest.mark.parametrize("ending", ["mkv", "avi", "mov"])
def test_what_is_lost_in_the_middle_shifts_nothing_and_is_told_once(film: Path, tmp_path: Path, ending: str) -> None:
    path = made(tmp_path / f"broken.{ending}", "-i", str(film), "-c:v", "mjpeg", "-q:v", "1")
    whole = bytearray(path.read_bytes())
    starts = [place for place in range(len(whole)) if whole.startswith(b"\xff\xd8\xff", place)]
    assert len(starts) == FRAMES
    for start, following in itertools.pairwise(starts[20:24]):
        whole[start : following - 100] = bytes(following - 100 - start)
    path.write_bytes(whole)
    told: list[str] = []
    with Projector(
        animate.plan({"video": str(path), "prompts": "x"}).film, SIZE, frames=FRAMES, say=told.append
    ) as show:
        seen = [shown(show, index) for index in range(FRAMES)]
    assert seen == [19 if 20 <= number < 23 else number for number in range(FRAMES)]
    assert len(told) == 1
    assert "is damaged" in told[0]
