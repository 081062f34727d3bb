"""Text becomes conditioning: windows, weights, layers, blends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animate.diffusion import models
from animate.diffusion.conditioning import KEPT, Texts
from animate.diffusion.painter import Painter
from animate.diffusion.sampling import Prompt
from tests.diffusion.conftest import sampling

TOKENS = 77


@pytest.fixture
def texts(painters: Callable[[str], Painter]) -> Texts:
    painters("sd").texts.forget()
    return painters("sd").texts


def test_plain_text_is_what_the_encoder_says(texts: Texts) -> None:
    encoder = texts.encoders[0]
    ids = encoder.tokenizer("a red fox", padding="max_length", max_length=TOKENS, return_tensors="pt").input_ids
    with torch.no_grad():
        assert torch.equal(texts.encode("a red fox").states, encoder.model(ids)[0][0])
        hidden = encoder.model(ids, output_hidden_states=True).hidden_states[-2]
        assert torch.equal(texts.encode("a red fox", 2).states, encoder.model.final_layer_norm(hidden)[0])


def test_layers_deeper_than_the_encoder_are_its_first(texts: Texts) -> None:
    encoder = texts.encoders[0]
    deepest = encoder.model.config.num_hidden_layers + 1
    assert torch.equal(texts.encode("a red fox", deepest + 5).states, texts.encode("a red fox", deepest).states)


def test_a_tokenizer_without_a_length_takes_the_encoders(tiny_models: Callable[[str], Path]) -> None:
    texts = models.load(str(tiny_models("sd")), device="cpu").texts
    wanted = texts.encode("a" * 80).states
    texts.forget()
    texts.encoders[0].tokenizer.model_max_length = int(1e30)
    assert torch.equal(texts.encode("a" * 80).states, wanted)


def test_long_prompts_are_laid_in_windows(texts: Texts) -> None:
    """A letter is a token here: 75 fill a window, the 76th opens the next."""
    assert texts.encode("a" * 75).states.shape[0] == TOKENS
    two = texts.encode("a" * 75 + " bb").states
    assert two.shape[0] == 2 * TOKENS
    assert torch.equal(two[:TOKENS], texts.encode("a" * 75).states)
    assert torch.allclose(two[TOKENS:], texts.encode("bb").states, atol=1e-6)


def test_break_starts_a_window(texts: Texts) -> None:
    parted = texts.encode("ab BREAK cd").states
    assert torch.allclose(parted, torch.cat([texts.encode("ab").states, texts.encode("cd").states]), atol=1e-6)


def test_weights_scale_their_tokens_and_keep_the_mean(texts: Texts) -> None:
    plain, heavy = texts.encode("a b c").states, texts.encode("a (b:1.5) c").states
    ratio = heavy / plain
    assert torch.allclose(ratio[2] / ratio[1], torch.tensor(1.5), atol=1e-4)
    assert torch.allclose(ratio[3], ratio[1], atol=1e-4)
    assert torch.equal(texts.encode("(a b c:1.0)").states, plain)


def test_shorter_text_is_filled_up_on_its_right(texts: Texts) -> None:
    passes = texts.passes(sampling(prompts=(Prompt("a" * 80, "n"),)), guided=True)
    assert passes.states.shape[:2] == (2, 2 * TOKENS)
    assert torch.equal(passes.states[0], torch.cat([texts.encode("n").states, texts.encode("").states]))


def test_lerp_is_the_weighted_mean(texts: Texts) -> None:
    prompts = (Prompt("a", weight=0.5), Prompt("b", weight=0.3), Prompt("c", weight=0.2))
    mixed = texts.passes(sampling(prompts=prompts), guided=False).states[0]
    expected = 0.5 * texts.encode("a").states + 0.3 * texts.encode("b").states + 0.2 * texts.encode("c").states
    assert torch.allclose(mixed, expected, atol=1e-6)


def test_slerp_keeps_the_length(texts: Texts) -> None:
    prompts = (Prompt("a", weight=0.5), Prompt("zzz", weight=0.5))
    mixed = texts.passes(sampling(prompts=prompts, blend="slerp"), guided=False).states[0]
    ends = [texts.encode("a").states.norm(), texts.encode("zzz").states.norm()]
    assert min(ends) - 0.1 <= mixed.norm() <= max(ends) + 0.1


def test_pooled_texts_are_blended_too(painters: Callable[[str], Painter]) -> None:
    texts = painters("sdxl").texts
    prompts = (Prompt("a", weight=0.5), Prompt("b", weight=0.5))
    passes = texts.passes(sampling(prompts=prompts), guided=True)
    a, b = texts.encode("a").pooled, texts.encode("b").pooled
    assert passes.pooled is not None
    assert a is not None
    assert b is not None
    assert torch.allclose(passes.pooled[1], (a + b) / 2, atol=1e-6)
    assert not passes.states[0].any()  # an empty negative prompt is zeros, as SDXL was trained
    assert texts.passes(sampling(prompts=(Prompt("a", "n"),)), guided=True).states[0].any()


def test_an_empty_negative_of_zeros_is_zeros_however_long_the_prompt(painters: Callable[[str], Painter]) -> None:
    texts = painters("sdxl").texts
    long = "a red fox " * 20
    for prompts in ((Prompt(long),), (Prompt(long, weight=0.5), Prompt("b", weight=0.5))):
        passes = texts.passes(sampling(prompts=prompts), guided=True)
        assert passes.states.shape[1] == 2 * texts.encode("b").states.shape[0]
        assert not passes.states[0].any()
    half = texts.passes(sampling(prompts=(Prompt(long, weight=0.5), Prompt("b", "n", 0.5))), guided=True).states[0]
    filled = torch.cat([texts.encode("n").states, texts.encode("").states])
    assert torch.allclose(half, filled / 2, atol=1e-6)


def test_overlapping_prompts_are_all_heard_under_hold(texts: Texts) -> None:
    prompts = (Prompt("sea", weight=0.75), Prompt("rain", "sun", weight=0.25))
    held, mixed = (texts.passes(sampling(prompts=prompts, blend=blend), guided=True) for blend in ("hold", "lerp"))
    assert torch.equal(held.states, mixed.states)
    assert not torch.equal(held.states[1], texts.encode("sea").states)


def test_memory_is_bounded(texts: Texts) -> None:
    for number in range(KEPT + 20):
        texts.encode(str(number))
    assert len(texts._memory) == KEPT


@pytest.mark.parametrize("prompt", ["", " ", "(((", "😀 漢字", "a" * 1000, "\x00"])
def test_anything_can_be_encoded(prompt: str, texts: Texts) -> None:
    assert torch.isfinite(texts.encode(prompt).states).all()


def test_a_long_prompt_keeps_weights_and_windows(texts: Texts) -> None:
    """Nothing is cut: every window of `long` is that of its own piece, weighed by itself."""
    long = "a" * 70 + " (bb:1.5) " + "c" * 100 + " BREAK (d:0.5)"
    states = texts.encode(long).states
    assert states.shape[0] == 4 * TOKENS
    assert torch.allclose(states[3 * TOKENS :], texts.encode("(d:0.5)").states, atol=1e-6)
    assert not torch.allclose(states, texts.encode(long.replace("(bb:1.5)", "bb")).states)
    assert torch.equal(
        states[2 * TOKENS : 3 * TOKENS], texts.encode(long.replace("d", "e")).states[2 * TOKENS : -TOKENS]
    )


@pytest.mark.parametrize("blend", ["lerp", "slerp", "composable", "hold"])
def test_prompts_of_any_length_blend_and_join(blend: str, texts: Texts) -> None:
    prompts = (Prompt("a" * 200, "n", 0.5), Prompt("b AND [c|d] :0.5", "m" * 90, 0.3), Prompt("BREAK BREAK e", "", 0.2))
    script = texts.script(sampling(prompts=prompts, blend=blend), True, 3)
    for _, passes in script.spans:
        assert passes.states.shape[1] == 3 * TOKENS
        assert torch.isfinite(passes.states).all()
        assert len(passes.states) == 1 + len(passes.weights)


def test_and_makes_rows_that_are_blended_by_place(texts: Texts) -> None:
    both = texts.passes(sampling(prompts=(Prompt("a :0.7 AND b :0.3"),)), guided=False)
    assert both.weights == (0.7, 0.3)
    assert torch.equal(both.states, torch.stack([texts.encode("a").states, texts.encode("b").states]))
    prompts = (Prompt("a", weight=0.75), Prompt("c AND b :2", weight=0.25))
    mixed = texts.passes(sampling(prompts=prompts), guided=False)
    assert mixed.weights == (1.0, 0.5)
    assert torch.allclose(mixed.states[0], texts.encode("a").states.lerp(texts.encode("c").states, 0.25), atol=1e-6)
    assert torch.equal(mixed.states[1], texts.encode("b").states)
    composed = texts.passes(sampling(prompts=prompts, blend="composable"), guided=True)
    assert composed.weights == (0.75, 0.25, 0.5)
    against = texts.passes(sampling(prompts=(Prompt("a", "x AND y :3"),)), guided=True).states[0]
    assert torch.allclose(against, texts.encode("x").states.lerp(texts.encode("y").states, 0.75), atol=1e-6)


def test_a_script_says_what_its_prompts_say_at_each_step(texts: Texts) -> None:
    prompts = (Prompt("[a:b:0.5]", "[|n]", 0.5), Prompt("c", "", 0.5))
    script = texts.script(sampling(prompts=prompts), True, 4)
    for step, (text, negative) in enumerate((("a", ""), ("a", "n"), ("b", ""), ("b", "n")), start=1):
        plain = (Prompt(text, negative, 0.5), Prompt("c", "", 0.5))
        assert torch.equal(script.at(step).states, texts.passes(sampling(prompts=plain), True).states)
    assert script.shape == (4, ((4, (2, TOKENS, 16)),))  # one shape: it can be followed together with any other
    ends = texts.script(sampling(prompts=prompts, guidance_end=0.4), True, 4)
    assert ends.shape == (2, ((2, (2, TOKENS, 16)), (4, (1, TOKENS, 16))))
    assert torch.equal(ends.at(2).states, script.at(2).states)
    assert torch.equal(ends.at(3).states, script.at(3).states[1:])


def test_without_a_norm_weights_only_scale(texts: Texts) -> None:
    plain, heavy = texts.encode("a b c").states, texts.encode("a (b:1.5) c", 1, "no_norm").states
    wanted = plain.clone()
    wanted[2] *= 1.5
    assert torch.allclose(heavy, wanted, atol=1e-6)


def test_compels_weights_move_away_from_the_empty_prompt_or_towards_the_rest(texts: Texts) -> None:
    empty, plain = texts.encode("").states, texts.encode("a b c").states
    more = texts.encode("a (b:1.5) c", 1, "compel").states
    wanted = plain.clone()
    wanted[2] = empty[2] + 1.5 * (plain[2] - empty[2])
    assert torch.allclose(more, wanted, atol=1e-5)
    rest = texts.encode("a  c").states
    wanted[2] = (empty[2] + plain[2]) / 2
    assert torch.allclose(texts.encode("a (b:0.5) c", 1, "compel").states, (wanted + rest) / 2, atol=1e-5)
    assert torch.allclose(texts.encode("a (b:0) c", 1, "compel").states, rest, atol=1e-3)
    assert torch.equal(texts.encode("a b c", 1, "compel").states, plain)
    assert torch.isfinite(texts.encode("(a:0.2) BREAK (b:-3) " + "(c:0.1) " * 60 + "[d]", 1, "compel").states).all()
    passes = texts.passes(sampling(prompts=(Prompt("a (b:1.5) c", "(n:0.5)"),), weighting="compel"), guided=True)
    assert torch.equal(passes.states[1], more)
    assert torch.equal(passes.states[0], texts.encode("(n:0.5)", 1, "compel").states)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet="ab ()[]:|.0159\\ANDBREK-", max_size=60),
    st.text(alphabet="ab ()[]:|.0159\\ANDBREK-", max_size=30),
    st.integers(1, 6),
    st.sampled_from(["a1111", "no_norm", "compel"]),
)
def test_whatever_is_typed_is_a_script(texts: Texts, positive: str, negative: str, steps: int, weighting: str) -> None:
    prompts = (Prompt(positive, negative, 0.6), Prompt("a", weight=0.4))
    script = texts.script(sampling(prompts=prompts, weighting=weighting), True, steps)
    assert script.spans[-1][0] == steps
    for _, passes in script.spans:
        assert torch.isfinite(passes.states).all()
        assert len(passes.states) == len(passes.weights) + 1
