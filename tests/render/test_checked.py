"""What only the rooms behind the language know of a schedule is told with the rest of its mistakes."""

from pathlib import Path

import pytest

from animate import cli
from animate.errors import ScheduleError
from animate.render import checked
from animate.schedule.importers.native import to_yaml
from tests.schedule.importers.old_files import WEBUI, save


def told(file: Path) -> list[str]:
    with pytest.raises(ScheduleError) as caught:
        checked.load(file)
    return [str(problem) for problem in caught.value.problems]


def test_contradictions_are_told_with_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("prompts: x\ncrf: 60\ndepth_algorithm: file\nW: 72\nzom: 1\n", encoding="utf-8")
    assert told(file) == [
        f"{file}:2:6: crf: 60 is more than h264 has (0 to 51)",
        f"{file}:3:18: depth_algorithm: file needs to know which (depth_file: depth.png)",
        f"{file}:4:4: W: the embedded painter paints multiples of 16, not 72 (64)",
        f"{file}:5:1: zom: there is no such field (did you mean zoom?)",
    ]


@pytest.mark.parametrize(
    ("sampler", "word"),
    [
        ("sampler: Euler a", "keeps less with Euler a, which draws noise on the way (sampler: DDIM)"),
        ("sampler: {0: DDIM, 4: DPM++ 2M SDE}", "keeps less with DPM++ 2M SDE, which"),
        ("eta: 0.5", "keeps less with DDIM, which draws noise on the way (eta: 0)"),
        ("sampler: DPM++ 2M Karras", ""),
        ("sampler: {0: DPM++ 2M SDE, 3: DDIM}", ""),
    ],
)
def test_a_sampler_that_paints_over_a_pictures_own_noise_is_told(tmp_path: Path, sampler: str, word: str) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"prompts: x\nmax_frames: 6\ninversion: '0: 0, 3: 0, 4: 0.8'\n{sampler}\n", encoding="utf-8")
    warnings = [str(warning) for warning in checked.load(file).warnings]
    assert len(warnings) == bool(word)
    assert all(warning.startswith(f"{file}:3:12: inversion: {word}") for warning in warnings)


def test_what_another_codec_takes_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("prompts: x\ncrf: 60\ncodec: vp9\n", encoding="utf-8")
    assert checked.load(file).settings["crf"] == 60


def test_an_old_file_of_any_size_is_painted(tmp_path: Path) -> None:
    """It was made for another model; what was asked for beside it is not changed."""
    old = save(tmp_path, {**WEBUI, "W": 1920, "H": 1080})
    schedule = checked.load(old)
    assert (schedule.settings["width"], schedule.settings["height"]) == (1920, 1072)
    assert [str(note) for note in schedule.warnings if "1072" in note.hint] == [
        f"{old}:3:10: height: 1920 × 1080 does not divide by 16, as the painter needs it "
        "(1920 × 1072 is painted; model: … names another painter)"
    ]
    with pytest.raises(ScheduleError, match="--set: H: the embedded painter paints multiples of 16, not 1080"):
        checked.load(old, {"H": 1080})


def test_an_old_file_keeps_its_size_when_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = save(tmp_path, {**WEBUI, "W": 1920, "H": 1080}), tmp_path / "new.yaml"
    assert cli.main(["import", str(old), "-o", str(new)]) == 0
    assert "paints multiples of 16, not 1080" in capsys.readouterr().err
    assert "height: 1080\n" in new.read_text(encoding="utf-8")
    assert to_yaml(checked.load(new, any_size=True))  # nothing else stands against it
