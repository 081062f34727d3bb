"""Loops in machine code."""

import subprocess
import sys

import numba
import numpy as np

from animate.picture import compiled, noise, sharpen, spaces


def doubled(values, out):
    for index in range(len(values)):
        out[index] = 2 * values[index]


def test_a_loop_is_compiled_where_it_cannot_be_kept(monkeypatch):
    """Installed where nothing may be written, and without a home: numba refuses to keep it."""

    def without_a_place(**how):
        if how.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**how)

    monkeypatch.setattr(compiled, "njit", without_a_place)
    out = np.empty(3, np.float32)
    compiled.compiled(doubled)(np.float32([1, 2, 3]), out)
    np.testing.assert_array_equal(out, (2, 4, 6))


def test_loops_do_what_their_python_says():
    """Reordered sums aside, what the compiler makes of a loop is what stands there."""
    random = np.random.default_rng(0)
    picture = random.random((3, 7, 19)).astype(np.float32)
    field, taps = picture[::-1].copy(), np.float32([0.25, 0.5, 0.25])
    low, high = np.float32([0, -128, -128]), np.float32([100, 128, 128])
    scale = np.float32(spaces.BINS - 1) / (high - low)
    for loop, given, filled in (
        (noise._blend, (picture, np.float32(0.3), field), picture.shape),
        (sharpen._unsharp, (picture, taps, np.float32(0.7), np.float32(0.01)), picture.shape),
    ):
        ours, plain = np.empty(filled, np.float32), np.empty(filled, np.float32)
        loop(*given, ours, 0, 7)
        loop.py_func(*given, plain, 0, 7)
        np.testing.assert_allclose(ours, plain, atol=1e-6)
    channels, counts = np.empty_like(picture), np.zeros((3, spaces.BINS), np.int32)
    spaces._count(picture, 0, 7, spaces.AS_LAB, low, scale, channels, counts)
    assert counts.sum(axis=1).tolist() == [7 * 19] * 3


def test_help_does_not_wait_for_the_compiler():
    program = "import sys, animate.cli; assert 'numba' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
