"""What the painter is to make small: squared error where it is seen, and what a critic misses of what captions tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from training.autoguidance import FROM, Autoguidance
from training.batch import NO_DEPTH, Batch, unsaid_tokens
from training.critic import Critic, glimpsed, unheard
from training.discriminator import CROP, Discriminator, held
from training.latents import Table
from training.looks import square
from training.noise import noised, times_of
from training.paintings import begun, guided

if TYPE_CHECKING:
    from training.painter import Painter

COARSE = 4
"""Channels that hold a patch's mean and slopes; those after them hold texture."""
SMOOTH = 0.25
"""What is added to a place's liveliness before its error is divided by the root of it: grain is seen in a smooth sky,
not among leaves. Without it, and with samples of little noise counting less (min-SNR) and drawn less often, 50,000
samples left the painter worse at taking noise away than shrinking each place by its own energy: 0.244 against 0.230."""
OWN = 0.375
"""Share of a batch that goes on with paintings of its own where there are teachers; only they speak there."""
HEEDED = range(300, 900)
"""Time steps at which the critic is heard: after the first, which knows nothing yet of where things are to be, so that
the noise still decides that, and before details."""


def channel_weights(table: Table) -> Tensor:
    """(1, 32, 1, 1), mean 1: a channel weighs as its spread, so the means of patches weigh most.

    Errors in those are what shows as squares in a smooth sky, and they are what a caption can tell.
    """
    spread = table.latents[:: max(1, len(table) // 2000)].float().std(dim=(0, 2, 3))
    return (spread / spread.mean())[None, :, None, None]


def visibility(latents: Tensor) -> Tensor:
    """(N, 1, h, w), mean 1: how much an error is seen at each place, less where the texture around hides it."""
    lively = nn.functional.avg_pool2d(
        latents[:, COARSE:].square().mean(1, keepdim=True), 3, 1, 1, count_include_pad=False
    )
    seen = (SMOOTH + lively).rsqrt()
    return seen / seen.mean()


@dataclass(frozen=True)
class Teachers:
    """Who looks at what the painter foretells, and how much each is heard."""

    critic: Critic | None = None
    heed: float = 0.0
    discriminator: Discriminator | None = None
    dare: float = 0.0
    """How many times as hard as the error the discriminator pulls at v."""
    example: Autoguidance | None = None
    """Who says what v is to be, instead of the world."""


NOBODY = Teachers()


def losses(
    painter: Painter,
    unet: nn.Module,
    alphas: Tensor,
    weights: Tensor,
    batch: Batch,
    random: torch.Generator,
    teachers: Teachers = NOBODY,
) -> dict[str, Tensor]:
    """What is to be made small, each a mean over the batch; their sum is the loss.

    ``error``: weighted squared error of v on the world's latents, or by the example that is followed. ``missed``: what
    the critic misses. ``clumsy``: how surely the discriminator sees that late steps of the painter's own paintings are
    none of the world's. ``fooled``: where it errs, which moves the discriminator alone.
    """
    critic, discriminator = teachers.critic, teachers.discriminator
    count, device = len(batch.latents), batch.latents.device
    few = max(1, int(OWN * count / 3)) if critic or discriminator else 0
    world = count - 3 * few
    said = painter.read(batch.tokens)
    latents, example = batch.latents[:world], teachers.example
    times = times_of(world, random, device, FROM[0]) if example else times_of(world, random, device)
    noise = torch.randn(batch.latents.shape, generator=random, device=device)
    power = alphas[times].float()[:, None, None, None]
    aim = power.sqrt() * noise[:world] - (1 - power).sqrt() * latents
    noisy = power.sqrt() * latents + (1 - power).sqrt() * noise[:world]
    if example:
        given = torch.cat([noisy, batch.depth[:world]], dim=1)
        aim = example(given, times, batch.tokens[:world], said[:world])
    begins = [(noisy, times, batch.depth[:world], torch.arange(world, device=device))]
    if few:
        with torch.no_grad():
            unsaid = painter.read(unsaid_tokens().to(device)[None])
        states = begun(unet, alphas, said[-few:].detach(), unsaid, noise[-few:], random)
        blind = torch.full_like(states.noisy[:, :1], NO_DEPTH)
        begins += [(states.noisy, states.times, blind, count - few + states.which)]
    noisy, times, depth, rows = (torch.cat(parts) for parts in zip(*begins))
    found = unet(torch.cat([noisy, depth], dim=1), times, said[rows]).sample.float()
    wrong = weights * visibility(latents) * (found[:world] - aim).square()
    sums = {"error": wrong.mean(dim=(1, 2, 3)).sum() / count}
    if critic:
        power = alphas[(times * (0.5 + 0.45 * torch.rand(count, generator=random, device=device))).long()].float()
        heard = (times >= HEEDED.start) & (times < HEEDED.stop)
        seen = glimpsed(foretold(noisy, found, alphas[times].float()), power, random)
        missed = unheard(critic(seen, power), batch.kind[rows], batch.told[rows])
        sums["missed"] = teachers.heed * (missed * heard).mean()
    if discriminator:
        late = states.late
        mine, caption = states[late], painter.unet.add_embedding(said).detach()
        hard = (weights * visibility(latents) * (found[:world] - aim)).detach().norm() * 2 / count / latents[0].numel()
        v = guided(pulled(found[world:][late], teachers.dare * hard), mine.plain, mine.guidance)
        painted = foretold(mine.noisy, v, alphas[mine.times].float())
        power = alphas[(mine.times * torch.rand(len(v), generator=random, device=device).square()).long()].float()
        some = slice(len(v))
        true = noised(square(batch.latents[some], CROP, random), power, random), power, caption[some]
        false = noised(square(painted, CROP, random), power, random), power, caption[rows[world:][late]]
        sums |= held(discriminator, true, false, random)
    return sums


def pulled(found: Tensor, hard: Tensor) -> Tensor:
    """The same, but whatever is made small beyond pulls at it just so ``hard``: a discriminator's loss is flat at first
    and steep later, and neither says how much it is to be heard."""
    if found.requires_grad:
        found.register_hook(lambda pull: pull * hard / pull.norm().clamp(min=1e-12))
    return found


def foretold(noisy: Tensor, v: Tensor, power: Tensor) -> Tensor:
    """The latents (N, 32, h, w) without noise that ``v`` says are in noisy ones with so much power of theirs (N,)."""
    power = power[:, None, None, None]
    return power.sqrt() * noisy - (1 - power).sqrt() * v
