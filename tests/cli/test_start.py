"""What only a process of its own can show: that commands start fast, without torch, and leave quietly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TORCH_FREE = """
import sys
from animate.cli import main
code = main(sys.argv[1:])
dear = {"torch", "diffusers", "transformers", "cv2", "matplotlib", "numba"} & set(sys.modules)
print("imported:", *sorted(dear), file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def schedule(tmp_path: Path) -> Path:
    path = tmp_path / "clip.yaml"
    path.write_text("max_frames: 12\nzoom: 1 + 0.01*sin(t)\nprompts: a calm sea\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["fields"],
        ["check", "clip.yaml"],
        ["plan", "clip.yaml"],
        ["diff", "clip.yaml", "clip.yaml"],
        ["plot", "clip.yaml", "-o", "clip.html"],
        ["render", "--help"],
    ],
)
def test_no_torch(words: list[str], schedule: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TORCH_FREE, *words],
        cwd=schedule.parent,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "imported:"
    assert done.stdout


@pytest.mark.parametrize(
    ("given", "counts"), [({}, "3000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "PASSIVE"}, None)]
)
def test_threads_do_not_wait_awake_for_long(given: dict[str, str], counts: str | None) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    }
    code = "import os, animate; print(os.environ.get('GOMP_SPINCOUNT'))"
    said = subprocess.run([sys.executable, "-c", code], env=environment | given, capture_output=True, check=True)
    assert said.stdout.decode().strip() == str(counts)


def test_module_can_be_run(schedule: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "animate", "check", "none.yaml"], cwd=schedule.parent, capture_output=True, check=False
    )
    assert done.returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end differently there")
def test_a_reader_that_leaves_is_no_error(schedule: Path) -> None:
    command = f"{sys.executable} -m animate plan clip.yaml --set max_frames=5000 | head -1"
    done = subprocess.run(command, shell=True, cwd=schedule.parent, capture_output=True, encoding="utf-8", check=False)
    assert done.stdout.startswith("frame,")
    assert done.stderr == ""
