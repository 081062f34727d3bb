"""The command line: what it prints, where, and with which exit code."""

import csv
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from animate import cli
from animate.schedule.fields import FIELDS
from tests.schedule.importers.old_files import WEBUI, save

SCHEDULE = """\
max_frames: 48
fps: 12
seed: 3
bpm: 120
zoom: 1.01 + 0.01*sin(t/8)
strength: {0: 0.6, 24: 0.5}
cues: {drop: 4b}
cuts: [36]
prompts:
  0: a calm sea
  drop: a storm --neg boats
"""


@pytest.fixture
def schedule(tmp_path: Path) -> Path:
    path = tmp_path / "clip.yaml"
    path.write_text(SCHEDULE, encoding="utf-8")
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "broken.yaml"
    path.write_text("max_frames: 48\nzom: 1.01\nstrength: 3\nangle: 1 +\n", encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)"""
    code = cli.main([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out, told.err


# --- the frame ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_help_groups_all_commands(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    code, out, _ = run(capsys, *words)
    assert code == 0
    for name, command in cli.COMMANDS.items():
        assert f"  {name} " in out
        assert command.group in out


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = run(capsys, name, "--help")
    assert code == 0
    assert out.startswith(f"usage: animate {name}")
    assert "--debug" in out
    assert run(capsys, "help", name)[0] == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[1].startswith("animate ")


def test_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "rendr", "x.yaml")
    assert (code, out) == (2, "")
    assert "did you mean render?" in err


def test_wrong_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check")[0] == 2
    assert run(capsys, "check", "x.yaml", "--nonsense")[0] == 2


@pytest.mark.parametrize("pair", ["fps", "=3", ""])
def test_an_override_that_is_none(capsys: pytest.CaptureFixture[str], schedule: Path, pair: str) -> None:
    code, _, err = run(capsys, "check", schedule, "--set", pair)
    assert code == 2
    assert "NAME=VALUE" in err


def test_a_fault_of_ours_is_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, schedule: Path
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("animate.schedule.compile.compile", fail)
    code, _, err = run(capsys, "plan", schedule)
    assert code == 1
    assert "boom" in err
    assert "Traceback" not in err
    code, _, err = run(capsys, "plan", schedule, "--debug")
    assert code == 1
    assert "Traceback" in err


def test_interrupt(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, schedule: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("animate.schedule.compile.compile", stop)
    assert run(capsys, "plan", schedule)[0] == 130


# --- check ----------------------------------------------------------------------------------------------------------


def test_check_shows_one_screen(capsys: pytest.CaptureFixture[str], schedule: Path) -> None:
    code, out, err = run(capsys, "check", schedule)
    assert (code, err) == (0, "")
    for word in ("48 frames", "4 s", "12 frames/s", "256 × 256", "zoom", "strength", "a calm sea", "36", "drop at 24"):
        assert word in out
    assert len(out.splitlines()) < 40


def test_check_lists_every_problem_on_a_line(capsys: pytest.CaptureFixture[str], broken: Path) -> None:
    code, out, err = run(capsys, "check", broken)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{broken}:2:1: zom: ")
    assert "zoom" in lines[0]
    assert lines[1].startswith(f"{broken}:3:")


def test_check_of_several_files(capsys: pytest.CaptureFixture[str], schedule: Path, broken: Path) -> None:
    """`make check` hands over every schedule that ships."""
    code, out, err = run(capsys, "check", schedule, broken, schedule)
    assert code == 2
    assert out.splitlines() == [f"{schedule}: 48 frames · 4 s · 12 frames/s · 120 beats/min · 256 × 256 · 2D"] * 2
    assert err.count(f"{broken}:") == 3
    assert run(capsys, "check", schedule, schedule)[0] == 0


def test_check_of_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run(capsys, "check", tmp_path / "none.yaml")
    assert code == 2
    assert len(err.splitlines()) == 1


def test_check_takes_old_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    old = save(tmp_path, {**WEBUI, "optical_flow_redo_generation": "DIS Fine", "border": "warp"})
    code, out, _ = run(capsys, "check", old)
    assert code == 0
    assert "redo by optical flow (DIS Fine)" in out
    assert "1 warning" in out
    assert "'warp'" in out


# --- fields ---------------------------------------------------------------------------------------------------------


def test_fields_lists_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "fields")
    for name in FIELDS:
        assert f"  {name} " in out


@pytest.mark.parametrize("name", list(FIELDS))
def test_every_field_has_a_page(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, out, _ = run(capsys, "fields", name)
    assert code == 0
    assert out.startswith(f"{name}\n")


@pytest.mark.parametrize(
    ("alias", "name"), [("strength_schedule", "strength"), ("denoise", "strength"), ("w", "width")]
)
def test_fields_by_other_names(capsys: pytest.CaptureFixture[str], alias: str, name: str) -> None:
    assert run(capsys, "fields", alias)[1].startswith(f"{name}\n")


def test_what_may_stand_in_an_expression(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "fields", "expressions")
    for word in ("max_f", "smoothstep(", "where", "in_out_cubic"):
        assert word in out


def test_unknown_field_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "fields", "zoon")
    assert code == 2
    assert "zoom" in err


# --- plan, diff, --set ----------------------------------------------------------------------------------------------


def test_plan_as_csv(capsys: pytest.CaptureFixture[str], schedule: Path) -> None:
    _, out, _ = run(capsys, "plan", schedule, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 48
    assert float(rows[12]["strength"]) == pytest.approx(0.55)
    assert rows[36]["cut"] == "1"


def test_plan_as_json(capsys: pytest.CaptureFixture[str], schedule: Path, tmp_path: Path) -> None:
    _, out, _ = run(capsys, "plan", schedule, "--json")
    assert json.loads(out)["frames"] == 48
    code, out, _ = run(capsys, "plan", schedule, "--json", "-o", tmp_path / "plan.json")
    assert code == 0
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["frames"] == 48


def test_plan_never_takes_the_place_of_its_schedule(
    capsys: pytest.CaptureFixture[str], schedule: Path, tmp_path: Path
) -> None:
    (tmp_path / "same.yaml").symlink_to(schedule)
    for output in (schedule, tmp_path / "same.yaml"):
        code, _, err = run(capsys, "plan", schedule, "-o", output)
        assert code == 2
        assert "is what is read" in err
    assert schedule.read_text(encoding="utf-8") == SCHEDULE


def test_plan_into_a_folder_is_refused(capsys: pytest.CaptureFixture[str], schedule: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, "."):
        code, _, err = run(capsys, "plan", schedule, "-o", folder)
        assert code == 2
        assert f"{folder} is a folder" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_plan_goes_through_a_pipe(capsys: pytest.CaptureFixture[str], schedule: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        text = pool.submit(pipe.read_text, "utf-8")
        assert run(capsys, "plan", schedule, "-o", pipe)[0] == 0
        assert text.result().startswith("frame,")
    assert pipe.is_fifo()


def test_plan_through_a_link_leaves_the_link(
    capsys: pytest.CaptureFixture[str], schedule: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "plan.csv")
    assert run(capsys, "plan", schedule, "-o", link)[0] == 0
    assert link.is_symlink()
    assert (tmp_path / "plan.csv").read_text(encoding="utf-8").startswith("frame,")


@pytest.mark.parametrize("command", ["check", "batch", "plan", "plot"])
def test_an_empty_name_is_bad_input(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.yaml").write_text(SCHEDULE, encoding="utf-8")
    code, _, err = run(capsys, command, "")
    assert code == 2
    assert "fault" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["clip.yaml"]


def test_set_replaces_values(capsys: pytest.CaptureFixture[str], schedule: Path) -> None:
    _, out, _ = run(capsys, "check", schedule, "--set", "fps=24", "--set", "zoom=1.5", "--set", "max_frames=60")
    assert "60 frames · 2.5 s · 24 frames/s" in out
    assert "zoom 1.5" in out
    code, _, err = run(capsys, "check", schedule, "--set", "zooom=1.5")
    assert code == 2
    assert "zoom" in err


def test_diff(capsys: pytest.CaptureFixture[str], schedule: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        SCHEDULE.replace("24: 0.5", "24: 0.4").replace("a calm sea", "a lake").replace("fps: 12", "fps: 24"),
        encoding="utf-8",
    )
    _, out, _ = run(capsys, "diff", schedule, schedule)
    assert out == "The plans are the same.\n"
    code, out, _ = run(capsys, "diff", schedule, other)
    assert code == 0
    for word in ("fps: ", "strength: frames 1 to 47; most at frame 24, 0.5 → 0.4", "− a calm sea", "+ a lake"):
        assert word in out


# --- init and import ------------------------------------------------------------------------------------------------


def test_diff_takes_one_seed_where_chance_draws_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    drawn, other, fixed = (tmp_path / f"{name}.yaml" for name in "abc")
    text = "prompts: a {red|blue} sea\nseed_behavior: random\nsubseed_strength: 0.5\n"
    drawn.write_text(text)
    other.write_text(f"{text}zoom: 1.1\n")
    fixed.write_text(f"{text}seed: 42\n")
    assert run(capsys, "diff", drawn, drawn)[1] == "The plans are the same.\n"
    assert run(capsys, "diff", drawn, other)[1] == "zoom: 1 → 1.1\n"
    assert run(capsys, "diff", drawn, fixed)[1] == "seed: drawn → 42\n"
    assert run(capsys, "diff", fixed, drawn)[1] == "seed: 42 → drawn\n"


def test_init_writes_a_schedule_that_is_fine(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "new" / "first.yaml"
    assert run(capsys, "init", "-o", path)[0] == 0
    code, out, err = run(capsys, "check", path)
    assert (code, err) == (0, "")
    assert "warning" not in out
    code, _, err = run(capsys, "init", "-o", path)
    assert code == 2
    assert "--force" in err
    assert run(capsys, "init", "-o", path, "--force")[0] == 0


def test_init_takes_the_name_as_it_is_typed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "init", "first.yaml")[0] == 0
    assert run(capsys, "init")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.yaml", "schedule.yaml"]
    assert run(capsys, "init", "a.yaml", "-o", "b.yaml")[0] == 2
    assert run(capsys, "init", "second")[0] == 0
    assert Path("second.yaml").exists()
    code, _, err = run(capsys, "init", "film.mp4")
    assert code == 2
    assert "animate init film.yaml" in err
    assert not Path("film.mp4").exists()
    assert run(capsys, "init", "first.yaml")[0] == 2


def test_import(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    old = save(tmp_path, {**WEBUI, "cn_1_enabled": True, "border": "warp"})
    new = tmp_path / "new.yaml"
    code, out, err = run(capsys, "import", old, "-o", new)
    assert code == 0
    assert "ControlNet" in out
    assert "'warp'" in err
    assert run(capsys, "diff", old, new)[1] == "The plans are the same.\n"
    assert run(capsys, "import", old, "-o", new)[0] == 2
    _, out, _ = run(capsys, "import", old)
    assert out == new.read_text(encoding="utf-8")


def test_import_of_a_schedule_of_our_own(capsys: pytest.CaptureFixture[str], schedule: Path) -> None:
    code, _, err = run(capsys, "import", schedule)
    assert code == 2
    assert "already" in err


@pytest.mark.parametrize(
    "command",
    [
        ("interpolate", "{}", "-o", "o.mp4", "--fps", "60"),
        ("depth", "{}", "-o", "d.png"),
        ("flow", "{}", "-o", "f.mp4"),
        ("compare", "{}", "{}"),
        ("listen", "{}"),
        ("info", "{}"),
        ("restyle", "{}", "--prompt", "x", "-o", "r"),
    ],
    ids=lambda command: command[0],
)
def test_a_file_that_is_no_film_is_bad_input(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "not.mp4").write_text("no film")
    code, _, err = run(capsys, *(word.format("not.mp4") for word in command))
    assert code == 2
    assert err.count("not.mp4") == 1
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["not.mp4"]


def test_a_model_that_nobody_knows_is_told_with_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("prompts: x\nmodel: embeded\nzom: 1\ndepth_algorithm: embeded\n", encoding="utf-8")
    code, _, err = run(capsys, "check", file)
    assert code == 2
    assert err.splitlines() == [
        f"{file}:2:8: model: there is no model called 'embeded' (did you mean embedded?)",
        f"{file}:3:1: zom: there is no such field (did you mean zoom?)",
        f"{file}:4:18: depth_algorithm: there is no depth model called 'embeded' (did you mean embedded?)",
    ]
