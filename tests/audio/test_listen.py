"""Listening, to sounds made here: a click track, silence, a tone, and files that are no sound."""

import importlib.util
import shutil
import subprocess
import wave

import numpy as np
import pytest

import animate
from animate.audio.listen import _samples, listen
from animate.errors import ScheduleError
from animate.render.checked import load
from animate.schedule.sound import SERIES, ListenError
from animate.video.ffmpeg import executable

pytest.importorskip("librosa")

HERTZ = 22_050
FIRST, PERIOD = 0.5, 0.5
"""Seconds of the first click, and from one to the next: 120 beats a minute."""


def write(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(HERTZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Twelve seconds of clicks."""
    samples = np.zeros(12 * HERTZ)
    length = HERTZ // 30
    hit = np.random.default_rng(0).standard_normal(length) * np.exp(-np.arange(length) / (0.006 * HERTZ))
    for start in np.arange(FIRST, 11.9, PERIOD):
        at = int(start * HERTZ)
        samples[at : at + length] += 0.3 * hit
    return write(tmp_path_factory.mktemp("sound") / "clicks.wav", samples)


def test_tempo_and_beats_of_a_click_track(clicks):
    sound = listen(clicks)
    assert sound.tempo == pytest.approx(120, abs=1)
    clicked = np.arange(FIRST, 11.9, PERIOD)
    inside = sound.beats[(sound.beats > FIRST - 0.1) & (sound.beats < 11.6)]
    nearest = np.abs(inside[:, None] - clicked).min(axis=1)
    assert len(inside) >= len(clicked) - 1
    assert nearest.max() <= 0.025
    assert set(sound.series) == set(SERIES)
    for name, values in sound.series.items():
        assert values.min() >= 0, name
        assert values.max() == pytest.approx(1, abs=1e-6), name


def test_a_pulse_peaks_on_the_frames_of_the_beats(clicks):
    plan = animate.plan(
        {
            "audio": str(clicks),
            "bpm": "auto",
            "fps": 24,
            "max_frames": 240,
            "zoom": "1 + 0.05*audio_beat",
            "prompts": "x",
        }
    )
    frames = np.flatnonzero(plan["zoom"] > 1)
    clicked = np.arange(FIRST, 10, PERIOD) * 24
    late = [frame - clicked[np.argmin(np.abs(clicked - frame))] for frame in frames if frame >= 11]
    assert len(late) >= len(clicked) - 1
    assert np.abs(late).max() <= 1
    assert plan["zoom"].max() == pytest.approx(1.05)


def test_beats_as_keys_stand_where_they_are_heard(clicks):
    document = {"audio": {"file": str(clicks), "offset": "1s"}, "bpm": "auto", "fps": 100, "max_frames": 900}
    plan = animate.plan({**document, "prompts": "x", "strength": {0: 0, "2b": 1, "4b": 0}})
    peak = int(plan["strength"].argmax())
    assert abs(peak - 100) <= 3  # beats 0, 1 and 2 at 0, 0.5 and 1 s of the video
    assert plan.settings["soundtrack"] == str(clicks)
    assert plan.settings["soundtrack_offset"] == 1


def test_what_was_heard_is_kept_by_content(clicks, tmp_path, monkeypatch):
    first = listen(clicks)
    copy = shutil.copy(clicks, tmp_path / "other.wav")
    monkeypatch.setattr("animate.audio.listen._heard", None)  # would fail if it were asked
    again = listen(tmp_path / "other.wav")
    assert copy
    assert again.tempo == first.tempo
    assert all((again.series[name] == first.series[name]).all() for name in SERIES)


def test_what_was_kept_and_is_damaged_is_listened_to_anew(clicks):
    from animate import cache
    from animate.audio.listen import VERSION, fingerprint

    first = listen(clicks)
    kept = cache.folder("sounds") / f"{fingerprint(clicks)}-{VERSION}.npz"
    whole = kept.read_bytes()
    middle = len(whole) // 2
    for damaged in (whole[:middle], b"", b"\0" * 9, whole[:middle] + b"\0" * 99 + whole[middle + 99 :]):
        kept.write_bytes(damaged)
        again = listen(clicks)
        assert all((again.series[name] == first.series[name]).all() for name in SERIES)
        assert kept.read_bytes() == whole


def test_a_sound_that_begins_late_is_heard_late(clicks, tmp_path):
    """A second of pictures before the first sample: heard as a player plays it."""
    late = tmp_path / "late.mkv"
    words = ["-f", "lavfi", "-i", "color=s=16x16:r=10:d=3", "-itsoffset", "1", "-i", str(clicks), "-t", "6"]
    subprocess.run([executable(), "-v", "error", *words, "-c:a", "flac", str(late)], check=True)
    plain, found = (_samples(path) for path in (clicks, late))
    assert not found[: HERTZ - 9].any()
    np.testing.assert_allclose(found[HERTZ : 5 * HERTZ], plain[: 4 * HERTZ], atol=1e-3)


def test_two_channels_that_cancel_one_another_out_are_heard(clicks, tmp_path):
    for name, right in (("against", "-1"), ("alone", "0")):
        pan = f"pan=stereo|c0=c0|c1={right}*c0"
        stereo = tmp_path / f"{name}.wav"
        subprocess.run([executable(), "-v", "error", "-i", str(clicks), "-af", pan, str(stereo)], check=True)
    plain = _samples(clicks)
    np.testing.assert_allclose(_samples(tmp_path / "against.wav"), plain, atol=1e-3)
    alone = _samples(tmp_path / "alone.wav")  # a mix like any other, of one channel and silence
    np.testing.assert_allclose(alone, plain * alone.max() / plain.max(), atol=1e-3)
    assert alone.max() < 0.8 * plain.max()
    assert listen(tmp_path / "against.wav").tempo == pytest.approx(120, abs=1)


def test_silence_has_no_beats_and_moves_nothing(tmp_path):
    silent = write(tmp_path / "silent.wav", np.zeros(HERTZ * 2))
    sound = listen(silent)
    assert (sound.tempo, len(sound.beats), len(sound.onsets)) == (0, 0, 0)
    plan = animate.plan(
        {
            "audio": str(silent),
            "max_frames": 12,
            "prompts": "x",
            "zoom": "1 + audio_bass",
            "let": {"way": "audio_travel"},
        }
    )
    assert (plan["zoom"] == 1).all()
    assert np.allclose(plan.variables["way"], np.linspace(0, 1, 12))
    with pytest.raises(ScheduleError, match="no beats are heard"):
        animate.plan({"audio": str(silent), "bpm": "auto", "prompts": "x"})


def test_a_low_tone_is_bass_and_a_high_one_treble(tmp_path):
    times = np.arange(HERTZ * 2) / HERTZ
    tones = np.where(times < 1, np.sin(2 * np.pi * 80 * times), np.sin(2 * np.pi * 5000 * times))
    sound = listen(write(tmp_path / "tones.wav", 0.5 * tones))
    half = len(sound.series["bass"]) // 2
    assert sound.series["bass"][5 : half - 9].mean() > 20 * sound.series["bass"][half + 9 : -5].mean()
    assert sound.series["treble"][half + 9 : -5].mean() > 20 * sound.series["treble"][5 : half - 9].mean()


def test_a_film_without_sound_is_called_silent(tmp_path):
    film = tmp_path / "film.mp4"
    pictures = ["-v", "error", "-f", "lavfi", "-i", "color=red:size=64x64:duration=0.5"]
    subprocess.run([executable(), *pictures, str(film)], check=True)
    with pytest.raises(ListenError, match=r"film\.mp4 is silent: it has pictures and no sound"):
        listen(film)


def test_what_is_no_sound_is_told_at_its_line(tmp_path):
    (tmp_path / "text.wav").write_text("not a sound")
    with pytest.raises(ListenError, match="holds no sound"):
        listen(tmp_path / "text.wav")
    file = tmp_path / "clip.yaml"
    file.write_text("prompts: x\naudio:\n  file: text.wav\n  of: 3\nstems: {t: gone.wav}\nzoom: 1 + drums_rms\n")
    with pytest.raises(ScheduleError) as caught:
        animate.plan(file)
    told = str(caught.value)
    for part in (":3:9: audio: text.wav holds no sound", ":4:3: audio.of: there is no such part", ":5:9: stems: 't'"):
        assert part in told
    assert ":6:7: zoom: " in told


def test_the_command_draws_and_tells(clicks, tmp_path, capsys):
    from animate.cli import main

    assert main(["listen", str(clicks), "-o", str(tmp_path / "clicks.png")]) == 0
    said = capsys.readouterr().out
    assert "audio_percussive" in said
    assert "beats/min" in said
    assert (tmp_path / "clicks.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["listen", str(tmp_path / "none.wav")]) == 2
    assert main(["listen", str(tmp_path / "clicks.png"), "-o", str(tmp_path / "x.png")]) == 2


def test_onsets_are_cues_and_cuts(clicks, tmp_path):
    document = {"audio": {"file": str(clicks), "offset": "1s"}, "fps": 20, "max_frames": 100, "seed": 1}
    cues = {"hit": {"onsets": "audio", "above": 0.2}, "half": {"onsets": "audio", "gap": "0.7s"}, "late": "hit3 + 2"}
    found = load({**document, "prompts": {0: "a", "hit2": "b"}, "cues": cues, "cuts": "half"})
    groups = found.clock.groups
    wanted = np.arange(0, 5, PERIOD) * 20
    assert len(groups["hit"]) in (len(wanted), len(wanted) - 1)
    assert max(np.abs(wanted - frame).min() for frame in groups["hit"]) <= 1
    assert min(np.diff(groups["half"])) >= 14
    assert found.cuts == tuple(frame for frame in groups["half"] if frame)
    assert found.prompts.keys[1].frame == groups["hit"][1] == found.clock.cues["hit2"]
    assert found.clock.cues["late"] == groups["hit"][2] + 2
    file = tmp_path / "s.yaml"
    file.write_text(
        f"audio: {clicks}\nprompts: {{0: a, hit: b, hit999: c}}\n"
        "cues:\n  hit: {onsets: audio}\n  b: {onsets: drums}\n  c: {above: 2}\n  d: {over: 1}\n"
    )
    with pytest.raises(ScheduleError) as caught:
        animate.plan(file)
    told = str(caught.value)
    assert "hit is 1" in told
    assert "there is no cue 'hit999'" in told
    assert ":5:15: cues.b: there is no sound 'drums' (audio)" in told
    assert "cues.c: above: " in told
    assert "is not a loudness (0 to 1)" in told
    assert "cues.d: there is no part 'over' (onsets, above, gap)" in told


def test_check_counts_the_onsets(clicks, tmp_path, capsys):
    from animate.cli import main

    file = tmp_path / "s.yaml"
    file.write_text(
        f"audio: {clicks}\nmax_frames: 60\nbpm: auto\nprompts: a\ncues: {{hit: {{onsets: audio}}, end: 50}}\n"
    )
    assert main(["check", str(file)]) == 0
    said = capsys.readouterr().out
    assert "end at 50" in said
    assert "hit1 to hit" in said
    assert "hit2 at" not in said


DEMUCS = """
import shutil, sys
from pathlib import Path
assert sys.argv[1:3] == ["-n", "htdemucs"] and sys.argv[3] == "-o", sys.argv
if Path(sys.argv[5]).stat().st_size < 400_000:
    sys.exit("too short")
folder = Path(sys.argv[4]) / "htdemucs" / Path(sys.argv[5]).stem
folder.mkdir(parents=True)
for name in ("drums", "bass", "vocals", "other"):
    shutil.copy(sys.argv[5], folder / f"{name}.wav")
"""


def test_without_demucs_a_song_stays_whole_and_says_what_to_do(clicks):
    if importlib.util.find_spec("demucs") is not None:
        pytest.skip("demucs is here")
    with pytest.raises(ScheduleError) as caught:
        animate.plan({"audio": str(clicks), "stems": "auto", "prompts": "x"})
    assert 'demucs, which is not installed (pip install "animate[stems]"' in str(caught.value)
    with pytest.raises(ScheduleError, match="auto needs a song"):
        animate.plan({"stems": "auto", "prompts": "x"})
    with pytest.raises(ScheduleError, match=r"'loud' is not a mapping \(auto, or"):
        animate.plan({"stems": "loud", "prompts": "x"})


def test_a_song_is_taken_apart_once(clicks, tmp_path, monkeypatch, capsys):
    """By a stand-in that speaks as demucs does: how it is called, what is kept, and what its failure looks like."""
    from animate.audio.separate import NAMES, separate
    from animate.cli import main

    (tmp_path / "demucs").mkdir()
    (tmp_path / "demucs" / "__init__.py").touch()
    (tmp_path / "demucs" / "__main__.py").write_text(DEMUCS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    plan = animate.plan(
        {"audio": str(clicks), "stems": "auto", "max_frames": 48, "prompts": "x", "zoom": "1+drums_onset"}
    )
    assert set(NAMES) == {name.partition("_")[0] for name in plan.variables} - {"audio"}
    np.testing.assert_allclose(plan.variables["vocals_onset"], plan.variables["audio_onset"], atol=0.05)
    monkeypatch.setattr("animate.audio.separate._separated", None)  # would fail if it were asked
    assert all(path.is_file() for path in separate(clicks).values())
    assert main(["listen", str(clicks), "--stems", "-o", str(tmp_path / "x.png")]) == 0
    said = capsys.readouterr().out
    assert "vocals_percussive" in said
    assert "stems: auto" in said
    monkeypatch.undo()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    short = write(tmp_path / "short.wav", np.ones(HERTZ) * 0.1)
    with pytest.raises(ListenError, match=r"demucs could not take short\.wav apart \(too short\)"):
        separate(short)
