"""A film restyled: films made by ffmpeg, painters made of arithmetic, and once the embedded model."""

import itertools
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

import animate
from animate.errors import BadInput, ScheduleError
from animate.motion import flow
from animate.picture import convert
from animate.render import restyle
from animate.render.animator import animate as walk
from animate.render.compare import compare
from animate.render.projector import Projector
from animate.render.requests import Carry, Emit, Follow, ReadFrame, Redraw, Watch
from animate.render.runner import answered
from animate.schedule.film import Film
from animate.schedule.plan import Plan
from animate.video.ffmpeg import executable
from animate.video.reader import count_frames, probe

SIZE = 48, 64


def made(path: Path, *arguments: str) -> Path:
    subprocess.run([executable(), "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four frames of a moving test card, 25 a second, with a tone."""
    return made(
        tmp_path_factory.mktemp("film") / "card.mp4",
        *("-f", "lavfi", "-i", "testsrc=size=94x70:rate=25:duration=0.96"),
        *("-f", "lavfi", "-i", "sine=duration=0.96", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    )


def plan_of(film: Path, **fields: Any) -> Plan:
    about = {"width": 64, "height": 48, "seed": 3, "prompts": "a card", "video": str(film)}
    return animate.plan({**about, **fields})


def run(
    plan: Plan,
    watch: Callable[[int], Tensor],
    carry: Carry | None = None,
    redraw: Callable[[Redraw], Tensor] | None = None,
    read: Callable[[ReadFrame], Tensor] | None = None,
) -> tuple[list[Emit], list[Any]]:
    """Frames emitted and what was asked; the painter turns the picture into its negative."""
    emitted, asked, answer = [], [], None
    steps = walk(plan, carry)
    while True:
        try:
            request = steps.send(answer)
        except StopIteration:
            return emitted, asked
        answer = None
        asked.append(request)
        if isinstance(request, Emit):
            emitted.append(request)
        elif isinstance(request, Watch):
            answer = watch(request.index)
        elif isinstance(request, Follow):
            answer = torch.stack(flow.both_ways(request.now, request.before))
        elif isinstance(request, ReadFrame):
            answer = read(request) if read else torch.full((3, *SIZE), 0.25)
        else:
            answer = redraw(request) if redraw else 1 - request.picture


def test_length_rate_and_sound_are_the_films(film: Path) -> None:
    plan = plan_of(film)
    assert (len(plan), plan.fps) == (24, 25)
    assert plan.settings["soundtrack"] == str(film)
    assert plan.settings["soundtrack_offset"] == 0
    assert plan.settings["animation_mode"] == "Video Input"
    assert plan.settings["seed_behavior"] == "fixed"
    part = plan_of(film, video={"file": str(film), "from": 4, "to": "0.8s", "every": 2})
    assert (len(part), part.fps, part.film.first) == (8, 12.5, 4)
    assert part.settings["soundtrack_offset"] == pytest.approx(4 / 25)
    assert len(plan_of(film, video={"file": str(film), "fps": 50})) == 48
    assert Plan.from_json(plan.to_json()).digest == plan.digest != part.digest


@pytest.mark.parametrize(
    ("video", "said"),
    [
        ({"file": "nowhere.mp4"}, "does not exist"),
        ({"file": __file__}, "cannot be read as a video"),
        ({"from": 3}, "names no file"),
        ({"file": "FILM", "from": 99}, "frame 99 is not in the film"),
        ({"file": "FILM", "every": 0}, "whole number of frames"),
        ({"file": "FILM", "from": 9, "to": 9}, "is not after from"),
        ({"file": "FILM", "end": 9}, "there is no such part"),
    ],
)
def test_what_cannot_be_shown_is_told_before_rendering(film: Path, video: dict[str, Any], said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        plan_of(film, video={name: str(film) if value == "FILM" else value for name, value in video.items()})


def test_a_film_too_short_is_told(film: Path) -> None:
    with pytest.raises(ScheduleError, match="more than the film has"):
        plan_of(film, max_frames=25)


@pytest.mark.parametrize(
    ("field", "does", "idle"),
    [
        ("init_image: PICTURE", "", "frames"),
        ("init_images: {0: PICTURE}", "", "keyed"),
        ("style_frames: {0: PICTURE}", "keyed", "carried"),
        ("diffusion_cadence: 4", "keyed", "frames"),
        ("flow_blend: 0.5", "carried", "keyed"),
        ("temporal_blend: 0.5", "frames", "keyed"),
        ("noise_warp: true", "carried", "keyed"),
    ],
)
def test_what_a_film_does_not_look_at_is_told_with_its_line(
    film: Path, tmp_path: Path, field: str, does: str, idle: str
) -> None:
    written = field.replace("PICTURE", color(tmp_path, "red"))
    path = tmp_path / "film.yaml"
    for mode in filter(None, (does, idle)):
        path.write_text(f"prompts: a card\nvideo: {film}\nvideo_mode: {mode}\n{written}\n")
        told = [str(note) for note in animate.plan(path).warnings]
        assert bool(told) == (mode == idle), told
        assert all("film.yaml:4:" in note and "has no effect" in note for note in told)


@pytest.mark.parametrize("fit", convert.FITS)
def test_projector_shows_any_frame_alike_wherever_it_begins(film: Path, fit: str) -> None:
    told = Film(file=str(film), first=2, every=3)
    straight = Projector(told, SIZE, fit, frames=7)
    all_of_them = [straight(index) for index in range(7)]
    assert all(picture.shape == (3, *SIZE) for picture in all_of_them)
    assert torch.equal(straight(1), all_of_them[1])  # back again
    assert torch.equal(Projector(told, SIZE, fit, frames=7)(5), all_of_them[5])
    assert not torch.equal(all_of_them[0], all_of_them[6])
    wide = Projector(told, (64, 64), fit, frames=7)(0)
    assert (wide[:, 0].max() == 0) == (fit == "pad")


def test_turned_transparent_deep_and_uneven_films_are_read(tmp_path: Path, film: Path) -> None:
    source = ("-f", "lavfi", "-i", "testsrc=size=94x70:rate=10:duration=0.5")
    turned = made(tmp_path / "turned.mp4", "-display_rotation", "90", "-i", str(film), "-c", "copy")
    assert (probe(turned).width, probe(turned).height) == (70, 94)
    deep = made(tmp_path / "deep.mkv", *source, "-c:v", "ffv1", "-pix_fmt", "yuv420p10le")
    clear = made(tmp_path / "clear.mov", *source, "-vf", "format=rgba", "-c:v", "qtrle")
    late = ("-vf", "settb=1/1000,setpts=20*N*N", "-enc_time_base", "1/1000", "-fps_mode", "vfr")
    uneven = made(tmp_path / "uneven.mkv", *source, *late, "-c:v", "ffv1")
    for path in (turned, deep, clear, uneven):
        plan = plan_of(path)
        show = Projector(plan.film, SIZE, frames=len(plan))
        assert all(0 <= show(index).min() < show(index).max() <= 1 for index in range(len(plan))), path.name
        assert plan.settings["soundtrack"] == "" or path == turned
    assert plan_of(uneven).film.rate
    assert not plan_of(deep).film.rate


@pytest.mark.parametrize("mode", restyle.MODES)
def test_going_on_from_any_frame_gives_the_straight_run(film: Path, mode: str) -> None:
    more = {"temporal_blend": 0.3, "strength": 0.4, "noise_warp": True, "latent_blend": 0.2}
    plan = plan_of(film, video_mode=mode, diffusion_cadence=5, **more)
    watch = Projector(plan.film, SIZE, frames=len(plan))
    straight, _ = run(plan, watch)
    assert [emit.index for emit in straight] == list(range(24))
    for stop in (0, 7, 10):
        carry = Carry.from_arrays(straight[stop].carry.to_arrays())
        again, _ = run(plan, watch, carry)
        assert all(torch.equal(a.picture, b.picture) for a, b in zip(again, straight[stop + 1 :], strict=True))


def test_keys_cost_a_fraction_and_cuts_open_afresh(film: Path) -> None:
    """A film of two scenes: keys every six frames and at both ends of each scene."""
    plan = plan_of(film, video_mode="keyed", diffusion_cadence=6)
    show = Projector(plan.film, SIZE, frames=24, reach=24)
    rng = np.random.default_rng(3)
    other = torch.from_numpy(rng.random((3, 6, 8), dtype=np.float32)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    emitted, asked = run(plan, lambda index: other if index >= 10 else show(index))
    assert [ask.index for ask in asked if isinstance(ask, Redraw)] == [0, 6, 9, 10, 16, 22, 23]
    assert all(torch.allclose(emit.picture, 1 - other, atol=2e-3) for emit in emitted[10:])
    assert all((emit.picture - (1 - show(emit.index))).abs().mean() < 0.1 for emit in emitted[:10])


def color(path: Path, name: str) -> str:
    return str(made(path / f"{name}.png", "-f", "lavfi", "-i", f"color={name}:size=64x48", "-frames:v", "1"))


def by_hand(plan: Plan, watch: Callable[[int], Tensor], carry: Carry | None = None) -> tuple[list[Emit], list[Any]]:
    """As `run`, the keys read from their files."""
    return run(plan, watch, carry, read=lambda ask: answered(ask, cast(Any, None), SIZE))


def test_pictures_by_hand_are_keys(film: Path, tmp_path: Path) -> None:
    gray = color(tmp_path, "gray")
    plan = plan_of(film, video_mode="keyed", style_frames={0: gray, 12: gray})
    emitted, asked = run(plan, Projector(plan.film, SIZE, frames=24))
    assert not any(isinstance(ask, Redraw) for ask in asked)
    assert all(torch.allclose(emit.picture, torch.full((3, *SIZE), 0.25), atol=1e-5) for emit in emitted)


def test_pictures_by_hand_stay_in_their_shots_and_nothing_else_is_redrawn(film: Path, tmp_path: Path) -> None:
    """Red for the first shot, blue late in the second, none for the third."""
    red, blue = color(tmp_path, "red"), color(tmp_path, "blue")
    styles = {0: red, 14: blue}
    plan = plan_of(film, video_mode="keyed", style_frames=styles, cuts=[8, 19])
    show = Projector(plan.film, SIZE, frames=24)
    emitted, asked = by_hand(plan, show)
    assert not any(isinstance(ask, Redraw) for ask in asked)
    shown = [emit.picture for emit in emitted]
    for index in range(24):
        own = [1.0, 0.0, 0.0] if index < 8 else [0.0, 0.0, 1.0]
        flat = torch.tensor(own)[:, None, None].expand(3, *SIZE)
        expected = show(index) if index >= 19 else flat
        assert torch.allclose(shown[index], expected, atol=0.02), index
    for stop in (0, 7, 10, 16, 20):
        carry = Carry.from_arrays(emitted[stop].carry.to_arrays())
        again, _ = by_hand(plan, show, carry)
        assert all(torch.equal(a.picture, b) for a, b in zip(again, shown[stop + 1 :], strict=True))


@pytest.mark.parametrize("styles", [(), (0,), (0, 20)])
def test_keys_never_wind_the_film_back(film: Path, tmp_path: Path, styles: tuple[int, ...]) -> None:
    gray = color(tmp_path, "gray")
    more = {"style_frames": dict.fromkeys(styles, gray)} if styles else {}
    plan = plan_of(film, video_mode="keyed", diffusion_cadence=6, mask="luma & film.luma", **more)
    _, asked = run(plan, Projector(plan.film, SIZE, frames=24))
    for ahead in (False, True):
        seen = [ask.index for ask in asked if isinstance(ask, Watch) and ask.ahead == ahead]
        assert all(then >= most - 1 for most, then in zip(itertools.accumulate(seen, max), seen[1:])), ahead


def test_pictures_by_hand_are_fitted_as_the_film_is(film: Path, tmp_path: Path) -> None:
    made(tmp_path / "wide.png", "-f", "lavfi", "-i", "color=white:size=96x24", "-frames:v", "1")
    plan = plan_of(film, video_mode="keyed", video_fit="pad", style_frames={0: str(tmp_path / "wide.png")})
    emitted, _ = by_hand(plan, Projector(plan.film, SIZE, "pad", frames=24))
    assert float(emitted[0].picture[:, 0].max()) == 0
    assert float(emitted[0].picture[:, 24].min()) == 1


def test_carried_grain_is_steadier_than_grain_of_its_own(film: Path) -> None:
    """A painter whose grain differs from frame to frame: carried halves what is seen of it."""

    def grainy(ask: Redraw) -> Tensor:
        noise = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(ask.index)) - 0.5
        return (0.2 + 0.6 * ask.picture + 0.3 * noise).clamp(0, 1)

    still = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(99))
    flicker = {}
    for mode in ("frames", "carried"):
        emitted, _ = run(plan_of(film, video_mode=mode), lambda index: still, redraw=grainy)
        pictures = [emit.picture for emit in emitted[8:]]
        flicker[mode] = float(np.mean([(a - b).abs().mean() for a, b in itertools.pairwise(pictures)]))
    assert 0 < flicker["carried"] < 0.5 * flicker["frames"]


@pytest.mark.parametrize("mode", ["frames", "carried"])
def test_noise_goes_along_with_what_moves_and_latents_lean_where_it_is_trusted(film: Path, mode: str) -> None:
    """A picture that moves three pixels to the right each frame: its noise comes from three more to the left."""
    rough = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(3))
    wide = torch.nn.functional.interpolate(rough, size=(48, 128), mode="bicubic").clamp(0, 1)[0]
    plan = plan_of(film, video_mode=mode, noise_warp=True, latent_blend=0.4, max_frames=5)
    _, asked = run(plan, lambda index: wide[:, :, 40 - 3 * index : 104 - 3 * index].contiguous())
    redraws = [ask for ask in asked if isinstance(ask, Redraw)]
    assert redraws[0].drift is None
    assert redraws[0].towards is None
    inside = redraws[4].drift[:, 8:-8, 20:-12]
    assert float(inside[0].median()) == pytest.approx(-12, abs=0.3)
    assert float(inside[1].abs().median()) < 0.3
    assert float(redraws[4].share.max()) == pytest.approx(0.4)
    assert float(redraws[4].share.min()) == 0  # what came in at the left was not there before
    inside = (slice(None), slice(8, -8), slice(20, -12))
    moved = 1 - redraws[4].picture if mode == "carried" else redraws[4].towards
    assert float((redraws[4].towards - moved)[inside].abs().mean()) < 0.05


def test_embedded_model_restyles_and_resumes_to_the_byte(film: Path, tmp_path: Path) -> None:
    from animate.cli import main

    words = ["restyle", str(film), "--prompt", "a lake at dawn", "--size", "64x48", "--set", "steps=2", "-q"]
    assert main([*words, "-o", str(tmp_path / "a"), "--frames", "0:4"]) == 0
    frames = sorted((tmp_path / "a" / "frames").glob("*.png"))
    info = probe(tmp_path / "a" / "video.mp4")
    assert (len(frames), info.fps, bool(info.sound)) == (4, 25, True)
    said = yaml.safe_load((tmp_path / "a" / "schedule.yaml").read_text())
    assert (said["video_mode"], said["steps"]) == ("carried", 2)
    assert main(["render", str(tmp_path / "a" / "schedule.yaml"), "-o", str(tmp_path / "b"), "-q"]) == 0
    assert [path.read_bytes() for path in frames] == [
        path.read_bytes() for path in sorted((tmp_path / "b" / "frames").glob("*.png"))
    ]
    assert main([*words, "-o", str(tmp_path / "c"), "--frames", "4"]) == 2


def test_the_schedule_of_a_restyle_is_what_was_run(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from animate.cli import main

    color(tmp_path, "red")
    monkeypatch.chdir(tmp_path)
    words = ["restyle", str(film), "--prompt", "x", "--mode", "keyed", "--size", "64x48", "--frames", ":4", "-q"]
    said = ["strength_schedule={0: 0.3, 2: 0.4}", "style_frames={2: red.png}", "mask=red.png", "cadence=3"]
    assert main([*words, "-o", "run", *(part for one in said for part in ("--set", one))]) == 0
    told = Plan.from_json(json.dumps(json.loads(Path("run/plan.json").read_text())["plan"]))
    monkeypatch.chdir(tmp_path / "run")
    again = animate.plan("schedule.yaml")
    assert again.digest == told.digest
    assert again["strength"].tolist() == pytest.approx([0.3, 0.35, 0.4, 0.4])


def test_compare_tells_flicker_and_change(film: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from animate.cli import main

    negative = made(tmp_path / "negative.mp4", "-i", str(film), "-vf", "negate")
    assert (
        main(["compare", str(film), str(negative), "--source", str(film), "--json", "-o", str(tmp_path / "c.mp4")]) == 0
    )
    told = json.loads(capsys.readouterr().out.splitlines()[0])
    assert told["frames"] == 24
    assert told["difference"] > 0.2
    assert told["a"]["change"] == 0
    assert told["b"]["change"] == pytest.approx(told["difference"], rel=0.01)
    assert told["a"]["flicker"] == pytest.approx(told["b"]["flicker"], rel=0.3)
    assert probe(tmp_path / "c.mp4").width == 3 * 94


def test_compare_takes_the_frames_that_the_runs_were_made_from(film: Path, tmp_path: Path) -> None:
    """Runs that keep a part of the film as it is: they change nothing of the frames they were made from."""
    video = {"file": str(film), "from": 6, "every": 2, "to": 18}
    about = {"width": 64, "height": 48, "prompts": "a card", "strength": 1, "video": video}
    about["video_mode"] = "frames"
    one, other = animate.render(about, tmp_path / "a"), animate.render(about | {"video_fit": "pad"}, tmp_path / "b")
    assert compare(one.parent / "frames", other, film).a.change == pytest.approx(0, abs=0.003)
    elsewhere = animate.render(about | {"video": {**video, "from": 4, "to": 16}}, tmp_path / "c")
    with pytest.raises(BadInput, match="different parts of"):
        compare(one, elsewhere, film)
    alone = made(tmp_path / "alone.mp4", "-i", str(one), "-c", "copy")
    (tmp_path / "away").mkdir()
    alone = alone.rename(tmp_path / "away" / "alone.mp4")
    with pytest.raises(BadInput, match=r"has 24 frames for the 6 of the videos; .*--frames"):
        compare(alone, alone, film)
    with pytest.raises(BadInput, match=r"card\.mp4 has more"):
        compare(alone, film)


def test_compare_takes_a_part_and_sees_square_pixels(film: Path, tmp_path: Path) -> None:
    wide = made(tmp_path / "wide.mp4", "-i", str(film), "-vf", "setsar=2")
    told = ("-vf", "trim=start_frame=5:end_frame=11,setpts=PTS-STARTPTS,scale=188:70,setsar=1", "-an", "-crf", "1")
    seen = made(tmp_path / "seen.mp4", "-i", str(wide), *told)
    found = compare(seen, seen, wide, frames_of_source="5:11")
    assert found.frames == 6
    assert found.a.change == pytest.approx(0, abs=0.01)


def test_a_part_is_told_as_it_was_asked_for(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as the fields that a schedule would have for it, and never silently less than was asked for."""
    from animate.cli import main

    monkeypatch.chdir(tmp_path)
    ask = ["compare", str(film), str(film), "--source", str(film)]
    for frames, said in (
        ("3:2", "--frames 3:2: leaves no frame"),
        ("24:", f"--frames 24:: {film} has 24 frames, of which the last is 23"),
        ("4:9", f"--frames 4:9: are 5 frames of {film}, for the 24 of the videos"),
        ("-3:", "--frames -3:: is no range of frames"),
    ):
        assert main([*ask, f"--frames={frames}"]) == 2
        err = capsys.readouterr().err
        assert err.startswith(said)
        assert "video." not in err
    assert main([*ask, "--frames", "0:40"]) == 0
    past = f"--frames 0:40: {film} has 24 frames; it is taken up to its end\n"
    assert capsys.readouterr().err == past
    Path("text.mp4").write_text("no film")
    assert main([*ask[:-1], "text.mp4"]) == 2
    assert capsys.readouterr().err.startswith("text.mp4: ")

    restyle = ["restyle", str(film), "--prompt", "x", "--strength", "1", "--own", "0", "--mode", "frames", "-o", "run"]
    assert main([*restyle, "--frames", "22:40", "--set", "fps=8", "--set", "cuts=[90]"]) == 0
    err = capsys.readouterr().err
    assert err.startswith(past.replace("0:40", "22:40"))
    assert "cuts: " in err  # and what else is worth a word
    assert len(list(Path("run/frames").glob("*.png"))) == 2


def test_of_a_folder_a_film_can_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from animate.cli import main

    monkeypatch.chdir(tmp_path)
    Path("my pictures").mkdir()
    for number in (0, 1, 3, 4):  # a gap
        cv2.imwrite(f"my pictures/{number:04d}.png", np.full((64, 64, 3), 40 * number, np.uint8))
    assert main(["restyle", "my pictures", "--prompt", "x", "-o", "run"]) == 2
    asked = shlex.split(capsys.readouterr().err.split("`")[1])
    assert main([*asked[1:], "--engine", "hold"]) == 0
    assert count_frames(Path(asked[asked.index("-o") + 1])) == 4


def test_flow_draws_a_video(film: Path, tmp_path: Path) -> None:
    from animate.cli import main

    assert main(["flow", str(film), "-o", str(tmp_path / "flow.mp4"), "-q"]) == 0
    assert probe(tmp_path / "flow.mp4").width == 3 * 94
