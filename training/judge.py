"""The judge: says kind, hour, colour of the sky and style of a picture. Trained on the world only, never on paintings.

    python -m training.judge --minutes 90     # into benchmarks/judge.safetensors; resumes runs/judge; --from embedded

It holds the painter to its word (`benchmarks/embedded.py`): what share of paintings shows what their prompts asked for.
It looks at squares of a picture as the autoencoder encodes them, many of each: what they disagree about is chance.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from animate.diffusion.autoencoder import PATCH
from training import autoencoder, checkpoint
from training.average import Average
from training.depth import scenes
from training.latents import prepare
from training.looks import CROP, Looks
from training.optimizer import Optimizer
from training.questions import QUESTIONS, Truth, joined, truth
from training.world.dataset import read_shard, shards

RUN = checkpoint.RUNS / "judge"
SURE = 0.6
"""Chance that the judge gives to its answer from which on it is sure. Fog and hatching hide what a picture was meant
to be, so a judge that had to answer would be wrong however well it was trained; and what it is not sure to see in a
painting, the painting does not show (the reject option of Chow, 1970)."""
BLOCKS, GLANCES = 3, 2
"""See `Looks`. With one block and no glances it knew what it had learned from no better than what it had not."""
LAST = 300
"""Pictures of the last shards that it does not learn from, as of the first."""
NOISE = 0.15
"""Of the latents that it learns from: paintings are not as clean."""
LEANS, ROLL, SIZES = 0.5, 3.0, (0.8, 1.0)
"""Share of the squares that are rolled (degrees, about ROLL) and so much of the picture's side large."""
STEP, QUICK = 8, 16
"""Pixels between the squares of a picture that it looks at, thirteen of 256²; and while it learns, five."""
ENDS = 0.3
"""The rate of its first and last layers, as a share of Muon's for the others."""
KEPT = Path(__file__).parent.parent / "benchmarks" / "judge.safetensors"


class Judge(Looks):
    """Latents (N, 32, h, w) to the scores of each question's answers; 3.2 M parameters."""

    def __init__(self) -> None:
        super().__init__(32, QUESTIONS, BLOCKS, GLANCES)


def load() -> Judge:
    """The judge that the benchmarks ask."""
    judge = Judge()
    judge.load_state_dict({name: value.float() for name, value in load_file(KEPT).items()})
    return judge.eval()


def squares(pictures: Tensor, step: int = STEP) -> Iterator[Tensor]:
    """Squares of pictures (N, 3, S, S), as large as those it learned from, and their mirrors: at every other place of
    a lattice of that step, as black is on a chess board. What they disagree about is chance."""
    side = CROP * PATCH
    for top, left in itertools.product(range(0, pictures.shape[-1] - side + 1, step), repeat=2):
        if (top + left) % (2 * step) == 0:
            seen = pictures[..., top : top + side, left : left + side]
            yield from (seen, seen.flip(-1))


@torch.no_grad()
def judged(judge: Judge, encoder: nn.Module, pictures: Tensor, step: int = STEP) -> dict[str, Tensor]:
    """Probabilities (N, answers) by question of pictures (N, 3, S, S) in [-1, 1]: the mean over their squares."""
    looks = [judge(encoder(one)) for one in squares(pictures, step)]
    return {name: torch.stack([look[name].softmax(1) for look in looks]).mean(0) for name in QUESTIONS}


@dataclass(frozen=True)
class Verdict:
    """What the judge says of some pictures to one question: shares of those that have a right answer."""

    best: float
    """Its best guess is right."""
    sure: float
    """It is sure of what it says."""
    shown: float
    """It is sure, and right: what the picture shows beyond doubt."""

    @property
    def right(self) -> float:
        """Of what it is sure of, the share that is right."""
        return self.shown / self.sure if self.sure else 0.0


def verdicts(
    judge: Judge, encoder: nn.Module, pictures: Iterable[Tensor], truth: Truth, step: int = STEP
) -> dict[str, Verdict]:
    """What it says of pictures, parts (N, 3, S, S) in [-1, 1], by question."""
    judge.eval()
    said = [judged(judge, encoder, part, step) for part in pictures]
    found = {}
    for name in QUESTIONS:
        chance, best = torch.cat([part[name] for part in said]).max(1)
        right = truth.right[name].to(best.device)
        known, sure = right.any(1), chance >= SURE
        good = right.gather(1, best[:, None])[:, 0]
        shares = [float(which[known].float().mean()) for which in (good, sure, good & sure)]
        found[name] = Verdict(*shares)
    return found


def lost(scores: dict[str, Tensor], right: dict[str, Tensor]) -> Tensor:
    """What the judge is trained to make small: how little it gives to the right answers (N, answers), of which any
    will do, and a twentieth of that to all, so that it is never quite sure. Pictures without an answer do not count."""
    values = []
    for name, answers in right.items():
        known = answers.any(1)
        said = scores[name].float().log_softmax(1)[known]
        given = said.masked_fill(~answers[known], -torch.inf).logsumexp(1)
        values.append(-(0.95 * given + 0.05 * said.mean(1)).sum() / known.sum().clamp(min=1))
    return torch.stack(values).sum()


class Lessons(NamedTuple):
    """What it learns from, and what it is asked besides and never told."""

    pictures: list[Tensor]
    """(n, 256, 256, 3) uint8 each, of all shards but the first, mapped from disk."""
    right: Mapping[str, Tensor]
    """(n of all but LAST, answers) of bools by question, row after row of the pictures."""
    fresh: Tensor
    """(m, 256, 256, 3) uint8, the LAST pictures and the first shard."""
    unseen: Truth
    """Of these m."""


def lessons(device: torch.device) -> Lessons:
    """The world as it has been rendered so far."""
    first, *others = scenes(skip=0)
    asked, *known = [truth(read_shard(path)) for path in shards(checkpoint.WORLD)]
    told, pictures = joined(known), [one.pictures for one in others]
    fresh = torch.cat([pictures[-1][-LAST:], first.pictures])
    right = {name: all[:-LAST].to(device) for name, all in told.right.items()}
    return Lessons(pictures, right, fresh, joined([told[-LAST:], asked]))


def square(picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """A square of a picture (S, S, 3), CROP places large; LEANS of them a little nearer or farther, and rolled.

    Squares begin anywhere, not where a latent's place does: with whole places 16 × 16 pixels were always the same
    ones, and the judge knew them.
    """
    side, whole = CROP * PATCH, len(picture)
    if random.random() >= LEANS:
        top, left = random.integers(1 + whole - side, size=2).tolist()
        return picture[top : top + side, left : left + side]
    roll, size = np.radians(random.normal(0, ROLL)), random.uniform(*SIZES) * whole / side
    axes = size * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    half, middle = (side - 1) / 2, (whole - 1) / 2
    reach = half * np.abs(axes).sum(1)
    centre = middle + random.uniform(-1, 1, 2) * np.maximum(0, middle - reach)
    seen = np.column_stack([axes, centre - axes @ (half, half)])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, seen, (side, side), flags=how, borderMode=cv2.BORDER_REFLECT_101)


@torch.no_grad()
def draw(
    taught: Lessons, rows: NDArray[np.intp], encoder: nn.Module, random: np.random.Generator, noise: torch.Generator
) -> Tensor:
    """Latents (N, 32, CROP, CROP) of those rows as never before: some mirrored, a square of each, not quite clean."""
    ends = np.cumsum([len(all) for all in taught.pictures])
    squares = []
    for row in rows:
        shard = int(np.searchsorted(ends, row, "right"))
        picture = taught.pictures[shard][int(row) - int(ends[shard])]  # counted from the shard's end
        seen = square(picture.numpy(), random)
        squares.append(seen[:, ::-1] if random.random() < 0.5 else seen)
    seen = encoder(autoencoder.tensor(np.stack(squares)).to(noise.device))
    seen = seen + NOISE * torch.randn(seen.shape, generator=noise, device=seen.device)
    return seen.contiguous(memory_format=torch.channels_last)


def train(options: argparse.Namespace) -> None:
    """A sitting, at whose end the rate has fallen to nothing; what is kept is the weights' average."""
    device = checkpoint.device(options.device)
    encoder = prepare()[0].encoder.to(device)
    taught = lessons(device)
    torch.manual_seed(options.seed)
    judge = Judge().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if options.start == "embedded":
        judge.load_state_dict(load().state_dict())
    optimizer = Optimizer(judge, (judge.body[0], *judge.heads.values()), share=ENDS, decay=0.05)
    average, kept = Average(judge), Judge().to(device)
    step = 0
    if state := checkpoint.load(RUN / "checkpoint.pt"):
        judge.load_state_dict(state["judge"])
        optimizer.load_state_dict(state["optimizer"])
        average.load(state["average"])
        step = state["step"]
    checkpoint.stop_kindly()
    clock = checkpoint.Clock(options.minutes)
    values: list[Tensor] = []
    while True:
        over = clock.over()
        if over or clock.due():
            state = {"judge": judge.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            checkpoint.save(RUN / "checkpoint.pt", state | {"average": average.named()})
            average.into(kept)
            with torch.autocast(device.type, torch.bfloat16, enabled=checkpoint.halves(device)):
                asked = (autoencoder.tensor(part.numpy()).to(device) for part in taught.fresh.split(64))
                said = verdicts(kept, encoder, asked, taught.unseen, QUICK).items()
            shares = " ".join(f"{name} {one.best:.3f} ({one.right:.3f} of {one.sure:.3f})" for name, one in said)
            lately, count = float(torch.stack(values).mean()) if values else float("nan"), len(taught.fresh)
            checkpoint.log(RUN, f"step {step} of {options.batch}, loss {lately:.4f}; of {count} unseen: {shares}")
        if over:
            break
        judge.train()
        random = checkpoint.numpy_generator(options.seed, step, "judge")
        noise = checkpoint.generator(options.seed, step, "blur", device)
        rows = random.integers(len(taught.right["kind"]), size=options.batch)
        seen = draw(taught, rows, encoder, random, noise)
        with torch.autocast(device.type, torch.bfloat16, enabled=checkpoint.halves(device)):
            scores = judge(seen)
        value = lost(scores, {name: all[rows] for name, all in taught.right.items()})
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(judge.parameters(), 1.0)
        optimizer.step(options.rate * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * clock.left() / options.minutes))
        step += 1
        average.update(judge, step)
        values = [*values[-99:], value.detach()]
    weights = {name: value.half().cpu().contiguous() for name, value in kept.state_dict().items()}
    checkpoint.write_whole(KEPT, lambda path: save_file(weights, path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2e-3, help="Muon's at first; half of it for trained weights")
    parser.add_argument("--from", dest="start", choices=("embedded", "checkpoint"), default="checkpoint")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
