"""`animate restyle`: a film in another world, from the command line to the video."""

import subprocess
from pathlib import Path

import pytest
import yaml

from animate import cli
from animate.video.ffmpeg import executable
from animate.video.reader import count_frames


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "card.mp4"
    source = ("-f", "lavfi", "-i", "testsrc=size=96x64:rate=10:duration=0.5")
    subprocess.run([executable(), "-v", "error", *source, "-pix_fmt", "yuv420p", str(path)], check=True)
    return path


@pytest.mark.parametrize(("own", "inversion"), [("0.5", 0.5), ("0", None)])
def test_a_film_is_restyled_from_the_command_line(
    own: str, inversion: float | None, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = ["restyle", str(film), "--prompt", "a lake in winter", "-o", str(run), "--frames", "0:2", "--own", own]
    assert cli.main([*command, "--size", "96x64", "--set", "steps=2"]) == 0
    written = yaml.safe_load((run / "schedule.yaml").read_text("utf-8"))
    assert written.get("inversion") == inversion
    assert written["prompts"] == "a lake in winter"
    video = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert count_frames(video) == 2
