"""Read `template.json`, which turns the fields of a record into the model's prompt and completion."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from string import Formatter
from typing import Any, Final, NamedTuple

from training.dataset.faults import shown

NAME: Final = "template.json"
LARGEST: Final = 2**20
"""Bytes of a template.json that are read."""

KEYS: Final = ("prompt", "completion")

DEFAULT: Final = {
    "prompt": "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n"
    "### Input:\n{context}",
    "completion": "{response}",
}
"""The template of JumpStart's training scripts where there is no template.json (AWS's notebooks on fine-tuning
Mistral 7B and Gemma, aws/amazon-sagemaker-examples)."""


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
    def texts(self) -> dict[str, str]:
        """The content of template.json."""
        return {"prompt": self.prompt, "completion": self.completion}


def read(raw: bytes) -> Template:
    """Read a template.json.

    Args:
        raw: The file's content.

    Raises:
        TemplateError: The template is not usable; all problems are listed.
    """
    if len(raw) > LARGEST:
        raise TemplateError([f"it is larger than {LARGEST} bytes"])
    try:
        pairs = json.loads(raw.decode(), object_pairs_hook=_Pairs)
    except UnicodeDecodeError as error:
        raise TemplateError([f"not UTF-8 at byte {error.start + 1}"]) from error
    except json.JSONDecodeError as error:
        raise TemplateError([f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"]) from error
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
    return make(dict(pairs))


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object in their order, with repeated keys."""


def make(value: Mapping[str, Any]) -> Template:
    """Make a template from its two texts.

    Args:
        value: A mapping with `prompt` and `completion`, and nothing else.

    Raises:
        TemplateError: One of them is missing, or is no format string with plain fields.
    """
    problems = [f"no key {key!r}" for key in KEYS if key not in value]
    problems += [f"key {shown(key)} is not allowed; allowed: {', '.join(KEYS)}" for key in value if key not in KEYS]
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
        parts = list(Formatter().parse(text))
    except ValueError as error:
        message = f"{str(error)[:1].lower()}{str(error)[1:]}; a brace that is no field is written twice"
        raise ValueError(message) from error
    for literal, name, spec, conversion in parts:
        literals += len(literal.encode("utf-8", "surrogatepass"))
        if name is None:
            continue
        if not name or name.isdigit():
            raise ValueError("a field without a name; write {field}, and a brace that is no field twice")
        if spec or conversion or "." in name or "[" in name:
            written = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ValueError(f"field {shown(written)} is more than a name; write {{field}}")
        fields[name] += 1
    return fields, literals
