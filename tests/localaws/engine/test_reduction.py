"""A schema is reduced to what a grammar keeps, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.engine.reduction import reduced

CITY = {"type": "string", "maxLength": 20}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (CITY, {"type": "string", "minLength": 0, "maxLength": 20}),
        ({"type": ["integer", "null"]}, {"oneOf": [{"type": "integer"}, {"type": "null"}]}),
        ({"anyOf": [{"const": 1}, {"enum": ["a"]}]}, {"oneOf": [{"const": 1}, {"enum": ["a"]}]}),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "boolean", "title": "A"}}}, {"type": "boolean"}),
        (
            {"type": "array", "items": {"type": "number"}, "minItems": 2},
            {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 5},
        ),
        ({"properties": {"a": {"type": "null"}}}, {"type": "object", "properties": {"a": {"type": "null"}}}),
        ({"type": "object", "additionalProperties": False}, {"type": "object", "properties": {}}),
    ],
)
def test_keeps_what_a_grammar_keeps(schema: Any, expected: Any) -> None:
    assert reduced(schema) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a"},
        {"type": "string", "format": "email"},
        {"type": "integer", "minimum": 1},
        {"type": "array", "uniqueItems": True},
        {"allOf": [CITY]},
        {"anyOf": [CITY], "minLength": 2},
        {"type": "object", "required": ["undeclared"]},
        {"type": "object", "properties": {"nested": {"not": {}}}},
        {"enum": [{"an": "object"}]},
        {"$ref": "#/$defs/Missing"},
        {"$ref": "#"},
        False,
    ],
)
def test_of_a_schema_that_a_grammar_would_keep_in_part_there_is_none(schema: Any) -> None:
    assert reduced(schema) is None
