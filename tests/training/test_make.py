"""`make train-…` starts a training."""

import shutil
import subprocess
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize("name", ["autoencoder", "painter", "depth", "inbetween", "judge", "critic"])
def test_make_trains(name: str) -> None:
    """A pattern rule is passed over for targets that are called phony."""
    says = subprocess.run(["make", "-n", f"train-{name}"], cwd=HOUSE, capture_output=True, text=True, check=True).stdout
    assert f"-m training.{name} --minutes 60 --device auto" in says
    assert (HOUSE / "training" / f"{name}.py").is_file()
