"""Bounds of what prescribes an answer's form: JSON schemas, grammars, regular expressions, choices, tools.

The model's side compiles them before it generates, on the processor that all its callers share. Before 0.9, vLLM ended
by a wrong one (CVE-2025-48942 to CVE-2025-48944), and large repetitions in each other take minutes and gigabytes as the
automaton that engines make of a regular expression. Each check here is linear in its value's size.
"""

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.rules.base import Check
from invoke_shim.rules.checks import flag, text, texts

MAX_FORM = 16 * 1024
"""Characters of a schema, a grammar or a list of choices: schemas of tools and of data classes have a tenth of it."""

MAX_REGEX = 1024
"""Characters of a regular expression."""

MAX_DEPTH = 32
"""Lists and objects of a schema in each other. An object within an object takes two; OpenAI takes five of those."""

MAX_PROPERTIES = 256
"""Properties of a schema, those of inner objects among them."""

MAX_REPEATS = 10_000
"""Repetitions that counts in each other make: `(a{1,100}){1,100}`, or an array of `maxItems` arrays of `maxItems`."""

MAX_TOOLS = 128
"""Tools of a chat: OpenAI's limit."""

_ARRAY_COUNTS = ("maxItems", "minItems", "maxProperties", "minProperties")
_TEXT_COUNTS = ("maxLength", "minLength")

# Compiled when first needed, not at import, where it would cost a cold start half a millisecond.
_COUNT = r"\{(\d*)(,?)(\d*)\}"


def regex(value: Any) -> str | None:
    """Check for a regular expression that is short and has no large or endless repetition within another."""
    if text(value) is not None or len(value) > MAX_REGEX:
        return f"a regular expression of at most {MAX_REGEX} characters"
    return _regex_problem(value)


def schema(value: Any) -> str | None:
    """Check for a JSON schema within the bounds."""
    return _schema_problem(value) if isinstance(value, dict) else "a JSON schema, which is an object"


def schema_text(value: Any) -> str | None:
    """Check for a JSON schema within the bounds, as an object or as JSON in a string."""
    if not isinstance(value, str):
        return schema(value)
    if len(value) > MAX_FORM:
        return f"a JSON schema of at most {MAX_FORM} characters"
    try:
        return schema(json.loads(value))
    except (ValueError, RecursionError):
        return "a JSON schema, as an object or as JSON"


def grammar(value: Any) -> str | None:
    """Check for a grammar within the bounds, as text."""
    if text(value) is not None or len(value) > MAX_FORM:
        return f"a grammar of at most {MAX_FORM} characters"
    counts = (number for low, _comma, high in re.findall(_COUNT, value) for number in (low, high))
    if any(_number(number) > MAX_REPEATS for number in counts):
        return f"a grammar that repeats at most {MAX_REPEATS} times"
    return None


def choices(value: Any) -> str | None:
    """Check for a list of answers to choose from."""
    expected = f"a list of non-empty strings, of at most {MAX_FORM} characters in all"
    right = texts()(value) is None and len(value) <= MAX_FORM and sum(map(len, value)) <= MAX_FORM
    return None if right and value else expected


def tools(value: Any) -> str | None:
    """Check for tools, whose parameters are schemas within the bounds."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_TOOLS:
        return f"a list of 1 to {MAX_TOOLS} objects"
    for tool in value:
        if not isinstance(tool, dict):
            return f"a list of 1 to {MAX_TOOLS} objects"
        function = tool.get("function")
        parameters = function.get("parameters") if isinstance(function, dict) else None
        if parameters is not None and (expected := schema(parameters)) is not None:
            return f"tools whose parameters are {expected}"
    return None


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


def _schema_problem(value: dict[str, Any]) -> str | None:
    if len(json.dumps(value)) > MAX_FORM:
        return f"a JSON schema of at most {MAX_FORM} characters"
    # Level by level, without recursion, each with the number of times that arrays around it repeat it.
    level: list[tuple[Any, float]] = [(value, 1)]
    depth = properties = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return f"a JSON schema of at most {MAX_DEPTH} lists and objects in each other"
        inner: list[tuple[Any, float]] = []
        for node, repeats in level:
            if isinstance(node, dict):
                properties += len(node["properties"]) if isinstance(node.get("properties"), dict) else 0
                repeats *= max(1, *_counts(node, _ARRAY_COUNTS))  # noqa: PLW2901 - for the members
                if max(repeats, *_counts(node, _TEXT_COUNTS)) > MAX_REPEATS:
                    return f"a JSON schema whose counts, such as maxItems in maxItems, make at most {MAX_REPEATS}"
                if (expected := _keyword_problem(node)) is not None:
                    return expected
            members = node.values() if isinstance(node, dict) else node
            inner += [(member, repeats) for member in members if isinstance(member, dict | list)]
        level = inner
    return None if properties <= MAX_PROPERTIES else f"a JSON schema of at most {MAX_PROPERTIES} properties"


def _counts(node: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[float]:
    yield 0
    for name in names:
        count = node.get(name)
        if isinstance(count, int | float):
            yield count


def _keyword_problem(node: Mapping[str, Any]) -> str | None:
    """Check the keywords of a schema that hold regular expressions or addresses."""
    patterns = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    if isinstance(node.get("patternProperties"), dict):
        patterns += node["patternProperties"]
    for pattern in patterns:
        if pattern and (expected := regex(pattern)) is not None:
            return f"a JSON schema whose patterns are each {expected}"
    for name in ("$ref", "$dynamicRef"):
        target = node.get(name)
        if isinstance(target, str) and not target.startswith("#"):
            return f"a JSON schema whose {name} stays within it, as '#/$defs/name' does"
    return None


def _regex_problem(pattern: str) -> str | None:
    """Check the repetitions of a regular expression, in one pass.

    Of each group and of its last part, the size with all repetitions written out is known, and whether it is endless.
    """
    outer: list[tuple[int, bool]] = []
    size, endless = 0, False
    last, last_endless = 0, False
    position = 0
    while position < len(pattern):
        match pattern[position]:
            case "\\":
                size, endless, last, last_endless = size + last, endless or last_endless, 1, False
                position += 1
            case "[":
                size, endless, last, last_endless = size + last, endless or last_endless, 1, False
                position = _end_of_class(pattern, position)
            case "(":
                outer.append((size + last, endless or last_endless))
                size, endless, last, last_endless = 0, False, 0, False
                # "(?:", "(?=" and such: the mark repeats nothing.
                position += pattern.startswith("?", position + 1)
            case ")":
                if not outer:
                    return _UNBALANCED
                last, last_endless = size + last, endless or last_endless
                size, endless = outer.pop()
            case "*" | "+" | "?" | "{" as mark:
                low, high, length = _repetition(pattern, position) if mark == "{" else (0, 1, 1)
                if mark in "*+" or (high is None and length):
                    if last_endless:
                        return "a regular expression without endless repetitions in each other: count the inner one"
                    last_endless = True
                last *= max(low, high or 1, 1)
                # A mark behind the repetition makes it lazy or possessive.
                position += length - 1
                position += pattern[position + 1 : position + 2] in ("?", "+") and length > 0
                if not length:
                    # A brace that counts nothing is a character.
                    size, endless, last, last_endless = size + last, endless or last_endless, 1, False
                    position += 1
            case _:
                size, endless, last, last_endless = size + last, endless or last_endless, 1, False
        if size + last > MAX_REPEATS:
            return f"a regular expression whose counts in each other make at most {MAX_REPEATS}"
        position += 1
    return _UNBALANCED if outer or position > len(pattern) else None


_UNBALANCED = "a regular expression whose brackets close"


def _end_of_class(pattern: str, start: int) -> int:
    """Return the position of the bracket that closes a class of characters; beyond the end if none does."""
    position = start + 1
    position += pattern.startswith("^", position)
    # A bracket at the beginning is one of the characters.
    position += pattern.startswith("]", position)
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position


def _repetition(pattern: str, start: int) -> tuple[int, int | None, int]:
    """Return the least and the most of a counted repetition, None for no end, and its length; 0 if it is none."""
    found = re.compile(_COUNT).match(pattern, start)
    if found is None or not (found[1] or found[3]):
        return 0, 1, 0
    low = _number(found[1])
    if not found[2]:
        return low, low, len(found[0])
    return low, _number(found[3]) if found[3] else None, len(found[0])


def _number(digits: str) -> int:
    """Read a count; one of many digits is only known to be too large."""
    return int(digits or 0) if len(digits) <= 9 else 10**9
