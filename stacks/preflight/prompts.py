"""Checks of prompt formats: a known one, with its template, that fits the model."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from catalog import Lock
from catalog.chats import CHAT_WORDS, FORMAT_IDS, usual_formats
from catalog.limits import endpoint as limits
from catalog.limits import model_import as import_limits
from catalog.nearest import similar
from stacks.declarations import JumpStartModel, PromptFormat
from stacks.placement import AnyPlacement, Placement, is_of
from stacks.preflight.findings import Finding, Level, breaches

# Ids of families with formats of their own, in none of which ChatML has a part, beside those above; Llama only as
# Meta tuned it, since others have tuned it on ChatML.
_NOT_CHATML = re.compile(
    r"gemma|phi-3|zephyr|starling|codellama|deepseek-llm-r1|llama-2-\d+b-(f$|chat|fast-chat)|^meta-.*llama"
    r"|falcon-180b|falcon-(7|40)b|mistral-7b-instruct|mixtral-8x\d+b-instruct|granite.*code",
    re.IGNORECASE,
)


def check_prompt_format(placement: AnyPlacement, lock: Lock) -> Iterator[Finding]:
    """Check that the prompt format is known, has its template, and fits the model."""
    name = placement.model.prompt_format
    if name is None:
        # The container's own, or none; the body decides whether an imported model needs one
        # (`stacks.preflight.imports`).
        yield from _check_template(placement)
        return
    if name not in get_args(PromptFormat):
        formats = sorted(get_args(PromptFormat))
        yield Finding(
            rule="unknown-prompt-format",
            place=f"{placement}.prompt_format",
            value=repr(name),
            allowed=", ".join(formats),
            suggestion=" or ".join(similar(name, formats, most=1)),
        )
        return
    yield from _check_template(placement)
    # Where Bedrock writes a chat's prompt, by the template in the weights, the format has no use.
    if is_of(placement, JumpStartModel) and not (
        placement.bedrock and import_limits.takes_messages(placement.bedrock.body)
    ):
        yield from _check_family(placement, lock)


def _check_template(placement: AnyPlacement) -> Iterator[Finding]:
    template = placement.model.prompt_template
    if (placement.model.prompt_format == "template") is not (template is not None):
        yield Finding(
            rule="prompt-template",
            place=f"{placement}.prompt_template",
            value="None" if template is None else "a template",
            allowed="a template with the prompt format 'template', and None with any other",
        )
    elif template is not None:
        yield from breaches("prompt-template", str(placement), limits.prompt_template(template))


def _check_family(placement: Placement[JumpStartModel], lock: Lock) -> Iterator[Finding]:
    name, model_id = placement.model.prompt_format or "none", placement.model.model_id
    finding = Finding(rule="prompt-format", place=f"{placement}.prompt_format", value=repr(name), level=Level.WARNING)
    made_for = FORMAT_IDS.get(name)
    # Whether there must be a format, and whether the container's own can be, `stacks.preflight.served` says.
    if name not in {"none", "template", "container"} and is_base(model_id, lock):
        message = f"{model_id} is a base model, which completes text but was not trained to chat"
        yield replace(finding, message=message, suggestion="'none'")
    elif name == "chatml" and model_id in lock.model_ids() and _NOT_CHATML.search(model_id):
        fitting = map(repr, usual_formats(model_id))
        message = f"{model_id} was trained on a format of its family's own, and answers another one badly"
        yield replace(finding, message=message, suggestion=" or ".join(fitting) or "leaving it out")
    elif made_for and model_id in lock.model_ids() and not made_for.search(model_id):
        fitting = map(repr, usual_formats(model_id))
        message = f"{model_id} is not of the family that the format was made for"
        yield replace(finding, message=message, suggestion=" or ".join(fitting))


def is_base(model_id: str, lock: Lock) -> bool:
    """Return whether the lock has the same model trained to chat, which makes this one the base."""
    words = model_id.split("-")
    if CHAT_WORDS & set(words):
        return False
    return any(
        other != model_id and [word for word in other.split("-") if word not in CHAT_WORDS] == words
        for other in lock.model_ids()
    )
