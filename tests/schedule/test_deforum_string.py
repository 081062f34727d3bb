"""Deforum's strings: its own values to the letter, and mistakes told at their keys."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animate.errors import ScheduleError
from animate.schedule.deforum_string import pieces
from animate.schedule.load import load
from tests.schedule.test_curve import NUMBERS, column, notes

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "deforum_schedules.json").read_text())


@pytest.mark.parametrize("case", REFERENCE, ids=[f"{i:03}" for i in range(len(REFERENCE))])
def test_values_of_deforum(case: dict[str, Any]) -> None:
    found = column(case["schedule"], case["max_frames"], case["seed"])
    np.testing.assert_allclose(found, case["values"], atol=1e-6)


@pytest.mark.parametrize(
    "written", ["0:(1),", "0: (1), 5 : (2)", '"0":(1)', "0: (where(t>2, 1, 2))", "5:(1), 2:(3)", "0: 1"]
)
def test_what_deforum_writes_anyway_is_no_repair(written: str) -> None:
    assert notes(written) == []


def test_pieces() -> None:
    found, repairs = pieces('0: (0.5), "max_f-2": (sin(t)), 9:(2*1)')
    assert [(p.key, p.value, p.number) for p in found] == [
        ("0", "(0.5)", 0.5),
        ("max_f-2", "(sin(t))", None),
        ("9", "(2*1)", None),
    ]
    assert repairs == []


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.integers(0, 29), st.one_of(NUMBERS, st.sampled_from(["t*2", "(2*1)", "sin(t)", "s"])), min_size=1, max_size=6
    )
)
def test_a_deforum_string_says_what_the_same_map_says(keys: dict[int, Any]) -> None:
    written = {frame: f"{value:.4f}" if isinstance(value, float) else value for frame, value in keys.items()}
    text = ", ".join(f"{frame}: ({value})" for frame, value in written.items())
    np.testing.assert_allclose(column(text, 30, seed=3), column(dict(keys), 30, seed=3), atol=1e-9)


def test_infinity_is_refused_in_a_deforum_string_too() -> None:
    with pytest.raises(ScheduleError, match="infinite at frame 0"):
        column("0: (1/t)")


def told(file: Path, text: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScheduleError) as caught:
        load(file)
    return [f"{problem.line}:{problem.column} {problem.what}" for problem in caught.value.problems]


def test_mistakes_are_told_at_their_keys_in_yaml(tmp_path: Path) -> None:
    said = told(
        tmp_path / "s.yaml",
        "prompts: x\n"
        'angle: "0: (1), 5: (foo(t)), nobody: (1), 9: (blah)"\n'
        "strength: '0: (where(t > 1, 0.5, 0.6)), ''max_f-1'': (0.5), 30: (7), 40: ((t), 50: (0.5)'\n",
    )
    assert said == [
        "2:17 key 5: '(foo(t))': there is no function 'foo'",
        "2:30 key: 'nobody' is not a time: there is no cue 'nobody'",
        "3:61 7 at frame 30 is out of range",
        "3:70 key 40: '((t)': brackets do not match",
    ]


def test_mistakes_are_told_at_their_keys_in_json(tmp_path: Path) -> None:
    text = r'{"prompts": "x", "angle": "0: (1),\n \"max_f-2\": (\u0074 + blah), 3: (t ^ 2)"}'
    at = [text.index(part) + 1 for part in (r"\"max_f", "3: (t")]
    assert told(tmp_path / "s.json", text.replace("3: (t ^ 2)", "3: (2)")) == [
        f"1:{at[0]} '(t + blah)': there is no variable 'blah'"
    ]
    assert told(tmp_path / "t.json", text) == [f"1:{at[1]} key 3: '(t ^ 2)': ^ is not a power here"]


def test_where_its_text_is_folded_the_string_itself_is_named(tmp_path: Path) -> None:
    said = told(tmp_path / "s.yaml", "prompts: x\nangle: >-\n  0: (1),\n  5: (foo(t))\n")
    assert said == ["2:8 key 5: '(foo(t))': there is no function 'foo'"]
