"""Loops in machine code."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from animate.motion import resample
from animate.picture import border, compiled, noise, sharpen, spaces

PROGRAM = """
import numpy as np
from animate.picture.compiled import compiled

@compiled
def doubled(values, out):
    for index in range(len(values)):
        out[index] = 2 * values[index]

out = np.empty(3)
doubled(np.float64([1, 2, 3]), out)
print(out.tolist(), sum(doubled.stats.cache_hits.values()))
"""


def run(program: Path, before: str = "") -> tuple[str, str]:
    code = f"{before}\nimport runpy; runpy.run_path({str(program)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    numbers, _, hits = done.stdout.strip().rpartition(" ")
    return numbers, hits


@pytest.fixture
def program(tmp_path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path / "program.py"


def test_what_is_compiled_is_kept_until_it_cannot_be_read(program):
    right = "[2.0, 4.0, 6.0]"
    assert [run(program), run(program)] == [(right, "0"), (right, "1")]
    for kept in program.parent.rglob("*.nb?"):
        kept.write_bytes(b"")  # as after a crash
    assert [run(program), run(program)] == [(right, "0"), (right, "1")]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there")
def test_a_full_disk_does_not_stop_a_loop(program):
    full = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    assert run(program, full) == ("[2.0, 4.0, 6.0]", "0")


def test_a_loop_is_compiled_where_it_cannot_be_kept(monkeypatch):
    """Installed where nothing may be written, and without a home: numba refuses to keep it."""

    def nowhere(function):
        raise RuntimeError("cannot cache function: no locator available")

    def doubled(values, out):
        for index in range(len(values)):
            out[index] = 2 * values[index]

    monkeypatch.setattr(compiled, "_Kept", nowhere)
    out = np.empty(3, np.float32)
    compiled.compiled(doubled)(np.float32([1, 2, 3]), out)
    np.testing.assert_array_equal(out, (2, 4, 6))


def as_written(module, monkeypatch):
    """The module's loops as the Python that stands there."""
    for name, value in list(vars(module).items()):
        if hasattr(value, "py_func"):
            monkeypatch.setattr(module, name, value.py_func)


def test_loops_do_what_their_python_says(monkeypatch):
    """Reordered sums aside, what the compiler makes of a loop is what stands there."""
    random = np.random.default_rng(0)
    picture = random.random((3, 7, 19)).astype(np.float32)
    sample = (picture**2)[:, ::-1].copy()
    x, y = (random.uniform(-30, 30, (7, 19)).astype(np.float32) for _ in range(2))
    bits = random.integers(0, 1 << 16, picture.shape, dtype=np.uint16)
    taps, rows = np.float32([0.25, 0.5, 0.25]), slice(0, 7)

    def everything():
        for name, space in vars(spaces).items():
            if isinstance(space, spaces.Space):
                channels, out = picture.copy(), np.empty_like(picture)
                has = spaces.count(picture, rows, space, channels)
                moves = spaces.moves(has, spaces.count(sample, rows, space, sample.copy()), space)
                spaces.shift(channels, rows, space, moves, out)
                yield f"{name} channels", channels
                yield f"{name} matched", out
        out = np.empty_like(picture)
        noise._blend(picture, np.float32(0.3), sample, out, 0, 7)
        yield "blended", out.copy()
        noise._draw(bits, picture[0], picture[1, :, :7].copy(), np.float32(0.5), noise._normal_table(), out, 0, 7)
        yield "drawn", out.copy()
        sharpen._unsharp(picture, taps, np.float32(0.7), np.float32(0.01), out, 0, 7)
        yield "sharpened", out.copy()
        for name in border.FOLDS:
            code, most = resample.CODES[name], np.float32(1)
            wide = np.array(border.indices(19, resample.BEFORE, resample.AFTER, name))
            high = np.array(border.indices(7, resample.BEFORE, resample.AFTER, name))
            packed = np.zeros((len(high), len(wide), 4), np.float32)
            resample._pack(picture, high, wide, packed)
            resample._curved(packed, x, y, code, np.float32(0), most, out, 0, 7)
            yield f"{name} curved", out.copy()
            resample._straight(picture, x, y, code, False, np.float32(0), most, out, 0, 7)
            yield f"{name} straight", out.copy()

    ours = dict(everything())
    for module in (spaces, noise, sharpen, resample):
        as_written(module, monkeypatch)
    for name, plain in everything():
        scale = 1e-4 * max(1, np.abs(plain).max())  # what lies at the edge of a bin may fall to either side
        apart = np.abs(ours[name] - plain)
        assert np.quantile(apart, 0.97) < scale, name


def test_every_border_has_a_code():
    assert resample.CODES.keys() == border.FOLDS.keys()
