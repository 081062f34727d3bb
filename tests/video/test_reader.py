"""Videos as other programs leave them: turned, transparent, of uneven rate, of ten bits, damaged."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animate.errors import VideoError
from animate.video import ffmpeg
from animate.video.ffmpeg import file_argument
from animate.video.reader import count_frames, measure, probe, read_frames, sound_seconds
from animate.video.writer import VideoWriter
from tests.video.pictures import frame, number_in, tone


def made(path: Path, *arguments: str) -> Path:
    """A file made by ffmpeg itself."""
    status, _, words = ffmpeg.output_of(["-v", "error", "-y", *arguments, file_argument(path)])
    assert status == 0, words
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty numbered frames of 64 × 48 at 30000/1001 frames a second."""
    path = tmp_path_factory.mktemp("plain") / "plain.mp4"
    with VideoWriter(path, width=64, height=48, fps=Fraction(30000, 1001)) as video:
        for number in range(30):
            video.write(frame(number))
    return path


def test_frames_come_one_by_one(plain: Path) -> None:
    stream = read_frames(plain)
    assert number_in(next(stream)) == 0
    assert number_in(next(stream)) == 1
    stream.close()  # type: ignore[attr-defined]  # an early end leaves no process behind and is no error
    assert [number_in(picture) for picture in read_frames(plain)] == list(range(30))


def test_another_rate_repeats_and_leaves_out(plain: Path) -> None:
    half = [number_in(picture) for picture in read_frames(plain, fps=Fraction(15000, 1001))]
    assert len(half) == 15
    assert half == sorted(set(half))
    twice = [number_in(picture) for picture in read_frames(plain, fps=Fraction(60000, 1001))]
    assert len(twice) == 60
    assert twice == sorted(twice)
    whole = [number_in(picture) for picture in read_frames(plain, fps=Fraction(20))]
    part = [number_in(picture) for picture in read_frames(plain, fps=Fraction(20), first=7, every=3)]
    assert part == whole[7::3]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_video_is_shown_upright(plain: Path, tmp_path: Path, turn: int) -> None:
    path = made(
        tmp_path / "turned.mp4", "-display_rotation", str(turn), "-i", file_argument(plain), "-c", "copy", "-map", "0"
    )
    info = probe(path)
    pictures = list(read_frames(path))
    assert pictures[0].shape == (info.height, info.width, 3) == ((48, 64, 3) if turn == 180 else (64, 48, 3))
    upright = [number_in(np.rot90(picture, -turn // 90)) for picture in pictures]  # it was turned anti-clockwise
    assert upright == list(range(30))


def test_an_uneven_rate_gives_each_frame_once_or_a_steady_stream(plain: Path, tmp_path: Path) -> None:
    """The second half is shown three times as long."""
    path = made(
        tmp_path / "uneven.mkv",
        *("-i", file_argument(plain), "-filter:v", "setpts='if(lt(N,15),N,15+(N-15)*3)/(30*TB)'"),
        *("-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast"),
    )
    assert [number_in(picture) for picture in read_frames(path)] == list(range(30))
    steady = [number_in(picture) for picture in read_frames(path, fps=Fraction(30))]
    assert len(steady) == pytest.approx(60, abs=3)
    assert steady.count(20) == pytest.approx(3, abs=1)


def test_frames_closer_together_than_the_mean_rate_are_no_damage(plain: Path, tmp_path: Path) -> None:
    """Ten frames a second, then two hundred."""
    path = made(
        tmp_path / "close.mkv",
        *("-i", file_argument(plain), "-filter:v", "setpts='if(lt(N,15),N/10,1.5+(N-15)/200)/TB'"),
        *("-enc_time_base", "1/1000", "-fps_mode", "passthrough", "-c:v", "ffv1"),
    )
    assert [number_in(picture) for picture in read_frames(path)] == list(range(30))


@pytest.mark.parametrize(
    ("name", "pixels", "codec"),
    [
        ("a.mov", "yuva444p10le", ("-c:v", "prores_ks", "-profile:v", "4444")),
        ("a.webm", "yuva420p", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")),
        ("a.png", "rgba", ()),
    ],
)
def test_what_is_transparent_is_black(tmp_path: Path, name: str, pixels: str, codec: tuple[str, ...]) -> None:
    """White, the left half transparent, the right half opaque."""
    count = () if name.endswith("png") else ("-frames:v", "3")
    path = made(
        tmp_path / name,
        *(
            "-f",
            "lavfi",
            "-i",
            "color=white:size=64x48:rate=10,format=rgba,geq=r=255:g=255:b=255:a='if(lt(X,32),0,255)'",
        ),
        *(*(count or ("-frames:v", "1")), *codec, "-pix_fmt", pixels),
    )
    assert probe(path).alpha
    picture = next(iter(read_frames(path)))
    assert picture[:, :24].max() < 12
    assert picture[:, 40:].min() > 243


def test_ten_bits_are_read_as_eight_without_a_shift(tmp_path: Path) -> None:
    path = made(
        tmp_path / "a.mp4",
        *("-f", "lavfi", "-i", "color=0x808080:size=64x48:rate=10", "-frames:v", "3"),
        *("-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le"),
    )
    assert probe(path).pixels == "yuv420p10le"
    pictures = list(read_frames(path))
    assert len(pictures) == 3
    assert np.abs(pictures[1].astype(int) - 128).max() <= 2


def test_a_gif_of_others_keeps_its_frames(tmp_path: Path) -> None:
    path = made(tmp_path / "a.gif", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10", "-frames:v", "7")
    assert len(list(read_frames(path))) == 7
    assert probe(path).fps == 10


def test_pictures_with_and_without_sound(plain: Path, tmp_path: Path) -> None:
    assert probe(plain).sound == ""
    with pytest.raises(VideoError, match=r"plain\.mp4: holds no sound"):
        sound_seconds(plain)
    sound = tone(tmp_path / "a.wav", seconds=1.5)
    assert sound_seconds(sound) == pytest.approx(1.5, abs=0.02)
    with pytest.raises(VideoError, match=r"a\.wav: holds no pictures"):
        probe(sound)
    both = made(
        tmp_path / "both.mp4", "-i", file_argument(plain), "-i", file_argument(sound), "-c:v", "copy", "-c:a", "aac"
    )
    assert probe(both).sound == "aac"
    assert len(list(read_frames(both))) == 30


def test_names_that_mislead_ffmpeg(plain: Path, tmp_path: Path) -> None:
    for name in ("-y.mp4", "a b'c\".mp4", "100%.mp4", "frame%03d.mp4", "ünï 漢字.mp4", "concat:x.mp4"):
        path = tmp_path / name
        path.write_bytes(plain.read_bytes())
        assert count_frames(path) == 30, name


def test_what_is_no_video_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"none\.mp4: is not there"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="is not a file"):
        probe(tmp_path)
    for name, content, words in [
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"hello\n", r"cannot be read as a video or sound \(moov atom not found\)"),
        ("noise.mp4", bytes(range(256)) * 40, "cannot be read as a video"),
        ("poem.txt", b"roses are red\n" * 20, "cannot be read|is a text"),
        ("page.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n", "cannot be read|no pictures"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(VideoError, match=rf"{name}: .*({words})"):
            probe(path)
        with pytest.raises(VideoError, match=name):
            list(read_frames(path))


def test_a_video_without_its_end_says_so_after_what_could_be_read(plain: Path, tmp_path: Path) -> None:
    whole = plain.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 2 // 3])  # the index stands first, so the beginning can be read
    seen = []
    with pytest.raises(VideoError, match=r"cut\.mp4: damaged"):
        seen.extend(number_in(picture) for picture in read_frames(path))
    assert 3 <= len(seen) < 30
    assert seen == list(range(len(seen)))
    path.write_bytes(whole[:200])
    with pytest.raises(VideoError, match=r"cut\.mp4: (cannot be read|holds no pictures)"):
        list(read_frames(path))


def test_what_an_mp4_cut_without_encoding_leaves_out_is_not_counted(plain: Path, tmp_path: Path) -> None:
    """The frames from the last key before the cut are stored, and decoded only for the others."""
    path = made(tmp_path / "cut.mp4", "-ss", "0.5", "-i", file_argument(plain), "-c", "copy")
    seen = [number_in(picture) for picture in read_frames(path)]
    assert seen == list(range(15, 30))
    assert measure(path)[:3] == (15, pytest.approx(15 * 1001 / 30000), True)
    assert count_frames(path) == 15


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_an_avi_that_does_not_say_when_its_frames_are_shown_is_steady(plain: Path, tmp_path: Path, codec: str) -> None:
    whole = made(
        tmp_path / "whole.mp4", "-i", file_argument(plain), "-r", "25", "-c:v", codec, "-bf", "2", "-frames:v", "20"
    )
    path = made(tmp_path / "a.avi", "-i", file_argument(whole), "-c", "copy")
    found = measure(path)
    assert found[:4] == (20, pytest.approx(0.8), True, 25)
    assert not found.stamped
    assert probe(path).fps == 25
    assert len(list(read_frames(path))) == 20


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_rate_between_those_of_television_does_not_drift(tmp_path: Path, ending: str) -> None:
    path = made(
        tmp_path / f"a.{ending}",
        *("-f", "lavfi", "-i", "color=size=16x16:rate=29.983:duration=150", "-c:v", "libx264", "-preset", "ultrafast"),
    )
    found = measure(path)
    assert found.steady
    assert abs(found.frames / float(found.rate) - found.frames / 29.983) < 0.5 / 29.983
    assert probe(path).fps != Fraction(30000, 1001)


def test_a_steady_film_of_which_some_frames_are_lost_keeps_its_rate(plain: Path, tmp_path: Path) -> None:
    lost = ("-vf", "select='not(between(n,10,13))'", "-fps_mode", "passthrough", "-c:v", "ffv1")
    path = made(tmp_path / "lost.mkv", "-i", file_argument(plain), *lost)
    found = measure(path)
    assert found[:4] == (26, pytest.approx(30 * 1001 / 30000, abs=2e-3), False, Fraction(30000, 1001))
    held = [number_in(picture) for picture in read_frames(path, fps=found.rate)]
    assert held == [number if not 10 <= number < 14 else 9 for number in range(30)]


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_pictures_that_begin_later_than_the_sound_say_by_how_much(plain: Path, tmp_path: Path, ending: str) -> None:
    sound = tone(tmp_path / "a.wav", seconds=2)
    path = made(
        tmp_path / f"late.{ending}",
        *("-itsoffset", "0.52", "-i", file_argument(plain), "-i", file_argument(sound), "-c:v", "copy", "-c:a", "aac"),
    )
    assert measure(path).begins == pytest.approx(0.52, abs=0.06)  # AAC begins a packet or two before its sound
    assert measure(plain).begins == 0
    held = [number_in(picture) for picture in read_frames(path, fps=Fraction(30000, 1001))]
    assert held == list(range(30))
