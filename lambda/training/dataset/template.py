"""Read `template.json`, which turns the fields of a record into the model's prompt and completion."""

from __future__ import annotations

from typing import Final

from catalog.prompt_template import KEYS, Template, TemplateError, make, members_of

__all__ = ["DEFAULT", "KEYS", "LARGEST", "NAME", "Template", "TemplateError", "make", "meant_as_template", "read"]

NAME: Final = "template.json"
LARGEST: Final = 2**20
"""Bytes of a template.json that are read."""

DEFAULT: Final = {
    "prompt": "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n"
    "### Input:\n{context}",
    "completion": "{response}",
}
"""The template of JumpStart's training scripts where there is no template.json (AWS's notebooks on fine-tuning
Mistral 7B and Gemma, aws/amazon-sagemaker-examples)."""


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
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise TemplateError([f"not UTF-8 at byte {error.start + 1}"]) from error
    return make(members_of(text))


def meant_as_template(name: str) -> bool:
    """Report whether a file was probably meant to be the template, under a name that the job does not know."""
    return name != NAME and "/" not in name and "template" in name.lower() and name.lower().endswith(".json")
