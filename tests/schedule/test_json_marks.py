"""JSON as people leave it when they edit it by hand."""

from pathlib import Path
from typing import Any

import pytest

from animate.schedule import json_marks, source
from animate.schedule.compile import compile
from animate.schedule.load import load

EDITED = """// my zoom
{ /* Deforum */ "W": 64, "H": 64, // small
    "max_frames": 8,
    "strength_schedule": "0: (0.5)",
	"zoom": "0: (1), 4: (1.5)", // "0: (9)",
    "prompts": {
        "0": "http://a // no comment /* here */,}",
    },
    "init_images": "[1, 2,]",
    // the end
}
// and more
"""


def plain(value: Any, line: int, column: int, written: str) -> Any:
    return dict(value) if isinstance(value, json_marks.Pairs) else value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("// a\n{}", {}),
        ('{"a": [1, 2, ], }', {"a": [1, 2]}),
        ('{"a": 1 // one\n, /* two */ "b": "/* x */" }/**/', {"a": 1, "b": "/* x */"}),
        ('/* a\n b */ ["//",\n]//', ["//"]),
    ],
)
def test_comments_and_commas_too_many(text: str, value: Any) -> None:
    assert json_marks.parse(text, plain, 9) == value
    assert source.parse(text).plain() == value


@pytest.mark.parametrize("text", ["{,}", "[,]", '{"a": 1,,}', "[1,,2]", '{"a",}', '{"a": 1 /* }', "/", '{"a": 1 / 2}'])
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(json_marks.NotJSON):
        json_marks.parse(text, plain, 9)


def test_a_settings_file_edited_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "settings.txt"
    path.write_text(EDITED)
    schedule = load(path)
    assert schedule.origin == "Deforum settings"
    assert schedule.written["zoom"].value[1:3] == (5, 10)
    plan = compile(schedule)
    assert plan["zoom"][2] == 1.25
    assert plan[0].prompts[0][0] == "http://a // no comment /* here */,}"
