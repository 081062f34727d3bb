"""Every example runs, and every schedule that ships compiles without a word."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest

import animate
from animate.render.run import render
from animate.video.reader import count_frames

HOUSE = Path(__file__).parents[2]
SCRIPTS = sorted((HOUSE / "examples").glob("*.py"))
SCHEDULES = sorted((HOUSE / "keyframes").glob("*.yaml"))


@pytest.mark.parametrize("path", SCHEDULES, ids=lambda path: path.stem)
def test_every_schedule_compiles(path: Path) -> None:
    plan = animate.plan(path)
    assert len(plan) >= 48
    assert plan.warnings == ()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(path), str(tmp_path / "out")])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")


def test_the_plugin_brings_its_painter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed as pip would: the module and the record of its entry point on the path."""
    shutil.copy(HOUSE / "examples" / "plugins" / "mosaic" / "animate_mosaic.py", tmp_path)
    record = tmp_path / "animate_mosaic-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: animate-mosaic\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[animate.painters]\nmosaic = animate_mosaic:Mosaic\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    fields = {"model": "mosaic", "max_frames": 3, "width": 64, "height": 64, "seed": 1, "prompts": "tiles"}
    assert count_frames(render(fields, tmp_path / "run")) == 3
