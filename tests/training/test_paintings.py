"""Paintings of the painter's own: each state is where a guided sampler would stand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")


def begun(unet, count=3, seed=0):
    from training import paintings
    from training.noise import signal

    noise = torch.randn(count, 32, 16, 16, generator=torch.Generator().manual_seed(0))
    said = torch.zeros(count, 48, 192)
    states = paintings.begun(unet, signal(), said, said[:1], noise, torch.Generator().manual_seed(seed))
    return noise, states


def always(picture):
    """A UNet that always foretells the same picture."""
    from training.noise import signal

    def unet(seen, time, said):
        power = signal()[time].float()[:, None, None, None]
        clean = picture.expand(len(seen), -1, -1, -1)
        if power.max() == 0:
            return type("Output", (), {"sample": -clean})
        rest = (seen[:, :32] - power.sqrt() * clean) / (1 - power).sqrt()
        return type("Output", (), {"sample": power.sqrt() * rest - (1 - power).sqrt() * clean})

    return unet


def test_a_painting_stands_where_its_steps_led(monkeypatch):
    from training import paintings
    from training.noise import signal

    monkeypatch.setattr(paintings, "RESCALE", 0.0)  # which changes the spread even where nothing is guided
    picture = torch.linspace(-1, 1, 32)[:, None, None].expand(-1, 16, 16)
    for seed in range(6):
        noise, states = begun(always(picture), seed=seed)
        power = signal()[states.times].float()[:, None, None, None]
        stands = power.sqrt() * picture + (1 - power).sqrt() * noise[states.which]
        torch.testing.assert_close(states.noisy, stands, atol=1e-4, rtol=1e-4)


def test_each_painting_is_met_once_early_and_twice_late():
    _, states = begun(always(torch.ones(32, 16, 16)), count=5)
    early, late = states.times[~states.late], states.times[states.late]
    assert set(early.tolist()) <= {874, 749, 624, 499}
    assert set(late.tolist()) <= {499, 374, 249, 124}
    for painting in range(5):
        met = states.times[(states.which == painting) & states.late]
        assert len(met) == 2
        assert met[0] != met[1]
    assert (states.guidance >= 2).all()
    assert (states.guidance <= 4).all()


def test_guidance_is_that_of_diffusers():
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    from training.paintings import RESCALE, guided

    random = torch.Generator().manual_seed(1)
    told, plain = torch.randn(2, 4, 32, 16, 16, generator=random)
    v = plain + 3 * (told - plain)
    expected = rescale_noise_cfg(v, told, guidance_rescale=RESCALE)
    torch.testing.assert_close(guided(told, plain, torch.full((4, 1, 1, 1), 3.0)), expected)
