"""Plots: both drawings are made from one chart, hold what the schedule says, and are whole files."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from animate import cli
from animate.cli import chart
from animate.schedule.compile import compile
from animate.schedule.load import load

SCHEDULE = {
    "max_frames": 96,
    "fps": 12,
    "bpm": 120,
    "seed": 3,
    "zoom": "1.01 + 0.01*sin(t/8)",
    "angle": {0: 0, 95: 1},
    "steps": {0: 8, 95: 12},
    "saturation": 1.02,
    "sampler": {0: "DDIM", 48: "Euler a"},
    "cues": {"drop": "4b", "end": 90},
    "cuts": ["drop"],
    "prompts": {0: "a <calm> sea & sky", 48: "a storm", 72: "a calm sea"},
}


@pytest.fixture
def drawing() -> chart.Chart:
    schedule = load(SCHEDULE)
    return chart.of(schedule, compile(schedule))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clip.json"
    path.write_text(json.dumps({"width": 256, **SCHEDULE}), encoding="utf-8")
    return path


def test_only_what_changes_is_drawn(drawing: chart.Chart) -> None:
    assert [[line.name for line in panel.lines] for panel in drawing.panels] == [["steps"], ["angle"], ["zoom"]]
    assert ("saturation", "1.02") in drawing.constants
    assert [words.name for words in drawing.words] == ["prompts", "sampler"]
    assert drawing.cuts == (24,)
    assert drawing.cues == (("drop", 24), ("end", 90))
    np.testing.assert_allclose(drawing.beats[:3], [0, 6, 12])
    assert [flag[1] for flag in drawing.flags()] == ["drop (cut)", "end"]


def test_prompts_mix_their_colours(drawing: chart.Chart) -> None:
    prompts = drawing.words[0]
    colors = [np.zeros(3), np.ones(3), np.array([1.0, 0, 0])]
    mixture = prompts.mixture(colors)
    np.testing.assert_allclose(mixture[[0, 24, 36, 48, 95], 0], [0, 0, 0.5, 1, 1])
    assert [span[0] for span in prompts.spans()] == [0, 37, 61]


def test_scale_and_ticks_are_round(drawing: chart.Chart) -> None:
    for panel in drawing.panels:
        ticks = panel.ticks()
        assert 1 <= len(ticks) <= 4
        assert all(panel.low <= tick <= panel.high for tick in ticks)
    assert drawing.time_marks() == [float(second) for second in range(8)]


def test_page_is_whole_in_itself(file: Path, tmp_path: Path) -> None:
    plot = tmp_path / "plot.html"
    assert cli.main(["plot", str(file), "-o", str(plot)]) == 0
    page = plot.read_text(encoding="utf-8")
    assert "a &lt;calm&gt; sea &amp; sky" in page
    assert not re.search(r"(src|href)=|https?://", page)
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1].replace("<\\/", "</"))  # type: ignore[index]
    assert len(data["lines"]["zoom"]) == 96
    assert data["words"]["prompts"][0][0] == "a <calm> sea & sky"
    for drawn in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawn)


def test_long_page_is_thinned_and_keeps_its_peaks(tmp_path: Path) -> None:
    file, plot = tmp_path / "long.yaml", tmp_path / "long.html"
    file.write_text(
        "max_frames: 30000\nangle: where(abs(t-17001)<0.5, 9, sin(t/50))\nprompts: a sea\n", encoding="utf-8"
    )
    assert cli.main(["plot", str(file), "-o", str(plot)]) == 0
    page = plot.read_text(encoding="utf-8")
    assert len(page) < 600_000
    path = re.search(r'class="curve" d="([^"]*)"', page)[1]  # type: ignore[index]
    heights = [float(pair.split()[1]) for pair in path[1:].split("L")]
    assert min(heights) < 0.15 * max(heights)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_picture(file: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / f"plot{suffix}"
    assert cli.main(["plot", str(file), "-o", str(plot), "--theme", "light"]) == 0
    assert capsys.readouterr().out.strip() == str(plot)
    start = plot.read_bytes()[:400]
    assert start.startswith(b"\x89PNG") if suffix == ".png" else b"<svg" in start or b"<?xml" in start
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_picture_that_the_schedule_begins_with_is_left(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{file.stem}.png").write_bytes(b"a cat")
    assert cli.main(["plot", str(file)]) == 0
    assert capsys.readouterr().out.strip() == f"{file.stem}.plot.png"
    assert (tmp_path / f"{file.stem}.png").read_bytes() == b"a cat"
    assert (tmp_path / f"{file.stem}.plot.png").is_file()


def test_without_matplotlib(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["plot", str(file), "-o", str(tmp_path / "plot.png")]) == 1
    assert "animate[plot]" in capsys.readouterr().err
    assert not (tmp_path / "plot.png").exists()
    assert cli.main(["plot", str(file), "-o", str(tmp_path / "plot.html")]) == 0


def test_unknown_format(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plot", str(file), "-o", "plot.gif"]) == 2
    assert ".html" in capsys.readouterr().err


def test_prompts_are_drawn_where_they_travel_and_tracks_where_they_sound() -> None:
    schedule = load(
        {
            "max_frames": 9,
            "prompts": {0: "a", 4: "b", 8: "c"},
            "prompt_travel": {0: 2, 8: 0},
            "prompt_tracks": {"rain": {"prompts": "heavy rain", "from": 4, "fade_in": 2}},
        }
    )
    prompts, rain = chart.of(schedule, compile(schedule)).words
    assert (prompts.first + prompts.share).tolist() == [2 - i / 4 for i in range(9)]
    assert (rain.name, rain.texts) == ("rain", ("", "heavy rain"))
    assert rain.share.tolist() == [0, 0, 0, 0, 0, 0.5, 1, 1, 1]
