"""What a run writes, written beside it: frames, log, checkpoint and video, by two threads.

The first makes each frame a file, adds it to the log and now and then saves the carry. The second feeds ffmpeg, from
memory while it keeps up and from the files where it is behind: so a slow encoder never holds up the model, a video can
be begun again in the middle of a run, and an encoder that fails loses no frame.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from animate.errors import RenderError
from animate.render.requests import Carry
from animate.render.run_dir import RunDirectory
from animate.video.stills import read_picture, write_grey, write_png
from animate.video.writer import VideoWriter

CHECKPOINT_SECONDS = 4.0
"""At most this much rendering is lost by a kill, plus one frame."""
CHECKPOINT_FRAMES = 200
_WAITING_FRAMES = 4
"""How many frames each of the two threads may be behind in memory."""

Entry = Mapping[str, object]
_Item = tuple[int, np.ndarray, Carry, Entry, np.ndarray | None]


class Output:
    """Takes a run's frames in order and sees to all its files.

        with Output(directory, first=0, texts=texts, video=open_video) as output:
            output.put(0, frame, carry, entry)
            output.release()                       # waits only while the disk is behind

    A frame that was put is held back until it is released, or the next is put: so what writes it has the cores while
    a model works, perhaps on a device of its own, and not while the loop works on pictures.

    A failure of the disk or of ffmpeg is raised by the next `put`, or at the end; until then all frames that came are
    written. Leaving the block, also with an error, ends with a checkpoint and, unless it was ffmpeg that failed, a
    playable video of all frames; KeyboardInterrupt and its like stop at once, and the last checkpoint stands.
    """

    def __init__(
        self,
        directory: RunDirectory,
        *,
        first: int,
        texts: Callable[[int], Mapping[str, str]],
        video: Callable[[], VideoWriter] | None,
        fill: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]] = iter,
    ) -> None:
        """`first`: the first frame that will come; those before are taken from the directory into the video.
        `texts`: what a frame's file says about it; `video` opens the writer, None makes no video;
        `fill` makes the video's frames of the run's."""
        self._directory = directory
        self._texts = texts
        self._open_video = video
        self._fill = fill
        self._queue: queue.Queue[_Item | None] = queue.Queue(_WAITING_FRAMES)
        self._held: _Item | None = None
        self._failure: Exception | None = None
        self._stopped = False
        # Shared with the encoder, under `_news`.
        self._news = threading.Condition()
        self._written = first
        self._ended = False
        self._recent: dict[int, np.ndarray] = {}

    def __enter__(self) -> Output:
        try:
            self._log = self._directory.open_log()
        except OSError as error:
            raise _unwritten(self._directory.log, error) from error
        self._threads = [threading.Thread(target=self._keep_files, name="frames")]
        if self._open_video is not None:
            self._threads.append(threading.Thread(target=self._encode, name="video"))
        for thread in self._threads:
            thread.start()
        return self

    def put(
        self, index: int, frame: np.ndarray, carry: Carry, entry: Entry, nearness: np.ndarray | None = None
    ) -> None:
        """Frame `index`, uint8 (H, W, 3); `carry` goes on from it; `entry` is its line in the log; `nearness`, uint16
        (H, W), is written as a map beside it.

        Raises EncodeError or RenderError where an earlier frame could not be written.
        """
        self.release()
        self._held = (index, frame, carry, entry, nearness)

    def release(self) -> None:
        """Begin to write the frame that was put last; raises as `put`."""
        while True:
            if self._failure is not None:
                raise self._failure
            if self._held is None:
                return
            try:
                self._queue.put(self._held, timeout=0.2)
                self._held = None
            except queue.Full:  # look whether the thread that should empty it has failed
                continue

    def note(self, entry: Entry) -> None:
        """Add a line to the log; only before the first frame and after the end."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._log.write(json.dumps({"time": moment, **entry}, ensure_ascii=False) + "\n")
        self._log.flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is not None and not issubclass(kind, Exception):
                self._stop()
            self._end_frames()
            self._end_video()
        except BaseException:  # a second Ctrl-C while the encoder catches up
            self._stop()
            self._end_frames()
            self._end_video()
            raise
        finally:
            self._log.close()
        if kind is None and self._failure is not None:
            raise self._failure

    def _stop(self) -> None:
        with self._news:
            self._stopped = True
            self._news.notify_all()

    def _end_frames(self) -> None:
        while self._threads[0].is_alive():
            try:
                if self._held is not None:
                    self._queue.put(self._held, timeout=0.2)
                    self._held = None
                self._queue.put(None, timeout=0.2)
                break
            except queue.Full:
                continue
        _join(self._threads[0])

    def _end_video(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify_all()
        for thread in self._threads[1:]:
            _join(thread)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error

    # The first thread.

    def _keep_files(self) -> None:
        saved = time.monotonic()
        unsettled: list[Path] = []
        carry: Carry | None = None
        path = self._directory.path
        try:
            while (item := self._queue.get()) is not None and not self._stopped:
                index, frame, carry, entry, nearness = item
                if nearness is not None:  # before the frame: whoever finds the frame finds its map
                    path = self._directory.depth(index)
                    write_grey(path, nearness)
                path = self._directory.frame(index)
                write_png(path, frame, self._texts(index))
                unsettled.append(path)
                self.note(entry)
                self._pass_on(index, frame)
                if time.monotonic() - saved >= CHECKPOINT_SECONDS or len(unsettled) >= CHECKPOINT_FRAMES:
                    path = self._directory.checkpoint
                    self._directory.save_checkpoint(carry.to_arrays(), unsettled)
                    saved, unsettled = time.monotonic(), []
            if carry is not None and unsettled and not self._stopped:
                path = self._directory.checkpoint
                self._directory.save_checkpoint(carry.to_arrays(), unsettled)
        except OSError as error:
            self._fail(_unwritten(path, error))
        except BaseException as error:  # in a thread nobody would hear it, and the loop would wait for ever
            self._fail(error if isinstance(error, Exception) else RenderError(f"writing frames ended: {error!r}"))

    def _pass_on(self, index: int, frame: np.ndarray) -> None:
        with self._news:
            self._written = index + 1
            if self._open_video is not None and len(self._recent) < _WAITING_FRAMES:
                self._recent[index] = frame
            self._news.notify_all()

    # The second thread.

    def _encode(self) -> None:
        if self._open_video is None:
            return
        try:
            with self._open_video() as video:
                for frame in self._fill(self._frames()):
                    video.write(frame)
                if self._stopped:
                    video.abort()
        except Exception as error:  # in a thread nobody would hear it
            self._fail(error)

    def _frames(self) -> Iterator[np.ndarray]:
        """The run's frames as they come, from the first."""
        index = 0
        while (frame := self._next(index)) is not None:
            yield frame
            index += 1

    def _next(self, index: int) -> np.ndarray | None:
        """Frame `index` once it is written; None at the end."""
        with self._news:
            while self._written <= index and not self._ended and not self._stopped:
                self._news.wait()
            if self._stopped or self._written <= index:
                return None
            frame = self._recent.pop(index, None)
        return read_picture(self._directory.frame(index)) if frame is None else frame


def _join(thread: threading.Thread) -> None:
    while thread.is_alive():  # in pieces: Windows hears no Ctrl-C inside a wait without end
        thread.join(0.5)


def _unwritten(path: Path, error: OSError) -> RenderError:
    return RenderError(f"{path}: cannot be written: {error.strerror or error}")
