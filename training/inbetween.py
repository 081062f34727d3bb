"""The in-between network: what flow tweening gets wrong, learned from pictures whose motion is known.

    python -m training.inbetween train --minutes 60 --cool 20 --workers 2     # resumes its run
    python -m training.inbetween export                 # the averaged weights to animate/models/inbetween

Every sample is made: photographs as layers, each with a motion that is linear in time (shift, turn, zoom), cut out by
soft shapes, drawn at 0, at 1 and at the moment between that is to be found (`moving.py`). The classical flow that the
network corrects is measured on the drawn pair, as it will be in use. Convolutions go in bfloat16 where there are units
for it; flows, grids and what is read through them stay float32. With `--teacher` the picture that RIFE 4.0
makes of the pair (MIT; `animate models get rife`) is followed as well; a network trained so says it in its card.

None of the clips that the gate is judged on (`benchmarks/interpolation.py`) is trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from animate.diffusion import digests
from animate.interp import store
from animate.interp.embedded import Network, measured
from animate.interp.weights import fit, read
from animate.motion.flow import lookup
from training import checkpoint, moving, photographs
from training.average import Average
from training.workers import ALONE, Workers
from training.workers import run as launch

RUN = checkpoint.RUNS / "inbetween"
LEVELS = 4
"""Of the Laplacian pyramid that pictures are compared in."""
SQUARES = 0.05
"""Weight of the logarithm of each pair's mean square error against the pyramid's. Absolute differences alone hardly say
what to do where motion is unsure: their best answer there is one of the two pictures, as before; the best for squares
lies between. The logarithm, as in decibels, so that pairs of little motion, whose errors are small, count as much."""
TINY = 1e-6
"""Mean square error that counts as none: 60 dB."""
TEACHER = 0.3
"""Weight of the teacher's picture against the truth."""


# --- training ---------------------------------------------------------------------------------------------------------


def distance(ours: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference in a Laplacian pyramid; every level weighs the same."""
    total = torch.zeros((), device=ours.device)
    gap = ours - truth
    for _ in range(LEVELS):
        small = functional.avg_pool2d(gap, 2)
        wide = functional.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
        total = total + (gap - wide).abs().mean()
        gap = small
    return total + gap.abs().mean()


@dataclass(frozen=True)
class Batches(Dataset[tuple[Tensor, ...]]):
    """What each step learns from: `moving.pairs` and the classical flow of each, which is the CPU's work."""

    table: moving.Pictures
    count: int
    seed: int
    rank: int

    def __getitem__(self, step: int) -> tuple[Tensor, ...]:
        random = checkpoint.numpy_generator(self.seed, step, f"pairs {self.rank}")
        a, b, truth, time = moving.pairs(self.table, self.count, random)
        flows, hidden = zip(*map(measured, a, b))
        return a, b, truth, time, torch.cat(flows), torch.cat(hidden)

    def since(self, step: int, readers: int) -> Iterator[tuple[Tensor, ...]]:
        """Batches from `step` on, drawn ahead by so many processes, or here and now by none."""
        steps = range(step, 2**40)
        return iter(DataLoader(self, batch_size=None, sampler=steps, num_workers=readers, worker_init_fn=_alone))


def _alone(reader: int) -> None:
    cv2.setNumThreads(1)


def train(
    network: Network,
    table: moving.Pictures,
    folder: Path,
    *,
    minutes: float,
    steps: int = 10**9,
    batch: int = 8,
    rate: float = 1e-3,
    cool: float = 0.0,
    seed: int = 5,
    device: str | torch.device = "cpu",
    compiled: bool = False,
    teacher: Any = None,
    readers: int = 0,
    workers: Workers = ALONE,
) -> None:
    """Train `network`, in place, until the minutes or steps are over; goes on from `folder` where it holds a run.

    Over the last `cool` minutes the rate falls to nothing. `batch` is that of all workers together. On a GPU `readers`
    processes draw the pairs ahead.
    """
    device = torch.device(device)
    network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    average, leads = Average(network), workers.rank == 0
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    step = 0
    if state := checkpoint.load(folder / "checkpoint.pt"):
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        average.load(state["average"])
        step = int(state["step"])
    if compiled:
        for part in (network.motion, network.repair, *network.context):
            part.compile()
    checkpoint.stop_kindly()
    clock, begun, ends, saves = checkpoint.Clock(minutes), step, float(step >= steps), 0.0
    seen: list[Tensor] = []
    taught = f", taught by {type(teacher).__name__}" if teacher else ""
    if leads:
        checkpoint.log(folder, f"in-betweens from step {step}: {len(table)} pictures, {device}{taught}")
    drawn = Batches(table, batch // workers.count, seed, workers.rank).since(step, readers)
    while True:
        if leads and (ends or saves):
            held = {"network": network.state_dict(), "average": average.named()}
            held |= {"optimizer": optimizer.state_dict(), "step": step, "taught": teacher is not None}
            checkpoint.save(folder / "checkpoint.pt", held)
        if ends:
            break
        a, b, truth, time, flows, hidden = (part.to(device) for part in next(drawn))
        when = time[:, None, None, None]
        with torch.autocast(device.type, torch.bfloat16, enabled=checkpoint.halves(device)):
            ours = network.between(a, b, flows, hidden, (network.see(a), network.see(b)), when)
        apart = distance(ours, truth)
        square = (ours - truth).square().mean(dim=(1, 2, 3)) + TINY
        value = apart + SQUARES * square.log().mean()
        if teacher is not None:
            value = value + TEACHER * distance(ours, _taught(teacher, a, b, time))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        with torch.no_grad():
            plain = (_floor(a, b, flows, when) - truth).square().mean(dim=(1, 2, 3)) + TINY
            gain = 10 * (plain / square).log10().mean()
        # All workers go by the first one's clock.
        now = rate * min(1.0, (step + 1) / 200) * (min(1.0, clock.left() / cool) if cool else 1.0)
        over = clock.over() or step + 1 >= steps
        says = [now, float(over), float(clock.due())] if leads else [0.0] * 3
        now, ends, saves = workers.together(network.parameters(), torch.tensor(says, dtype=torch.float64)).tolist()
        for group in optimizer.param_groups:
            group["lr"] = now
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        average.update(network, step)
        seen = [*seen[-99:], torch.stack([apart.detach(), gain])]
        if leads and step % 20 == 0:
            away, ahead = torch.stack(seen).mean(0).tolist()
            speed = (step - begun) * batch / max(clock.spent(), 1e-9)
            checkpoint.log(
                folder, f"step {step} distance {away:.4f}, {ahead:+.2f} dB over plain flow, {speed:.1f} pairs/s"
            )
    average.into(network)
    network.eval()


@torch.no_grad()
def _floor(a: Tensor, b: Tensor, flows: Tensor, time: Tensor) -> Tensor:
    """Plain bidirectional warping: what the network must beat."""
    forward, backward = flows[:, :2], flows[:, 2:]
    to_a = torch.lerp(-time * forward, time * backward, time)
    to_b = torch.lerp((1 - time) * forward, (time - 1) * backward, time)
    return torch.lerp(lookup(a, to_a), lookup(b, to_b), time)


@torch.no_grad()
def _taught(teacher: Any, a: Tensor, b: Tensor, time: Tensor) -> Tensor:
    """The teacher's picture of every pair."""
    return torch.stack([teacher(x, y, [float(t)])[0] for x, y, t in zip(a, b, time)]).clamp(0, 1)


# --- export -----------------------------------------------------------------------------------------------------------


def export(folder: Path = RUN, target: Path = store.EMBEDDED, figures: Path | None = None) -> None:
    """The averaged weights of a run as fp16 safetensors with a card; whether the gate was passed, as judged.

    `figures` is what `benchmarks/interpolation.py --json` wrote; without it the gate counts as not passed.
    """
    from safetensors.torch import save_file

    state = checkpoint.load(folder / "checkpoint.pt")
    if state is None:
        raise OSError(f"there is no run in {folder}")
    judged = json.loads(figures.read_text("utf-8")) if figures else {}
    card = {
        "architecture": "flow tweening corrected by two U-Nets (animate/interp/embedded.py)",
        "parameters": sum(value.numel() for value in state["average"].values()),
        "steps": state["step"],
        "data": "photographs in layers of known motion (training/inbetween.py); no real video",
        "distilled_from": "RIFE 4.0 (MIT), beside the truth" if state["taught"] else "",
        "passed_gate": bool(judged.get("passed", False)),
        "gate": judged.get("gate", {}),
    }
    tensors = {name: value.half().contiguous() for name, value in state["average"].items()}
    checkpoint.write_whole(target / "network.safetensors", lambda path: save_file(tensors, path))
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    checkpoint.write_whole(target / "card.json", lambda path: path.write_text(text, "utf-8"))
    digests.write(target)


def sitting(workers: Workers, options: argparse.Namespace) -> None:
    """One worker's part of a sitting."""
    device = checkpoint.device(options.device)
    torch.manual_seed(options.seed)
    teacher = None
    if options.teacher:
        from animate.interp import load

        teacher = load("rife", device=device).engine
    network = Network()
    if options.start == "embedded":
        fit(network, read(store.EMBEDDED / "network.safetensors"), lambda _: (), "the embedded weights")
    train(
        network,
        photographs.table(),
        options.run,
        minutes=options.minutes,
        batch=options.batch,
        rate=options.rate,
        cool=options.cool,
        seed=options.seed,
        device=device,
        compiled=options.compile and checkpoint.compiles(device),
        teacher=teacher,
        readers=options.readers,
        workers=workers,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "export"), nargs="?", default="train")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--cool", type=float, default=0, help="minutes at the end over which the rate falls to nothing")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread; a core each is best on a CPU")
    parser.add_argument("--readers", type=int, default=0, help="processes that draw pairs ahead, for a GPU")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--run", type=Path, default=RUN, help="folder of the checkpoint")
    parser.add_argument("--from", dest="start", choices=("embedded", "checkpoint"), default="checkpoint")
    parser.add_argument("--teacher", action="store_true", help="follow RIFE 4.0 as well")
    parser.add_argument("--figures", type=Path, help="export: what benchmarks/interpolation.py --json wrote")
    options = parser.parse_args()
    if options.what == "export":
        export(options.run, figures=options.figures)
    else:
        launch(options.workers, sitting, options)


if __name__ == "__main__":
    main()
