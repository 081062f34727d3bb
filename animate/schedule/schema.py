"""A JSON Schema of schedules, made from the table of fields, so that editors complete names and underline mistakes.

    # yaml-language-server: $schema=https://…/animate/schedule/schema.json

It is kept beside this file as `schema.json`; `python -m animate.schedule.document` writes it anew. Draft 7, which every
editor knows. The loader does not read it: it knows more than a schema can say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animate.schedule import source
from animate.schedule.easing import EASINGS
from animate.schedule.fields import FIELDS, Field
from animate.schedule.notation import SHAPES

PATH = Path(__file__).with_name("schema.json")

_SCALAR = {"type": ["number", "string"]}
_DEFINITIONS: dict[str, Any] = {
    "time": {
        "description": "A frame (48), seconds (2.5s), beats (4b), percent (50%), a cue, or an expression of max_f.",
        "type": ["number", "string"],
    },
    "ease": {
        "description": "The shape of the way to this key.",
        "anyOf": [
            {"enum": sorted({*SHAPES, *EASINGS})},
            {"type": "string", "pattern": "^(ease|cubic-bezier)"},
        ],
    },
    "keyframe": {
        "anyOf": [
            _SCALAR,
            {
                "type": "object",
                "properties": {"value": _SCALAR, "ease": {"$ref": "#/definitions/ease"}},
                "required": ["value"],
                "additionalProperties": False,
            },
        ]
    },
    "curve": {
        "description": "A number, an expression, keyframes by time, or a Deforum string.",
        "anyOf": [
            _SCALAR,
            {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/definitions/keyframe"}},
        ],
    },
    "prompt": {
        "anyOf": [
            {"type": ["string", "number", "null"]},
            {
                "type": "object",
                "properties": {"positive": {"type": "string"}, "negative": {"type": "string"}},
                "additionalProperties": False,
            },
        ]
    },
    "prompts": {
        "description": "A prompt, or prompts by time; `--neg` inside one begins what to avoid.",
        "anyOf": [
            {"$ref": "#/definitions/prompt"},
            {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/definitions/prompt"}},
        ],
    },
}


def schema() -> dict[str, Any]:
    """The whole schema."""
    properties: dict[str, Any] = {}
    for row in FIELDS.values():
        described = _described(row)
        properties[row.name] = described
        for name in row.aliases:
            properties[name] = {**described, "description": f"The same as {row.name}. {row.doc}"}
        for name in row.inverted:
            properties[name] = {**described, "description": f"1 − {row.name}. {row.doc}"}
            properties[name].pop("default", None)
        if row.kind in ("curve", "text"):
            for name in (row.name, *row.aliases, *row.inverted):
                properties.setdefault(f"{name}_schedule", properties[name])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "animate schedule",
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "additionalProperties": False,
        "definitions": _DEFINITIONS,
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _described(row: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"description": f"{row.doc} ({row.unit})" if row.unit else row.doc}
    if row.default != "":
        found["default"] = row.default
    if row.example:
        found["examples"] = [source.parse(row.example).plain()]
    return found | _KINDS[row.kind](row)


def _bounded(row: Field, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind}
    if math.isfinite(row.low):
        found["minimum"] = row.low
    if math.isfinite(row.high):
        found["maximum"] = row.high
    if row.multiple > 1:
        found["multipleOf"] = row.multiple
    return found


def _text(row: Field) -> dict[str, Any]:
    one: dict[str, Any] = {"enum": list(row.choices)} if row.choices else {"type": ["string", "number"]}
    return {"anyOf": [one, {"type": "object", "minProperties": 1, "additionalProperties": one}]}


def _mapping(row: Field) -> dict[str, Any]:
    return _MAPPINGS[row.name]


_MAPPINGS: dict[str, dict[str, Any]] = {
    "cues": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"$ref": "#/definitions/time"},
                {
                    "type": "object",
                    "properties": {
                        "onsets": {"type": "string"},
                        "above": {"type": "number", "minimum": 0, "maximum": 1},
                        "gap": {"$ref": "#/definitions/time"},
                    },
                    "additionalProperties": False,
                },
            ]
        },
    },
    "let": {"type": "object", "additionalProperties": {"$ref": "#/definitions/curve"}},
    "cuts": {
        "anyOf": [
            {"$ref": "#/definitions/time"},
            {"type": "array", "items": {"$ref": "#/definitions/time"}},
        ]
    },
    "loras": {"type": "object", "additionalProperties": {"$ref": "#/definitions/curve"}},
    "embeddings": {"type": "object", "additionalProperties": {"type": "string"}},
    "audio": {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {"file": {"type": "string"}, "offset": {"$ref": "#/definitions/time"}},
                "required": ["file"],
                "additionalProperties": False,
            },
        ]
    },
    "prompt_tracks": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {
                        "prompts": {"$ref": "#/definitions/prompts"},
                        "negative_prompts": {"$ref": "#/definitions/prompts"},
                        "from": {"$ref": "#/definitions/time"},
                        "to": {"$ref": "#/definitions/time"},
                        "fade_in": {"$ref": "#/definitions/time"},
                        "fade_out": {"$ref": "#/definitions/time"},
                        "weight": {"$ref": "#/definitions/curve"},
                    },
                    "additionalProperties": False,
                },
            ]
        },
    },
    "stems": {"anyOf": [{"enum": ["auto"]}, {"type": "object", "additionalProperties": {"type": "string"}}]},
    "video": {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {
                    "file": {"type": "string"},
                    "from": {"$ref": "#/definitions/time"},
                    "to": {"$ref": "#/definitions/time"},
                    "every": {"type": "integer", "minimum": 1},
                    "fps": {"type": ["number", "string"]},
                },
                "required": ["file"],
                "additionalProperties": False,
            },
        ]
    },
    "image_keys": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}},
    "init_images": {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]},
    "style_frames": {"type": "object", "additionalProperties": {"type": "string"}},
    "vary": {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}},
}
"""Fields of the kind `mapping`, each with a form of its own."""

_KINDS: dict[str, Callable[[Field], dict[str, Any]]] = {
    "curve": lambda row: {"allOf": [{"$ref": "#/definitions/curve"}]},
    "text": _text,
    "number": lambda row: {"anyOf": [_bounded(row, "number"), {"type": "string"}]},
    "integer": lambda row: _bounded(row, "integer"),
    "size": lambda row: _bounded(row, "integer"),
    "flag": lambda row: {"type": "boolean"},
    "choice": lambda row: {"enum": [*row.choices, *([None, False] if "None" in row.choices else [])]},
    "string": lambda row: {"type": ["string", "number", "null"]},
    "file": lambda row: {"type": ["string", "null"]},
    "time": lambda row: {"allOf": [{"$ref": "#/definitions/time"}]},
    "prompts": lambda row: {"allOf": [{"$ref": "#/definitions/prompts"}]},
    "mapping": _mapping,
}
