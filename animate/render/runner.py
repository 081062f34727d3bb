"""The runner: answers what the animator asks for, with a model, a disk and ffmpeg."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from animate.depth import DepthEstimator, mended
from animate.diffusion.painter import Painter
from animate.errors import AnimateError, RenderError
from animate.picture import convert
from animate.picture.threads import torch_threads
from animate.render.flows import Flows
from animate.render.interrupts import Interrupts
from animate.render.memory import keep_freed_blocks
from animate.render.output import Output
from animate.render.progress import Progress, Warned
from animate.render.projector import Projector
from animate.render.requests import (
    Carry,
    Emit,
    EstimateDepth,
    Follow,
    Imagine,
    ReadFrame,
    ReadMask,
    Redraw,
    Request,
    Segment,
    Tween,
    Watch,
)
from animate.render.run_dir import RunDirectory
from animate.render.stencils import Stencils

if TYPE_CHECKING:
    from animate.diffusion.models import Paints
    from animate.interp import Interpolator
    from animate.render.groups import Groups
    from animate.schedule.plan import Plan
    from animate.segment import Segmenter
    from animate.video.writer import VideoWriter

Walk = Callable[["Plan", Carry | None], Generator[Request, Any, None]]
"""An animator."""


class Interrupted(AnimateError):
    """The user stopped the run; what was rendered is kept."""

    exit_code = 130


@dataclass(frozen=True, kw_only=True)
class Order:
    """A run: what to render, with what, and what to write beside the frames."""

    plan: Plan
    walk: Walk
    painter: Paints
    texts: Callable[[int], Mapping[str, str]]
    """Texts for the file of a frame; a function of the frame's number alone."""
    video: Callable[[], VideoWriter] | None
    """Opens the video; None for frames only."""
    fill: Callable[[Iterator[np.ndarray]], Iterator[np.ndarray]] = iter
    """Makes the video's frames of the run's: in-betweens."""
    device: str = "cpu"
    depth: DepthEstimator | None = None
    """Of a plan that asks for depth."""
    between: Interpolator | None = None
    """Of a plan whose cadence wants more than a cross-fade."""
    film: Projector | None = None
    """Of a plan that looks at a film."""
    scout: Projector | None = None
    """The same film, for what is asked for ahead; where there is none, `film` is wound back."""
    flows: Flows | None = None
    """Of a plan that looks at how a film moves."""
    stencils: Stencils | None = None
    """Of a plan whose masks are files."""
    segment: Segmenter | None = None
    """Of a plan whose masks are words."""
    groups: Groups | None = None
    """Of a plan whose frames are independent and are painted several at once."""


def run(order: Order, directory: RunDirectory, progress: Progress) -> None:
    """Render the frames that the directory lacks; the caller holds its claim.

    Raises Interrupted after a Ctrl-C, with the frame finished and the video playable; EncodeError or RenderError where
    something cannot be written. In each case the run can be gone on with.
    """
    keep_freed_blocks()
    arrays = directory.load_checkpoint()
    carry = None if arrays is None else Carry.from_arrays(arrays, order.device)
    first = 0 if carry is None else carry.index + 1
    total = len(order.plan)
    hint = "stopping after this frame; once more to stop at once"
    progress.begin(total, first)
    try:
        with (
            Interrupts(told=lambda: progress.say(hint)) as interrupts,
            Output(directory, first=first, texts=order.texts, video=order.video, fill=order.fill) as output,
        ):
            output.note({"event": "begin", "first": first, "frames": total})
            done = _walk(order, carry, output, progress, interrupts)
    finally:
        progress.end()
    if done < total and interrupts.asked:
        so_far = ", the video so far is playable" if done and order.video else ""
        go_on = f"animate resume {shlex.quote(str(directory.path))}"
        raise Interrupted(f"stopped; {done} of {total} frames are there{so_far}. To go on: {go_on}")


def _walk(order: Order, carry: Carry | None, output: Output, progress: Progress, interrupts: Interrupts) -> int:
    """Answer the animator until it ends or an interrupt is asked for; how many frames there are now.

    Torch's threads are for the models. For a picture's few operations it takes longer to wake them, and awake they take
    the cores from what works on the picture's strips.
    """
    steps = order.walk(order.plan, carry)
    done = 0 if carry is None else carry.index + 1
    size = order.plan.size
    request: Request | None = None
    answer: Tensor | None = None
    started = time.perf_counter()
    warned = Warned(progress.say)
    try:
        while not (interrupts.asked and isinstance(request, Emit | None)):  # a frame that was begun is finished
            try:
                with torch_threads(1):
                    request = steps.send(answer)
            except StopIteration:
                break
            if not isinstance(request, Emit):
                output.release()
                answer = _painted(request, order, size)
                if isinstance(request, EstimateDepth):
                    answer, wrong = mended(answer, size)
                    warned(request.index, wrong)
                continue
            answer = None
            seconds = time.perf_counter() - started
            started = time.perf_counter()
            prompt = " | ".join(text for text, _, _ in order.plan[request.index].prompts)
            entry = {"event": "frame", "frame": request.index, "seconds": round(seconds, 4), "prompt": prompt}
            nearness = None if request.nearness is None else convert.to_uint16(request.nearness)
            output.put(request.index, convert.to_uint8(request.picture), request.carry, entry, nearness)
            progress.frame(request.index, seconds, prompt)
            done = request.index + 1
    finally:
        steps.close()
    return done


def _painted(request: Request, order: Order, size: tuple[int, int]) -> Tensor:
    try:
        if isinstance(request, Imagine) and order.groups is not None:
            return order.groups.picture(request.index)
        if isinstance(request, Watch) and order.film is not None:
            show = order.scout if request.ahead and order.scout is not None else order.film
            return show(request.index).to(order.device)
        if isinstance(request, ReadMask) and order.stencils is not None:
            return order.stencils(request.index, request.file, request.alpha).to(order.device)
        if isinstance(request, Segment) and order.segment is not None:
            return order.segment(request.picture, request.words)
        if isinstance(request, Follow) and order.flows is not None:
            return order.flows(request)
        return answered(request, order.painter, size, order.depth, order.between).to(order.device)  # files too
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise RenderError(
            f"frame {request.index}: the model does not fit into memory ({str(error).splitlines()[0]}); "
            "a smaller width and height, memory: low or device: cpu take less"
        ) from error


def answered(
    request: Request,
    painter: Paints,
    size: tuple[int, int],
    depth: DepthEstimator | None = None,
    between: Interpolator | None = None,
) -> Tensor:
    """The picture (3, H, W) that was asked for; `size` is (height, width)."""
    match request:
        case Imagine():
            return painter.imagine(size, [request.how], **_more(painter, depth=request.depth, drift=request.drift))[0]
        case Redraw():
            more: dict[str, Any] = _more(
                painter,
                within=request.within,
                depth=request.depth,
                drift=request.drift,
                towards=request.towards,
                share=request.share,
                other=request.other,
            )
            if "other" in more:
                more["mix"] = request.mix
            return painter.redraw(request.picture[None], request.strength, [request.how], **more)[0]
        case ReadFrame():
            return convert.fit(convert.read_picture(Path(request.file)), *size, request.fit)
        case EstimateDepth():
            if depth is None:
                raise ValueError("the plan asks for depth and the run has no estimator")
            return depth(request.picture[None], [request.index])[0]
        case Tween():
            if between is None:
                raise ValueError("the plan asks for tweens and the run has no engine")
            return between(request.before, request.after, [request.time])[0]
        case Watch() | Follow() | Segment() | ReadMask() | Emit():
            raise ValueError(f"{type(request).__name__} has no answer of a painter")


def _more(painter: Paints, **fields: Tensor | None) -> dict[str, Tensor]:
    """What only our own painter takes, (1, C, H, W) each; painters of other packages need not know it."""
    given = {name: field[None] for name, field in fields.items() if field is not None}
    if given and not isinstance(painter, Painter):
        without = {
            "within": "paint into a part of a picture; `holes: stretch` and `mask: none` do without",
            "depth": "read depth; `generation: img2img`",
            "drift": "take noise that moves; `noise_warp: false`",
            "towards": "be drawn towards a latent; `latent_blend: 0`",
            "other": "mix pictures; prompts instead of `image_keys`",
        }
        raise RenderError(f"{painter.name} cannot {without[next(iter(given))]}")
    return given
