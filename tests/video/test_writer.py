"""Each codec once through the real ffmpeg, counted and looked at by decoding."""

import json
import os
import re
import signal
import time
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animate.errors import EncodeError
from animate.video import ffmpeg
from animate.video.codecs import CODECS, Encoding, codec_of
from animate.video.ffmpeg import file_argument
from animate.video.reader import count_frames, probe, read_frames
from animate.video.writer import Soundtrack, VideoWriter
from tests.video.pictures import COLOURS, frame, number_in, tone

FRAMES = 20
FILM = Fraction(24000, 1001)


def write(path: Path, frames: int = FRAMES, fps: Fraction = FILM, size: tuple[int, int] = (48, 64), **more) -> Path:
    with VideoWriter(path, width=size[1], height=size[0], fps=fps, **more) as video:
        for number in range(frames):
            video.write(frame(number, *size))
    return path


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_keeps_every_frame_its_order_colour_and_rate(tmp_path: Path, codec: str) -> None:
    path = write(tmp_path / f"a{CODECS[codec].suffix}", encoding=Encoding(codec=codec, preset="ultrafast"))
    frames = list(read_frames(path))
    assert [number_in(picture) for picture in frames] == list(range(FRAMES))
    assert count_frames(path) == FRAMES
    shown = np.array([picture[34:44, 20:40].mean((0, 1)) for picture in frames])
    assert np.abs(shown - COLOURS[np.arange(FRAMES) % 5]).max() < 12  # a wrong matrix errs by 20 and more
    info = probe(path)
    assert (info.width, info.height, info.sound) == (64, 48, "")
    if codec != "gif":  # whose clock has hundredths of a second
        assert info.fps == FILM
    assert info.duration == pytest.approx(FRAMES / FILM, abs=0.06)
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("codec", ["h264", "h265", "vp9", "prores"])
def test_the_pictures_are_tagged_with_the_colours_they_were_converted_to(tmp_path: Path, codec: str) -> None:
    path = write(tmp_path / f"a{CODECS[codec].suffix}", 3, encoding=Encoding(codec=codec, preset="ultrafast"))
    described = ffmpeg.output_of(["-i", file_argument(path)])[2]
    assert re.search(r"Video: .*\((tv, )?bt709", described), described


@pytest.mark.parametrize("codec", CODECS)
def test_odd_sizes(tmp_path: Path, codec: str) -> None:
    path = write(
        tmp_path / f"a{CODECS[codec].suffix}",
        3,
        size=(49, 67),
        encoding=Encoding(codec=codec, preset="ultrafast"),
    )
    pictures = list(read_frames(path))
    width, height = CODECS[codec].coarse
    assert pictures[0].shape == (49 + -49 % height, 67 + -67 % width, 3)
    assert np.abs(pictures[2][-1].astype(int) - frame(2, 49, 67)[-1, 0]).max() < 15  # no black edge


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25, 2), Fraction(30000, 1001), Fraction(1, 2), Fraction(240)])
def test_rates_are_exact(tmp_path: Path, fps: Fraction) -> None:
    info = probe(write(tmp_path / "a.mp4", 5, fps, encoding=Encoding(preset="ultrafast")))
    assert info.fps == fps
    assert info.duration == pytest.approx(5 / fps, abs=0.02)


def test_a_gif_is_not_faster_than_browsers_show(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gif", 30, Fraction(60), encoding=Encoding(codec="gif"))
    assert count_frames(path) == 25
    assert probe(path).duration == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("codec", ["h264", "vp9", "prores"])
def test_texts_of_any_length_and_letter_read_back(tmp_path: Path, codec: str) -> None:
    settings = json.dumps({"prompt": 'mist; a=b # ünïcode 漢字 \\ "quoted"\nnext line', "long": "x" * 100_000})
    path = write(
        tmp_path / f"a{CODECS[codec].suffix}",
        2,
        encoding=Encoding(codec=codec, preset="ultrafast"),
        metadata={"title": "a quiet sea", "comment": settings},
    )
    texts = probe(path).metadata
    assert texts["title"] == "a quiet sea"
    assert texts["comment"] == settings


def test_a_gif_holds_the_comment(tmp_path: Path) -> None:
    comment = json.dumps({"prompt": "mist " * 200, "letters": "漢字"})
    path = write(tmp_path / "a.gif", 3, encoding=Encoding(codec="gif"), metadata={"title": "x", "comment": comment})
    assert probe(path).metadata["comment"] == comment
    assert len(list(read_frames(path))) == 3


def loudness(path: Path) -> np.ndarray:
    """Root mean square of the sound in steps of 50 ms."""
    child = ffmpeg.Ffmpeg(
        ["-v", "error", "-i", file_argument(path), "-map", "0:a", "-ar", "8000", "-ac", "1", "-f", "s16le", "pipe:1"],
        listen=True,
    )
    samples = np.frombuffer(child.answers.read(), "<i2").astype(float)
    child.finish()
    steps = samples[: len(samples) // 400 * 400].reshape(-1, 400)
    return np.sqrt((steps**2).mean(1))


@pytest.mark.parametrize("codec", ["h264", "vp9", "prores"])
@pytest.mark.parametrize(
    ("seconds", "silent", "offset", "sounds"),
    [
        (5.0, 1.0, 0.0, (1.0, 2.0)),  # longer than the video: cut
        (5.0, 1.0, 0.5, (0.5, 2.0)),  # begins in the middle
        (1.0, 0.0, 0.0, (0.0, 1.0)),  # shorter: silence to the end
        (5.0, 0.0, -0.75, (0.75, 2.0)),  # comes in later
    ],
)
def test_the_soundtrack_begins_where_it_should_and_lasts_as_long_as_the_pictures(
    tmp_path: Path, codec: str, seconds: float, silent: float, offset: float, sounds: tuple[float, float]
) -> None:
    sound = tone(tmp_path / "tone.wav", seconds=seconds, silent_before=silent)
    path = write(
        tmp_path / f"a{CODECS[codec].suffix}",
        24,
        Fraction(12),
        encoding=Encoding(codec=codec, preset="ultrafast"),
        soundtrack=Soundtrack(path=sound, offset=offset),
    )
    assert count_frames(path) == 24
    assert probe(path).fps == 12
    assert probe(path).duration == pytest.approx(2.0, abs=0.07)
    heard = np.flatnonzero(loudness(path) > 3000) * 0.05
    assert heard[0] == pytest.approx(sounds[0], abs=0.11)
    assert heard[-1] + 0.05 == pytest.approx(sounds[1], abs=0.11)


@pytest.mark.parametrize(("ending", "codec"), [("mkv", "h264"), ("mkv", "vp9"), ("mkv", "prores"), ("ts", "h264")])
@pytest.mark.parametrize(("offset", "begins"), [(0.0, 0.7), (0.5, 0.2), (-0.5, 1.2)])
def test_sound_that_begins_later_in_its_file_is_late_in_the_mix(
    tmp_path: Path, ending: str, codec: str, offset: float, begins: float
) -> None:
    """As in a film whose pictures begin before its sound; and there is as much of it as of the pictures."""
    later = tmp_path / f"later.{ending}"
    source = ("-f", "lavfi", "-i", "color=size=16x16:rate=25:duration=3", "-itsoffset", "0.7")
    sound = ("-f", "lavfi", "-i", "sine=duration=2", "-c:v", "libx264", "-c:a", "aac", "-af", "volume=8")
    assert ffmpeg.output_of(["-v", "error", *source, *sound, file_argument(later)])[0] == 0
    path = write(
        tmp_path / f"a{CODECS[codec].suffix}",
        24,
        Fraction(12),
        encoding=Encoding(codec=codec, preset="ultrafast"),
        soundtrack=Soundtrack(path=later, offset=offset),
    )
    steps = loudness(path)
    assert np.flatnonzero(steps > 3000)[0] * 0.05 == pytest.approx(begins, abs=0.06)
    assert len(steps) * 0.05 == pytest.approx(2.0, abs=0.051)


def test_opus_takes_sound_from_all_around(tmp_path: Path) -> None:
    around = tmp_path / "around.wav"
    source = ("-f", "lavfi", "-i", "aevalsrc=0.5*sin(2764*t):d=2:s=48000,aformat=channel_layouts=5.1(side)")
    assert ffmpeg.output_of(["-v", "error", *source, file_argument(around)])[0] == 0
    path = write(tmp_path / "a.webm", encoding=Encoding(codec="vp9"), soundtrack=Soundtrack(path=around))
    assert probe(path).sound == "opus"
    assert loudness(path)[2:-2].min() > 1000


def test_a_video_whose_sound_cannot_be_mixed_stays_without_it(tmp_path: Path) -> None:
    many = tmp_path / "many.wav"
    with wave.open(str(many), "wb") as file:
        file.setnchannels(9)  # of which nothing says where they stand
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 9 * 8000))
    with pytest.raises(EncodeError, match=r"a\.mp4: is whole but silent; its sound cannot be used: ffmpeg ended with"):
        write(tmp_path / "a.mp4", soundtrack=Soundtrack(path=many))
    assert [number_in(picture) for picture in read_frames(tmp_path / "a.mp4")] == list(range(FRAMES))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mp4", "many.wav"]


def test_a_video_whose_sound_is_gone_by_its_end_stays_without_it(tmp_path: Path) -> None:
    sound = tone(tmp_path / "tone.wav", seconds=1)
    video = VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=FILM, soundtrack=Soundtrack(path=sound))
    video.write(frame(0, 48, 64))
    sound.unlink()
    with pytest.raises(EncodeError, match=r"a\.mp4: is whole but silent; its sound cannot be used: .*tone\.wav"):
        video.close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    assert count_frames(tmp_path / "a.mp4") == 1


def test_sound_and_pictures_stay_together_over_ten_minutes(tmp_path: Path) -> None:
    """A flash and a click every 50 s, the sound beginning 7.3 s into its file: the last pair as close as the first."""
    seconds, offset, rate, slow = 600, 7.3, 8000, Fraction(12000, 1001)
    times = np.arange(10, seconds, 50, dtype=float)
    samples = np.zeros(int((seconds + offset) * rate), "<i2")
    for second in times:
        at = round((second + offset) * rate)
        samples[at : at + 80] = 20_000
    with wave.open(str(tmp_path / "clicks.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    flashes = set(np.round(times * float(slow)).astype(int).tolist())
    path = tmp_path / "long.mp4"
    soundtrack = Soundtrack(path=tmp_path / "clicks.wav", offset=offset)
    fast = Encoding(codec="h264", preset="ultrafast")
    with VideoWriter(path, width=16, height=16, fps=slow, encoding=fast, soundtrack=soundtrack) as video:
        for number in range(round(seconds * slow)):
            video.write(np.full((16, 16, 3), 255 if number in flashes else 0, np.uint8))
    seen = [number / float(slow) for number, picture in enumerate(read_frames(path)) if picture.mean() > 128]
    child = ffmpeg.Ffmpeg(
        ["-v", "error", "-i", file_argument(path), "-map", "0:a", "-ar", "8000", "-ac", "1", "-f", "s16le", "pipe:1"],
        listen=True,
    )
    heard = np.flatnonzero(np.abs(np.frombuffer(child.answers.read(), "<i2").astype(float)) > 6000) / rate
    child.finish()
    starts = heard[np.concatenate([[True], np.diff(heard) > 1])]
    assert probe(path).fps == slow
    assert len(seen) == len(starts) == len(times)
    drift = (starts - seen) * 24  # frames of 24 a second
    assert np.abs(drift).max() < 1
    assert abs(drift[-1] - drift[0]) < 1


def test_an_early_close_is_a_shorter_video_with_its_sound(tmp_path: Path) -> None:
    sound = tone(tmp_path / "tone.wav", seconds=30)
    video = VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=Fraction(10), soundtrack=Soundtrack(path=sound))
    for number in range(7):
        video.write(frame(number))
        time.sleep(0.02)
    video.close()
    video.close()
    assert [number_in(picture) for picture in read_frames(tmp_path / "a.mp4")] == list(range(7))
    assert probe(tmp_path / "a.mp4").duration == pytest.approx(0.7, abs=0.1)


def test_an_exception_leaves_the_old_video_and_no_leftovers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 3)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="uint8"):
        overwrite(path, [frame(0), np.zeros(3)])
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def overwrite(path: Path, frames: list[np.ndarray]) -> None:
    with VideoWriter(path, width=64, height=48, fps=FILM, metadata={"title": "x"}) as video:
        for picture in frames:
            video.write(picture)


def test_no_frames_no_file(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_shape_is_refused_before_it_shears_the_video(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=FILM) as video:
        video.write(frame(0))
        for wrong in (frame(0, 64, 48), frame(0).astype(np.float32), frame(0)[..., :2]):
            with pytest.raises(ValueError, match="frame"):
                video.write(wrong)
    assert count_frames(tmp_path / "a.mp4") == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_ffmpeg_is_told_with_its_file_and_signal(tmp_path: Path) -> None:
    video = VideoWriter(tmp_path / "a.mp4", width=640, height=480, fps=FILM)
    video.write(frame(0, 480, 640))
    os.kill(video.pid, signal.SIGKILL)
    with pytest.raises(EncodeError, match=r"a\.mp4: ffmpeg was killed by signal 9"):
        write_on(video)
    assert list(tmp_path.iterdir()) == []


def test_ffmpegs_own_words_are_in_the_error(tmp_path: Path) -> None:
    video = VideoWriter(tmp_path / "a.mp4", width=640, height=480, fps=Fraction(-1))
    with pytest.raises(EncodeError, match=r'a\.mp4: ffmpeg ended with status \d+: .*Unable to parse "framerate"'):
        write_on(video)
    assert list(tmp_path.iterdir()) == []


def write_on(video: VideoWriter) -> None:
    for number in range(200):
        video.write(frame(number, 480, 640))


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        (Encoding(codec="h266"), "unknown; there are h264"),
        (Encoding(crf=60), "crf 60 is outside 0 to 51"),
        (Encoding(codec="vp9", crf=-1), "outside 0 to 63"),
        (Encoding(preset="quick"), "preset 'quick' is unknown"),
    ],
)
def test_encodings_that_do_not_exist(tmp_path: Path, encoding: Encoding, words: str) -> None:
    with pytest.raises(EncodeError, match=words):
        VideoWriter(tmp_path / "a.mp4", width=64, height=48, fps=FILM, encoding=encoding)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_encoder_is_told_with_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "encoders", lambda: frozenset({"libvpx-vp9", "gif"}))
    with pytest.raises(EncodeError, match=r"no encoder libx264 for h264; it can write vp9, gif"):
        codec_of(Encoding())


def test_a_soundtrack_that_cannot_be(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("not a sound")
    with pytest.raises(EncodeError, match=r"soundtrack .*broken\.wav: cannot be read"):
        write(tmp_path / "a.mp4", soundtrack=Soundtrack(path=broken))
    late = Soundtrack(path=tone(tmp_path / "tone.wav", seconds=1), offset=1.5)
    with pytest.raises(EncodeError, match=r"lasts 1\.0 s; an offset of 1\.5 s is past it"):
        write(tmp_path / "a.mp4", soundtrack=late)
    with pytest.raises(EncodeError, match="is not there"):
        write(tmp_path / "a.mp4", soundtrack=Soundtrack(path=tmp_path / "none.wav"))
    with pytest.raises(EncodeError, match="gif holds no sound"):
        write(tmp_path / "a.gif", encoding=Encoding(codec="gif"), soundtrack=Soundtrack(path=tmp_path / "none.wav"))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"a\.mp4"):
        write(tmp_path / "nowhere" / "a.mp4", 300)


def test_the_leftovers_of_a_killed_writer_go(tmp_path: Path) -> None:
    (tmp_path / "a.mp4.123.part").write_bytes(b"old")
    (tmp_path / "a.mp4.123.texts.part").write_bytes(b"old")
    (tmp_path / "b.mp4.123.part").write_bytes(b"another's")
    write(tmp_path / "a.mp4", 2)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mp4", "b.mp4.123.part"]
