"""The autoencoder: fitted in closed form in seconds, then a refiner trained for what the closed form cannot see.

    python -m training.autoencoder fit                  # encoder and linear decoder; refuses to move an old one
    python -m training.autoencoder refine --minutes 15  # the refiner; resumes its run; or --from embedded
    python -m training.autoencoder judge                # the figures of the card

The encoder is principal components of 16 x 16 patches of pictures *and their mirrors*, solved apart for patches that
are even and odd under mirroring: each channel then keeps or changes its sign in a mirrored picture, so that the latents
of a mirror are known without encoding it. A channel is divided by std^0.6: the means of patches keep the loudest voice
(std 3 against 0.7), as they have in a picture, and the painter settles them first.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from animate.diffusion.autoencoder import PATCH, PatchAutoencoder
from training import checkpoint, painted, perceptual, photographs, weave
from training.world.dataset import read_shard, shards

RUN = checkpoint.RUNS / "autoencoder"
EMBEDDED = checkpoint.MODELS / "painter" / "vae"
LATENT = 32
SHARE = 0.6
"""Exponent of a channel's standard deviation that it is divided by: 0 leaves a picture's own spectrum, 1 whitens it."""
RIDGE = 1e-3
CROP = 96
LOOK = 64
"""Side of the part of a crop that the perceptual loss looks at: VGG costs more than the refiner."""
AHEAD = 0.2
"""Decibels that the refined picture is to stay above the closed form's on crops that are trained on."""
HEAVIEST = 6.0
"""Bound of the weight of the VGG distance: what it asks for beyond is a weave of dots (at 20 in spite of `WOVEN`)."""
WOVEN = 500.0
"""Weight of patterns that repeat, in crops against what repeats in the truth, in paintings as they are."""
SHY = 0.3
"""Weight of a painting's detail, as `HARD` counts it: without it the VGG distance finds patterns of no period."""
HARD = 0.1
"""Error of the closed form on a hard crop: of what is invented in a painting, as much counts one."""
STIR = 0.15
"""Noise on half of the latents, at most: a painter's are not clean either."""
SCENES = 2500
"""Pictures of the world that the refiner learns from, beside the photographs."""

Pictures = NDArray[np.uint8]


# --- pictures ---------------------------------------------------------------------------------------------------------


def world(count: int, seed: int = 0) -> Pictures:
    """At most ``count`` pictures of the world, spread over its shards; the first shard is kept for judging."""
    files = shards(checkpoint.WORLD)[1:]
    if not files:
        return np.empty((0, 256, 256, 3), np.uint8)
    random = np.random.default_rng(seed)
    files = [files[place] for place in sorted(random.permutation(len(files))[: max(1, count // 200)])]
    pictures = np.concatenate([read_shard(file).pictures[: -(-count // len(files))] for file in files])
    return pictures[:count]


def tensor(pictures: Pictures) -> Tensor:
    """(N, 256, 256, 3) of 8 bits to (N, 3, 256, 256) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


# --- the closed form --------------------------------------------------------------------------------------------------


def patches(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) to (N * H/16 * W/16, 768), channel, row, column."""
    return functional.pixel_unshuffle(pictures, PATCH).permute(0, 2, 3, 1).reshape(-1, 3 * PATCH * PATCH)


def components(groups: list[Pictures]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean (768), components (32, 768), their standard deviations (32) and signs under mirroring (32).

    Each group of pictures weighs the same, however many pictures it has.
    """
    size = 3 * PATCH * PATCH
    mean, second = torch.zeros(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
    for pictures in groups:
        for i in range(0, len(pictures), 64):
            rows = patches(tensor(pictures[i : i + 64])).double()
            share = len(pictures[i : i + 64]) / len(pictures) / len(rows)
            mean += share * rows.sum(0) / len(groups)
            second += share * rows.T @ rows / len(groups)
    mirror = torch.arange(size).reshape(3, PATCH, PATCH).flip(2).reshape(-1)
    mean = (mean + mean[mirror]) / 2
    second = (second + second[mirror][:, mirror]) / 2 - torch.outer(mean, mean)
    identity = torch.eye(size, dtype=torch.float64)
    found = []
    for sign in (1, -1):
        projector = (identity + sign * identity[mirror]) / 2  # onto even or odd patches
        values, vectors = torch.linalg.eigh(projector @ second @ projector)
        found += [(float(values[-k]), vectors[:, -k], sign) for k in range(1, LATENT + 1)]
    found.sort(key=lambda item: -item[0])
    rows = torch.stack([vector for _, vector, _ in found[:LATENT]])
    rows = rows * torch.where(rows.sum(1, keepdim=True) < 0, -1, 1)  # brighter is more, whatever the solver chose
    spread = torch.tensor([value for value, _, _ in found[:LATENT]]).double().sqrt()
    return mean, rows, spread, torch.tensor([sign for _, _, sign in found[:LATENT]])


def mirror_signs(model: PatchAutoencoder) -> Tensor:
    """(32,) of 1 or -1: latents of a mirrored picture are ``latents.flip(-1) * signs``; read off the encoder itself."""
    weight = model.encoder.weight.detach()
    return torch.sign((weight * weight.flip(-1)).sum(dim=(1, 2, 3)))


def fit(groups: list[Pictures]) -> PatchAutoencoder:
    """Encoder and closed-form decoder; the refiner starts as nothing."""
    model = PatchAutoencoder()
    mean, rows, spread, _ = components(groups)
    scale = spread**-SHARE
    scale /= (spread * scale).square().mean().sqrt()  # the latent's channels have a mean square of one together
    weight = rows * scale[:, None]
    model.encoder.weight.data = weight.reshape(LATENT, 3, PATCH, PATCH).float()
    model.encoder.bias.data = (-weight @ mean).float()  # type: ignore[union-attr]
    normal, right, total = 0, 0, 0.0
    with torch.no_grad():
        for pictures in groups:
            for i in range(0, len(pictures), 32):
                batch = tensor(pictures[i : i + 32])
                batch = torch.cat([batch, batch.flip(-1)])
                around = functional.pad(model.encoder(batch), (1, 1, 1, 1), mode="replicate")
                columns = functional.unfold(around, 3).transpose(1, 2).reshape(-1, LATENT * 9)
                columns = torch.cat([columns, torch.ones(len(columns), 1)], dim=1).double()
                share = 1.0 / len(pictures)
                normal = normal + share * (columns.T @ columns)
                right = right + share * (columns.T @ patches(batch).double())
                total += share * len(columns)
    ridge = RIDGE * total * torch.eye(LATENT * 9 + 1, dtype=torch.float64)
    ridge[-1, -1] = 0
    solved = torch.linalg.solve(normal + ridge, right).T  # (768, 289)
    model.decoder.weight.data = solved[:, :-1].reshape(-1, LATENT, 3, 3).float()
    model.decoder.bias.data = solved[:, -1].float()  # type: ignore[union-attr]
    return model


# --- the refiner ------------------------------------------------------------------------------------------------------


def crops(sources: list[Tensor], count: int, random: np.random.Generator) -> Tensor:
    """(count, 3, 96, 96) in [-1, 1]: equally many of each source, the livelier of two places, half mirrored.

    Sources are (n, 256, 256, 3) of 8 bits; drawn where they lie, on a GPU its memory.
    """
    parts = []
    for place, source in enumerate(sources):
        share = len(range(place, count, len(sources)))
        rows = torch.from_numpy(random.integers(len(source), size=share)).to(source.device)
        corners = torch.from_numpy(random.integers(0, source.shape[1] - CROP + 1, (2, 2, share))).to(source.device)
        turned = torch.from_numpy(random.random(share) < 0.5).to(source.device)
        steps = torch.arange(CROP, device=source.device)
        x = corners[:, 1, :, None] + torch.where(turned[:, None], steps.flip(0), steps)
        y = corners[:, 0, :, None] + steps
        both = source[rows[:, None, None], y[..., :, None], x[..., None, :]].float() / 127.5 - 1  # (2, n, 96, 96, 3)
        lively = both[..., 1].diff(dim=-1).abs().mean(dim=(2, 3))
        parts.append(torch.where((lively[0] > lively[1])[:, None, None, None], both[0], both[1]))
    return torch.cat(parts).permute(0, 3, 1, 2)


def squares(latents: Tensor, count: int, side: int, random: np.random.Generator) -> Tensor:
    """(count, 32, side, side): squares of some of the latents (n, 32, h, w)."""
    rows = torch.from_numpy(random.integers(len(latents), size=count)).to(latents.device)
    top, left = random.integers(0, 1 + latents.shape[-1] - side, 2)
    return latents[rows, :, top : top + side, left : left + side]


@dataclass(frozen=True)
class Judged:
    """What a batch of crops says of the refiner; (N,) each."""

    near: Tensor
    """L1 against how hard the closed form finds the crop."""
    seen: Tensor
    """VGG distance of a part."""
    gain: Tensor
    """Decibels of PSNR over the closed form."""
    again: Tensor
    """Mean square of what a second round changes of the latents: only clipping can."""
    woven: Tensor
    """Mean square of patterns that repeat and are not the truth's, in the crop and in a painting."""
    added: Tensor
    """How much detail a painting is given, which nobody can say is right."""


def judged_batch(
    model: PatchAutoencoder,
    features: perceptual.Features,
    batch: Tensor,
    stir: Tensor,
    drawn: Tensor | None,
    corner: tuple[int, int],
) -> Judged:
    """Decode a batch (N, 3, 96, 96) from its latents, to which ``stir`` (N, 32, 6, 6) was added, and as many paintings
    from theirs, ``drawn`` (N, 32, 6, 6), if there are any: they have no truth, but nothing may be woven in."""
    with torch.no_grad():
        z = model.encoder(batch)
        clean = model.closed_form(z)
        hard = (clean - batch).abs().mean(dim=(1, 2, 3)) + 0.03
        z = z + stir
        both = z if drawn is None else torch.cat([z, drawn])
        closed = model.closed_form(both)
    halved = torch.autocast(batch.device.type, torch.bfloat16, enabled=checkpoint.halves(batch.device))
    with halved:
        detail = model.refiner(both, closed)
    decoded = model.consistent(closed + detail.float(), both)
    y, plain = decoded[: len(batch)], closed[: len(batch)]
    clipped = y.clamp(-1, 1)
    part = (..., slice(corner[0], corner[0] + LOOK), slice(corner[1], corner[1] + LOOK))
    with halved:
        seen = perceptual.distance(features, clipped[part], batch[part])
    with torch.no_grad():
        rest = [(one.clamp(-1, 1) - batch).square().mean(dim=(1, 2, 3)) + 1e-6 for one in (plain, y)]
        gain = 10 * torch.log10(rest[0] / rest[1])
    near = (y - batch).abs().mean(dim=(1, 2, 3)) / hard
    again = (model.encoder(clipped) - z).square().mean(dim=(1, 2, 3))
    woven, added = weave.woven(y - batch).square().mean(dim=(1, 2, 3)), torch.zeros_like(near)
    if drawn is not None:
        invented = (decoded - closed)[len(batch) :]
        woven = woven + weave.woven(invented).square().mean(dim=(1, 2, 3))
        added = invented.abs().mean(dim=(1, 2, 3)) / HARD
    return Judged(near, seen, gain, again, woven, added)


def refine(minutes: float, where: str, seed: int, batch_size: int, rate: float, weight: float, start: str) -> None:
    """Train the refiner; encoder and closed form stay as they are. Resumes ``runs/autoencoder`` after a kill.

    The VGG distance is what is to fall; its weight (``weight`` at the start) grows while the PSNR of the crops stands
    ``AHEAD`` dB or more above the closed form's and shrinks otherwise, so that it never falls at the cost of fidelity.
    """
    device = checkpoint.device(where)
    folder = RUN
    state = None if start == "embedded" else checkpoint.load(folder / "checkpoint.pt")
    model = PatchAutoencoder.from_pretrained(str(EMBEDDED if start == "embedded" else folder / "model")).float()
    model.to(device, memory_format=torch.channels_last).requires_grad_(False)  # 1.2 times faster on a CPU
    model.refiner.requires_grad_(True)
    average = {name: value.detach().clone() for name, value in model.refiner.state_dict().items()}
    optimizer = torch.optim.AdamW(model.refiner.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    step, eye = 0, torch.tensor(weight, device=device)
    if state:
        model.refiner.load_state_dict(state["refiner"])
        optimizer.load_state_dict(state["optimizer"])
        average, step = {name: value.to(device) for name, value in state["average"].items()}, state["step"]
        eye = state["weight"].to(device)
    features = perceptual.Features(3).to(device, memory_format=torch.channels_last)
    tables = [photographs.table(), *(pictures for pictures in [world(SCENES)] if len(pictures))]
    sources = [torch.from_numpy(np.array(table)).to(device) for table in tables]
    paintings = painted.latents()
    paintings = None if paintings is None else paintings.to(device)
    checkpoint.stop_kindly()
    clock, seen = checkpoint.Clock(minutes), list[Tensor]()
    begun = step
    checkpoint.log(folder, f"refiner from step {step}: {[len(source) for source in sources]} pictures, {device}")
    while True:
        over = clock.over()
        if over or clock.due():
            checkpoint.save(
                folder / "checkpoint.pt",
                {
                    "refiner": model.refiner.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "average": average,
                    "step": step,
                    "weight": eye,
                },
            )
        if over:
            break
        random = checkpoint.numpy_generator(seed, step, "crops")
        batch = crops(sources, batch_size, random).contiguous(memory_format=torch.channels_last)
        warm = min(1.0, (step + 1) / 50) * min(1.0, max(0.05, 1 - clock.spent() / (minutes * 60)) ** 0.5 + 0.02)
        for group in optimizer.param_groups:
            group["lr"] = rate * warm
        top, left = random.integers(0, CROP - LOOK + 1, 2)
        shape = (batch_size, LATENT, CROP // PATCH, CROP // PATCH)
        stir = torch.randn(shape, generator=checkpoint.generator(seed, step, "stir", device), device=device)
        strength = torch.from_numpy(random.uniform(0, STIR, batch_size) * (random.random(batch_size) < 0.5))
        stir *= strength.to(stir)[:, None, None, None]
        drawn = None if paintings is None else squares(paintings, batch_size, CROP // PATCH, random)
        found = judged_batch(model, features, batch, stir, drawn, (int(top), int(left)))
        value = found.near.mean() + eye * found.seen.mean() + found.again.mean()
        value = value + WOVEN * found.woven.mean() + SHY * found.added.mean()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.refiner.parameters(), 1.0)
        optimizer.step()
        keep = min(0.998, 1 - 1 / (step / 4 + 1))
        with torch.no_grad():
            eye = (eye * torch.exp(0.01 * (found.gain.mean() - AHEAD).clamp(-1, 1))).clamp(0.2, HEAVIEST)
            for name, parameter in model.refiner.state_dict().items():
                average[name].lerp_(parameter, 1 - keep)
        seen = [*seen[-99:], torch.stack([part.mean().detach() for part in vars(found).values()])]
        step += 1
        if step % 100 == 0:
            near, far, gain, _, woven, added = torch.stack(seen).mean(0).tolist()
            said = f"L1 {near:.4f} VGG {far:.4f} gain {gain:+.2f} dB, weight {float(eye):.2f},"
            said += f" woven {1e4 * woven:.2f} added {added:.3f}"
            speed = (step - begun) * batch_size / clock.spent()
            checkpoint.log(folder, f"step {step} {said} at {speed:.0f} crops/s")
    model.refiner.load_state_dict(average)
    save(model.cpu().to(memory_format=torch.contiguous_format), folder / "model")
    report(model, folder)


def save(model: PatchAutoencoder, folder: Path) -> None:
    """The model as diffusers keeps it."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)


# --- the judge --------------------------------------------------------------------------------------------------------


def judged() -> dict[str, Pictures]:
    """Pictures never trained on, by name of their group."""
    groups = {"wallpapers": photographs.judged("wallpapers"), "photographs": photographs.judged("photographs")}
    files = shards(checkpoint.WORLD)
    if files:
        groups["world"] = read_shard(files[0]).pictures[:48]
    return groups


def psnr(a: Tensor, b: Tensor) -> float:
    """Mean over pictures, decibels, of pictures in [-1, 1]."""
    return float((10 * torch.log10(4 / (a - b).square().mean(dim=(1, 2, 3)).clamp_min(1e-9))).mean())


def seams(pictures: Tensor) -> float:
    """Gradient across the borders of patches against everywhere else: 1 has no seams (sources: 1.01 to 1.03)."""
    across = pictures.diff(dim=-1).abs().mean(dim=(0, 1, 2))
    border = torch.arange(1, len(across) + 1) % PATCH == 0
    return float(across[border].mean() / across[~border].mean())


def rounds(model: PatchAutoencoder, pictures: Tensor, count: int, refined: bool = True) -> Tensor:
    """``count`` times encoded, decoded and rounded to 8 bits."""
    for _ in range(count):
        z = model.encoder(pictures)
        decoded = model.decode(z).sample if refined else model.closed_form(z)
        pictures = ((decoded.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
    return pictures


@torch.no_grad()
def report(model: PatchAutoencoder, folder: Path) -> dict[str, dict[str, float]]:
    """Figures by group, closed form and refined, and a picture to look at: source | closed form | refined, × 2."""
    import cv2

    features = perceptual.Features(5)
    found: dict[str, dict[str, float]] = {}
    strips = []
    for name, pictures in judged().items():
        source = tensor(pictures)
        for kind, refined in (("closed", False), ("refined", True)):
            once = rounds(model, source, 1, refined)
            far = torch.cat([perceptual.distance(features, a, b) for a, b in zip(once.split(4), source.split(4))])
            ten = rounds(model, once, 9, refined)
            row = {"psnr": psnr(once, source), "vgg": float(far.mean()), "seams": seams(once), "r10": psnr(ten, source)}
            found[f"{name} {kind}"] = row
            said = "".join(f" {key} {value:.3f}" for key, value in row.items())
            checkpoint.log(folder, f"{name:12s} {kind:8s}{said}")
        shown = source[:4, :, 64:192, 64:192]
        both = [rounds(model, source[:4], 1, refined)[:, :, 64:192, 64:192] for refined in (False, True)]
        for part in zip(shown, *both):
            strip = np.hstack([((p.permute(1, 2, 0).numpy() + 1) * 127.5).astype(np.uint8)[:, :, ::-1] for p in part])
            strips.append(cv2.resize(strip, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST))
    half = (len(strips) + 1) // 2
    strips += [np.zeros_like(strips[0])] * (2 * half - len(strips))
    sheet = np.hstack([np.vstack(strips[:half]), np.vstack(strips[half:])])
    checkpoint.write_whole(folder / "judged.png", lambda path: cv2.imwrite(str(path), sheet))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "refine", "judge"), nargs="?", default="refine")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--perceptual", type=float, default=2.0, help="weight of the VGG distance against L1")
    parser.add_argument("--from", dest="start", choices=("embedded", "checkpoint"), default="checkpoint")
    options = parser.parse_args()
    if options.what == "fit":
        if (RUN / "model").exists() or EMBEDDED.exists():
            parser.error("there is an encoder already, and latents and painters live by it; remove it to fit anew")
        model = fit([pictures for pictures in (photographs.table(), world(1500)) if len(pictures)])
        save(model, RUN / "model")
        report(model, RUN)
    elif options.what == "judge":
        folder = RUN / "model" if options.start == "checkpoint" else EMBEDDED
        report(PatchAutoencoder.from_pretrained(str(folder)).float(), RUN)
    else:
        weights = (options.minutes, options.device, options.seed, options.batch, options.rate, options.perceptual)
        refine(*weights, options.start)


if __name__ == "__main__":
    main()
