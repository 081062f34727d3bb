"""A1111's notation, and that nothing anybody types can fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animate.diffusion.prompt_weights import BREAK, DEEPEST, LIMIT, parse


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        ("((x))", [("x", 1.21)]),
        ("[x]", [("x", 1 / 1.1)]),
        ("[[x]]", [("x", 1 / 1.21)]),
        ("(x:1.3)", [("x", 1.3)]),
        ("(x : 1.3 )", [("x ", 1.3)]),
        ("(x:.5)(y:-1)", [("x", 0.5), ("y", -1.0)]),
        ("((a:2) b)", [("a", 2.2), (" b", 1.1)]),
        ("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", None),
        ("x:1.3)", [("x:1.3)", 1.0)]),
        ("a) b] c", [("a) b] c", 1.0)]),
        ("time 12:30 o'clock", [("time 12:30 o'clock", 1.0)]),
        (r"a\\b", [("a\\b", 1.0)]),
        ("", [("", 1.0)]),
        ("()", [("", 1.0)]),
    ],
)
def test_parts(prompt: str, parts: list[tuple[str, float]] | None) -> None:
    if parts is None:
        parts = [
            ("a ", 1.0),
            ("house", 1.573),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641),
            (".", 1.1),
        ]
    found = parse(prompt)
    assert [part.text for part in found] == [text for text, _ in parts]
    assert [part.weight for part in found] == pytest.approx([weight for _, weight in parts])


def test_break_opens_a_window() -> None:
    before, broken, after = parse("a BREAK b")
    assert (before.text, after.text) == ("a ", " b")
    assert broken is BREAK
    assert parse("BREAKFAST")[0].text == "BREAKFAST"
    assert parse("(a BREAK b:2)")[1] is BREAK


@given(st.text(alphabet="ab()[]:1.\\ BREAK-+", max_size=60))
def test_nothing_fails(prompt: str) -> None:
    parts = parse(prompt)
    assert parts
    assert all(part is BREAK or abs(part.weight) <= LIMIT for part in parts)


@given(st.text(max_size=60).filter(lambda text: not set("()[]\\") & set(text) and "BREAK" not in text))
def test_plain_text_is_itself(prompt: str) -> None:
    assert "".join(part.text for part in parse(prompt)) == prompt


def test_deep_nesting_is_bounded() -> None:
    assert parse("(" * 5000 + "x")[0].weight == LIMIT
    deep = parse("(a" * 5000)  # each bracket once scaled all that was inside it: 12.5 million multiplications
    assert "".join(part.text for part in deep) == "a" * DEEPEST + "(a" * (5000 - DEEPEST)
    assert parse("[" * DEEPEST + "(x:2)" + "]" * DEEPEST)[0].weight == pytest.approx(1.1**-DEEPEST)
