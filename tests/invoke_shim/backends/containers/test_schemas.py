"""The regular expression by which TGI writes any JSON object."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.containers.schemas import json_object_regex, tgi_grammar

OBJECT = re.compile(json_object_regex())
characters = st.characters(exclude_categories=["Cs", "Cc"])
scalars = st.none() | st.booleans() | st.integers(-99, 10**20) | st.floats(-9, 9) | st.text(characters, max_size=5)
lists = st.lists(scalars, max_size=3)
names = st.text(characters, max_size=3)
flat = st.dictionaries(names, scalars, max_size=3)
inner = st.dictionaries(names, scalars | lists | flat, max_size=3)
objects = st.dictionaries(names, scalars | inner | st.lists(scalars | flat | lists, max_size=2), max_size=3)


@given(value=objects, compact=st.booleans())
def test_knows_objects_of_three_levels_as_they_are_written(value: dict[str, Any], compact: bool) -> None:
    separators = (",", ":") if compact else (", ", ": ")
    assert OBJECT.fullmatch(json.dumps(value, ensure_ascii=False, separators=separators))


@pytest.mark.parametrize(
    "text", ["[1]", '{"a": 1,}', '{"a": 01}', '{"a": "b\nc"}', "{a: 1}", '{"a": NaN}', '{"a": "\\x"}', ""]
)
def test_knows_nothing_that_is_no_object_of_json(text: str) -> None:
    assert OBJECT.fullmatch(text) is None


def test_an_answer_in_json_is_a_regular_expression_and_one_by_a_schema_is_json() -> None:
    assert tgi_grammar({"type": "json_object"}) == {"type": "regex", "value": json_object_regex()}
