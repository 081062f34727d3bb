"""The embedded painter's autoencoder: 16 x 16 pixels become one position of 32 numbers, and back.

Why it is linear where it can be: a painter lives in a feedback loop, and what an autoencoder loses or sharpens in one
round it loses or sharpens in every round. So the encoder is a plain strided convolution (principal components of
patches), and the decoder may invent only what the encoder cannot see:

    decode(z) = y + E+ (z - E y),   y = closed form(z) + refiner(z, closed form(z))

with E the encoder and E+ its pseudo-inverse. Hence E(decode(z)) = z exactly, before clipping to 8 bits, and ten rounds
cost no more than one (the null-space decomposition of Wang et al., 2212.00490, used on an autoencoder).

It has the interface of the autoencoders in diffusers, so that its pipelines can load and use it; pictures are in
[-1, 1] there, as everywhere in diffusers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional

PATCH = 16
"""Pixels along one side of a patch; equals ``2 ** (len(block_out_channels) - 1)``, what diffusers calls scale."""

FINE = 4
"""The refiner works on squares of ``FINE`` x ``FINE`` pixels: small enough for detail, 16 times fewer than pixels."""


@dataclass(frozen=True)
class Certain:
    """A distribution with no spread: what a linear encoder answers where diffusers expects a Gaussian."""

    mean: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """The mean; ``generator`` is left untouched."""
        return self.mean

    def mode(self) -> Tensor:
        """The mean."""
        return self.mean


@dataclass
class DecoderOutput:
    """A decoded picture, (N, 3, H, W), about [-1, 1] (not clipped)."""

    sample: Tensor

    def __getitem__(self, index: int) -> Tensor:
        return (self.sample,)[index]


DETAIL = 0.1
"""Gain of what the refiner says: a step of training that suits its other layers would make ten times too much of it."""


class Even(nn.Module):
    """Each position's channels brought to a mean square of one, then a learned gain a channel.

    Position by position, so that a crop and the whole picture agree. Without it the features behind the zero head
    drift off until their SiLU is flat, and the refiner is dead after a hundred steps (seen twice).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(dim=1, keepdim=True) + 1e-4) * self.gain


class Residual(nn.Module):
    """x + two 3 x 3 convolutions of it; the second starts at zero, so that a fresh block changes nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.even = Even(width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.silu(self.first(self.even(x))))


class Refiner(nn.Module):
    """Detail that the closed form cannot know: from the latent's wide surroundings and the closed form's picture."""

    def __init__(self, latent_channels: int, wide: int, fine: int, wide_blocks: int, fine_blocks: int) -> None:
        super().__init__()
        step = PATCH // FINE
        self.step = step
        self.enter = nn.Conv2d(latent_channels, wide, 3, padding=1)
        self.wide = nn.Sequential(*(Residual(wide) for _ in range(wide_blocks)))
        self.spread = nn.Conv2d(wide, fine // 2 * step * step, 1)
        self.join = nn.Conv2d(fine // 2 + 3 * FINE * FINE, fine, 3, padding=1)
        self.fine = nn.Sequential(*(Residual(fine) for _ in range(fine_blocks)))
        self.even = Even(fine)
        self.leave = nn.Conv2d(fine, 3 * FINE * FINE, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, latents: Tensor, picture: Tensor) -> Tensor:
        context = self.wide(self.enter(latents))  # (N, wide, H/16, W/16)
        context = functional.pixel_shuffle(self.spread(context), self.step)  # (N, fine/2, H/4, W/4)
        squares = functional.pixel_unshuffle(picture, FINE)  # (N, 48, H/4, W/4)
        body = self.fine(self.join(torch.cat([context, squares], dim=1)))
        return DETAIL * functional.pixel_shuffle(self.leave(self.even(body)), FINE)  # (N, 3, H, W)


class PatchAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # as diffusers combines them
    """Pictures (N, 3, H, W) in [-1, 1] to latents (N, 32, H/16, W/16) of about unit variance, and back.

    Any height and width that are multiples of 16; ``ValueError`` otherwise.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        latent_channels: int = 32,
        block_out_channels: tuple[int, ...] = (96, 96, 96, 96, 160),
        wide_blocks: int = 3,
        fine_blocks: int = 3,
        scaling_factor: float = 1.0,
        sample_size: int = 256,
        force_upcast: bool = False,
    ) -> None:
        super().__init__()
        if 2 ** (len(block_out_channels) - 1) != PATCH:
            raise ValueError(f"block_out_channels must have 5 entries for a scale of {PATCH}, not {block_out_channels}")
        self.encoder = nn.Conv2d(in_channels, latent_channels, PATCH, stride=PATCH)
        self.decoder = nn.Conv2d(latent_channels, out_channels * PATCH * PATCH, 3)
        self.refiner = Refiner(latent_channels, block_out_channels[-1], block_out_channels[0], wide_blocks, fine_blocks)

    def encode(self, x: Tensor, return_dict: bool = True) -> AutoencoderKLOutput | tuple[Certain]:
        """Latents of pictures (N, 3, H, W) in [-1, 1], as a distribution without spread."""
        if x.ndim != 4 or x.shape[-1] % PATCH or x.shape[-2] % PATCH:
            raise ValueError(f"pictures must be (N, 3, H, W), sides multiples of {PATCH}, not {tuple(x.shape)}")
        latent = Certain(self.encoder(x))
        return AutoencoderKLOutput(latent_dist=latent) if return_dict else (latent,)  # type: ignore[arg-type]

    def decode(
        self, z: Tensor, return_dict: bool = True, generator: torch.Generator | None = None
    ) -> DecoderOutput | tuple[Tensor]:
        """Pictures (N, 3, H, W) of latents (N, 32, H/16, W/16); a little outside [-1, 1] where the sun glares."""
        plain = self.closed_form(z)
        picture = self.consistent(plain + self.refiner(z, plain), z)
        return DecoderOutput(picture) if return_dict else (picture,)

    def forward(self, x: Tensor) -> Tensor:
        """One round: encode and decode."""
        return self.decode(self.encoder(x), return_dict=False)[0]

    def closed_form(self, z: Tensor) -> Tensor:
        """The best linear guess from 3 x 3 positions (ridge regression), (N, 3, H, W)."""
        around = functional.pad(z, (1, 1, 1, 1), mode="replicate")
        return functional.pixel_shuffle(self.decoder(around), PATCH)

    def consistent(self, picture: Tensor, z: Tensor) -> Tensor:
        """``picture`` with what the encoder sees of it replaced by ``z``: the nearest picture that encodes to ``z``."""
        weight = self.encoder.weight  # (32, 3, 16, 16), rows at right angles to each other
        inverse = weight / weight.square().sum(dim=(1, 2, 3), keepdim=True)
        return picture + functional.conv_transpose2d(z - self.encoder(picture), inverse, stride=PATCH)
