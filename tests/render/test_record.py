"""Which changes of a schedule ask for other pictures, and how they are told."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

import animate
from animate.render import record
from animate.render.record import differences
from animate.schedule.identity import identity

FIELDS: dict[str, Any] = {"max_frames": 12, "seed": 5, "prompts": {0: "a lake", 6: "a hill"}, "zoom": 1.02}


def told(**more: Any) -> dict[str, Any]:
    return json.loads(animate.plan({**FIELDS, **more}).to_json())


def changed(**more: Any) -> list[str]:
    return differences(told(), told(**more))


def test_examples_in_the_text() -> None:
    assert doctest.testmod(record).failed == 0


@pytest.mark.parametrize(
    "beside", [{"crf": 30}, {"codec": "gif"}, {"preset": "slow"}, {"fps": 30}, {"device": "cpu"}, {"let": {"x": "t"}}]
)
def test_what_paints_nothing_keeps_the_identity(beside: dict[str, Any]) -> None:
    assert identity(told(**beside)) == identity(told())
    assert changed(**beside) == []


def test_a_plan_and_what_is_kept_of_it_have_one_identity() -> None:
    plan = animate.plan({**FIELDS, "strength": {0: 0.5, 9: 0.7}, "embeddings": {}})
    assert identity(json.loads(plan.to_json())) == identity(plan.data()) == plan.digest


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"zoom": 1.03}, "zoom: 1.02 → 1.03"),
        ({"width": 320}, "width: 256 → 320"),
        ({"sampler": "Euler"}, "sampler: DDIM → Euler"),
        ({"seed": 6, "seed_behavior": "fixed"}, "seed_behavior: iter → fixed"),
        ({"border": "wrap"}, "border: replicate → wrap"),
        ({"cuts": [4, 6]}, "cuts: none → 4, 6"),
        ({"prompts": {0: "a lake", 6: "a tree"}}, "prompts: frames 1–11 (a hill | a lake → a lake | a tree)"),
        ({"prompts": "a lake"}, "prompts: frames 1–11 (a hill | a lake → a lake)"),
    ],
)
def test_what_paints_otherwise_is_told(change: dict[str, Any], line: str) -> None:
    assert identity(told(**change)) != identity(told())
    assert any(found.startswith(line) for found in changed(**change)), changed(**change)


def test_the_frames_that_differ_are_named() -> None:
    curve = {"zoom": {0: 1.02, 4: 1.02, 6: 1.04, 8: 1.02}}
    assert changed(**curve) == ["zoom: frames 5–7 (1.02 → 1.03)"]


def test_a_longer_run_is_another_run() -> None:
    assert identity(told(max_frames=13)) != identity(told())
    assert changed(max_frames=13) == ["frames: 12 → 13"]
    assert changed(max_frames=8, zoom=1.5) == ["frames: 12 → 8", "zoom: 1.02 → 1.5"]


def test_pictures_count_by_their_content(tmp_path: Path) -> None:
    from animate.video.stills import write_png
    from tests.video.pictures import frame

    for name, number in (("a.png", 1), ("b.png", 1), ("c.png", 2)):
        write_png(tmp_path / name, frame(number))
    one, same, other = (identity(told(init_image=str(tmp_path / name))) for name in ("a.png", "b.png", "c.png"))
    assert one == same != other


def test_weights_count_by_their_name_and_what_is_in_them(tmp_path: Path) -> None:
    def plan(folder: str, ink: bytes, mist: bytes) -> dict[str, Any]:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / "ink.safetensors").write_bytes(ink)
        (place / "mist.pt").write_bytes(mist)
        named = {"loras": {str(place / "ink.safetensors"): 0.8}, "embeddings": {"<mist>": str(place / "mist.pt")}}
        return told(**named)

    first = plan("a", b"ink", b"mist")
    assert differences(first, plan("b", b"ink", b"mist")) == []
    assert first["digest"] == plan("b", b"ink", b"mist")["digest"]
    for name, other in (("loras", plan("c", b"INK", b"mist")), ("embeddings", plan("d", b"ink", b"MIST"))):
        assert [line.partition(":")[0] for line in differences(first, other)] == [name]
        assert first["digest"] != other["digest"]
