"""Read a template: two format strings that turn a record's fields into the model's prompt and completion.

One parser for a `template.json` beside training data and for a declared `prompt_template`. The invoke shim, which packs
no catalogue, has its own, and a test holds that both take the same templates.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from typing import Any, Final, NamedTuple

KEYS: Final = ("prompt", "completion")
"""The members that must be there."""

DEMARCATION_KEY: Final = "add_input_output_demarcation_key"
"""The member that a declared template may have for serving: true (as if left out) or false. The training job takes a
hyperparameter of that name instead."""


class TemplateError(ValueError):
    """A template cannot be used.

    Attributes:
        problems: Everything that is wrong with it.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Template(NamedTuple):
    """A usable template.

    Attributes:
        prompt: The text before the answer, a format string (`str.format`) with a record's fields.
        completion: The text of the answer, likewise.
        prompt_fields: Fields of the prompt, with their numbers of occurrences.
        completion_fields: Fields of the completion, likewise.
        literal_bytes: Bytes of UTF-8 that the template adds to every sample.
    """

    prompt: str
    completion: str
    prompt_fields: Mapping[str, int]
    completion_fields: Mapping[str, int]
    literal_bytes: int

    @property
    def fields(self) -> Mapping[str, int]:
        """All fields with their numbers of occurrences; the prompt's first."""
        return Counter(self.prompt_fields) + Counter(self.completion_fields)

    @property
    def given_away(self) -> tuple[str, ...]:
        """Fields of the completion that the prompt has too, so that the model learns to copy them."""
        return tuple(name for name in self.completion_fields if name in self.prompt_fields)

    @property
    def texts(self) -> dict[str, str]:
        """The content of template.json."""
        return {"prompt": self.prompt, "completion": self.completion}


def declared_problems(text: str) -> Iterator[str]:
    """List what is wrong with a declared template, a `template.json` that may have `DEMARCATION_KEY` too.

    Args:
        text: JSON.
    """
    try:
        members = members_of(text)
        demarcated = members.pop(DEMARCATION_KEY, True)
        if not isinstance(demarcated, bool):
            yield f"{DEMARCATION_KEY} is {shown(demarcated)}, not true or false"
        template = make(members, allowed=(*KEYS, DEMARCATION_KEY))
    except TemplateError as error:
        yield from error.problems
        return
    if set(template.completion_fields) == set(template.given_away):
        yield "completion has no field that prompt has not, so that there is nothing to learn"


def members_of(text: str) -> dict[str, Any]:
    """Parse the JSON of a template.

    Raises:
        TemplateError: It is no object, or has a member twice.
    """
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        raise TemplateError([f"not JSON: {_json_problem(text, error)}"]) from error
    except (ValueError, RecursionError) as error:
        raise TemplateError([f"not JSON that can be read: {error}"]) from error
    if not isinstance(pairs, _Pairs):
        raise TemplateError([f"not a JSON object; allowed keys: {', '.join(KEYS)}"])
    twice = [
        f"key {shown(key)} occurs more than once"
        for key, count in Counter(key for key, _ in pairs).items()
        if count > 1
    ]
    if twice:
        raise TemplateError(twice)
    return dict(pairs)


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in their order, with repeated keys."""


def _json_problem(text: str, error: json.JSONDecodeError) -> str:
    """Return what is wrong with a text that is no JSON: in words for what Python's source allows and JSON does not."""
    before, at = text[: error.pos].rstrip(), text[error.pos : error.pos + 1]
    place = f"at line {error.lineno}, column {error.colno}"
    if at == '"' and before.endswith('"'):
        return f"two strings stand side by side {place}; Python joins them, JSON does not: write one"
    # The place of a comma too many is the comma or what follows it, depending on Python's version.
    if re.match(r",?\s*\}", text[error.pos :]) and (at == "," or before.endswith(",")):
        return f"a comma before the closing brace {place}; leave it out"
    if at == "'" or text[error.pos :].startswith(('r"', 'f"', "r'", "f'", '"""')):
        return f'a string {place} that is not in double quotes; write "..."'
    if error.msg.startswith("Invalid control character"):
        return rf"a line break or tab within a string {place}; write \n or \t"
    if error.msg.startswith("Unexpected UTF-8 BOM"):
        return "a byte order mark; save it as UTF-8 without one"
    return f"{error.msg} {place}"


def make(value: Mapping[str, Any], *, allowed: Collection[str] = KEYS) -> Template:
    """Make a template from its two texts.

    Args:
        value: A mapping with `prompt` and `completion`, and nothing else.
        allowed: The keys that are named as allowed.

    Raises:
        TemplateError: One of them is missing, or is no format string with plain fields.
    """
    problems = [f"no key {key!r}" for key in KEYS if key not in value]
    problems += [f"key {shown(key)} is not allowed; allowed: {', '.join(allowed)}" for key in value if key not in KEYS]
    fields: dict[str, Counter[str]] = {}
    literals = 0
    for key in KEYS:
        if key not in value:
            continue
        if not isinstance(value[key], str):
            problems.append(f"{key} is no string")
            continue
        try:
            fields[key], size = _parse(value[key])
            literals += size
        except ValueError as error:
            problems.append(f"{key}: {error}")
            continue
        if not fields[key]:
            problems.append(f"{key} has no {{field}}, so that all samples would have the same")
    if problems:
        raise TemplateError(problems)
    return Template(value["prompt"], value["completion"], fields["prompt"], fields["completion"], literals)


def _parse(text: str) -> tuple[Counter[str], int]:
    """Return the fields of a format string, and the bytes of the text between them."""
    fields: Counter[str] = Counter()
    literals = 0
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(r"an unpaired surrogate (\ud800 to \udfff), which is no character") from None
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        message = f"{str(error)[:1].lower()}{str(error)[1:]}; a brace that is no field is written twice"
        raise ValueError(message) from error
    for literal, name, spec, conversion in parts:
        literals += len(literal.encode())
        if name is None:
            continue
        if not name or name.isdecimal():
            raise ValueError("a field without a name; write {field}, and a brace that is no field twice")
        if spec or conversion or "." in name or "[" in name:
            written = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ValueError(f"field {shown(written)} is more than a name; write {{field}}")
        fields[name] += 1
    return fields, literals


def shown(value: object) -> str:
    """Quote a value for a message: on one line, 40 characters at most."""
    text = str(value)
    return ascii(text if len(text) <= 40 else text[:37] + "...")
