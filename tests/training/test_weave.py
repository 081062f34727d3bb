"""What a decoder weaves into pictures is found, and the one that ships weaves nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("numba")  # training is an extra

SIDE = 96


def noise(seed):
    return torch.randn((1, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), strength=st.floats(0.01, 1))
def test_a_pattern_that_repeats_is_found_whole(seed, strength):
    from training.weave import PERIOD, woven

    tile = strength * noise(seed)[..., :PERIOD, :PERIOD]
    found = woven(tile.repeat(1, 1, SIDE // PERIOD, SIDE // PERIOD) + 0.3)
    aim = (tile - tile.mean(dim=(2, 3), keepdim=True)).reshape(1, 3, -1, 1)
    assert torch.allclose(found, aim.expand_as(found), atol=1e-5)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_does_not_repeat_leaves_next_to_nothing(seed):
    from training.weave import WINDOW, woven

    left = woven(noise(seed)).square().mean()
    assert left < 1.5 / WINDOW**2


def test_the_embedded_decoder_weaves_no_dots_into_paintings():
    """Six tenths of an oil painting's detail were the same dots in every square; a twentieth is allowed. Nor may there
    be as much of it as then, in patterns that no period finds: without truth, little is to be invented."""
    from animate.diffusion import models
    from animate.diffusion.autoencoder import PatchAutoencoder
    from animate.diffusion.sampling import Prompt, Sampling
    from training.weave import woven

    painter = models.load("embedded")
    texts = ("an oil painting of a river valley at sunset", "a city at dusk, photo", "a flower meadow at noon, photo")
    orders = [Sampling(prompts=(Prompt(text),), seed=5 + place, steps=4) for place, text in enumerate(texts)]
    folder = models.EMBEDDED / "vae"
    vae = PatchAutoencoder.from_pretrained(str(folder)).float().eval()
    with torch.no_grad():
        latents = vae.encoder(painter.imagine((128, 128), orders) * 2 - 1)
        plain = vae.closed_form(latents)
        detail = vae.decode(latents).sample - plain
    share = woven(detail).square().mean(dim=(1, 2, 3)) / detail.square().mean(dim=(1, 2, 3))
    assert share.max() < 0.06, share
    assert detail.square().mean().sqrt() * 127.5 < 3.6, "8-bit steps; it was 5.4 with the dots"
