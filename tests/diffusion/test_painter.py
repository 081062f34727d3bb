"""Batches, seeds, sizes: a picture depends on what was asked for it, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animate.diffusion import models
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt, Sampling
from animate.errors import BadInput
from tests.diffusion.conftest import sampling

STOCHASTIC = ["Euler a", "DPM2 a", "DPM++ 2M SDE", "DPM++ SDE", "DDPM", "LCM", "TCD", "SA-Solver"]


@pytest.mark.parametrize("sampler", ["DDIM", *STOCHASTIC])
@pytest.mark.parametrize("strength", [0.4, 0.37])
def test_row_does_not_depend_on_its_companions(
    sampler: str, strength: float, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    painter = painters("sd")
    ours = sampling(sampler=sampler, eta=0.5)
    others = [replace(ours, seed=seed, prompts=(Prompt("x"),), cfg_scale=2.0) for seed in (1, 2)]
    pictures = torch.cat([picture, picture.flip(3), picture.flip(2)])
    alone = painter.redraw(picture, strength, [ours])
    beside = painter.redraw(pictures, strength, [ours, *others])
    assert (beside[:1] - alone).abs().max() < 1e-5
    third = painter.redraw(pictures.roll(1, 0) * 0.5, strength, [others[0], others[1], ours])
    again = painter.redraw(torch.cat([pictures[1:] * 0.1, picture]), strength, [others[1], others[0], ours])
    assert torch.equal(again[2], painter.redraw(torch.cat([pictures[:2], picture]), strength, [*others, ours])[2])
    assert not torch.equal(third[2], again[2])


def test_rows_may_differ_in_everything(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("sd")
    how = [
        sampling(),
        sampling(sampler="Euler a", steps=3),
        sampling(cfg_scale=1.0),
        sampling(prompts=(Prompt("long " * 80, "dull"),)),
        sampling(prompts=(Prompt("a"), Prompt("b")), blend="composable"),
        sampling(sampler="DPM++ 2M"),
    ]
    strengths = [0.4, 0.5, 0.0, 1.0, 0.45, 0.4]
    pictures = torch.cat([picture] * len(how))
    together = painter.redraw(pictures, strengths, how)
    for row, (strength, one) in enumerate(zip(strengths, how)):
        assert (together[row] - painter.redraw(picture, strength, [one])[0]).abs().max() < 1e-5


def test_same_again_and_no_global_randomness(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("sd")
    state = torch.random.get_rng_state()
    first = painter.redraw(picture, 0.37, [sampling(sampler="DPM++ SDE")])
    torch.manual_seed(99)
    torch.randn(5)
    painter.imagine((64, 64), [sampling(sampler="Euler a")])
    assert torch.equal(painter.redraw(picture, 0.37, [sampling(sampler="DPM++ SDE")]), first)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    painter.redraw(picture, 0.37, [sampling(sampler="DPM++ SDE")])
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.random.set_rng_state(state)


@pytest.mark.parametrize("sampler", ["DDIM", "Heun", "DPM++ 2M", "UniPC", "LMS", "PLMS", *STOCHASTIC])
def test_half_precision(sampler: str, tiny_models: Callable[[str], Path], painters: Callable[[str], Painter]) -> None:
    """Tables in float32, states in half: as on a GPU."""
    half = models.load(str(tiny_models("sd2")), device="cpu", dtype="bfloat16")
    rough = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    for strength in (0.0, 0.4, 0.37):
        painted = half.redraw(rough, strength, [sampling(sampler=sampler, eta=0.5)])
        assert painted.dtype == torch.float32
        assert (
            painted - painters("sd2").redraw(rough, strength, [sampling(sampler=sampler, eta=0.5)])
        ).abs().mean() < 0.1


@pytest.mark.parametrize("sampler", ["DDIM", "Euler a"])
def test_seeds(sampler: str, painters: Callable[[str], Painter]) -> None:
    def paint(seed: float, **more: object) -> torch.Tensor:
        return painters("sd").imagine((64, 64), [sampling(sampler=sampler, seed=seed, **more)])

    here, there = paint(10), paint(11)
    assert not torch.allclose(here, there, atol=0.01)
    assert torch.equal(paint(10, subseed=11, subseed_strength=0.0), here)
    assert torch.equal(paint(10, subseed=11, subseed_strength=1.0), there)
    assert torch.equal(paint(10.25), paint(10, subseed=11, subseed_strength=0.25))
    assert (paint(10.999999) - there).abs().max() < 1e-3


def test_result_is_an_ordinary_tensor(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("sd")
    for painted in (painter.imagine((64, 64), [sampling()]), painter.redraw(picture, 0.5, [sampling()])):
        assert painted.dtype == torch.float32
        assert 0 <= painted.min() <= painted.max() <= 1
        painted += 1  # would fail on a tensor of inference mode
        assert not painted.is_inference()


def test_redraw_leaves_its_input_alone(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    before = picture.clone()
    painters("sd").redraw(picture, 0.95, [sampling()])
    painters("sd").redraw(picture, 1.0, [sampling()]).zero_()
    assert torch.equal(picture, before)


def test_sizes(painters: Callable[[str], Painter]) -> None:
    painter = painters("sd")
    assert painter.multiple == 8
    assert painter.imagine((72, 104), [sampling(steps=1)]).shape == (1, 3, 72, 104)
    with pytest.raises(BadInput, match="divide by 8"):
        painter.imagine((60, 64), [sampling()])


def test_wrong_shapes_and_depth_are_refused(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="expected 2 pictures"):
        painters("sd").redraw(picture, 0.5, [sampling()] * 2)
    with pytest.raises(BadInput, match="does not read depth"):
        painters("sd").redraw(picture, 0.5, [sampling()], depth=picture[:, :1])


@pytest.mark.parametrize("sampler", ["default", "Euler a", "DPM++ 2M Karras", "Heun", "PLMS", "LMS", "DEIS"])
def test_model_made_like_the_embedded_one(
    sampler: str, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    painter = painters("embedded")
    assert painter.multiple == 16
    for strength in (0.0, 0.4, 0.37):
        painted = painter.redraw(picture, strength, [sampling(sampler=sampler, prompts=(Prompt("a red fox ü"),))])
        assert torch.isfinite(painted).all()
        assert painted.std() > 1e-3
    long = painter.texts.encode("a red fox " * 20).states
    assert long.shape[0] == 2 * 48


def test_blends(painters: Callable[[str], Painter]) -> None:
    painter = painters("sdxl")

    def paint(blend: str, *weights: float, **more: object) -> torch.Tensor:
        texts = ("a red fox", "the sea")
        prompts = tuple(Prompt(text, "dull", weight) for text, weight in zip(texts, weights))
        return painter.imagine((64, 64), [sampling(prompts=prompts, blend=blend, steps=2, **more)])

    fox = paint("hold", 1.0)
    for blend in ("hold", "lerp", "slerp", "composable"):
        assert torch.equal(paint(blend, 1.0, 0.0), fox)
    assert torch.equal(paint("hold", 0.6, 0.4), paint("lerp", 0.6, 0.4))  # what overlaps is heard
    mixed = {blend: paint(blend, 0.6, 0.4) for blend in ("lerp", "slerp", "composable")}
    for blend, painted in mixed.items():
        assert (painted - fox).abs().max() > 1e-4, blend
    assert not torch.allclose(mixed["lerp"], mixed["composable"], atol=1e-5)
    step = paint("lerp", 0.61, 0.39)
    assert (step - mixed["lerp"]).abs().max() < 0.05
    unguided = paint("composable", 0.6, 0.4, cfg_scale=1.0)
    assert torch.isfinite(unguided).all()


def test_composable_of_one_text_twice_is_that_text(painters: Callable[[str], Painter]) -> None:
    one = sampling(steps=2)
    twice = replace(
        one, prompts=(Prompt("a red fox", "dull", 0.3), Prompt("a red fox", "dull", 0.7)), blend="composable"
    )
    painter = painters("sd")
    assert (painter.imagine((64, 64), [one]) - painter.imagine((64, 64), [twice])).abs().max() < 1e-5
    assert len(painter.texts.passes(twice, guided=True).states) == 2


def test_each_text_is_encoded_once(painters: Callable[[str], Painter], monkeypatch: pytest.MonkeyPatch) -> None:
    painter = painters("sd")
    painter.texts.forget()
    read: list[str] = []
    original = painter.texts._read
    monkeypatch.setattr(
        painter.texts,
        "_read",
        lambda encoder, parts, *more: read.append(parts[0].text) or original(encoder, parts, *more),
    )
    how: list[Sampling] = [
        sampling(prompts=(Prompt("a", "n", 1 - t), Prompt("b", "n", t)), steps=1) for t in (0.2, 0.4, 0.8)
    ]
    painter.imagine((64, 64), how)
    painter.imagine((64, 64), how)
    assert sorted(read) == ["a", "b", "n"]


@pytest.mark.parametrize("sampler", ["DDIM", "Euler a", "DPM++ 2M", "LCM", "Heun"])
@pytest.mark.parametrize("strength", [0.0, 0.37])
def test_within_a_place_only_that_is_redrawn(
    sampler: str, strength: float, painters: Callable[[str], Painter], picture: torch.Tensor
) -> None:
    painter = painters("sd")
    place = torch.zeros_like(picture[:, :1])
    place[..., : picture.shape[-1] // 2] = 1
    how = sampling(sampler=sampler)
    painted = painter.redraw(picture, strength, [how], within=place)
    half = picture.shape[-1] // 2
    assert torch.equal(painted[..., half:], picture[..., half:])
    assert (painted[..., :half] - picture[..., :half]).abs().mean() > 0.01
    assert torch.isfinite(painted).all()
    assert torch.equal(painted, painter.redraw(picture, strength, [how], within=place))
    around = picture.clone()
    around[..., half:] = 1 - around[..., half:]
    assert not torch.equal(painter.redraw(around, strength, [how], within=place)[..., :half], painted[..., :half])


def test_within_everything_is_a_plain_redraw(painters: Callable[[str], Painter], picture: torch.Tensor) -> None:
    painter = painters("sd")
    whole = painter.redraw(picture, 0.4, [sampling()], within=torch.ones_like(picture[:, :1]))
    assert (whole - painter.redraw(picture, 0.4, [sampling()])).abs().max() < 1e-6


def told(painter: Painter, monkeypatch: pytest.MonkeyPatch, paint: Callable[[], object]) -> list[torch.Tensor]:
    """What the network's first row is told at each evaluation while `paint` runs."""
    heard: list[torch.Tensor] = []
    inner = painter._parts.unet.forward

    def listening(*args: object, **options: object) -> object:
        heard.append(options["encoder_hidden_states"][-1].clone())  # type: ignore[index]
        return inner(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(painter._parts.unet, "forward", listening)
        paint()
    return heard


@pytest.mark.parametrize(("sampler", "evaluations"), [("DDIM", 1), ("Heun", 2), ("Euler a", 1), ("PLMS", 1)])
def test_positions_count_the_steps_that_are_run(
    sampler: str,
    evaluations: int,
    painters: Callable[[str], Painter],
    picture: torch.Tensor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    painter = painters("sd")
    how = sampling(prompts=(Prompt("[a:b:0.5]"),), sampler=sampler, steps=8)
    with torch.inference_mode():
        a, b = (painter.texts.encode(text).states for text in "ab")
    for paint, run in (
        (lambda: painter.imagine((64, 64), [how]), 8),
        (lambda: painter.redraw(picture, 0.5, [how]), 4),
        (lambda: painter.redraw(picture, 0.55, [how]), 4),
    ):
        heard = told(painter, monkeypatch, paint)
        says = [bool(torch.equal(states, b)) for states in heard]
        assert all(torch.equal(states, a) for states, late in zip(heard, says) if not late)
        assert says == sorted(says)
        assert says.index(True) == run // 2 * evaluations


def test_prompts_over_the_steps_and_together_change_the_picture(painters: Callable[[str], Painter]) -> None:
    painter = painters("sd")

    def painted(text: str, **more: object) -> torch.Tensor:
        return painter.imagine((64, 64), [sampling(prompts=(Prompt(text, "n"),), **more)])

    a, b = painted("a"), painted("b")
    assert torch.equal(painted("[a:b:9]"), a)
    assert torch.equal(painted("[a:b:0]"), b)
    for text in ("[a:b:0.5]", "[b:a:0.5]", "[a|b]", "a AND b", "a AND b :-0.5", "a :0.5 AND b :0.5"):
        found = painted(text)
        assert not torch.equal(found, a)
        assert not torch.equal(found, b)
        assert torch.isfinite(found).all()
    assert torch.allclose(painted("a :0.5 AND a :0.5"), a, atol=1e-5)
    assert torch.allclose(painted("a :0.5 AND", cfg_scale=8.0), painted("a"), atol=1e-5)
    assert torch.allclose(painted("a AND a", cfg_scale=1.0), painted("a", cfg_scale=1.0), atol=1e-5)


def test_rows_with_other_scripts_do_not_disturb_one_another(painters: Callable[[str], Painter]) -> None:
    painter = painters("sd")
    texts = ("a", "[a:b:0.5]", "a AND b", "[a|b AND c]", "[" + "a" * 90 + ":b:2]")
    how = [sampling(prompts=(Prompt(text),), seed=seed) for seed, text in enumerate(texts)]
    together = painter.imagine((64, 64), how)
    for row, one in enumerate(how):
        assert torch.allclose(painter.imagine((64, 64), [one])[0], together[row], atol=1e-4)
