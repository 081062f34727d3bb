"""What is generated from the tables is up to date, and says what the loader does."""

import json
import re
from typing import Any

import pytest

from animate.schedule import document, schema
from animate.schedule.fields import FIELDS
from animate.schedule.names import NAMES


def test_schema_is_current() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text(), "run python -m animate.schedule.document"


def test_page_is_current() -> None:
    assert document.PAGE.read_text(encoding="utf-8") == document.page(), "run python -m animate.schedule.document"


def test_schema_knows_every_name() -> None:
    assert set(schema.schema()["properties"]) == set(NAMES)


def test_page_names_every_field_and_alias() -> None:
    page = document.page()
    for row in FIELDS.values():
        for name in (row.name, *row.aliases, *row.inverted):
            assert f"`{name}`" in page


def fits(value: Any, rule: dict[str, Any], root: dict[str, Any]) -> bool:
    """A small judge of JSON Schema, enough for the words our schema uses."""
    if "$ref" in rule:
        return fits(value, root["definitions"][rule["$ref"].rsplit("/", 1)[1]], root)
    if any(not fits(value, part, root) for part in rule.get("allOf", [])):
        return False
    if "anyOf" in rule and not any(fits(value, part, root) for part in rule["anyOf"]):
        return False
    if "enum" in rule and not any(
        value == one and isinstance(value, bool) == isinstance(one, bool) for one in rule["enum"]
    ):
        return False
    if "type" in rule:
        kinds: dict[str, Any] = {"number": (int, float), "integer": int, "string": str, "object": dict, "array": list}
        kinds |= {"boolean": bool, "null": type(None)}
        names = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        if not any(isinstance(value, kinds[n]) and (isinstance(value, bool) == (n == "boolean")) for n in names):
            return False
    if isinstance(value, dict):
        known, others = rule.get("properties", {}), rule.get("additionalProperties", True)
        if not set(rule.get("required", [])) <= set(value) or len(value) < rule.get("minProperties", 0):
            return False
        for name, inner in value.items():
            if name in known:
                if not fits(inner, known[name], root):
                    return False
            elif others is False or (isinstance(others, dict) and not fits(inner, others, root)):
                return False
    if isinstance(value, list):
        return len(value) >= rule.get("minItems", 0) and all(fits(item, rule.get("items", {}), root) for item in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        fitting = rule.get("minimum", value) <= value <= rule.get("maximum", value)
        return fitting and value % rule.get("multipleOf", 1) == 0 if "multipleOf" in rule else fitting
    if isinstance(value, str) and "pattern" in rule:
        return re.search(rule["pattern"], value) is not None
    return True


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ({"zoom": 1.02, "prompts": "x"}, True),
        ({"zoom": {"0": 1, "2s": {"value": "t", "ease": "in_out_cubic"}}}, True),
        ({"zoom": {"0": {"value": 1, "ease": "cubic-bezier(0, 0, 1, 1)"}}}, True),
        ({"strength_schedule": "0: (1)", "W": 512}, True),
        ({"prompts": {"0": {"positive": "a", "negative": "b"}, "8": "c"}}, True),
        ({"color_coherence": None, "cuts": ["4b", 3], "cues": {"drop": "4b"}, "vary": {"seed": [1]}}, True),
        ({"zooom": 1}, False),
        ({"zoom": []}, False),
        ({"zoom": {}}, False),
        ({"zoom": {"0": {"ease": "hold"}}}, False),
        ({"zoom": {"0": {"value": 1, "ease": "in_out_qubic"}}}, False),
        ({"width": 500}, False),
        ({"width": 8}, False),
        ({"border": "wrapped"}, False),
        ({"max_frames": 2.5}, False),
        ({"prompts": []}, False),
        ({"vary": {"seed": 1}}, False),
    ],
)
def test_schema_tells_good_from_bad(value: dict[str, Any], good: bool) -> None:
    whole = schema.schema()
    assert fits(value, whole, whole) == good


def test_schema_is_json() -> None:
    assert json.loads(schema.text())["additionalProperties"] is False


def test_examples_fit_the_schema() -> None:
    whole = schema.schema()
    for name, rule in whole["properties"].items():
        for example in rule.get("examples", []):
            assert fits({name: example}, whole, whole), name
