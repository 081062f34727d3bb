"""Which changes of a schedule ask for other pictures, and how they are told."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

import animate
from animate.render import record
from animate.render.record import differences, identity, painting

FIELDS: dict[str, Any] = {"max_frames": 12, "seed": 5, "prompts": {0: "a lake", 6: "a hill"}, "zoom": 1.02}


def told(**more: Any) -> dict[str, Any]:
    return json.loads(animate.plan({**FIELDS, **more}).to_json())


def changed(**more: Any) -> list[str]:
    return differences(painting(told()), painting(told(**more)))


def test_examples_in_the_text() -> None:
    assert doctest.testmod(record).failed == 0


@pytest.mark.parametrize(
    "beside", [{"crf": 30}, {"codec": "gif"}, {"preset": "slow"}, {"fps": 30}, {"device": "cpu"}, {"let": {"x": "t"}}]
)
def test_what_paints_nothing_keeps_the_identity(beside: dict[str, Any]) -> None:
    assert identity(told(**beside)) == identity(told())
    assert changed(**beside) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"zoom": 1.03}, "zoom: 1.02 → 1.03"),
        ({"width": 320}, "width: 256 → 320"),
        ({"sampler": "Euler"}, "sampler: DDIM → Euler"),
        ({"seed": 6, "seed_behavior": "fixed"}, "seed_behavior: iter → fixed"),
        ({"border": "wrap"}, "border: replicate → wrap"),
        ({"cuts": [4]}, "cuts: "),
        ({"prompts": {0: "a lake", 6: "a tree"}}, "texts: "),
    ],
)
def test_what_paints_otherwise_is_told(change: dict[str, Any], line: str) -> None:
    assert identity(told(**change)) != identity(told())
    assert any(found.startswith(line) for found in changed(**change)), changed(**change)


def test_the_frames_that_differ_are_named() -> None:
    curve = {"zoom": {0: 1.02, 4: 1.02, 6: 1.04, 8: 1.02}}
    assert any(found.startswith("zoom: ") for found in changed(**curve))
    again = differences(painting(told(zoom={0: 1, 11: 2})), painting(told(zoom={0: 1, 5: 1.4545454545454546, 11: 3})))
    assert [found for found in again if found.startswith("zoom: frames 6–11 ")]


def test_a_longer_run_is_another_run() -> None:
    assert identity(told(max_frames=13)) != identity(told())
    assert any("frames" in found for found in changed(max_frames=13))


def test_pictures_count_by_their_content(tmp_path: Path) -> None:
    from animate.video.stills import write_png
    from tests.video.pictures import frame

    for name, number in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        write_png(tmp_path / name, frame(number))
    one, same, other = (identity(told(init_image=str(tmp_path / name))) for name in ("a.png", "b.png", "c.png"))
    assert one == same != other
