from fractions import Fraction
from pathlib import Path

import pytest

from animate.errors import VideoError
from animate.video import ffmpeg
from animate.video.reader import read_frames
from animate.video.stamps import stamps


def made(path: Path, *arguments: str) -> Path:
    status, _, words = ffmpeg.output_of(
        ["-f", "lavfi", "-i", "testsrc2=s=32x32:r=24000/1001:d=1", *arguments, str(path)]
    )
    assert status == 0, words
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm", "a.avi"])
def test_each_frame_has_its_stamp(name: str, tmp_path: Path) -> None:
    path = made(tmp_path / name)
    shown = stamps(path)
    assert len(shown) == len(list(read_frames(path)))
    for index, stamp in enumerate(shown):
        tolerance = Fraction(1, 1000) if name == "a.webm" else 0  # which counts in thousandths
        assert abs(stamp - shown[0] - index * Fraction(1001, 24000)) <= tolerance


def test_frames_that_are_left_out_leave_gaps(tmp_path: Path) -> None:
    path = made(tmp_path / "a.mp4", "-vf", "select=not(eq(mod(n\\,5)\\,3))", "-fps_mode", "passthrough")
    places = [(stamp * 24000 / 1001) for stamp in stamps(path)]
    assert [place - places[0] for place in places] == [index for index in range(24) if index % 5 != 3]


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    with pytest.raises(VideoError, match=r"broken\.mp4: cannot be read"):
        stamps(tmp_path / "broken.mp4")
