"""Latent walks: frames that owe nothing to one another, painted in groups, evenly paced on request."""

import itertools
import os
import signal
import subprocess
import sys
import wave

import numpy as np
import pytest
import yaml

import animate
from animate.errors import BadInput
from animate.render import walk
from animate.render.groups import Groups, width_of
from animate.render.progress import Quiet
from animate.render.run import painter_of, render
from animate.video.stills import read_picture

PROMPTS = ("a lake at dawn", "a forest at noon", "the sea at night")
SMALL = {"width": 64, "height": 64, "steps": 3, "batch_size": 4}


def small_walk(**more):
    return walk.Walk(**{"prompts": PROMPTS, "seeds": (1, 2, 3), "frames": 10, **more})


def test_the_way_passes_every_station():
    wanted = small_walk(frames=9)
    plan = animate.plan(walk.schedule(wanted, wanted.steady()))
    assert [plan[frame].prompts for frame in (0, 4, 8)] == [((text, "", 1.0),) for text in PROMPTS]
    assert [(plan[frame]["seed"], plan[frame]["subseed_strength"]) for frame in (0, 4, 8)] == [(1, 0), (2, 0), (3, 0)]
    assert plan[2].prompts == ((PROMPTS[0], "", 0.5), (PROMPTS[1], "", 0.5))
    assert (plan[2]["seed"], plan[2]["subseed"], plan[2]["subseed_strength"]) == (1, 2, 0.5)


def test_a_loop_shows_no_frame_twice_and_leads_back():
    wanted = small_walk(frames=12, loop=True)
    way = wanted.steady()
    plan = animate.plan(walk.schedule(wanted, way))
    assert len(np.unique(way)) == 12
    assert way[-1] < 3
    shares = {text: share for text, _, share in plan[11].prompts}
    assert shares == pytest.approx({PROMPTS[2]: 0.25, PROMPTS[0]: 0.75})
    assert (plan[11]["seed"], plan[11]["subseed"]) == (3, 1)


def test_one_prompt_and_several_seeds_walk_through_noise_alone():
    wanted = walk.Walk(prompts=("a lake",), seeds=(4, 9), frames=5)
    plan = animate.plan(walk.schedule(wanted, wanted.steady()))
    assert {plan[frame].prompts for frame in range(5)} == {(("a lake", "", 1.0),)}
    assert list(plan["subseed_strength"][:4]) == [0, 0.25, 0.5, 0.75]
    assert plan["seed"][4] == 9


def test_seeds_inside_the_prompts_of_a_walk_tell_the_noise():
    wanted = walk.Walk(prompts=("a lake --seed 5", "a forest --seed 8", "the sea --seed 5"), seeds=(1,), frames=9)
    plan = animate.plan(walk.schedule(wanted, wanted.steady()))
    assert plan["seed"].tolist() == [5, 5, 5, 5, 8, 8, 8, 8, 5]
    assert plan["subseed"][:8].tolist() == [8, 8, 8, 8, 5, 5, 5, 5]
    assert plan["subseed_strength"].tolist() == [0, 0.25, 0.5, 0.75, 0, 0.25, 0.5, 0.75, 0]


@pytest.mark.parametrize(("stations", "frames", "loop"), [(4, 60, True), (3, 100, True), (7, 49, False), (5, 61, True)])
def test_noise_never_jumps_at_a_station(stations, frames, loop):
    """The way rounds otherwise as numpy's line than as the schedule's curve: 0.9999… is still at the station."""
    seeds = tuple(range(1, stations + 1))
    wanted = walk.Walk(prompts=tuple("abcdefg"[:stations]), seeds=seeds, frames=frames, loop=loop)
    way = wanted.steady()
    plan = animate.plan(walk.schedule(wanted, way))
    found = plan["seed"] + (plan["subseed"] - plan["seed"]) * plan["subseed_strength"]
    np.testing.assert_allclose(found, np.interp(way, range(stations + loop), (*seeds, *seeds[:loop])), atol=1e-6)


def test_seeds_left_to_chance_are_drawn_once():
    wanted = walk.Walk(prompts=("a", "b", "c"), seeds=(-1, 5, -1), frames=9)
    plan = animate.plan(walk.schedule(wanted, wanted.steady()))
    drawn = plan.settings["seed"]
    assert plan.seed_drawn
    assert plan["seed"].tolist() == [drawn] * 4 + [5] * 4 + [drawn + 2]
    assert plan["subseed"].tolist() == [5] * 4 + [drawn + 2] * 5
    assert -1 not in wanted.drawn().seeds
    assert animate.plan(
        walk.schedule(walk.Walk(prompts=("a", "b"), seeds=(-1,), frames=3), way=np.arange(3) / 2)
    ).seed_drawn


@pytest.mark.parametrize("wrong", [{"seeds": (1, 2)}, {"prompts": ("a lake",), "seeds": (1,)}, {"frames": 2}])
def test_what_makes_no_walk_is_said(wrong):
    with pytest.raises(BadInput):
        small_walk(**wrong)


@pytest.fixture(scope="module")
def painter():
    return painter_of(animate.plan({"prompts": "a lake", "max_frames": 1}))


def test_a_frame_does_not_depend_on_which_frames_are_asked_for(painter):
    wanted = small_walk()
    plan = animate.plan({**walk.schedule(wanted, wanted.steady()), **SMALL})
    assert width_of(plan) == 4
    straight = Groups(plan, painter, 4)
    pictures = [straight.picture(index).clone() for index in range(10)]
    for index in (9, 3, 8, 0):  # the last group is filled up; order does not matter
        assert (Groups(plan, painter, 4).picture(index) == pictures[index]).all()
    steps = [float((a - b).abs().mean()) for a, b in itertools.pairwise(pictures)]
    assert min(steps) > 0  # no doubled frame at the joints


def test_frames_that_need_the_one_before_are_painted_one_by_one():
    assert width_of(animate.plan({"prompts": "a lake", "max_frames": 4})) == 1


def test_a_killed_walk_ends_with_the_bytes_of_a_straight_one(tmp_path):
    document = {**walk.schedule(small_walk(), small_walk().steady()), **SMALL}
    straight = render(document, tmp_path / "straight")
    file = tmp_path / "walk.yaml"
    file.write_bytes((tmp_path / "straight" / "schedule.yaml").read_bytes())
    command = [sys.executable, "-m", "animate", "render", str(file), "-o", str(tmp_path / "killed"), "--progress-json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if '"frame": 5' in line:
                child.kill() if os.name == "nt" else child.send_signal(signal.SIGKILL)
                break
    assert render(file, tmp_path / "killed").read_bytes() == straight.read_bytes()
    for index in range(10):
        name = f"frames/{index:06d}.png"
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes()


def test_the_schedule_of_a_walk_is_kept_as_people_write_it(tmp_path):
    wanted = small_walk(frames=3)
    render({**walk.schedule(wanted, wanted.steady()), **SMALL}, tmp_path / "walk")
    kept = yaml.safe_load((tmp_path / "walk" / "schedule.yaml").read_text("utf-8"))
    assert kept["prompts"] == dict(zip((0, 1, 2), PROMPTS))


def test_an_even_pace_places_frames_at_equal_distances():
    wanted = small_walk(frames=12, prompts=("the sea at night", "snow at noon"), seeds=(5,))
    told = {**SMALL, "prompt_ease": "linear"}
    way = walk.even(wanted, told, {})
    assert way[0] == 0
    assert way[-1] == 1
    assert (np.diff(way) > 0).all()
    plan = animate.plan({**walk.schedule(wanted, way), **told})
    groups = Groups(plan, painter_of(plan), 4)
    pictures = [groups.picture(index).clone() for index in range(12)]
    steps = np.array([float((a - b).abs().mean()) for a, b in itertools.pairwise(pictures)])
    assert steps.max() <= 1.5 * np.median(steps)


def test_an_even_pace_evens_out_the_step_that_closes_a_loop_too():
    """Of what was painted the evenest way comes back, the closing step counted."""
    wanted = walk.Walk(prompts=("the sea at night", "snow at noon"), seeds=(5,), frames=8, loop=True)
    said = []

    class Told(Quiet):
        def say(self, text):
            said.append(float(text.split(" is ")[1].split()[0]))

    way = walk.even(wanted, SMALL, {}, Told())
    assert way[0] == 0
    assert (np.diff(way) > 0).all()
    plan = animate.plan({**walk.schedule(wanted, way), **SMALL})
    groups = Groups(plan, painter_of(plan), 4)
    pictures = [groups.picture(index).clone() for index in (*range(8), 0)]
    steps = np.array([float((a - b).abs().mean()) for a, b in itertools.pairwise(pictures)])
    assert steps.max() / np.median(steps) == pytest.approx(min(said), abs=0.02)


def test_a_walk_is_painted_from_the_command_line(tmp_path, capsys):
    from animate.cli import main

    words = [*PROMPTS[:2], "--frames", "3", "--seed", "1", "2", "-o", str(tmp_path / "walk"), "-q"]
    assert main(["walk", *words, *(f"--set={name}={value}" for name, value in SMALL.items())]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "walk" / "video.mp4")
    assert read_picture(tmp_path / "walk" / "frames" / "000002.png").shape[:2] == (64, 64)


def song(path, seconds=4):
    """Silence, then four clicks, then silence."""
    samples = np.zeros(seconds * 8000)
    for start in (1.5, 2.0, 2.5, 3.0):
        samples[int(start * 8000) :][:400] = np.random.default_rng(1).standard_normal(400) * 0.3
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(
    ("words", "blend"),
    [
        ([], "composable"),
        (["--model", "embedded"], "composable"),
        (["--set", "model=somebody/else"], "lerp"),
        (["--model", "somebody/else"], "lerp"),
        (["--blend", "slerp"], "slerp"),
    ],
)
def test_the_embedded_painter_paints_both_prompts_half_way(words, blend, tmp_path, monkeypatch):
    from animate.cli import main

    told = {}
    monkeypatch.setattr("animate.render.run.render", lambda document, output, **how: told.update(document) or output)
    assert main(["walk", *PROMPTS[:2], "-o", str(tmp_path / "walk"), "-q", *words]) == 0
    assert told["prompt_interpolation"] == blend


def test_a_walk_to_music_rests_in_silence_and_lasts_as_long_as_the_sound(tmp_path, monkeypatch):
    pytest.importorskip("librosa")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    told = walk.to_music(PROMPTS, (1, 2, 3), song(tmp_path / "song.wav"), frames=0, fps="12")
    plan = animate.plan(told)
    way = plan["prompt_travel"]
    assert len(plan) == 48
    assert plan.settings["soundtrack"].endswith("song.wav")
    assert way[0] == 0
    assert way[-1] == pytest.approx(2)
    assert way[15] < 0.05
    assert way[38] > 1.9
    for frame in range(48):  # noise goes the same way as the prompts
        assert plan["seed"][frame] == (1, 2, 3)[int(way[frame] + 1e-9)]
    assert told["let"]["way"] == "2*audio_travel" or told["let"]["way"] == "2.0*audio_travel"
    loop = animate.plan(walk.to_music(PROMPTS, (1,), tmp_path / "song.wav", frames=24, fps="12", loop=True))
    assert loop["prompt_travel"][-1] == pytest.approx(3 * (1 - 1 / 24))
    with pytest.raises(BadInput, match="too few"):
        walk.to_music(PROMPTS, (1,), tmp_path / "song.wav", frames=2, fps="12")


def test_the_command_refuses_two_paces_and_no_sound(tmp_path):
    from animate.cli import main

    (tmp_path / "no.wav").write_text("no sound")
    for words in (
        ["--audio", str(tmp_path / "gone.wav")],
        ["--audio", str(tmp_path / "no.wav")],
        ["--audio", str(tmp_path / "no.wav"), "--pace", "even"],
    ):
        assert main(["walk", "a", "b", *words, "-o", str(tmp_path / "w"), "-q"]) == 2
