"""The in-between network: what flow tweening gets wrong, learned from pictures whose motion is known.

    python -m training.inbetween train --minutes 60     # resumes its run
    python -m training.inbetween export                 # the averaged weights to animate/models/inbetween

Every sample is made: photographs as layers, each with a motion that is linear in time (shift, turn, zoom, a smooth
bend), cut out by soft shapes, drawn at 0, at 1 and at the moment between that is to be found. The classical flow that
the network corrects is measured on the drawn pair, as it will be in use. With `--teacher` the picture that RIFE 4.0
makes of the pair (MIT; `animate models get rife`) is followed as well; a network trained so says it in its card.

None of the clips that the gate is judged on (`benchmarks/interpolation.py`) is trained on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from animate.interp import store
from animate.interp.embedded import Network, measured
from animate.motion.flow import lookup
from training import checkpoint, photographs

RUN = checkpoint.RUNS / "inbetween"
SIDE = 128
"""Of the pictures drawn, px."""
LEVELS = 4
"""Of the Laplacian pyramid that pictures are compared in."""
TEACHER = 0.3
"""Weight of the teacher's picture against the truth."""

Pictures = NDArray[np.uint8]


# --- pairs whose motion is known --------------------------------------------------------------------------------------


def motions(count: int, random: np.random.Generator) -> Tensor:
    """(count, 6): affine velocities over the whole gap, in a frame whose sides are −1 and 1; a tenth stand still.

    Shifts are spread evenly over magnitudes between half a pixel and 24 pixels.
    """
    length = np.exp(random.uniform(np.log(0.5), np.log(24), count)) * 2 / SIDE
    angle = random.uniform(0, 2 * np.pi, count)
    turn = random.normal(0, 0.06, count)
    zoom = random.normal(0, 0.06, count)
    shear = random.normal(0, 0.02, count)
    rows = np.stack([zoom, -turn + shear, length * np.cos(angle), turn + shear, zoom, length * np.sin(angle)], 1)
    rows[random.random(count) < 0.1] = 0
    return torch.from_numpy(rows.astype(np.float32))


def drawn(layers: Sequence[Tensor], shapes: Sequence[Tensor], moves: Sequence[Tensor], time: Tensor) -> Tensor:
    """(N, 3, S, S): the layers at `time` (N,), each moved by its own share, the first one lowest.

    Every layer is seen through its motion backwards: a point shows what lay at p − time · velocity(p), which is motion
    along straight lines at even speed, up to the second order of a turn.
    """
    picture: Tensor | None = None
    count = len(time)
    axis = (torch.arange(SIDE, device=time.device) * 2 + 1) / SIDE - 1
    place = torch.stack([axis.expand(SIDE, SIDE), axis[:, None].expand(SIDE, SIDE)], -1)  # (S, S, 2)
    for layer, shape, move in zip(layers, shapes, moves):
        matrix = move.reshape(count, 2, 3)
        velocity = torch.einsum("nij,yxj->nyxi", matrix[:, :, :2], place) + matrix[:, None, None, :, 2]
        grid = place - (time - 0.5)[:, None, None, None] * velocity
        reach = grid / 1.5  # layers are larger than the picture, so that what comes in is there
        color = functional.grid_sample(layer, reach, mode="bicubic", padding_mode="reflection", align_corners=False)
        if picture is None:
            picture = color
            continue
        cover = functional.grid_sample(shape, reach, mode="bilinear", padding_mode="zeros", align_corners=False)
        picture = torch.lerp(picture, color, cover)
    assert picture is not None
    return picture.clamp(0, 1)


def blobs(count: int, random: np.random.Generator) -> Tensor:
    """(count, 1, S, S) soft shapes in [0, 1], one a picture: level sets of smooth noise, mostly with a hard edge."""
    coarse = torch.from_numpy(random.standard_normal((count, 1, 6, 6)).astype(np.float32))
    smooth = functional.interpolate(coarse, (SIDE, SIDE), mode="bicubic", align_corners=False)
    level = torch.from_numpy(random.uniform(0.1, 0.9, (count, 1, 1, 1)).astype(np.float32))
    edge = torch.from_numpy(np.exp(random.uniform(np.log(4), np.log(80), (count, 1, 1, 1))).astype(np.float32))
    return torch.sigmoid(edge * (smooth - level))


def pairs(table: Pictures, count: int, random: np.random.Generator, device: torch.device) -> tuple[Tensor, ...]:
    """a, b, truth (N, 3, S, S) in [0, 1] and time (N,)."""
    depth = int(random.integers(2, 5))
    layers, shapes, moves = [], [], []
    for _ in range(depth):
        chosen = table[np.sort(random.integers(0, len(table), count))]
        layer = torch.from_numpy(np.ascontiguousarray(chosen)).permute(0, 3, 1, 2).float().to(device) / 255
        if random.random() < 0.5:
            layer = layer.flip(-1)
        if random.random() < 0.5:
            layer = layer.transpose(-1, -2)
        layers.append(layer)
        shapes.append(blobs(count, random).to(device))
        moves.append(motions(count, random).to(device))
    half = random.random(count) < 0.5
    time = torch.from_numpy(np.where(half, 0.5, random.uniform(0.1, 0.9, count)).astype(np.float32)).to(device)
    a, b, truth = (drawn(layers, shapes, moves, at) for at in (torch.zeros_like(time), torch.ones_like(time), time))
    noise = 0.01 * float(random.random() < 0.3)
    if noise:  # what cameras and encoders leave, in the pair alone: the truth is clean
        rough = torch.from_numpy(random.standard_normal((2, *a.shape)).astype(np.float32)).to(device)
        a, b = (a + noise * rough[0]).clamp(0, 1), (b + noise * rough[1]).clamp(0, 1)
    return a, b, truth, time


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


def told(a: Tensor, b: Tensor, pool: ThreadPoolExecutor) -> tuple[Tensor, Tensor]:
    """The classical flow of every pair of a batch, on the CPU's cores."""
    rows = list(pool.map(measured, a.cpu(), b.cpu()))
    return torch.cat([row[0] for row in rows]).to(a.device), torch.cat([row[1] for row in rows]).to(a.device)


def train(
    network: Network,
    table: Pictures,
    folder: Path,
    *,
    minutes: float,
    steps: int = 10**9,
    batch: int = 8,
    rate: float = 3e-4,
    seed: int = 5,
    device: str | torch.device = "cpu",
    teacher: Any = None,
) -> None:
    """Train `network`, in place, until the minutes or steps are over; goes on from `folder` where it holds a run."""
    device = torch.device(device)
    network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=1e-4)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    step = 0
    if state := checkpoint.load(folder / "checkpoint.pt"):
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        average, step = {name: value.to(device) for name, value in state["average"].items()}, int(state["step"])
    checkpoint.stop_kindly()
    clock = checkpoint.Clock(minutes)
    seen: list[tuple[float, float]] = []
    taught = f", taught by {type(teacher).__name__}" if teacher else ""
    checkpoint.log(folder, f"in-betweens from step {step}: {len(table)} pictures, {device}{taught}")
    with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as pool:
        while True:
            over = clock.over() or step >= steps
            if over or clock.due():
                checkpoint.save(
                    folder / "checkpoint.pt",
                    {
                        "network": network.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "average": average,
                        "step": step,
                        "taught": teacher is not None,
                    },
                )
            if over:
                break
            random = checkpoint.numpy_generator(seed, step, "pairs")
            a, b, truth, time = pairs(table, batch, random, device)
            flows, hidden = told(a, b, pool)
            when = time[:, None, None, None]
            ours = network.between(a, b, flows, hidden, (network.see(a), network.see(b)), when)
            value = distance(ours, truth)
            if teacher is not None:
                value = value + TEACHER * distance(ours, _taught(teacher, a, b, time))
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (step + 1) / 200)
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            keep = min(0.999, 1 - 1 / (step / 4 + 1))
            with torch.no_grad():
                for name, parameter in network.state_dict().items():
                    average[name].lerp_(parameter, 1 - keep)
                floor = distance(_floor(a, b, flows, when), truth)
            seen.append((float(distance(ours.detach(), truth)), float(floor)))
            step += 1
            if step % 20 == 0:
                now, plain = np.mean(seen[-20:], axis=0)
                speed = len(seen) * batch / max(clock.spent(), 1e-9)
                checkpoint.log(
                    folder, f"step {step} distance {now:.4f}, of plain flow {plain:.4f}, {speed:.1f} pairs/s"
                )
    network.load_state_dict(average)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "export"), nargs="?", default="train")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--run", type=Path, default=RUN, help="folder of the checkpoint")
    parser.add_argument("--teacher", action="store_true", help="follow RIFE 4.0 as well")
    parser.add_argument("--figures", type=Path, help="export: what benchmarks/interpolation.py --json wrote")
    options = parser.parse_args()
    if options.what == "export":
        export(options.run, figures=options.figures)
        return
    device = checkpoint.device(options.device)
    torch.manual_seed(options.seed)
    teacher = None
    if options.teacher:
        from animate.interp import load

        teacher = load("rife", device=device).engine
    train(
        Network(),
        photographs.table(),
        options.run,
        minutes=options.minutes,
        batch=options.batch,
        rate=options.rate,
        seed=options.seed,
        device=device,
        teacher=teacher,
    )


if __name__ == "__main__":
    main()
