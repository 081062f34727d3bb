"""The ffmpeg program: where it is, what it can do, and how a child of ours is started and listened to.

`imageio-ffmpeg` brings the program; its own reader and writer are not used: a writer whose ffmpeg failed closes
without an exception, and frames of a wrong size shear the video without a word. A child here is always asked for its
exit status, and its last words are kept for the error's text. Nothing goes through a shell.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from animate.errors import MissingExtra

# Files only: a playlist or a path with a scheme must not make ffmpeg fetch something.
PROTOCOLS = ("-protocol_whitelist", "file,pipe")

_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
_KEPT_LINES = 30
_PIPE_BYTES = 1 << 20
_NICER = 10  # of 20: about a tenth of a core that others want as well
_DEAF_SECONDS = 10.0  # how long a child may take to die once it was told to


class FfmpegFailed(Exception):
    """ffmpeg ended with an error; the text is what it said last."""


@cache
def executable() -> str:
    """Path of the ffmpeg program; the environment variable IMAGEIO_FFMPEG_EXE names another one."""
    try:
        import imageio_ffmpeg

        return imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise MissingExtra(
            f"ffmpeg was not found ({error}); `pip install imageio-ffmpeg` brings it, or let IMAGEIO_FFMPEG_EXE name it"
        ) from error


def file_argument(path: Path) -> str:
    """A path as ffmpeg takes it: never read as an option, a protocol or a device."""
    return f"file:{path.absolute()}"


def output_of(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Run ffmpeg to its end: `(exit status, stdout, stderr)`. For short questions only."""
    done = subprocess.run(
        [executable(), "-hide_banner", "-nostdin", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        **_apart(),
    )
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


@cache
def version() -> str:
    """ffmpeg's version as it names it, for example `7.0.2-static`."""
    words = output_of(["-version"])[1].split()
    return words[2] if len(words) > 2 else "unknown"


@cache
def encoders() -> frozenset[str]:
    """Names of the encoders that this ffmpeg was built with, for example `libx264`."""
    # " V....D libx264              libx264 H.264 / AVC …": six flags, then the name.
    return frozenset(re.findall(r"^ [VAS][.A-Z]{5} (\S+)", output_of(["-encoders"])[1], flags=re.MULTILINE))


class Ffmpeg:
    """A running ffmpeg; raises `FfmpegFailed` with its last words where it fails.

    `feed=True` opens its standard input for `write`, `listen=True` its standard output as `answers`. One that is fed
    gives way to the process that feeds it: the next frame is not kept waiting by the encoder of the last.
    The child does not hear the terminal's Ctrl-C, so that a file can still be finished after it; when this process
    dies, the child sees the end of its input and ends as well.
    """

    def __init__(self, arguments: Sequence[str], *, feed: bool = False, listen: bool = False) -> None:
        self._child = subprocess.Popen(
            [executable(), "-hide_banner", "-nostdin", "-nostats", *arguments],
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE if listen else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
            **_apart(behind=feed),
        )
        if feed and sys.platform != "win32":
            with contextlib.suppress(OSError):  # it may be gone already, which `write` will tell
                os.setpriority(os.PRIO_PROCESS, self._child.pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICER)
        self._said: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listener = threading.Thread(target=self._listen, name="ffmpeg-stderr", daemon=True)
        self._listener.start()
        if feed:
            _widen(self._child.stdin)
        self._answers: io.BufferedReader | None = None
        if isinstance(self._child.stdout, io.RawIOBase):  # bufsize=0 gives the bare pipe
            self._answers = io.BufferedReader(self._child.stdout, _PIPE_BYTES)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def answers(self) -> io.BufferedReader:
        """What the child writes; only with `listen=True`."""
        if self._answers is None:
            raise ValueError("this ffmpeg was started without `listen`")
        return self._answers

    @property
    def words(self) -> str:
        """The last lines it said."""
        return "\n".join(self._said).strip()

    def write(self, data: bytes | memoryview) -> None:
        """Hand all of `data` to the child; blocks while the pipe is full."""
        pipe = self._child.stdin
        if pipe is None:
            raise ValueError("this ffmpeg was started without `feed`")
        left = memoryview(data).cast("B")
        try:
            while len(left):  # a raw pipe may take less than it is given
                left = left[pipe.write(left) :]
        except OSError as error:  # EPIPE, on Windows also EINVAL: the child is gone
            self._end()
            raise FfmpegFailed(self._obituary()) from error

    def finish(self) -> None:
        """End the input, wait for the child, hear its exit status."""
        self._end()
        if self._child.returncode != 0:
            raise FfmpegFailed(self._obituary())

    def kill(self) -> None:
        """Stop the child at once; what it wrote is not usable."""
        if self._child.poll() is None:
            self._child.kill()
        self._end()

    def _end(self) -> None:
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        if self._answers is not None:
            self._answers.close()
        self._child.wait()
        self._listener.join(timeout=_DEAF_SECONDS)

    def _obituary(self) -> str:
        status = self._child.returncode
        fate = f"ffmpeg was killed by signal {-status}" if status < 0 else f"ffmpeg ended with status {status}"
        return f"{fate}: {self.words}" if self.words else f"{fate}, without a word"

    def _listen(self) -> None:
        pipe = self._child.stderr
        if pipe is None:
            return
        with pipe:
            for line in iter(pipe.readline, b""):
                self._said.append(_ADDRESS.sub("", line.decode("utf-8", "replace").rstrip()))


def _apart(behind: bool = False) -> dict[str, Any]:
    """Arguments of Popen that keep the terminal's Ctrl-C from the child, and on Windows a console from flashing up.

    `behind` puts it behind others there, which elsewhere a child can be once it runs.
    """
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags | (subprocess.BELOW_NORMAL_PRIORITY_CLASS if behind else 0)}
    return {"process_group": 0}


def _widen(pipe: IO[bytes] | None) -> None:
    """Let the pipe hold about a frame, so that the writer waits less; a wish, not a need."""
    if sys.platform != "linux" or pipe is None:
        return
    import fcntl

    with contextlib.suppress(OSError):  # the system's limit may be lower
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
