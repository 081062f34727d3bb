"""The depth eye: how near each place of a picture is, learned from landscapes and rooms whose depth is exact.

    python -m training.depth train --minutes 20 --workers 2    # resumes runs/depth after a kill; --from embedded
    python -m training.depth export                            # averaged weights to animate/models/depth, fp16
    python -m training.depth judge                             # the exported weights: figures and judged.png

The network speaks of log inverse depth, and only differences count: a picture does not tell how large its world is.
Pictures are cropped, mirrored, seen by other cameras, blurred, recoloured and made grainy, as what it will look at is
painted, not rendered.
"""

from __future__ import annotations

import argparse
import json
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from animate.depth.embedded import CELL, FOLDER, MULTIPLE, Network
from animate.diffusion import digests
from training import attention, checkpoint, norm
from training.average import Average
from training.optimizer import Optimizer
from training.rooms import COUNT, rooms
from training.workers import Workers
from training.workers import run as launch
from training.world.dataset import read_shard, shards

RUN = checkpoint.RUNS / "depth"
SKY = 1 / 300
"""Inverse depth of the sky, and of all that is farther, in the world's units: behind the last mountains."""
WIDTHS = (48, 96, 144, 192)
SIDES = (192, 224, 256, 256)
"""Of the squares that are cut from pictures; half of them are whole, as what it will look at is, before some lean."""
LEANS = 0.5
"""Share of the squares that another camera sees: rolled (degrees, about ROLL), with a longer lens (up to ZOOM), with
pixels that are not square (about STRETCH, of a logarithm)."""
ROLL, ZOOM, STRETCH = 6.0, 1.5, 0.06
EDGES = 0.5
"""Weight of the error of differences between neighbours, at four scales, against that of the values."""
SMALL = 0.15
"""Errors of log inverse depth below this count by their squares: where all is nearly right there is little to say."""
LEVEL = 0.1
"""Weight of how far off the scale is as a whole: it can only be guessed, but what is alike should be guessed alike."""
LOOSE = 1.0
"""How far off the sky may be, of the logarithm: how much farther than the land it is no picture tells."""


# --- what it learns from ----------------------------------------------------------------------------------------------


class Scenes(NamedTuple):
    """Pictures and how near what they show is."""

    pictures: Tensor
    """(n, 256, 256, 3) uint8."""
    near: Tensor
    """(n, 64, 64) float32, log inverse depth."""
    photos: Tensor
    """(m,) int64, which of them are in no style; half of what is drawn."""


def scenes(most: int = 10**9, skip: int = 1) -> list[Scenes]:
    """Shards of the world, unpacked once and mapped from disk."""
    found = []
    for path in shards(checkpoint.WORLD)[skip:][:most]:
        files = [checkpoint.CACHE / "depth" / f"{path.stem}.{kind}.npy" for kind in Scenes._fields]
        if not all(file.exists() for file in files):
            shard = read_shard(path)
            near = np.log(np.maximum(shard.depth.astype(np.float32), SKY))
            photos = np.flatnonzero([row["style"] == "photo" for row in shard.rows])
            for file, values in zip(files, (np.ascontiguousarray(shard.pictures), near, photos)):
                checkpoint.save_array(file, values)
        found.append(Scenes(*(torch.from_numpy(np.load(file, mmap_mode="c")) for file in files)))
    return found


def indoors(count: int, seed: int) -> Scenes:
    """Rooms, none of them in a style."""
    pictures, near = rooms(count, seed)
    return Scenes(pictures, near, torch.arange(len(pictures)))


def draw(
    table: list[Scenes], count: int, side: int, random: np.random.Generator, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, S, S) in [0, 1] and log inverse depth (N, 1, S/4, S/4), seen as badly as paintings may be.

    All of a batch at once, where the table lies: on a GPU its memory.
    """
    pictures, nears = [], []
    for place in random.integers(len(table), size=count):
        whole, far, photos = table[place]
        row = int(photos[random.integers(len(photos))] if random.random() < 0.5 else random.integers(len(whole)))
        y, x = random.integers(0, (256 - side) // CELL + 1, 2).tolist()
        turned = random.random() < 0.5
        pictures.append(_cut(whole, row, (y * CELL, x * CELL), side, turned))
        nears.append(_cut(far, row, (y, x), side // CELL, turned))
    batch = torch.stack(pictures).permute(0, 3, 1, 2).float() / 255
    batch, truth = leaned(batch, torch.stack(nears)[:, None], random)
    return disturbed(batch, random, noise), truth


def _cut(whole: Tensor, row: int, corner: tuple[int, int], side: int, turned: bool) -> Tensor:
    """(side, side, …): a square of a row, mirrored if it is turned."""
    y, x = corner
    square = whole[row, y : y + side, x : x + side]
    return square.flip(1) if turned else square


def leaned(pictures: Tensor, near: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, S, S) and what they tell (N, 1, S/4, S/4), LEANS of them as another camera would see them.

    In place. What is seen moves within the picture, but neither a roll nor a lens moves it along the axis; so a few
    thousand scenes are worth more than they are. What would reach beyond the square is made smaller until it fits.
    """
    rows = np.flatnonzero(random.random(len(pictures)) < LEANS)
    if not rows.size:
        return pictures, near
    roll = np.radians(random.normal(0, ROLL, len(rows)))
    half = np.exp(np.multiply.outer((1, -1), random.normal(0, STRETCH, len(rows)))) / random.uniform(1, ZOOM, len(rows))
    axes = half * np.stack([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    reach = np.abs(axes).sum(1)  # (2, n): how far the square goes from its middle
    fits = np.minimum(1, 1 / reach.max(0))
    middle = random.uniform(-1, 1, reach.shape) * (1 - fits * reach)
    seen = np.concatenate([fits * axes, middle[:, None]], 1).transpose(2, 0, 1)
    places = torch.from_numpy(seen.astype(np.float32)).to(pictures)
    for values in (pictures, near):
        grid = functional.affine_grid(places, [len(rows), *values.shape[1:]], align_corners=False)
        values[rows] = functional.grid_sample(values[rows], grid, padding_mode="border", align_corners=False)
    return pictures, near


def disturbed(pictures: Tensor, random: np.random.Generator, noise: torch.Generator) -> Tensor:
    """(N, 3, S, S) in other light and colours, blurred, grainy: each of these for some of the pictures, in place."""

    def some(share: float) -> NDArray[np.intp]:
        """Which pictures, about `share` of them."""
        return np.flatnonzero(random.random(len(pictures)) < share)

    def given(values: NDArray[np.float64]) -> Tensor:
        """(n, k) → (n, k, 1, 1)."""
        return torch.from_numpy(values.astype(np.float32)).to(pictures)[:, :, None, None]

    rows = some(0.6)
    gamma, gain = (given(np.exp(random.normal(0, spread, (len(rows), n)))) for spread, n in ((0.25, 1), (0.15, 3)))
    pictures[rows] = (pictures[rows].clamp_min(1e-4) ** gamma * gain).clamp(0, 1)
    rows = some(0.15)
    grey = pictures[rows].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    pictures[rows] = torch.lerp(pictures[rows], grey, given(random.random((len(rows), 1))))
    rows = some(0.3)
    soft = functional.interpolate(functional.avg_pool2d(pictures[rows], 4), scale_factor=4.0, mode="bilinear")
    pictures[rows] = torch.lerp(pictures[rows], soft, given(random.random((len(rows), 1))))
    rows = some(0.3)
    grain = torch.randn(pictures[rows].shape, generator=noise, device=pictures.device)
    pictures[rows] = (pictures[rows] + grain * given(random.uniform(0, 20 / 255, (len(rows), 1)))).clamp(0, 1)
    return pictures


def loss(found: Tensor, truth: Tensor) -> Tensor:
    """How far off (N, 1, h, w) of log inverse depth is: of the land its shape, of the sky that it is far.

    What a picture cannot tell is hardly asked: how large its world is, and how much farther its sky. So the land's
    error is what is left after the best scale, and, for a half of it, the best scale and shift (Ranftl et al. 2020).
    """
    land = truth > np.log(SKY) + 0.01
    land = land | ~land.flatten(1).any(1)[:, None, None, None]
    whole = (found - truth).masked_fill(~land, 0).flatten(1).sum(1) / land.flatten(1).sum(1)
    error = _levelled(found - truth, land)
    sky = (_size((error.abs() - LOOSE).clamp_min(0)) * ~land).mean()
    moved = _levelled(shifted(found, truth, land) - truth, land)
    return sky + LEVEL * _size(whole).mean() + (_shape(error * land, land) + _shape(moved * land, land)) / 2


def _levelled(error: Tensor, land: Tensor) -> Tensor:
    """Errors after the best scale: about their median on land."""
    return error - _level(error, land)


def _level(error: Tensor, land: Tensor) -> Tensor:
    """(N, 1, 1, 1): the median on land."""
    return error.detach().masked_fill(~land, torch.nan).flatten(1).nanmedian(1).values[:, None, None, None]


def _shape(error: Tensor, land: Tensor) -> Tensor:
    """The size of errors that are 0 off the land, and of their differences within it (MegaDepth)."""
    value = _size(error).mean()
    for scale in range(4):
        part, covered = (functional.avg_pool2d(one, 2**scale) for one in (error, land.float()))
        for axis in (-1, -2):
            within_land = covered.unfold(axis, 2, 1).amin(-1) > 0.999
            value = value + EDGES / 4 * (_size(part.diff(dim=axis)) * within_land).mean()
    return value


def shifted(found: Tensor, truth: Tensor, land: Tensor) -> Tensor:
    """`found` with the scale and shift of its exponential that leave the least squares of relative errors on land."""
    near, known = (found - _level(found - truth, land)).exp(), truth.exp()
    with torch.no_grad():
        weight = (land / known).flatten(1)
        columns = torch.stack([near.flatten(1) * weight, weight], -1)
        square = columns.mT @ columns + 1e-6 * torch.eye(2, device=found.device)
        scale, shift = torch.linalg.solve(square, columns.mT @ land.flatten(1).to(found)[..., None])[..., 0].unbind(1)
        scale = scale.clamp_min(1e-3)
        shift = shift.maximum(-scale / 2 * near.masked_fill(~land, torch.inf).flatten(1).amin(1))
    return (scale[:, None, None, None] * near + shift[:, None, None, None]).clamp_min(1e-4).log()


def _size(errors: Tensor) -> Tensor:
    """How large each is, smoothly (Huber's)."""
    return functional.smooth_l1_loss(errors, torch.zeros_like(errors), reduction="none", beta=SMALL)


# --- training ---------------------------------------------------------------------------------------------------------


def train(workers: Workers, options: argparse.Namespace) -> None:
    """One worker's part of a sitting; the rate falls to nothing at its end."""
    device = checkpoint.device(options.device)
    torch.manual_seed(options.seed)
    network = Network(WIDTHS).to(device, memory_format=torch.channels_last)
    norm.quicken(network)
    attention.quicken(network)
    average = Average(network)
    optimizer = Optimizer(network, (network.enter, network.leave[-1]))
    step = samples = 0
    if state := checkpoint.load(RUN / "checkpoint.pt"):
        with torch.no_grad():
            for name, value in network.named_parameters():
                value.copy_(state["network"][name])
        average.load(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, samples = state["step"], state["samples"]
    elif options.start == "embedded":
        network.load_state_dict(load_file(FOLDER / "network.safetensors"))
        samples = int(json.loads((FOLDER / "config.json").read_text("utf-8"))["samples"])
    table = workers.after_the_first(scenes)
    if not table:
        raise SystemExit("no shards of the world under training/cache/world: make them first (see training/README.md)")
    inside = workers.after_the_first(lambda: indoors(options.rooms, options.seed))
    table = [Scenes(*(values.to(device) for values in one)) for one in (*table, inside)]
    table += table[-1:] * (2 * len(table) // 3 - 1)  # two of five that are drawn
    checkpoint.stop_kindly()
    clock, ends, saves, begun = checkpoint.Clock(options.minutes), 0.0, 0.0, step
    seen: list[Tensor] = []
    leads = workers.rank == 0
    while True:
        if leads and (ends or saves):
            named = {name: value.detach() for name, value in network.named_parameters()}
            held = {"network": named, "average": average.named(), "optimizer": optimizer.state_dict()}
            checkpoint.save(RUN / "checkpoint.pt", held | {"step": step, "samples": samples})
        if ends:
            break
        random = checkpoint.numpy_generator(options.seed, step, f"depth {workers.rank}")
        grain = checkpoint.generator(options.seed, step, f"grain {workers.rank}", device)
        side = int(checkpoint.numpy_generator(options.seed, step, "side").choice(SIDES))  # all workers': none waits
        pictures, truth = draw(table, options.batch // workers.count, side, random, grain)
        with torch.autocast(device.type, torch.bfloat16, enabled=checkpoint.halves(device)):
            found = network(pictures.contiguous(memory_format=torch.channels_last))
        value = loss(found.float(), truth)
        optimizer.zero_grad()
        value.backward()
        now = options.rate * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * clock.left() / options.minutes)
        says = [now, float(clock.over()), float(clock.due())] if leads else [0.0] * 3
        told = workers.together(network.parameters(), torch.tensor(says, dtype=torch.float64))
        now, ends, saves = told.tolist()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step(now)
        step, samples = step + 1, samples + options.batch
        average.update(network, step)
        seen = [*seen[-49:], value.detach()]  # read now and then: a GPU is not to wait for it
        if leads and step % 50 == 0:
            speed, shown = (step - begun) * options.batch / clock.spent(), float(torch.stack(seen).mean())
            checkpoint.log(RUN, f"step {step} samples {samples} loss {shown:.4f} at {speed:.0f}/s")
    if leads:
        average.into(network)
        judge(network)


# --- judging and export -----------------------------------------------------------------------------------------------


def aligned(found: Tensor, truth: Tensor) -> Tensor:
    """Inverse depth (N, h, w) brought to each true one by the scale and shift of least squares, as is usual where a
    depth is relative (Ranftl et al. 2020, 1907.01341, section 6); the sky, which is nowhere, has no say."""
    rows = []
    for ours, theirs in zip(found.double().flatten(1), truth.double().flatten(1)):
        land = theirs > SKY * 1.01
        seen, known = (ours[land], theirs[land]) if int(land.sum()) > 8 else (ours, theirs)
        columns = torch.stack([seen, torch.ones_like(seen)], 1)
        scale, shift = torch.linalg.lstsq(columns, known[:, None]).solution.flatten()
        rows.append((scale * ours + shift).clamp_min(SKY))
    return torch.stack(rows).view_as(found).float()


def within(found: Tensor, truth: Tensor) -> float:
    """δ₁: share of places whose depth is within a factor of 1.25 of the truth (Eigen et al. 2014)."""
    ratio = found / truth
    return float((torch.maximum(ratio, 1 / ratio) < 1.25).float().mean())


def behind(found: Tensor, land: Tensor) -> float:
    """Share of the sky that is said to be farther than the land, but for a fiftieth of that; (N, h, w) both."""
    shares = []
    for ours, ground in zip(found, land):
        if ground.any() and not ground.all():
            shares.append((ours[~ground] < ours[ground].quantile(0.02)).float())
    return float(torch.cat(shares).mean()) if shares else float("nan")


@torch.no_grad()
def judge(network: Network) -> dict[str, float]:
    """Figures on the first shard, which no training sees, and a sheet: picture, truth, found.

    The sheet has the best scale alone, as a shift that fits the land lifts a sky, which has no say in it.
    """
    pictures, near, _ = scenes(1, skip=0)[0]
    count = min(128, len(pictures))
    seen = pictures[:count].permute(0, 3, 1, 2).float() / 255
    network = network.float().cpu().eval()
    found = torch.cat([network(part) for part in seen.split(16)])[:, 0].exp()
    truth = near[:count].exp()
    ours = aligned(found, truth)
    land = truth > SKY * 1.01
    figures = {
        "delta1": within(ours[land], truth[land]),
        "abs rel": float((truth / ours - 1).abs()[land].mean()),
        "sky behind the land": behind(found, land),
    }
    checkpoint.log(RUN, f"{count} unseen scenes: " + " ".join(f"{name} {value:.3f}" for name, value in figures.items()))

    def shown(values: Tensor) -> NDArray[np.uint8]:
        grey = (values.log() - np.log(SKY)) / (values.log().max() - np.log(SKY))
        grey = cv2.resize((255 * grey.clamp(0, 1)).byte().numpy(), (256, 256))
        return cv2.applyColorMap(grey, cv2.COLORMAP_MAGMA)

    scaled = _levelled((found / truth).log()[:, None], land[:, None])[:, 0].exp() * truth
    shows = range(0, min(40, count), 5)
    rows = [np.vstack([pictures[i].numpy()[..., ::-1], shown(truth[i]), shown(scaled[i])]) for i in shows]
    checkpoint.write_whole(RUN / "judged.png", lambda path: cv2.imwrite(str(path), np.hstack(rows)))
    return figures


def export() -> None:
    """The averaged weights of the run as fp16 safetensors."""
    state = checkpoint.load(RUN / "checkpoint.pt")
    if state is None:
        raise SystemExit(f"no checkpoint in {RUN}: train first")
    tensors = {name: value.half().contiguous() for name, value in state["average"].items()}
    checkpoint.write_whole(FOLDER / "network.safetensors", lambda path: save_file(tensors, path))
    config = {"widths": WIDTHS, "cell": CELL, "multiple": MULTIPLE, "steps": state["step"], "samples": state["samples"]}
    text = json.dumps(config, indent=2) + "\n"
    checkpoint.write_whole(FOLDER / "config.json", lambda path: path.write_text(text, "utf-8"))
    digests.write(FOLDER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "export", "judge"), nargs="?", default="train")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3, help="Muon's at first; a tenth of it for trained weights")
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread; a core each is best on a CPU")
    parser.add_argument("--rooms", type=int, default=COUNT, help="how many rooms to draw, once")
    parser.add_argument("--from", dest="start", choices=("embedded", "checkpoint"), default="checkpoint")
    options = parser.parse_args()
    if options.what == "export":
        export()
    elif options.what == "judge":
        from animate.depth.embedded import Embedded

        judge(Embedded()._network)
    else:
        launch(options.workers, train, options)


if __name__ == "__main__":
    main()
