import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from animate.errors import BadInput, VideoError
from animate.picture import convert
from animate.render.interpolate import Rate, interpolate
from animate.render.source import find
from animate.video import ffmpeg
from animate.video.codecs import Encoding
from animate.video.reader import count_frames, probe, read_frames, sound_seconds
from animate.video.stills import read_picture, write_png
from animate.video.writer import Soundtrack, VideoWriter
from tests.interp.scenes import sliding

FRAMES = [convert.to_uint8(picture) for picture in sliding(6, size=(48, 64))]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames at 12 a second, with a tone."""
    folder = tmp_path_factory.mktemp("video")
    tone = folder / "tone.wav"
    ffmpeg.output_of(["-f", "lavfi", "-i", "sine=frequency=440:duration=0.5", str(tone)])
    path = folder / "clip.mp4"
    with VideoWriter(path, width=64, height=48, fps=Fraction(12), soundtrack=Soundtrack(path=tone)) as writer:
        for frame in FRAMES:
            writer.write(frame)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as pictures whose names are not filled with zeros."""
    path = tmp_path_factory.mktemp("pictures")
    for index, frame in enumerate(FRAMES):
        write_png(path / f"frame{index + 7}.png", frame)
    return path


def test_a_video_keeps_its_duration_and_sound(video: Path, tmp_path: Path) -> None:
    out = interpolate([video], tmp_path / "smooth.mp4", Rate(fps=Fraction(30)), engine="flow")
    info = probe(out)
    assert (info.width, info.height, info.fps, count_frames(out)) == (64, 48, Fraction(30), 15)
    assert info.sound == "aac"
    assert sound_seconds(out) == pytest.approx(0.5, abs=0.05)


def test_a_video_of_varying_rate_keeps_its_times(tmp_path: Path) -> None:
    """A second at 10 frames, then one at 30, that grows brighter evenly; and a tone, which must stay in step."""
    path = tmp_path / "varying.mp4"
    grey = "color=black:s=32x32:r={}:d=1,geq=lum='{}+80*T':cb=128:cr=128,settb=1/30000[{}]"
    parts = f"{grey.format(10, 30, 'a')};{grey.format(30, 110, 'b')};[a][b]concat=n=2"
    made = ["-filter_complex", parts, "-map", "0:a", "-fps_mode", "passthrough", "-enc_time_base", "1/30000"]
    status, _, words = ffmpeg.output_of(["-f", "lavfi", "-i", "sine=duration=2", *made, "-qp", "0", str(path)])
    assert status == 0, words
    out = interpolate([path], tmp_path / "even.mp4", Rate(fps=Fraction(60)), engine="blend")
    light = [float(frame.mean()) for frame in read_frames(out)]
    assert len(light) == 120
    truth = [(14 + 80 * index / 60) * 255 / 219 for index in range(118)]
    np.testing.assert_allclose(light[:118], truth, atol=4)  # 0.05 s; H.264 rounds
    assert sound_seconds(out) == pytest.approx(2, abs=0.05)
    assert find([path]).fps == 20
    slowed = interpolate([path], tmp_path / "slow", Rate(slow=Fraction(2)), engine="blend")
    assert len(list(slowed.iterdir())) == 80


@pytest.mark.parametrize("first", ["pictures", "sound"])
@pytest.mark.parametrize("slow", [1, 2])
def test_sound_stays_where_it_was_against_the_pictures(first: str, slow: int, tmp_path: Path) -> None:
    """A tone from 1.0 s on of its own, and whichever is not first begins half a second after the other."""
    path = tmp_path / "late.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=s=32x32:r=12:d=2"]
    sound = ["-f", "lavfi", "-i", "sine=duration=1,adelay=1000:all=1"]
    late = ["-itsoffset", "0.5"]
    given = [*picture, *late, *sound] if first == "pictures" else [*late, *picture, *sound]
    status, _, words = ffmpeg.output_of([*given, "-c:a", "aac", str(path)])
    assert status == 0, words
    rate = Rate(fps=Fraction(24), slow=Fraction(slow))
    out = interpolate(
        [path],
        tmp_path / "out.mov",
        rate,
        engine="hold",
        sound="stretch" if slow > 1 else "keep",
        encoding=Encoding(codec="prores"),
    )
    ffmpeg.output_of(["-i", str(out), "-ac", "1", "-ar", "8000", "-f", "s16le", str(tmp_path / "heard")])
    heard = np.abs(np.fromfile(tmp_path / "heard", np.int16))
    at = int(np.argmax(heard > heard.max() / 4)) / 8000
    assert at == pytest.approx(slow * (1.5 if first == "pictures" else 0.5), abs=0.08)


def test_pixels_that_are_not_square_become_so(tmp_path: Path) -> None:
    path = tmp_path / "vcd.mp4"
    ffmpeg.output_of(["-f", "lavfi", "-i", "testsrc2=s=72x58:r=12:d=0.5,setsar=16/11", str(path)])
    info = probe(interpolate([path], tmp_path / "square.mp4", Rate(times=Fraction(2)), engine="blend"))
    assert (info.width, info.height, info.aspect) == (106, 58, 1)  # 105 are 106 in an H.264 of whole colour pixels


def test_slow_motion_drops_or_stretches_the_sound(video: Path, tmp_path: Path) -> None:
    silent = interpolate([video], tmp_path / "silent.mp4", Rate(slow=Fraction(3)), engine="blend")
    assert (probe(silent).sound, probe(silent).fps, count_frames(silent)) == ("", Fraction(12), 18)
    loud = interpolate([video], tmp_path / "loud.mp4", Rate(slow=Fraction(3)), engine="blend", sound="stretch")
    assert sound_seconds(loud) == pytest.approx(1.5, abs=0.1)
    with pytest.raises(BadInput, match="stretch or drop"):
        interpolate([video], tmp_path / "kept.mp4", Rate(slow=Fraction(3)), engine="blend", sound="keep")


def test_a_folder_keeps_the_given_frames_unchanged(folder: Path, tmp_path: Path) -> None:
    out = interpolate([folder], tmp_path / "more", Rate(times=Fraction(4)), engine="flow")
    files = sorted(out.iterdir())
    assert [file.name for file in files] == [f"{index:06d}.png" for index in range(21)]
    for index, frame in enumerate(FRAMES):
        np.testing.assert_array_equal(read_picture(files[4 * index]), frame)
    with pytest.raises(BadInput, match=r"not empty \(--force"):
        interpolate([folder], out, Rate(times=Fraction(4)), engine="flow")
    interpolate([folder], out, Rate(times=Fraction(2)), engine="flow", force=True)
    assert sorted(file.name for file in out.iterdir()) == [f"{index:06d}.png" for index in range(11)]
    assert [file.name for file in tmp_path.iterdir()] == ["more"]


def test_a_folder_is_whole_or_not_there(folder: Path, tmp_path: Path) -> None:
    frames, out = tmp_path / "frames", tmp_path / "far" / "more"
    shutil.copytree(folder, frames)
    cut = frames / "frame10.png"
    cut.write_bytes(cut.read_bytes()[:60])
    with pytest.raises(VideoError, match=r"frame10\.png"):
        interpolate([frames], out, Rate(times=Fraction(2)), engine="blend")
    assert not any(out.parent.iterdir())
    shutil.copy(folder / "frame10.png", cut)
    interpolate([frames], out, Rate(times=Fraction(2)), engine="blend")
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    cut.write_bytes(cut.read_bytes()[:60])
    with pytest.raises(VideoError, match=r"frame10\.png"):
        interpolate([frames], out, Rate(times=Fraction(3)), engine="blend", force=True)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_nothing_but_frames_is_written_over(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letters.txt").write_text("dear")
    (tmp_path / "empty").mkdir()
    twice = Rate(times=Fraction(2))
    with pytest.raises(BadInput, match=r"letters\.txt"):
        interpolate([folder], tmp_path / "mine", twice, engine="blend", force=True)
    with pytest.raises(BadInput, match="source's own pictures"):
        interpolate([folder], folder, twice, engine="blend", force=True)
    interpolate([folder], tmp_path / "empty", twice, engine="blend")
    assert len(list((tmp_path / "empty").iterdir())) == 11


@pytest.mark.parametrize("name", ["x.mkv", "x.avi", "out.png", "x.3gp"])
def test_an_ending_that_is_not_written_is_told(name: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"videos end in \.gif, \.mov, \.mp4, \.webm, not \."):
        interpolate([folder], tmp_path / name, Rate(times=Fraction(2)), engine="blend")
    assert not any(tmp_path.iterdir())


def test_folders_on_the_way_to_a_video_are_made(folder: Path, tmp_path: Path) -> None:
    out = interpolate([folder], tmp_path / "far" / "v1.5" / "x.mp4", Rate(times=Fraction(2)), engine="blend")
    assert count_frames(out) == 11
    frames = interpolate([folder], tmp_path / "far" / "take 1.5", Rate(times=Fraction(2)), engine="blend")
    assert len(list(frames.iterdir())) == 11


def test_two_stills_become_a_video(folder: Path, tmp_path: Path) -> None:
    stills = [folder / "frame7.png", folder / "frame12.png"]
    out = interpolate(stills, tmp_path / "morph.mp4", Rate(times=Fraction(8)), engine="blend")
    assert len(list(read_frames(out))) == 9
    looped = interpolate(stills, tmp_path / "loop.mp4", Rate(times=Fraction(8)), engine="blend", end="loop")
    assert len(list(read_frames(looped))) == 16


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (Rate(), "say how many"),
        (Rate(fps=Fraction(6)), "fewer than the 12 of the source"),
        (Rate(fps=Fraction(24), times=Fraction(2)), "one of them"),
        (Rate(times=Fraction(-2)), "above 0"),
        (Rate(times=Fraction(1, 2)), r"--times 0\.5 would leave frames out"),
        (Rate(slow=Fraction(1, 2)), r"--slow 0\.5 would leave frames out"),
        (Rate(times=Fraction(10**9)), r"1e\+09 frames for each of the source; at most 10000 are made"),
        (Rate(slow=Fraction(2), fps=Fraction(3)), "fewer than the 12 of the source"),
    ],
)
def test_a_rate_that_makes_no_sense_is_told(folder: Path, tmp_path: Path, rate: Rate, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        interpolate([folder], tmp_path / "out", rate, engine="blend")
    assert not (tmp_path / "out").exists()


def test_two_stills_are_joined_however_unlike(tmp_path: Path) -> None:
    for index in range(2):
        write_png(tmp_path / f"{index}.png", np.full((16, 16, 3), 200 * index + 20, np.uint8))
    out = interpolate(
        [tmp_path / "0.png", tmp_path / "1.png"], tmp_path / "out", Rate(times=Fraction(2)), engine="blend"
    )
    assert read_picture(out / "000001.png").mean() == 120


def test_exact_rates() -> None:
    ntsc = Fraction(30000, 1001)
    assert Rate(fps=Fraction(60)).of(Fraction(24)) == (Fraction(5, 2), Fraction(60))
    assert Rate(times=Fraction(2)).of(ntsc) == (Fraction(2), 2 * ntsc)
    assert Rate(slow=Fraction(4)).of(ntsc) == (Fraction(4), ntsc)
    assert Rate(slow=Fraction(2), fps=Fraction(60)).of(Fraction(24)) == (Fraction(5), Fraction(60))


def test_inputs_that_cannot_be_used_are_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    for path, error, words in (
        (tmp_path / "none.mp4", BadInput, "is not there"),
        (tmp_path / "empty", BadInput, "holds no pictures"),
        (folder / "frame7.png", BadInput, "one picture"),
        (tmp_path / "broken.mp4", VideoError, "broken.mp4"),
    ):
        with pytest.raises(error, match=words):
            find([path])
    with pytest.raises(VideoError, match=r"broken\.png"):
        find([tmp_path / "broken.png", folder / "frame7.png"])
    small = tmp_path / "small.png"
    write_png(small, FRAMES[0][:24])
    with pytest.raises(BadInput, match=r"small\.png is 64 × 24 px, frame7\.png is 64 × 48: bring them to one size"):
        find([folder / "frame7.png", small])


def test_a_video_is_not_written_over_itself(video: Path) -> None:
    with pytest.raises(BadInput, match="source itself"):
        interpolate([video], video, Rate(times=Fraction(2)), engine="blend")
