"""Prompts over the steps: A1111's values, and that nothing anybody types can fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.diffusion.prompt_steps import DEEPEST, spans, together


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("a [{b|d{:.5] c", [(5, "a  c"), (10, "a {b|d{ c")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a:b:0.5]", [(5, "a"), (10, "b")]),
        ("[a:b:10]", [(10, "a")]),
        ("[a:b:99]", [(10, "a")]),
        ("[a:b:0]", [(10, "b")]),
        ("[a:b:0.29]", [(2, "a"), (10, "b")]),
        ("[a::0.5]c", [(5, "ac"), (10, "c")]),
        ("[a:b:-1] [a:b:c:0.5] [a:b]", [(10, "[a:b:-1] [a:b:c:0.5] [a:b]")]),
        (r"\[a:b:0.5\] [a\:b:0.5]", [(5, r"\[a:b:0.5\] "), (10, r"\[a:b:0.5\] a\:b")]),
        ("12:30, (x:1.3) a|b", [(10, "12:30, (x:1.3) a|b")]),
        ("[a [b:c:0.2]:d:0.5]", [(2, "a b"), (5, "a c"), (10, "d")]),
        ("(red [sun:moon:0.5]:1.3)", [(5, "(red sun:1.3)"), (10, "(red moon:1.3)")]),
        ("[(a:b:0.5]", [(5, "(a"), (10, "b")]),
        ("", [(10, "")]),
    ],
)
def test_texts_over_ten_steps(prompt: str, wanted: list[tuple[int, str]]) -> None:
    assert list(spans(prompt, 10)) == wanted


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("[a|(b:1.1)]", ["a", "(b:1.1)"]),
        ("[fe|]male", ["female", "male"]),
        ("[fe|||]male", ["female", "male", "male", "male"]),
        ("[a|b|c] x", ["a x", "b x", "c x"]),
        ("[a|[b|c]]", ["a", "c"]),
        ("[a:x|b]", ["a:x", "b"]),
    ],
)
def test_alternation_turns_every_step(prompt: str, wanted: list[str]) -> None:
    by_step: list[str] = []
    for last, text in spans(prompt, 10):
        by_step += [text] * (last - len(by_step))
    assert by_step == [wanted[step % len(wanted)] for step in range(10)]


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        ("A :0.7 AND B :0.3", [("A", 0.7), ("B", 0.3)]),
        ("A AND B", [("A", 1.0), ("B", 1.0)]),
        ("A:-1 AND (B:1.2):.5 AND C", [("A", -1.0), ("(B:1.2)", 0.5), ("C", 1.0)]),
        ("at 12:30", [("at 12:30", 1.0)]),
        ("SANDY LAND", [("SANDY LAND", 1.0)]),
        ("A AND ", [("A", 1.0)]),
        ("A :0 AND B :0.0 AND C :2", [("C", 2.0)]),
        ("A :0 AND B :0", [("A", 0.0)]),
        ("AND", [("", 1.0)]),
        ("A : 0.5000 AND B : 0.5000", [("A", 0.5), ("B", 0.5)]),
    ],
)
def test_and_joins_prompts(prompt: str, wanted: list[tuple[str, float]]) -> None:
    assert list(together(prompt)) == wanted


@given(st.text(alphabet="ab[]():|.0159\\ AND-", max_size=80), st.integers(1, 30))
def test_nothing_fails(prompt: str, steps: int) -> None:
    found = spans(prompt, steps)
    lasts = [last for last, _ in found]
    assert lasts == sorted(set(lasts))
    assert lasts[-1] == steps
    for _, text in found:
        assert together(text)
        assert not (set(text) - set(prompt))


@given(st.text(max_size=60).filter(lambda text: "[" not in text))
def test_without_square_brackets_a_prompt_stands_as_it_is(prompt: str) -> None:
    assert spans(prompt, 7) == ((7, prompt),)


def test_deep_nesting_is_bounded() -> None:
    deep = 5 * DEEPEST
    assert spans("[" * deep + "x", 4) == ((4, "[" * deep + "x"),)
    assert spans("[" * deep + "a" + ":b:2]" * deep, 4)[-1][0] == 4
    assert len(spans("(" * 20000 + "[a|b]" + ")" * 20000, 2)) == 1  # too deep to be read
