"""The painter: a small UNet and a small text encoder, trained together on the world's latents.

    python -m training.painter --read --minutes 5                          # the text encoder alone: what captions tell
    python -m training.painter --side 128 --minutes 20 --workers 2         # small pictures first: four times as many
    python -m training.painter --minutes 60 --workers 2                    # resumes runs/painter after a kill
    python -m training.painter --minutes 60 --heed 0.04 --dare 0.5      # heeds the critic, dares the discriminator
    python -m training.painter --minutes 60 --from embedded                # starts from the committed weights
    python -m training.painter --minutes 60 --younger FOLDER --older FOLDER  # learns autoguidance, see there

Stock classes of diffusers and transformers, v-prediction with a noise schedule that ends in pure noise (2305.08891), so
that every stock sampler works. One further input channel is relative inverse depth at the latent's size, as in SD2's
depth model; 0 everywhere means "no depth" (two thirds of the samples). New shards of the world are taken in as they
appear. The UNet is compiled on a GPU and, where a C++ compiler is found, in floats on a CPU (1.6 times faster).
On a CPU each core takes a worker of one thread: workers meet once a step, threads at every layer, which on a busy
machine they wait for. On a GPU all rows lie in its memory and are drawn there.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from animate.diffusion.autoencoder import PatchAutoencoder
from training import autoencoder, checkpoint, norm, words
from training import critic as critics
from training.autoguidance import Autoguidance
from training.average import Average
from training.batch import draw
from training.discriminator import RATE, Discriminator
from training.latents import EMBEDDED, RUN, SIDE, Table, World, prepare
from training.loss import NOBODY, Teachers, channel_weights, losses
from training.noise import NOISE, signal
from training.optimizer import Optimizer
from training.workers import ALONE, Workers
from training.workers import run as launch

FUNCTION = Path(__file__).parent / "words.safetensors"
"""The function from word vectors to embeddings, which the exported table has swallowed: for starting from embedded."""
WIDTH = 192
LATENT = 32

UNET = {
    "sample_size": 16,
    "in_channels": LATENT + 1,
    "out_channels": LATENT,
    "block_out_channels": (96, 128, 128),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "attention_head_dim": 4,  # heads, as diffusers reads it
    "norm_num_groups": 16,
    "cross_attention_dim": WIDTH,
    "resnet_time_scale_shift": "scale_shift",
    "addition_embed_type": "text",  # the caption, pooled, joins the time and so reaches every block
    "addition_embed_type_num_heads": 4,
}
"""7.2 M parameters. Measured on two cores, samples a second forward and back: (96, 128, 144) 26 (compiled 44),
(64, 128, 192) with attention at its two coarse levels 36 but 11 M, (96, 160) with attention at the lower 35,
(128, 160) 22."""

ENDS = 0.5
"""The rate of what AdamW takes, as a share of Muon's."""

TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": words.LENGTH,
    "projection_dim": WIDTH,
    "bos_token_id": words.BEGIN,
    "eos_token_id": words.END,
    "pad_token_id": words.PAD,
}


class Vocabulary(nn.Module):
    """Embeddings as one learned function of fixed word vectors; begin, end and padding have rows of their own."""

    vectors: Tensor

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors.float(), persistent=False)
        size = vectors.shape[1]
        self.straight = nn.Linear(size, WIDTH)
        self.bent = nn.Sequential(nn.Linear(size, 256), nn.SiLU(), nn.Linear(256, WIDTH))
        self.own = nn.Embedding(len(words.SPECIAL), WIDTH)
        for layer in (self.straight, self.bent[2]):
            nn.init.normal_(layer.weight, std=0.05)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.normal_(self.own.weight, std=0.3)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., 192) of token numbers (...)."""
        found = self.vectors[tokens]
        own = self.own(tokens.clamp(max=len(words.SPECIAL) - 1))
        return torch.where((tokens < len(words.SPECIAL))[..., None], own, self.straight(found) + self.bent(found))

    def table(self) -> Tensor:
        """(tokens, 192): every embedding, for export."""
        return self(torch.arange(len(self.vectors), device=self.vectors.device))


class Painter(nn.Module):
    """UNet, text encoder and vocabulary: all that is trained."""

    def __init__(self, vectors: Tensor, unet: dict[str, Any] | None = None, text: dict[str, Any] | None = None) -> None:
        super().__init__()
        from diffusers import UNet2DConditionModel
        from transformers import CLIPTextConfig, CLIPTextModel

        self.unet = UNet2DConditionModel(**(UNET | (unet or {})))
        self.unet.to(memory_format=torch.channels_last)  # as bfloat16 units want it, and Muon
        config = CLIPTextConfig(**(TEXT | (text or {})), vocab_size=len(words.SPECIAL), attn_implementation="eager")
        self.text = CLIPTextModel(config)  # torch's own attention is twice as slow on a CPU's way back
        self.vocabulary = Vocabulary(vectors)
        embeddings(self.text).token_embedding = self.vocabulary

    def read(self, tokens: Tensor) -> Tensor:
        """(N, 48, 192) of token numbers (N, 48)."""
        return self.text(input_ids=tokens).last_hidden_state


def quicken(unet: nn.Module) -> None:
    """Let attention on a CPU be plain products, as torch's own takes a third of the step on its way back there (an
    eighth in floats), and group norms ours where it computes in bfloat16."""
    from diffusers.models.attention_processor import AttnProcessor

    device = next(unet.parameters()).device
    if device.type == "cpu":
        unet.set_attn_processor(AttnProcessor())  # type: ignore[operator]
        if checkpoint.halves(device):
            norm.quicken(unet)


def embeddings(text: nn.Module) -> nn.Module:
    """Where a CLIPTextModel keeps its embeddings (transformers 5 dropped a level)."""
    return getattr(text, "text_model", text).embeddings


def optimizer_of(painter: Painter) -> Optimizer:
    """Muon for what is inside the UNet and the text encoder, AdamW for what speaks of latents, words and time."""
    unet = painter.unet
    ends = (unet.conv_in, unet.conv_out, unet.time_embedding, unet.add_embedding, embeddings(painter.text))
    return Optimizer(painter, ends, ENDS, decay=0.01)


# --- the sitting ------------------------------------------------------------------------------------------------------


def embedded(painter: Painter) -> None:
    """Load the committed weights into a painter that is to be trained on."""
    from safetensors.torch import load_file

    unet = load_file(EMBEDDED / "unet" / "diffusion_pytorch_model.safetensors")
    painter.unet.load_state_dict({name: value.float() for name, value in unet.items()})
    text = {name.removeprefix("text_model."): value.float() for name, value in _text_weights().items()}
    core = getattr(painter.text, "text_model", painter.text)
    core.load_state_dict({name: value for name, value in text.items() if "token_embedding" not in name}, strict=False)
    function = load_file(FUNCTION)
    painter.vocabulary.load_state_dict({name: value.float() for name, value in function.items()})


def _text_weights() -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(EMBEDDED / "text_encoder" / "model.safetensors")


def rate_at(step: int, rate: float, warm: int = 300, flat: int = 6000) -> float:
    """Warm up, stay, then fall with the root of the steps: no end has to be known."""
    return rate * min(1.0, (step + 1) / warm) * min(1.0, (flat / (step + 1)) ** 0.5)


def state_of(painter: Painter, average: Average, optimizer: Optimizer, step: int, samples: int) -> dict[str, Any]:
    """All that the next step depends on."""
    return {
        "painter": {name: value.detach() for name, value in painter.named_parameters()},
        "average": average.named(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "samples": samples,
    }


def restore(state: dict[str, Any], painter: Painter, average: Average, optimizer: Optimizer) -> tuple[int, int]:
    """Put a saved state back; returns steps and samples done."""
    with torch.no_grad():
        for name, value in painter.named_parameters():
            value.copy_(state["painter"][name])
    average.load(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["samples"]


def train(
    painter: Painter,
    world: World | Table,
    signs: Tensor,
    folder: Path,
    *,
    minutes: float,
    steps: int = 10**9,
    seed: int = 5,
    batch: int = 32,
    rate: float = 1e-3,
    cool: float = 0.0,
    compiled: bool = False,
    fresh: bool = False,
    show: Any = None,
    takes: int = 4,
    workers: Workers = ALONE,
    teachers: Teachers = NOBODY,
) -> int:
    """Train until ``minutes`` are over or ``steps`` are done in all; resume from ``folder`` unless ``fresh``.

    Over the last ``cool`` minutes the rate falls to nothing: better weights now, a little to make up for next time.
    Now and then it takes in new shards of the world: all that are encoded, and ``takes`` that it encodes itself.
    A batch is shared out evenly among the workers; the first of them tells the time, writes and shows.
    """
    device = next(painter.parameters()).device
    average = Average(painter)
    optimizer = optimizer_of(painter)
    step = samples = 0
    state = None if fresh else checkpoint.load(folder / "checkpoint.pt")
    if state:
        step, samples = restore(state, painter, average, optimizer)
    unet: nn.Module = torch.compile(painter.unet) if compiled else painter.unet  # type: ignore[assignment]
    table = world.table if isinstance(world, World) else world
    alphas, weights, turned = signal().to(device), channel_weights(table).to(device), signs.to(device)
    table = table.to(device)
    learned = list(painter.parameters())
    discriminator = teachers.discriminator
    if discriminator:
        if compiled:
            discriminator.compile(dynamic=False)
        learned += list(discriminator.parameters())
        pursuer = torch.optim.AdamW(discriminator.parameters(), lr=RATE, betas=(0.0, 0.99), weight_decay=0.01)
        if state and "discriminator" in state:
            discriminator.load_state_dict(state["discriminator"]["weights"])
            pursuer.load_state_dict(state["discriminator"]["optimizer"])
    checkpoint.stop_kindly()
    clock, look = checkpoint.Clock(minutes), checkpoint.Clock(minutes, every=900)
    intake = checkpoint.Clock(minutes, every=45)
    values: list[Tensor] = []
    begun = step
    leads = workers.rank == 0
    own = "" if leads else f" {workers.rank}"
    if leads:
        checkpoint.log(folder, f"painter from step {step}, {samples} samples; {len(table)} pictures, {device}")
    painter.train()
    over, due, looks = step >= steps, False, False
    while True:
        if leads and (over or due):
            state = state_of(painter, average, optimizer, step, samples)
            if discriminator:
                learner = {"weights": discriminator.state_dict(), "optimizer": pursuer.state_dict()}
                state["discriminator"] = learner
            checkpoint.save(folder / "checkpoint.pt", state)
        if looks and not over and isinstance(world, World) and world.refresh(takes):
            table = world.table.to(device)
            if leads:
                checkpoint.log(folder, f"{len(table)} pictures")
        if leads and show is not None and (over or look.due()):
            show(average, step)
        if over:
            break
        drawn = draw(table, turned, batch // workers.count, checkpoint.numpy_generator(seed, step, "rows" + own))
        with torch.autocast(device.type, torch.bfloat16, enabled=checkpoint.halves(device)):
            noise = checkpoint.generator(seed, step, "noise" + own, device)
            parts = losses(painter, unet, alphas, weights, drawn, noise, teachers)
        optimizer.zero_grad()
        if discriminator:
            pursuer.zero_grad()
        torch.stack(list(parts.values())).sum().backward()
        now = rate_at(step, rate) * (min(1.0, clock.left() / cool) if cool else 1.0)
        says = [now, float(clock.over()), float(clock.due()), float(intake.due())] if leads else [0.0] * 4
        now, *asked = workers.together(learned, torch.tensor(says, dtype=torch.float64)).tolist()
        ends, due, looks = map(bool, asked)
        nn.utils.clip_grad_norm_(painter.parameters(), 1.0)
        optimizer.step(now)
        if discriminator:
            pursuer.step()
        step, samples = step + 1, samples + batch
        average.update(painter, step)
        values = [*values[-99:], torch.stack(list(parts.values())).detach()]  # read now and then: no GPU waits for it
        over = ends or step >= steps
        if step % 100 == 0 and leads:
            speed, means = (step - begun) * batch / clock.spent(), torch.stack(values).mean(0).tolist()
            shown = " ".join(f"{name} {mean:.4f}" for name, mean in zip(parts, means))
            checkpoint.log(folder, f"step {step} samples {samples} {shown} at {speed:.0f}/s")
    return step


# --- reading ----------------------------------------------------------------------------------------------------------


def glance(latents: Tensor) -> Tensor:
    """(N, 1024): what a picture is like at a glance, the mean and the liveliness of each latent in 4 x 4 regions."""
    parts = (nn.functional.adaptive_avg_pool2d(part, 4) for part in (latents, latents.abs()))
    return torch.cat([part.flatten(1) for part in parts], dim=1)


def read(
    painter: Painter,
    table: Table,
    signs: Tensor,
    folder: Path,
    *,
    minutes: float,
    steps: int = 10**9,
    seed: int = 5,
    batch: int = 64,
    rate: float = 2e-3,
    workers: Workers = ALONE,
) -> float:
    """Teach the text encoder alone to foretell from a caption what its picture is like at a glance.

    Reading is a hundred times cheaper than painting, and what a caption promises is just what the painter needs of it
    at the noisiest steps; so it need not find out through the painter's noise. Trains the text encoder and the pooling
    by which the caption joins the UNet's time embedding, and puts both, averaged, into the run's checkpoint. Returns
    the share of the glances' variance that captions explain at the end, on the batches of the last hundred steps.
    """
    pooled: Any = painter.unet.add_embedding
    example = glance(table.latents[:: max(1, len(table) // 4000)].float())
    mean, spread = example.mean(0), example.std(0) + 1e-6
    torch.manual_seed(seed)
    head = nn.Sequential(nn.SiLU(), nn.Linear(painter.unet.time_embedding.linear_2.out_features, len(mean)))
    taught = nn.ModuleList([painter.text, pooled, head])
    optimizer = torch.optim.AdamW(taught.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.02)
    average = Average(taught)
    checkpoint.stop_kindly()
    clock = checkpoint.Clock(minutes)
    step, ends, values = 0, 0.0, []
    while not ends:
        own = f"reading {workers.rank}"
        drawn = draw(table, signs, batch // workers.count, checkpoint.numpy_generator(seed, step, own))
        said = (drawn.tokens != words.PAD).sum(1) > 2  # a caption was left
        aim = (glance(drawn.latents[said]) - mean) / spread
        error = (head(pooled(painter.read(drawn.tokens[said]))) - aim).square().mean()
        optimizer.zero_grad(set_to_none=True)
        error.backward()
        left = clock.left() / minutes
        now = rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * left)
        says = [now, float(clock.over() or step + 1 >= steps), 0.0] if workers.rank == 0 else [0.0] * 3
        says[2] = float(error.detach()) / workers.count
        now, ends, seen = workers.together(taught.parameters(), torch.tensor(says, dtype=torch.float64)).tolist()
        for group in optimizer.param_groups:
            group["lr"] = now
        nn.utils.clip_grad_norm_(taught.parameters(), 1.0)
        optimizer.step()
        step += 1
        average.update(taught, step)
        values.append(seen)
        if step % 100 == 0 and workers.rank == 0:
            checkpoint.log(folder, f"reading, step {step}: unexplained {np.mean(values[-100:]):.4f}")
    average.into(taught)
    if workers.rank == 0:
        whole = Average(painter)
        checkpoint.save(folder / "checkpoint.pt", state_of(painter, whole, optimizer_of(painter), 0, 0))
    return 1 - float(np.mean(values[-100:]))


def sitting(workers: Workers, options: argparse.Namespace) -> None:
    """One worker's part of what the command line asked for."""
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    vae, tokenizer, vectors, name = prepare(options.side)
    world = World(vae, tokenizer, name, options.side)
    world.refresh(1000 if options.takes else 0)
    if not len(world.table):
        raise SystemExit("no shards of the world under training/cache/world: make them first (see training/README.md)")
    painter = Painter(vectors)
    if options.start == "embedded":
        embedded(painter)
    signs = autoencoder.mirror_signs(vae)
    if options.read:
        read(painter, world.table, signs, RUN, minutes=options.minutes, seed=options.seed, workers=workers)
        return
    device = checkpoint.device(options.device)
    painter.to(device)
    quicken(painter.unet)

    def show(average: Average, step: int) -> None:
        from training import grid

        grid.write(RUN / f"grid-{step:06d}.png", painter, average, vae, tokenizer, NOISE, side=options.side)
        grid.curve(RUN)

    train(
        painter,
        world,
        signs,
        RUN,
        minutes=options.minutes,
        seed=options.seed,
        batch=options.batch,
        rate=options.rate,
        cool=options.cool,
        compiled=options.compile and checkpoint.compiles(device),
        fresh=options.start == "embedded",
        show=show,
        takes=options.takes,
        workers=workers,
        teachers=teachers(options, painter, vae),
    )


def teachers(options: argparse.Namespace, painter: Painter, vae: PatchAutoencoder) -> Teachers:
    """Those that the command line asks for, where the painter is; by an example the UNet alone learns."""
    device, example = painter.unet.device, None
    if options.younger:
        painter.text.requires_grad_(False)
        example = Autoguidance(options.younger, options.older).to(device)
        for unet in (example.older, example.younger):
            quicken(unet)
    discriminator = Discriminator(vae, painter.unet.time_embedding.linear_2.out_features) if options.dare else None
    return Teachers(
        critic=critics.load().to(device) if options.heed else None,
        heed=options.heed,
        discriminator=discriminator.to(device, memory_format=torch.channels_last) if discriminator else None,  # type: ignore[call-overload]
        dare=options.dare,
        example=example,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--cool", type=float, default=0, help="minutes at the end in which the rate falls to nothing")
    parser.add_argument("--read", action="store_true", help="teach the text encoder alone, before the first painting")
    parser.add_argument("--heed", type=float, default=0, help="weight of what the critic misses (train it first)")
    parser.add_argument("--dare", type=float, default=0, help="pull of the discriminator against that of the error")
    parser.add_argument("--younger", type=Path, help="folder of a painter that knew less, to go away from")
    parser.add_argument("--older", type=Path, default=EMBEDDED, help="of one that has not learned so yet")
    parser.add_argument("--side", type=int, default=SIDE, help="of the pictures: 128 learns layout and colour faster")
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread; a core each is best on a CPU")
    parser.add_argument("--threads", type=int, default=0, help="threads of torch; 0 leaves them alone")
    parser.add_argument("--takes", type=int, default=4, help="shards to encode at a time; 0 beside training.latents")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--from", dest="start", choices=("embedded", "checkpoint"), default="checkpoint")
    options = parser.parse_args()
    if options.heed and not (critics.RUN / "checkpoint.pt").exists():
        parser.error("--heed: there is no critic yet; train it first (python -m training.critic)")
    launch(options.workers, sitting, options)


if __name__ == "__main__":
    main()
