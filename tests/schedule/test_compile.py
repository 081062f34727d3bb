"""Schedules compiled to plans."""

import pytest

import animate
from animate.errors import ScheduleError


def test_whole_and_odd_columns() -> None:
    plan = animate.plan({"prompts": "x", "max_frames": 5, "seed": 1, "steps": {0: 10, 4: 12}, "kernel": {0: 3, 4: 7}})
    assert plan["steps"].tolist() == [10, 11, 11, 12, 12]
    assert plan["kernel"].tolist() == [3, 5, 5, 7, 7]


def test_evaluation_errors_name_the_first_frame_of_every_field() -> None:
    with pytest.raises(ScheduleError) as caught:
        animate.plan(
            {"prompts": "x", "zoom": "1/(t - 3)", "strength": "t/50", "let": {"a": "log(20 - t)"}, "angle": "a"}
        )
    assert {problem.field: problem.what for problem in caught.value.problems} == {
        "zoom": "'1/(t - 3)' is infinite at frame 3",
        "strength": "1.02 at frame 51 is out of range",
        "let.a": "'log(20 - t)' is infinite at frame 20",
    }
