"""The size of a JSON schema with its references followed and its counts written out, as engines compile it.

Only places of schemas are read as such: what stands under `default`, `const`, `enum` or `examples` is data.
"""

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple
from urllib.parse import unquote

from invoke_shim.rules import regexes
from invoke_shim.rules.regexes import MAX_REPEATS, FormError

MAX_FORM = 16 * 1024
"""Characters of a schema, a grammar or a list of choices: schemas of tools and of data classes have a tenth of it."""

MAX_DEPTH = 32
"""Lists and objects of a schema in each other. An object within an object takes two; OpenAI takes five of those."""

MAX_HEIGHT = 64
"""Schemas in each other, with references followed."""

MAX_PROPERTIES = 256
"""Properties of a schema, those of inner objects among them."""

MAX_LENGTH = 65_536
"""Characters to which `maxLength` or `minLength` may count."""

MAX_SIZE = 1_000_000
"""Size of a form: its schemas, the characters that its lengths, patterns and values count, each as often as arrays
and references repeat it. A schema of 20 texts of 2,000 characters has 40,000."""

_ARRAY_COUNTS = ("maxItems", "minItems", "maxProperties", "minProperties", "maxContains", "minContains")
_TEXT_COUNTS = ("maxLength", "minLength")
_DEFINITIONS = ("$defs", "definitions")
_OF_NAMES = ("properties", "patternProperties", "dependentSchemas", "dependencies")
_OF_ONE_OR_MORE = (
    *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
    *("prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class _Extent(NamedTuple):
    """The extent of a schema.

    Attributes:
        size: Its size, with references followed.
        repeats: The most that counts in each other make.
        loops: References to a schema around them, as often as arrays and references repeat them.
        ways: The alternatives that its `anyOf` in `allOf` make when written out.
        height: Schemas in each other.
    """

    size: int = 1
    repeats: int = 1
    loops: int = 0
    ways: int = 1
    height: int = 1


def measure(value: Any) -> int:
    """Return the size of a JSON schema.

    A schema that refers to itself, as a tree does, counts as if written out three levels deep, as engines do that
    know no recursion.

    Raises:
        FormError: It is no object, or out of bounds.
    """
    if not isinstance(value, dict):
        raise FormError("a JSON schema, which is an object")
    if len(json.dumps(value)) > MAX_FORM:
        raise FormError(f"a JSON schema of at most {MAX_FORM} characters")
    _check_depth(value)
    reader = _Reader(value)
    extent = reader.read(value, 1)
    size = extent.size + sum(found.size for key, found in reader.definitions.items() if key not in reader.referred)
    size *= sum(extent.loops**level for level in range(4)) if extent.loops else 1
    check_size(size)
    return size


def check_size(size: int) -> None:
    """Check the size of a form, or of all the tools of a request.

    Raises:
        FormError: It is too large.
    """
    if size > MAX_SIZE:
        raise FormError(
            f"a form whose schemas, lengths and patterns make at most {MAX_SIZE} with references and counts written out"
        )


def _check_depth(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for node in level:
            members = node.values() if isinstance(node, dict) else node
            inner += [member for member in members if isinstance(member, dict | list)]
        level = inner
    if level:
        raise FormError(f"a JSON schema of at most {MAX_DEPTH} lists and objects in each other")


class _Reader:
    """Reads each schema of a document once, however often it is referred to."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.definitions: dict[int, _Extent] = {}
        self.referred: set[int] = set()
        self._known: dict[int, _Extent | None] = {}
        self._properties = 0

    def read(self, node: Any, depth: int) -> _Extent:
        """Return a schema's extent; `depth` is the number of schemas around it, itself included."""
        if not isinstance(node, dict):
            return _Extent()
        if id(node) in self._known:
            return self._known[id(node)] or _Extent(loops=1)
        if depth > MAX_HEIGHT:
            raise FormError(_TOO_HIGH)
        # None while it is read: a reference to it from within is a loop.
        self._known[id(node)] = None
        extent = self._extent(node, depth)
        if extent.height > MAX_HEIGHT:
            raise FormError(_TOO_HIGH)
        if extent.repeats > MAX_REPEATS:
            raise FormError(f"a JSON schema whose counts, such as maxItems in maxItems, make at most {MAX_REPEATS}")
        check_size(max(extent.size, extent.loops))
        self._known[id(node)] = extent
        return extent

    def _extent(self, node: dict[str, Any], depth: int) -> _Extent:
        names = node.get("properties")
        self._properties += len(names) if isinstance(names, dict) else 0
        if self._properties > MAX_PROPERTIES:
            raise FormError(f"a JSON schema of at most {MAX_PROPERTIES} properties")
        if node is not self.root and isinstance(node.get("$id"), str) and not node["$id"].startswith("#"):
            raise FormError("a JSON schema without a $id in an inner schema, which changes where a $ref leads")
        for name in _DEFINITIONS:
            for member in _members(node.get(name)):
                self.definitions[id(member)] = self.read(member, depth + 1)
        of_any = [[self.read(member, depth + 1) for member in _members(node.get(name))] for name in ("anyOf", "oneOf")]
        of_all = [self.read(member, depth + 1) for member in _members(node.get("allOf"))]
        of_all += [self.read(target, depth + 1) for target in self._targets(node)]
        inner = [self.read(member, depth + 1) for name in _OF_NAMES for member in _members(node.get(name))]
        inner += [self.read(member, depth + 1) for name in _OF_ONE_OR_MORE for member in _one_or_more(node.get(name))]
        ways = prod(extent.ways for extent in of_all)
        ways *= prod(sum(extent.ways for extent in extents) or 1 for extents in of_any)
        inner += [*of_any[0], *of_any[1], *of_all]
        times = max(1, *_counts(node, _ARRAY_COUNTS, MAX_REPEATS))
        own = 1 + max(0, *_counts(node, _TEXT_COUNTS, MAX_LENGTH)) + _size_of_patterns(node) + _size_of_values(node)
        return _Extent(
            size=max(own + times * sum(extent.size for extent in inner), times, ways),
            repeats=times * max((extent.repeats for extent in inner), default=1),
            loops=times * sum(extent.loops for extent in inner),
            ways=ways,
            height=1 + max((extent.height for extent in inner), default=0),
        )

    def _targets(self, node: Mapping[str, Any]) -> Iterator[Any]:
        for name in _REFERENCES:
            if name not in node:
                continue
            reference = node[name]
            if not isinstance(reference, str) or not reference.startswith("#"):
                raise FormError(f"a JSON schema whose {name} stays within it, as '#/$defs/name' does")
            target: Any = self.root
            for step in unquote(reference[1:]).split("/")[1:] if reference != "#" else ():
                key = step.replace("~1", "/").replace("~0", "~")
                if isinstance(target, list):
                    target = target[int(key)] if key.isdecimal() and len(key) < 6 and int(key) < len(target) else None
                else:
                    target = target.get(key) if isinstance(target, dict) else None
            if not isinstance(target, dict | bool) or (reference != "#" and not reference.startswith("#/")):
                raise FormError(f"a JSON schema whose {name} leads to a schema within it, as '#/$defs/name' does")
            self.referred.add(id(target))
            yield target


_TOO_HIGH = f"a JSON schema of at most {MAX_HEIGHT} schemas in each other, with references followed"


def _members(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _one_or_more(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def _counts(node: Mapping[str, Any], names: tuple[str, ...], most: int) -> Iterator[int]:
    yield 0
    for name in names:
        if name not in node:
            continue
        count = node[name]
        if type(count) is not int or count < 0:
            raise FormError(f"a JSON schema whose {name} is an integer of at least 0")
        if count > most:
            raise FormError(f"a JSON schema whose counts, such as {name}, make at most {most}")
        yield count


def _size_of_patterns(node: Mapping[str, Any]) -> int:
    """Return the size of the regular expressions of a schema."""
    patterns = [node["pattern"]] if "pattern" in node else []
    if isinstance(node.get("patternProperties"), dict):
        patterns += node["patternProperties"]
    try:
        return sum(regexes.measure(pattern) for pattern in patterns if pattern != "")
    except FormError as error:
        raise FormError(f"a JSON schema whose patterns are each {error}") from None


def _size_of_values(node: Mapping[str, Any]) -> int:
    """Return the characters of the values among which an answer chooses."""
    return sum(len(json.dumps(node[name])) for name in ("const", "enum") if name in node)
