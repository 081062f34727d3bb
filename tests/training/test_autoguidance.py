"""What is learned from two painters lies as far again beyond the older one as the younger lies behind it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")


@pytest.fixture(scope="module")
def younger(tmp_path_factory) -> Path:
    """The embedded painter, of whose UNet something is forgotten."""
    from safetensors.torch import load_file, save_file

    from training.latents import EMBEDDED

    folder = tmp_path_factory.mktemp("younger") / "painter"
    shutil.copytree(EMBEDDED, folder)
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    weights["conv_out.bias"] = weights["conv_out.bias"] - 0.25
    weights["mid_block.resnets.0.conv2.weight"] = 0.5 * weights["mid_block.resnets.0.conv2.weight"]
    save_file(weights, file)
    return folder


@pytest.fixture(scope="module")
def painter():
    """The embedded one, as losses know a painter; its words are the exported table, as their function needs GloVe."""
    from training.autoguidance import Autoguidance
    from training.latents import EMBEDDED

    class Painter(torch.nn.Module):
        def __init__(self):
            super().__init__()
            parts = Autoguidance(EMBEDDED)
            self.unet, self.text = parts.older.requires_grad_(True), parts.reader

        def read(self, tokens):
            return self.text(input_ids=tokens).last_hidden_state

    return Painter()


def test_it_goes_as_far_again(painter, younger):
    from training.autoguidance import FROM, Autoguidance
    from training.latents import EMBEDDED

    random = torch.Generator().manual_seed(1)
    noisy, times = torch.randn(2, 33, 16, 16, generator=random), torch.tensor([800, 900])
    tokens = torch.randint(4, 500, (2, 48), generator=random)
    with torch.no_grad():
        said = painter.read(tokens)
        now = painter.unet(noisy, times, said).sample
        aim, same = (Autoguidance(one)(noisy, times, tokens, said) for one in (younger, EMBEDDED))
        before = Autoguidance(EMBEDDED, younger)(noisy, times, tokens, said)  # its older one is the younger
        low = torch.tensor([300, FROM[0]])
        still = Autoguidance(younger)(noisy, low, tokens, said) - painter.unet(noisy, low, said).sample
    assert (same - now).abs().max() < 1e-4
    assert still.abs().max() < 1e-4  # where a loop would take it up again, nothing changes
    assert (aim - now - 0.25).abs().mean() < (aim - now).abs().mean() / 2
    assert torch.allclose(2 * aim + before, 3 * now, atol=1e-3)  # 2 (2 a - b) + (2 b - a) = 3 a


def test_what_it_says_is_learned(painter, younger):
    from training.autoguidance import Autoguidance
    from training.batch import Batch
    from training.loss import Teachers, losses
    from training.noise import signal

    random = torch.Generator().manual_seed(2)
    latents = torch.randn(4, 32, 16, 16, generator=random)
    batch = Batch(
        latents,
        torch.zeros(4, 1, 16, 16),
        torch.randint(4, 500, (4, 48), generator=random),
        torch.zeros(4, dtype=torch.long),
        torch.zeros(4, 21, dtype=torch.bool),
    )
    weights = torch.ones(1, 32, 1, 1)

    def error() -> torch.Tensor:
        teachers = Teachers(example=Autoguidance(younger))
        noise = torch.Generator().manual_seed(3)
        return losses(painter, painter.unet, signal().float(), weights, batch, noise, teachers)["error"]

    before = error()
    before.backward()
    with torch.no_grad():
        for value in painter.unet.parameters():
            if value.grad is not None:
                value -= 0.02 * value.grad
    assert error() < before
