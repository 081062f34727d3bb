"""Memory kept for the next picture."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
{first}

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        pictures = [np.ones(1 << 20, np.float32) for _ in range(3)]
        del pictures
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


def faults(first: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(first=first)], check=True, capture_output=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc needs to be told")
def test_freed_pictures_are_used_again() -> None:
    kept = faults("from animate.render.memory import keep_freed_blocks; keep_freed_blocks()")
    assert kept < 1000 < faults("")  # 3 × 4 MB × 50 are 150,000 pages
