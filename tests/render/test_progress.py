"""What a run says while it runs."""

import io
import json
import signal
import threading

import pytest

from animate.render.interrupts import Interrupts
from animate.render.progress import Bar, Lines, Progress, Quiet, shortened


def told(progress: Progress) -> None:
    progress.begin(3, 1)
    progress.frame(1, 0.5, "a lake")
    progress.say("halfway")
    progress.frame(2, 0.02, "a hill  in\nthe mist " * 9)
    progress.end()


def test_lines_are_json_with_the_time_that_is_left() -> None:
    stream = io.StringIO()
    told(Lines(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["begin", "frame", "say", "frame", "end"]
    assert events[0] == {"event": "begin", "frames": 3, "done": 1}
    assert (events[1]["frame"], events[1]["of"], events[1]["seconds"], events[1]["prompt"]) == (1, 3, 0.5, "a lake")
    assert events[1]["left"] >= 0
    assert events[3]["left"] == 0
    assert events[4]["done"] == 3


def test_the_bar_tells_frames_pace_and_prompt() -> None:
    stream = io.StringIO()
    told(Bar(stream))
    words = stream.getvalue()
    assert "3/3" in words
    assert "halfway" in words
    assert "20 ms/frame, a hill in the mist" in words


def test_a_bar_that_never_began_can_speak_and_end() -> None:
    stream = io.StringIO()
    bar = Bar(stream)
    bar.say("nothing to do")
    bar.end()
    assert stream.getvalue() == "nothing to do\n"


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    told(Quiet())
    assert capsys.readouterr() == ("", "")


def test_long_prompts_are_cut_on_one_line() -> None:
    assert shortened("a\n b") == "a b"
    assert len(shortened("word " * 50)) == 40


def test_the_first_interrupt_is_a_wish_and_the_second_an_order() -> None:
    heard: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with Interrupts(told=lambda: heard.append("told")) as interrupts:
        assert not interrupts.asked
        signal.raise_signal(signal.SIGINT)
        assert interrupts.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert heard == ["told"]
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_hears_no_signals_and_breaks_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    asked: list[bool] = []

    def work() -> None:
        with Interrupts(told=lambda: None) as interrupts:
            asked.append(interrupts.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert asked == [False]
    assert signal.getsignal(signal.SIGINT) is before
