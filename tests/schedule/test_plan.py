"""The plan as data."""

import csv
import io
import json
import subprocess
import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import animate
from animate.errors import BadInput
from animate.schedule.identity import LATER, identity
from animate.schedule.plan import Plan
from animate.video.stills import encode_png

FIELDS: dict[str, Any] = {
    "max_frames": 12,
    "fps": "30000/1001",
    "seed": 3,
    "zoom": {0: 1, 11: 2},
    "angle": "kick*2",
    "let": {"kick": "pulse(4, 1)"},
    "sampler": {0: "DDIM", 6: "Euler a"},
    "prompts": {0: "a (x:`t/10`)", 8: "b --neg c"},
    "cuts": [5],
    "diffusion_cadence": 2,
    "width": 320,
    "height": 192,
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return animate.plan(FIELDS)


def test_shapes_and_kinds(plan: Plan) -> None:
    assert len(plan) == 12
    assert plan["zoom"].dtype == np.float64
    assert plan["zoom"].shape == (12,)
    assert plan.size == (192, 320)
    assert plan.fps == Fraction(30000, 1001)
    assert plan.seconds == pytest.approx(0.4004)
    assert plan.text["sampler"][5:7] == ("DDIM", "Euler a")
    assert plan.variables["kick"].tolist() == [1, 0, 0, 0] * 3
    assert [slice(0, 5), slice(5, 12)] == plan.shots
    assert plan.redrawn.tolist() == [1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1]


def test_a_frame_is_a_row(plan: Plan) -> None:
    frame = plan[5]
    assert (frame.index, frame.cut, frame.redrawn) == (5, True, True)
    assert frame["zoom"] == plan["zoom"][5]
    assert frame.text("sampler") == "DDIM"
    assert frame.prompts == (("a (x:0.5)", "", 1.0),)  # a shot begins with the prompt that stands
    assert plan[7].prompts == (("a (x:0.7)", "", pytest.approx(1 / 3)), ("b", "c", pytest.approx(2 / 3)))
    assert plan[-1].index == 11
    assert [f.index for f in plan] == list(range(12))
    with pytest.raises(IndexError):
        plan[12]


def test_columns_cannot_be_written_to(plan: Plan) -> None:
    with pytest.raises(ValueError, match="read-only"):
        plan["zoom"][0] = 5
    with pytest.raises(TypeError):
        plan.settings["width"] = 5  # type: ignore[index]


def test_json_there_and_back(plan: Plan) -> None:
    text = plan.to_json()
    assert json.loads(text)["digest"] == plan.digest
    again = Plan.from_json(text)
    assert again.digest == plan.digest
    for name in plan.columns:
        np.testing.assert_array_equal(again[name], plan[name])
        assert again[name].dtype == plan[name].dtype
    assert [frame.prompts for frame in again] == [frame.prompts for frame in plan]
    assert again.fps == plan.fps
    assert again.cut.tolist() == plan.cut.tolist()
    for broken in ("", "{}", "[]", "3", '{"format": 99}', text.replace('"frames": 12', '"frames": 13'), text[:-20]):
        with pytest.raises(BadInput):
            Plan.from_json(broken)


@pytest.mark.parametrize(("name", "value"), LATER.items())
def test_a_plan_from_before_a_field_goes_on(name: str, value: float) -> None:
    plan = animate.plan({**FIELDS, name: value})
    before = json.loads(plan.to_json())
    del before["columns"][name]
    assert identity(before) == plan.digest
    again = Plan.from_json(json.dumps(before))
    assert again.digest == plan.digest
    assert set(again[name]) == {value}
    assert animate.plan({**FIELDS, name: value / 2}).digest != plan.digest


def test_csv_has_a_line_a_frame(plan: Plan) -> None:
    rows = list(csv.DictReader(io.StringIO(plan.to_csv())))
    assert len(rows) == 12
    assert [float(row["zoom"]) for row in rows] == pytest.approx(plan["zoom"].tolist())
    assert rows[11]["prompt"] == "b"
    assert rows[11]["negative_prompt"] == "c"
    assert rows[5]["cut"] == "1"


@pytest.mark.parametrize(
    "change",
    [
        {"zoom": 1.5},
        {"seed": 4},
        {"max_frames": 13},
        {"cuts": [6]},
        {"prompts": "b"},
        {"sampler": "DDIM"},
        {"border": "wrap"},
        {"diffusion_cadence": 1},
        {"prompt_interpolation": "slerp"},
        {"width": 336},
    ],
)
def test_digest_changes_with_whatever_matters(plan: Plan, change: dict[str, Any]) -> None:
    assert animate.plan({**FIELDS, **change}).digest != plan.digest


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"device": "cpu"},
        {"memory": "low"},
        {"fps": 30},
        {"crf": 20},
        {"zoom": "1 + t/11"},
        {"vary": {"seed": [1]}},
        {"prompt_fixed_ratio": 0},
    ],
)
def test_digest_stays_with_what_does_not(plan: Plan, change: dict[str, Any]) -> None:
    fields = {**FIELDS, **change}
    assert animate.plan(fields).digest == plan.digest


def test_digest_is_the_same_in_another_process(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(FIELDS))
    code = f"import animate; print(animate.plan({str(tmp_path / 's.json')!r}).digest)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert found.stdout.strip() == plan.digest


def test_digest_follows_the_content_of_pictures(tmp_path: Path) -> None:
    digests = []
    for level in (1, 2):
        (tmp_path / "start.png").write_bytes(encode_png(np.full((8, 8, 3), level, np.uint8)))
        (tmp_path / "s.yaml").write_text("prompts: x\nseed: 1\ninit_image: start.png\n")
        digests.append(animate.plan(tmp_path / "s.yaml").digest)
    assert digests[0] != digests[1]
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("start.png", "s.yaml"):
        (other / name).write_bytes((tmp_path / name).read_bytes())
    assert animate.plan(other / "s.yaml").digest == digests[1]


def test_loras_and_embeddings(tmp_path: Path) -> None:
    for name in ("ink.safetensors", "mist.pt"):
        (tmp_path / name).write_bytes(b"x")
    text = "prompts: x\nseed: 1\nmax_frames: 5\nloras: {ink.safetensors: {0: 0, 4: 1}}\nembeddings: {<mist>: mist.pt}\n"
    (tmp_path / "s.yaml").write_text(text)
    plan = animate.plan(tmp_path / "s.yaml")
    assert plan[2].loras == ((str(tmp_path / "ink.safetensors"), 0.5),)
    assert plan.embeddings == (("<mist>", str(tmp_path / "mist.pt")),)
    assert Plan.from_json(plan.to_json()).digest == plan.digest


def test_ten_thousand_frames_take_little_memory() -> None:
    def taken(n: int) -> int:
        tracemalloc.start()
        plan = animate.plan({**FIELDS, "max_frames": n, "cuts": []})
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert len(plan) == n
        return held

    taken(10)
    assert taken(10_000) - taken(100) < 6_000_000


def test_torch_is_never_imported(tmp_path: Path) -> None:
    code = (
        "import sys, animate; animate.plan({'zoom': 'sin(t)+2'}); print('torch' in sys.modules, 'cv2' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert found.stdout.split() == ["False", "False"]
