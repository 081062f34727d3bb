"""What a schedule learns of a film, and which it refuses."""

from fractions import Fraction
from pathlib import Path

import pytest

import animate
from animate.render.watch import watch
from animate.schedule.film import WatchError
from tests.render.test_restyle import made

CARD = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1")


def test_sound_that_begins_before_the_pictures_is_skipped_to_the_first_of_them(tmp_path: Path) -> None:
    tone = ("-f", "lavfi", "-i", "sine=duration=2")
    film = made(tmp_path / "late.mkv", "-itsoffset", "0.5", *CARD, *tone, "-c:v", "ffv1", "-c:a", "pcm_s16le")
    assert watch(film).begins == pytest.approx(0.5)
    plan = animate.plan({"video": {"file": str(film), "from": 3}, "prompts": "x"})
    assert plan.settings["soundtrack_offset"] == pytest.approx(0.8)
    assert plan.fps == Fraction(10)


def test_times_that_cannot_be_right_are_told(tmp_path: Path) -> None:
    film = made(tmp_path / "days.mkv", *CARD, "-vf", "setpts=N*4000/TB", "-fps_mode", "passthrough", "-c:v", "ffv1")
    with pytest.raises(WatchError, match=r"days\.mkv: 10 frames in 11 hours, its times cannot be right"):
        watch(film)
