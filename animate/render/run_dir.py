"""The run directory: everything about one render, on disk, whole at every moment.

    DIR/schedule.yaml     the schedule as it was given, byte for byte; beside it the file that it was imported from.
                          Of a mapping (`animate restyle`), with the overrides in it
    DIR/plan.json         every value of every frame, the model, where it all came from
    DIR/frames/000000.png …
    DIR/depth/000000.png … where depth is kept
    DIR/video.mp4         or .webm, .mov, .gif
    DIR/contact.png       the run on one sheet
    DIR/log.jsonl         one line a frame
    DIR/checkpoint.npz    the carry of the last frame that is safe on disk

A render that was stopped goes on from the checkpoint. What the checkpoint claims is on disk before it is; what lies
past it is rendered again, to the same bytes. A directory belongs to one render: another schedule, size or model on it
is refused with what differs.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np

from animate.errors import DAMAGED, BadInput, RenderError, RunConflict
from animate.render.record import Record, differences, ranges
from animate.schedule.identity import identity
from animate.video.atomic import PART, settle, settle_folder, write_whole
from animate.video.codecs import CODECS
from animate.video.stills import is_whole

FRAME_NAME = re.compile(r"\d{6,}\.png")
_SAME = "same as another: "
_MOST_DIFFERENCES = 12
_LEAST_BYTES_PER_PIXEL = 0.3  # of a PNG; painted pictures have 1 to 2


class RunDirectory:
    """A run directory by its path; nothing is touched before `claim`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = path / "frames"
        self.depths = path / "depth"
        self.schedule = path / "schedule.yaml"
        self.plan = path / "plan.json"
        self.contact = path / "contact.png"
        self.log = path / "log.jsonl"
        self.checkpoint = path / "checkpoint.npz"
        self._lock = path / ".lock"

    def frame(self, index: int) -> Path:
        """Where frame `index` is, or will be."""
        return self.frames / f"{index:06d}.png"

    def depth(self, index: int) -> Path:
        """Where the map of its depth is, 16 bits, brighter is nearer."""
        return self.depths / f"{index:06d}.png"

    def video(self, codec: str) -> Path:
        """Where the video is, or will be."""
        return self.path / f"video{CODECS[codec].suffix}"

    def record(self) -> Record | None:
        """What the directory holds; None where no run began. Raises RenderError where the record is damaged."""
        try:
            return Record(**json.loads(self.plan.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise BadInput(f"{self.path}: is a file; a render needs a directory (-o)") from None
        except (OSError, ValueError, TypeError) as error:
            raise RenderError(
                f"{self.plan}: cannot be read ({error}); take another directory, or render with --restart"
            ) from error

    def holds_frames(self) -> bool:
        """Whether something was rendered here that must not get lost."""
        return self.checkpoint.exists() or any(self._rendered())

    def refuse_another(self, plan: Mapping[str, Any], painter: str = "", painter_digest: str = "") -> None:
        """Raise RunConflict, listing what differs, if frames of another run are here. Empty names are not compared."""
        old = self.record()
        if old is None:
            self._refuse_strangers()
            return
        found = differences(old.plan, plan) if old.digest != identity(plan) else []
        if painter_digest and painter_digest != old.painter_digest:
            same_name = painter == old.painter
            found.append(f"model: {'other weights under the name ' if same_name else f'{old.painter} → '}{painter}")
        if found and self.holds_frames():
            more = [f"and {len(found) - _MOST_DIFFERENCES} more"] if len(found) > _MOST_DIFFERENCES else []
            listed = "\n  ".join([*found[:_MOST_DIFFERENCES], *more])
            raise RunConflict(
                f"{self.path} holds frames of another run; changed since:\n  {listed}\n"
                "(take another directory, undo the change to go on, or --restart to discard those frames)"
            )

    def refuse_unwritable(self, frames: int, pixels: int) -> None:
        """Raise RenderError where the folder cannot be written, or cannot hold so many frames of so many pixels."""
        place = self._nearest()
        if not place.is_dir():
            raise RenderError(f"{place}: is a file, not a directory")
        if not os.access(place, os.W_OK):
            raise RenderError(f"{place}: cannot be written to; give another directory with -o")
        if lacking := self.lacks(frames, pixels):
            raise RenderError(f"{lacking}; make room, or give a directory on another disk with -o")

    def lacks(self, frames: int, pixels: int) -> str:
        """What the disk lacks for so many frames of so many pixels, less those that are here; "" where they fit."""
        place = self._nearest()
        free = shutil.disk_usage(place).free
        missing = frames - sum(1 for _ in self._rendered())
        need = int(missing * pixels * _LEAST_BYTES_PER_PIXEL)
        if need <= free:
            return ""
        return f"{place}: {missing} frames take {need / 1e9:.1f} GB and more, only {free / 1e9:.1f} GB are free"

    def _nearest(self) -> Path:
        """The directory, or what is there of the way to it."""
        whole = self.path.absolute()
        return next(parent for parent in (whole, *whole.parents) if parent.exists())

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Make the directory and hold it alone; raises RenderError, and RunConflict where another process has it."""
        try:
            self.frames.mkdir(parents=True, exist_ok=True)
            lock = open(self._lock, "a+b")  # noqa: SIM115 - closed below, by which the lock is given back
        except OSError as error:
            raise RenderError(f"{self.path}: cannot be written to: {error.strerror or error}") from error
        with lock:
            if not _locked(lock):
                raise RunConflict(f"{self.path} is being rendered by another process; wait for it, or give another -o")
            yield

    def begin(self, record: Record, schedule: bytes, name: str = "", *, anew: bool = False) -> None:
        """Write down what the run is; what an earlier attempt wrote down stays if it is the same run.

        `name` is the schedule's file name where it is not YAML; such a file is kept under it as well.
        `anew`: an earlier run is discarded; where none began, nothing is.
        Raises RunConflict, RenderError.
        """
        anew = anew and self.plan.exists()
        if anew:
            self.clear()
        else:
            self.refuse_another(record.plan, record.painter, record.painter_digest)
        old = None if anew else self.record()
        if old is None and not anew and self.schedule.exists() and self.schedule.read_bytes() != schedule:
            raise RunConflict(f"{self.schedule} is another schedule; give an empty or a new directory")
        try:
            if old is None or not (old.same_pictures(record) and old.plan == record.plan):
                write_whole(self.schedule, schedule)
                text = json.dumps(asdict(record), ensure_ascii=False, indent=1, allow_nan=False)
                write_whole(self.plan, text.encode(), durable=True)
            foreign = name and Path(name).suffix.lower() not in (".yaml", ".yml")
            if foreign and (anew or not (self.path / name).exists()):
                write_whole(self.path / name, schedule)
        except OSError as error:
            raise RenderError(f"{self.path}: cannot be written to: {error.strerror or error}") from error

    def holds_all(self, frames: int) -> bool:
        """Whether all frames of the run are there and safe, so that no model is needed any more."""
        try:
            with np.load(self.checkpoint, allow_pickle=False) as file:
                last = int(file["index"])
        except FileNotFoundError:
            last = frames - 1  # somebody tidied up: what was to be painted shows in the frames
        except DAMAGED:
            return False
        return last == frames - 1 and all(is_whole(self.frame(index)) for index in range(frames))

    def load_checkpoint(self) -> dict[str, np.ndarray] | None:
        """The carry's arrays, None before the first checkpoint; raises RenderError where it or a frame is damaged."""
        try:
            with np.load(self.checkpoint, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files if not name.startswith(_SAME)}
                arrays |= {
                    name.removeprefix(_SAME): arrays[str(file[name])] for name in file.files if name.startswith(_SAME)
                }
        except FileNotFoundError:
            return None
        except DAMAGED as error:
            raise RenderError(f"{self.checkpoint}: cannot be read ({error}); --restart begins anew") from error
        damaged = [index for index in range(int(arrays["index"]) + 1) if not is_whole(self.frame(index))]
        if damaged:
            raise RenderError(
                f"{self.frames}: {ranges(damaged)} missing or damaged, and only the last frame can be gone on from; "
                "put the files back, or --restart to begin anew"
            )
        return arrays

    def save_checkpoint(self, arrays: Mapping[str, np.ndarray], unsettled: list[Path]) -> None:
        """Make `unsettled` frames, then the carry, safe against a power failure. Raises OSError."""
        for path in unsettled:
            settle(path)
        settle_folder(self.frames)
        packed = io.BytesIO()
        np.savez(packed, **_once(arrays))  # type: ignore[arg-type]
        write_whole(self.checkpoint, packed.getbuffer(), durable=True)

    def clear(self) -> None:
        """Discard the run: its frames and all that came with them. Raises RenderError.

        The record and the schedule stay until another run's take their place: however it ends, the directory is ours.
        """
        try:
            # The checkpoint first: whatever is left after a kill claims no frame that is gone.
            self.checkpoint.unlink(missing_ok=True)
            numbered = [*self._rendered(), *_numbered(self.depths)]
            videos = {self.video(codec) for codec in CODECS}
            for path in [*numbered, *videos, *self.path.glob(f"*{PART}"), self.contact, self.log]:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise RenderError(f"{self.path}: cannot be cleared: {error}") from error

    def open_log(self) -> IO[str]:
        """The log, to be added to; a line that a kill cut off is ended first. Raises OSError."""
        cut_off = False
        with suppress(OSError), open(self.log, "rb") as file:
            file.seek(-1, os.SEEK_END)
            cut_off = file.read() != b"\n"
        log = open(self.log, "a", encoding="utf-8", newline="\n")  # noqa: SIM115 - the caller's to close
        if cut_off:
            log.write("\n")
        return log

    def _rendered(self) -> Iterator[Path]:
        yield from _numbered(self.frames)

    def _refuse_strangers(self) -> None:
        """A directory that holds something else than the beginnings of a run is not ours to fill."""
        if not self.path.is_dir():
            return
        ours = {self._lock.name, self.frames.name, self.depths.name, self.schedule.name}
        strange = sorted(
            entry.name for entry in self.path.iterdir() if entry.name not in ours and not entry.name.endswith(PART)
        )
        if strange or any(self._rendered()):
            what = ", ".join(strange[:3]) or f"frames without a {self.plan.name}"
            raise RunConflict(f"{self.path} holds something else than a run ({what}); give an empty or a new directory")


def _numbered(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if FRAME_NAME.fullmatch(entry.name):
            yield Path(entry.path)


def _once(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays with those that are one and the same kept once: most of a carry's pictures are, most of the time."""
    kept: dict[str, np.ndarray] = {}
    first: dict[tuple[object, ...], str] = {}
    for name, array in arrays.items():
        place = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if array.size > 1 and place in first:
            kept[_SAME + name] = np.asarray(first[place])
        else:
            first[place] = name
            kept[name] = array
    return kept


def _locked(file: IO[bytes]) -> bool:
    """Take the lock of an open file, False if another process has it; it goes with the file or its owner."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise RenderError(
            f"{file.name}: this file system knows no locks ({error}); give a directory on another"
        ) from error
    return True
