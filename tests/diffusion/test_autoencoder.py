"""The embedded autoencoder: the interface of diffusers, exact re-encoding, any size in steps of 16."""

from __future__ import annotations

import pytest
import torch

from animate.diffusion.autoencoder import PatchAutoencoder


@pytest.fixture(scope="module")
def model():
    """Random weights, but an encoder whose rows are at right angles, as fitted ones are, and a refiner that speaks."""
    torch.manual_seed(0)
    model = PatchAutoencoder(block_out_channels=(16, 16, 16, 16, 16), wide_blocks=1, fine_blocks=1)
    model.requires_grad_(False)
    rows = torch.linalg.qr(torch.randn(768, 32))[0].T
    model.encoder.weight.copy_((rows * torch.linspace(0.5, 2, 32)[:, None]).reshape(32, 3, 16, 16))
    torch.nn.init.normal_(model.refiner.leave.weight, std=0.05)
    return model


def test_config_says_what_pipelines_ask(model):
    assert 2 ** (len(model.config.block_out_channels) - 1) == 16
    assert model.config.latent_channels == 32
    assert model.config.scaling_factor == 1.0
    assert not model.config.force_upcast


@pytest.mark.parametrize(("height", "width"), [(256, 256), (16, 16), (64, 176)])
def test_shapes_there_and_back(model, height, width):
    latents = model.encode(torch.rand(2, 3, height, width) * 2 - 1).latent_dist.sample()
    assert latents.shape == (2, 32, height // 16, width // 16)
    assert model.decode(latents).sample.shape == (2, 3, height, width)
    assert torch.equal(model.decode(latents, return_dict=False)[0], model.decode(latents).sample)


def test_a_size_that_is_no_multiple_of_16_is_refused(model):
    with pytest.raises(ValueError, match="multiples of 16"):
        model.encode(torch.zeros(1, 3, 250, 256))


def test_what_was_decoded_encodes_to_the_same_latents(model):
    latents = torch.randn(2, 32, 4, 5)
    again = model.encode(model.decode(latents).sample).latent_dist.mode()
    torch.testing.assert_close(again, latents, atol=1e-4, rtol=1e-4)


def test_sampling_is_certain_and_draws_nothing(model):
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    found = model.encode(torch.zeros(1, 3, 32, 32)).latent_dist
    assert torch.equal(found.sample(generator), found.mode())
    assert torch.equal(generator.get_state(), before)


def test_saved_and_loaded_it_decodes_the_same(model, tmp_path):
    model.save_pretrained(tmp_path, safe_serialization=True)
    latents = torch.randn(1, 32, 3, 3)
    loaded = PatchAutoencoder.from_pretrained(str(tmp_path))
    torch.testing.assert_close(loaded.decode(latents).sample, model.decode(latents).sample)


def test_a_fresh_refiner_changes_nothing_the_encoder_can_see():
    model = PatchAutoencoder(block_out_channels=(16, 16, 16, 16, 16), wide_blocks=1, fine_blocks=1)
    assert not model.refiner(torch.randn(1, 32, 2, 2), torch.randn(1, 3, 32, 32)).any()


def test_another_scale_is_refused():
    with pytest.raises(ValueError, match="5 entries"):
        PatchAutoencoder(block_out_channels=(16, 16))
