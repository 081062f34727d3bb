"""Parts of a picture side by side."""

import os
import threading
import time
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from animate.motion import matrix
from animate.motion.warp import move
from animate.picture.color import MATCHERS
from animate.picture.threads import STRIP_PIXELS, _Helper, at_most, each, strips, torch_threads


@given(height=st.integers(1, 5000), width=st.integers(1, 5000))
def test_strips_cover_every_row_once(height, width):
    rows = strips(height, width)
    assert [rows[0].start, rows[-1].stop] == [0, height]
    assert all(above.stop == below.start for above, below in pairwise(rows))
    assert all(strip.stop > strip.start for strip in rows)
    assert max(strip.stop - strip.start for strip in rows) <= STRIP_PIXELS // width + 1


@pytest.fixture(params=[1, 3])
def threads(request):
    with at_most(request.param):
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        yield min(request.param, processors)


def test_results_come_in_order_and_errors_come_out(threads):
    assert each(lambda part: part**2, range(20)) == [part**2 for part in range(20)]
    with pytest.raises(ZeroDivisionError):
        each(lambda part: 1 / part, range(3))


def test_one_thread_is_the_callers_own(threads):
    def name(_):
        time.sleep(0.001)  # long enough for the others to come
        return threading.current_thread().name

    names = set(each(name, range(50)))
    assert threading.current_thread().name in names
    assert (names == {threading.current_thread().name}) == (threads == 1)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a system that does not tell")
def test_threads_keep_off_each_others_processors():
    everywhere = os.sched_getaffinity(0)

    def where(_):
        time.sleep(0.001)
        return threading.current_thread().name, os.sched_getaffinity(0)

    for name, processors in each(where, range(50)):
        first = {min(everywhere)} if len(everywhere) == 2 else set()
        own = name == threading.current_thread().name
        assert processors == ((first or everywhere) if own else everywhere - first)
    assert os.sched_getaffinity(0) == everywhere


def test_the_number_of_threads_changes_no_bit():
    picture = torch.rand(3, 300, 500, generator=torch.Generator().manual_seed(0))
    sample = picture.square()
    motion = matrix.rotate_zoom(3, 1.02, (250, 150))
    found = []
    for count in (1, 4):
        with at_most(count):
            found.append([move(picture, motion), *(match(picture, sample) for match in MATCHERS.values())])
    assert all(torch.equal(one, other) for one, other in zip(*found))


def test_torchs_threads_are_as_they_were():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_call_inside_a_call_and_one_from_another_thread(threads):
    def inner(part):
        return sum(each(lambda number: number * part, range(50)))

    expected = [part * 1225 for part in range(20)]
    others: list[list[int]] = []
    other = threading.Thread(target=lambda: others.append(each(inner, range(20))))
    other.start()
    assert each(inner, range(20)) == expected
    other.join()
    assert others == [expected]


def test_helpers_go_on_after_an_error():
    def fails(part):
        time.sleep(0.001)
        raise ValueError(f"part {part}")

    for _ in range(20):
        with pytest.raises(ValueError, match="part"):
            each(fails, range(4))
        assert each(lambda part: part + 1, range(50)) == list(range(1, 51))


def counted() -> int:
    """Torch's threads in a thread that begins now."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_a_helper_leaves_torch_its_threads():
    before = counted()
    _Helper(set())
    assert counted() == before
    with torch_threads(3):
        _Helper(set())
        assert (torch.get_num_threads(), counted()) == (3, before)


def test_a_thread_that_begins_meanwhile_has_all_of_torchs_threads():
    """Such as a second render in the same process."""
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with torch_threads(1):
            assert (torch.get_num_threads(), counted()) == (1, 3)
        assert counted() == 3
    finally:
        torch.set_num_threads(usual)
