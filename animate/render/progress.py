"""How a run tells where it is: a bar for people, lines of JSON for programs, or nothing."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import IO, Any, Protocol

_PROMPT_LETTERS = 40


class Progress(Protocol):
    """What a run reports to. Called from one thread."""

    def begin(self, total: int, done: int) -> None:
        """Frames of the run, and how many of them were there before."""

    def frame(self, index: int, seconds: float, prompt: str) -> None:
        """Frame `index` was rendered in so many seconds."""

    def say(self, text: str) -> None:
        """A sentence for the user."""

    def end(self) -> None:
        """The run is over, well or not."""


class Quiet:
    """Reports nothing."""

    def begin(self, total: int, done: int) -> None: ...

    def frame(self, index: int, seconds: float, prompt: str) -> None: ...

    def say(self, text: str) -> None: ...

    def end(self) -> None: ...


class InOneThread:
    """Passes on to another progress, in the thread that it was made in alone.

    What other threads say is told there, before the next thing that is.
    """

    def __init__(self, told: Progress) -> None:
        self._told = told
        self._home = get_ident()
        self._said: SimpleQueue[str] = SimpleQueue()

    def begin(self, total: int, done: int) -> None:
        self._told.begin(total, done)

    def frame(self, index: int, seconds: float, prompt: str) -> None:
        self._tell_said()
        self._told.frame(index, seconds, prompt)

    def say(self, text: str) -> None:
        self._said.put(text)
        if get_ident() == self._home:
            self._tell_said()

    def end(self) -> None:
        self._tell_said()
        self._told.end()

    def _tell_said(self) -> None:
        while True:
            try:
                text = self._said.get_nowait()
            except Empty:
                return
            self._told.say(text)


class Warned:
    """Says what was wrong with a frame once a kind: what is wrong with one is mostly wrong with all."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kinds: set[str] = set()

    def __call__(self, index: int, wrong: str) -> None:
        """`wrong` of frame `index`, "" where nothing was; texts that differ in numbers only are of one kind."""
        kind = re.sub(r"\d[\d.e+-]*", "", wrong)
        if wrong and kind not in self._kinds:
            self._kinds.add(kind)
            self._say(f"frame {index}: {wrong}")


class Bar:
    """A bar on standard error with frame, time left, seconds a frame and the prompt."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: Any = None

    def begin(self, total: int, done: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=total,
            initial=done,
            file=self._stream,
            unit="frame",
            dynamic_ncols=True,
            smoothing=0.1,
            bar_format="{n_fmt}/{total_fmt} |{bar}| {elapsed}<{remaining}{postfix}",
        )

    def frame(self, index: int, seconds: float, prompt: str) -> None:
        if self._bar is not None:
            rate = f"{seconds:.2f} s/frame" if seconds >= 0.1 else f"{1000 * seconds:.0f} ms/frame"
            self._bar.set_postfix_str(f"{rate}, {shortened(prompt)}", refresh=False)
            self._bar.update(1)

    def say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            self._stream.write(text + "\n")
            self._stream.flush()

    def end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Lines:
    """One JSON object a line, for programs.

    {"event": "frame", "frame": 12, "of": 96, "seconds": 0.8, "left": 67.2, "prompt": "a calm sea"}
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stdout
        self._total = 0
        self._done = 0
        self._before = 0
        self._started = 0.0

    def begin(self, total: int, done: int) -> None:
        self._total, self._done, self._before, self._started = total, done, done, time.monotonic()
        self._tell(event="begin", frames=total, done=done)

    def frame(self, index: int, seconds: float, prompt: str) -> None:
        self._done += 1
        mean = (time.monotonic() - self._started) / (self._done - self._before)
        left = round(mean * (self._total - self._done), 1)
        self._tell(event="frame", frame=index, of=self._total, seconds=round(seconds, 4), left=left, prompt=prompt)

    def say(self, text: str) -> None:
        self._tell(event="say", text=text)

    def end(self) -> None:
        self._tell(event="end", done=self._done)

    def _tell(self, **event: object) -> None:
        self._stream.write(json.dumps(event, ensure_ascii=False) + "\n")
        self._stream.flush()


def shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _PROMPT_LETTERS else line[: _PROMPT_LETTERS - 1] + "…"
