"""The critic: says of noisy latents what a caption tells, and so teaches the painter to make up its mind.

    python -m training.critic --minutes 14                 # into runs/critic, then: training.painter --heed 0.04

A road is a few places of a picture, and where it runs is anybody's guess: a painter that is told of one and paints none
loses next to nothing in squared error. So what it foretells of a picture is noised again, to where the next step of a
sampler stands, and shown to the critic, who says how much of what the caption names is in it (classifier guidance,
2105.05233 section 4, learned by the painter instead of followed at each step). The critic is not the judge: it has
other weights, looks at noise, and is never asked how well the painter obeys.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from training import autoencoder, checkpoint
from training.latents import Table, World, prepare
from training.looks import CROP, Looks, square
from training.noise import noised, signal
from training.questions import QUESTIONS, THINGS

RUN = checkpoint.RUNS / "critic"
NOISIEST = 950
"""Time step up to which it looks: beyond, nothing is left to be seen."""
THINGS_WEIGH = 5.0
UNSEEN = 1000
"""Rows of the table that it does not learn from."""


class Critic(Looks):
    """Noisy latents (N, 32, h, w) and the share of signal power in each (N,) to scores by question and of THINGS."""

    def __init__(self) -> None:
        super().__init__(32 + 2, {**QUESTIONS, "things": tuple(THINGS)})

    def forward(self, latents: Tensor, power: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """Scores (N, answers) by question, and ``things`` (N, things), each of which may be there or not."""
        level = torch.stack([power.sqrt(), (1 - power).sqrt()], dim=1)[:, :, None, None]
        level = level.expand(-1, -1, *latents.shape[2:]).to(latents.dtype)
        seen = torch.cat([latents, level], dim=1).contiguous(memory_format=torch.channels_last)
        return super().forward(seen)


def glimpsed(latents: Tensor, power: Tensor, random: torch.Generator) -> Tensor:
    """A random square of the latents with so much of their power left, as the critic looks at them."""
    return noised(square(latents, CROP, random), power, random)


def unheard(scores: dict[str, Tensor], kind: Tensor, told: Tensor) -> Tensor:
    """(N,): how much of what captions tell is not to be seen, in nats.

    ``kind`` (N,) is the kind's number, -1 for none; ``told`` (N, things) says which things are named.
    """
    missed = nn.functional.cross_entropy(scores["kind"].float(), kind.clamp(min=0), reduction="none") * (kind >= 0)
    return missed + 0.5 * (nn.functional.softplus(-scores["things"].float()) * told).sum(1)


def load(folder: Path = RUN) -> Critic:
    """The trained critic, frozen. Raises FileNotFoundError where there is none."""
    state = checkpoint.load(folder / "checkpoint.pt")
    if state is None:
        raise FileNotFoundError(f"no critic in {folder}: train it first (python -m training.critic)")
    critic = Critic()
    critic.load_state_dict(state["critic"])
    return critic.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def lost(scores: dict[str, Tensor], table: Table, rows: Tensor) -> Tensor:
    """What the critic is trained to make small, over those rows."""
    answers, things = table.answers[rows].long(), table.things[rows]
    named = [
        nn.functional.cross_entropy(scores[name].float(), answers[:, place], ignore_index=-1, label_smoothing=0.05)
        for place, name in enumerate(QUESTIONS)
    ]
    there = nn.functional.binary_cross_entropy_with_logits(
        scores["things"].float(), things.clamp(min=0).float(), reduction="none"
    )
    return torch.stack(named).nansum() + THINGS_WEIGH * (there * (things >= 0)).mean()


@torch.no_grad()
def right(critic: Critic, table: Table, alphas: Tensor, times: tuple[int, ...] = (50, 400, 600, 750)) -> list[float]:
    """Share of the unseen rows whose kind it tells, at each of ``times``."""
    critic.eval()
    rows = torch.arange(len(table) - UNSEEN, len(table), device=table.latents.device)
    kind, found = table.answers[rows, 0].long(), []
    random = checkpoint.generator(0, 0, "unseen", table.latents.device)
    for time in times:
        power = alphas[time].expand(len(rows))
        said = critic(glimpsed(table.latents[rows].float(), power, random), power)["kind"].argmax(1)
        found.append(float((said == kind)[kind >= 0].float().mean()))
    critic.train()
    return found


def train(
    table: Table,
    signs: Tensor,
    folder: Path,
    *,
    minutes: float,
    steps: int = 10**9,
    seed: int = 7,
    batch: int = 128,
    rate: float = 2e-3,
) -> Critic:
    """Train until the minutes or steps are over, from ``folder``'s checkpoint if there is one; over the minutes the
    rate falls to nothing."""
    device = table.latents.device
    alphas = signal().float().to(device)
    torch.manual_seed(seed)
    critic = Critic().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(critic.parameters(), lr=rate, weight_decay=0.05)
    step, state = 0, checkpoint.load(folder / "checkpoint.pt")
    if state:
        critic.load_state_dict(state["critic"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    checkpoint.stop_kindly()
    clock = checkpoint.Clock(minutes)
    while True:
        over = clock.over() or step >= steps
        if over or clock.due():
            state = {"critic": critic.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            checkpoint.save(folder / "checkpoint.pt", state)
            shares = " ".join(f"{share:.3f}" for share in right(critic, table, alphas))
            checkpoint.log(folder, f"critic, step {step}; right on the kind of unseen pictures, ever noisier: {shares}")
        if over:
            return critic
        random = checkpoint.generator(seed, step, "critic", device)
        rows = torch.randint(len(table) - UNSEEN, (batch,), generator=random, device=device)
        times = torch.randint(NOISIEST, (batch,), generator=random, device=device)
        turned = torch.rand(batch, generator=random, device=device)[:, None, None, None] < 0.5
        latents = table.latents[rows].float()
        latents = torch.where(turned, latents.flip(-1) * signs[:, None, None], latents)
        with torch.autocast(device.type, torch.bfloat16, enabled=checkpoint.halves(device)):
            value = lost(critic(glimpsed(latents, alphas[times], random), alphas[times]), table, rows)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * clock.left() / minutes)
        optimizer.step()
        step += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args()
    vae, tokenizer, _, name = prepare()
    world = World(vae, tokenizer, name)
    if not world.refresh():
        raise SystemExit("no shards of the world under training/cache/world: make them first (see training/README.md)")
    device = checkpoint.device(options.device)
    signs = autoencoder.mirror_signs(vae).to(device)
    how = {"seed": options.seed, "batch": options.batch, "rate": options.rate}
    train(world.table.to(device), signs, RUN, minutes=options.minutes, **how)


if __name__ == "__main__":
    main()
