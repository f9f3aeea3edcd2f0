"""Bounds of what prescribes an answer's form: JSON schemas, grammars, regular expressions, choices, tools.

The model's side compiles them before it generates, on the processor that all its callers share. Before 0.9, vLLM ended
by a wrong one (CVE-2025-48942 to CVE-2025-48944), and large repetitions in each other take minutes and gigabytes as the
automaton that engines make of a regular expression. Each check here is about linear in its value's size. A request has
at most one form beside its tools, and the tools have one bound together.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.errors import JSON_DECODER, is_unicode
from invoke_shim.rules import grammars, regexes, schemas
from invoke_shim.rules.base import Check
from invoke_shim.rules.checks import flag, texts
from invoke_shim.rules.regexes import FormError
from invoke_shim.rules.schemas import MAX_FORM

MAX_TOOLS = 128
"""Tools of a chat: OpenAI's limit."""


def regex(value: Any) -> str | None:
    """Check for a regular expression that is short and has no large or endless repetition within another."""
    return _expected(regexes.measure, value)


def schema(value: Any) -> str | None:
    """Check for a JSON schema within the bounds."""
    return _expected(schemas.measure, value)


def all_schemas(values: Iterable[Any]) -> str | None:
    """Check for JSON schemas that are within the bounds each, and within the size of one together."""
    return _expected(lambda _: schemas.check_size(sum(map(schemas.measure, values))), None)


def schema_text(value: Any) -> str | None:
    """Check for a JSON schema within the bounds, as an object or as JSON in a string."""
    if not isinstance(value, str):
        return schema(value)
    if len(value) > MAX_FORM:
        return f"a JSON schema of at most {MAX_FORM} characters"
    expected = "a JSON schema, as an object or as JSON"
    try:
        read = JSON_DECODER.decode(value)
        # Halves of characters come from escapes, which are none any more when it is written again.
        return schema(read) if is_unicode(json.dumps(read, ensure_ascii=False)) else expected
    except (ValueError, RecursionError):
        return expected


def grammar(value: Any) -> str | None:
    """Check for a grammar within the bounds, as text."""
    return _expected(grammars.check, value)


def choices(value: Any) -> str | None:
    """Check for a list of answers to choose from."""
    expected = f"a list of non-empty strings, of at most {MAX_FORM} characters in all"
    right = texts()(value) is None and len(value) <= MAX_FORM and sum(map(len, value)) <= MAX_FORM
    return None if right and value else expected


def tools(value: Any) -> str | None:
    """Check for tools, whose parameters are schemas within the bounds."""
    expected = f"a list of 1 to {MAX_TOOLS} objects"
    if not isinstance(value, list) or not 0 < len(value) <= MAX_TOOLS:
        return expected
    if not all(isinstance(tool, dict) for tool in value):
        return expected
    functions = [tool["function"] for tool in value if isinstance(tool.get("function"), dict)]
    # TGI reads `arguments` for the schema, too (`FunctionDefinition` in `router/src/lib.rs`).
    given = (function.get(name) for function in functions for name in ("parameters", "arguments"))
    found = all_schemas(schema for schema in given if schema is not None)
    return None if found is None else f"tools whose parameters are {found}"


def structured_outputs(*options: str) -> Check:
    """Check for one constraint on the answer.

    Args:
        options: Flags that may stand beside it.
    """
    names = ", ".join(STRUCTURES)
    beside = f", perhaps with {', '.join(options)}" if options else ""

    def check(value: Any) -> str | None:
        given = {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else {}
        forms = [name for name in given if name in STRUCTURES]
        flags = all(flag(item) is None for name, item in given.items() if name not in STRUCTURES)
        if len(forms) != 1 or not flags or not {*given} <= {*STRUCTURES, *options}:
            return f"an object with one of {names}{beside}"
        expected = STRUCTURES[forms[0]](given[forms[0]])
        return None if expected is None else f"an object whose {forms[0]} is {expected}"

    return check


STRUCTURES: Mapping[str, Check] = MappingProxyType(
    {"choice": choices, "grammar": grammar, "json": schema_text, "regex": regex}
)
"""The constraints of `structured_outputs`, each with its check."""


def _expected(check: Callable[[Any], object], value: Any) -> str | None:
    try:
        check(value)
    except FormError as error:
        return str(error)
    return None
