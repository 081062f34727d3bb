"""The judge: says kind, hour, colour of the sky and style of a picture. Trained on the world only, never on paintings.

    python -m training.judge --minutes 8                   # into benchmarks/judge.safetensors; resumes runs/judge

It holds the painter to its word (`benchmarks/embedded.py`): what share of paintings shows what their prompts asked for.
It looks at latents, which hold all that a painting can show: encoding what was decoded gives them back exactly.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from training import autoencoder, checkpoint
from training.average import Average
from training.latents import World, prepare
from training.looks import CROP, Looks
from training.questions import QUESTIONS, Truth, joined, truth
from training.world.dataset import read_shard, shards

RUN = checkpoint.RUNS / "judge"
SURE = 0.6
"""Chance that the judge gives to its answer from which on it is sure. Fog and hatching hide what a picture was meant
to be, so a judge that had to answer would be wrong however well it was trained; and what it is not sure to see in a
painting, the painting does not show (the reject option of Chow, 1970)."""
KEPT = Path(__file__).parent.parent / "benchmarks" / "judge.safetensors"


class Judge(Looks):
    """Latents (N, 32, h, w) to the scores of each question's answers."""

    def __init__(self) -> None:
        super().__init__(32, QUESTIONS)


def load() -> Judge:
    """The judge that the benchmarks ask."""
    from safetensors.torch import load_file

    judge = Judge()
    judge.load_state_dict({name: value.float() for name, value in load_file(KEPT).items()})
    return judge.eval()


@torch.no_grad()
def judged(judge: Judge, latents: Tensor) -> dict[str, Tensor]:
    """Probabilities (N, answers) by question: the mean of four looks, each as large as those it learned from."""
    corners = itertools.product((slice(None, CROP), slice(-CROP, None)), repeat=2)
    looks = [judge(latents[..., rows, columns]) for rows, columns in corners]
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


@torch.no_grad()
def verdicts(judge: Judge, latents: Tensor, truth: Truth) -> dict[str, Verdict]:
    """What it says of latents (N, 32, h, w), by question."""
    judge.eval()
    said = [judged(judge, part) for part in latents.split(256)]
    found = {}
    for name in QUESTIONS:
        chance, best = torch.cat([part[name] for part in said]).max(1)
        right = truth.right[name].to(latents.device)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args()
    from safetensors.torch import save_file

    vae, tokenizer, _, name = prepare()
    world = World(vae, tokenizer, name)
    world.refresh()
    device = checkpoint.device(options.device)
    signs = autoencoder.mirror_signs(vae).to(device)
    files = {path.stem: path for path in shards(checkpoint.WORLD)}
    known = joined([truth(read_shard(files[stem])) for stem in sorted(world.parts)])
    unseen = joined([known[-300:], truth(read_shard(shards(checkpoint.WORLD)[0]))])
    from training.latents import encode

    first = encode(vae, tokenizer, shards(checkpoint.WORLD)[0]).latents
    latents = world.table.latents
    fresh = torch.cat([latents[-300:], first]).float().to(device)
    latents, taught = latents[:-300].to(device), {name: all[:-300].to(device) for name, all in known.right.items()}
    torch.manual_seed(options.seed)
    judge = Judge().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(judge.parameters(), lr=options.rate, weight_decay=0.05)
    average, kept = Average(judge), Judge().to(device)
    step, state = 0, checkpoint.load(RUN / "checkpoint.pt")
    if state:
        judge.load_state_dict(state["judge"])
        optimizer.load_state_dict(state["optimizer"])
        average.load(state["average"])
        step = state["step"]
    checkpoint.stop_kindly()
    clock = checkpoint.Clock(options.minutes)
    while True:
        over = clock.over()
        if over or clock.due():
            state = {"judge": judge.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            checkpoint.save(RUN / "checkpoint.pt", state | {"average": average.named()})
            average.into(kept)
            said = verdicts(kept, fresh, unseen).items()
            shares = " ".join(f"{name} {one.best:.3f} ({one.right:.3f} of {one.sure:.3f})" for name, one in said)
            checkpoint.log(RUN, f"judge, step {step}, {len(latents)} pictures; right on {len(fresh)} unseen: {shares}")
        if over:
            break
        judge.train()
        random = checkpoint.numpy_generator(options.seed, step, "judge")
        rows = torch.from_numpy(random.integers(len(latents), size=options.batch)).to(device)
        seen = latents[rows].float()
        turned = torch.from_numpy(random.random(options.batch) < 0.5).to(device)[:, None, None, None]
        seen = torch.where(turned, seen.flip(-1) * signs[:, None, None], seen)
        top, left = random.integers(1 + seen.shape[-1] - CROP, size=2)
        seen = seen[..., top : top + CROP, left : left + CROP]
        drawn = checkpoint.generator(options.seed, step, "blur", device)
        seen = seen + 0.15 * torch.randn(seen.shape, generator=drawn, device=device)  # paintings are not as clean
        with torch.autocast(device.type, torch.bfloat16, enabled=checkpoint.halves(device)):
            scores = judge(seen.contiguous(memory_format=torch.channels_last))
        value = lost(scores, {name: all[rows] for name, all in taught.items()})
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        for group in optimizer.param_groups:
            group["lr"] = options.rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * clock.left() / options.minutes)
        optimizer.step()
        step += 1
        average.update(judge, step)
    weights = {name: value.half().cpu().contiguous() for name, value in kept.state_dict().items()}
    checkpoint.write_whole(KEPT, lambda path: save_file(weights, path))


if __name__ == "__main__":
    main()
