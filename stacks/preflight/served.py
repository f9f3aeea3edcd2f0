"""Checks of what a model's API can do: can its container be asked at all, and who writes the prompts of chats?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import get_args

from catalog import Deployment, Lock
from catalog.abilities import Abilities, Usage, abilities
from catalog.chats import is_trained_to_chat
from stacks.declarations import JumpStartModel, Model, PromptFormat
from stacks.placement import AnyPlacement, is_of
from stacks.preflight.catalogue import Subject, look_up
from stacks.preflight.findings import Finding, Level

_OWN = "'template' with one of yours"
_COMPLETIONS = "'none', and completions alone"


def check_served(subject: Subject) -> Iterator[Finding]:
    """Check that the API can ask an endpoint's model, and that something writes the prompts of its chats."""
    if subject.deployment is None:
        return
    found = _abilities(subject.deployment, subject.placement.model.environment)
    model_id, at = subject.version.model_id, str(subject.placement)
    name = subject.placement.model.prompt_format
    finding = Finding(place=f"{at}.prompt_format", value=repr(name))
    if found.refusal is not None:
        yield Finding(
            rule="not-served",
            place=f"{at}.model_id",
            value=repr(model_id),
            message=found.refusal.reason,
            suggestion=found.refusal.suggestion,
        )
    elif found.task != "text":
        if name not in (None, "none"):
            message = f"the kind of {model_id} is {found.kind.name}, and its API writes no prompts"
            yield replace(
                finding, rule="prompt-format", message=message, suggestion="leaving it out", level=Level.WARNING
            )
    elif name is None or name in get_args(PromptFormat):
        yield from _check_chats(subject, found, finding)
        yield from _check_images(subject, found)


def api_line(placement: AnyPlacement, lock: Lock) -> str | None:
    """Return what the API of a declared model will do, in a line; None where the declaration does not resolve."""
    model = placement.model
    if placement.bedrock:
        if placement.bedrock.body in ("chat", "converse"):
            return "chat by the template in its weights"
        chat = [] if model.prompt_format in (None, "none") else [_chat(str(model.prompt_format))]
        return ", ".join([*chat, "completions"])
    subject = look_up(placement, lock)[0] if is_of(placement, JumpStartModel) else None
    if subject is None or subject.deployment is None:
        return None
    found = _abilities(subject.deployment, subject.placement.model.environment)
    if found.refusal:
        return None
    if found.task != "text":
        return f"{found.kind.name} by {found.routes[0]}: {found.kind.takes} in, {found.kind.gives} out"
    return _text_line(found, model)


def _text_line(found: Abilities, model: Model) -> str:
    prompt_format = model.prompt_format or found.prompt_format or "none"
    by_container = prompt_format == "container"
    can = [
        *([] if prompt_format == "none" else [_chat(prompt_format)]),
        *(["completions"] if found.completes else []),
        *(["tools"] if by_container and found.tools else []),
        *(["JSON"] if found.json else []),
        *(["images"] if by_container and found.images else []),
    ]
    return f"{', '.join(can)}; {_usage(found.usage_of_chats if by_container else found.usage_of_prompts, model)}"


def _usage(usage: Usage, model: Model) -> str:
    """Return whose counts of tokens an answer has: the container's, or the function's where those lack."""
    told = {"always": "usage", "whole": "usage of whole answers", "streamed": "usage of streams", "never": ""}[usage]
    if usage == "always":
        return told
    own = "usage by its tokenizer" if model.tokenizer else "usage estimated"
    own = "no usage" if model.usage == "omit" and not model.tokenizer else own
    return told or own


def _chat(prompt_format: str) -> str:
    match prompt_format:
        case "container":
            return "chat by its own template"
        case "template":
            return "chat of one question by your template"
        case _:
            return f"chat as {prompt_format}"


def _abilities(deployment: Deployment, environment: Mapping[str, object]) -> Abilities:
    # A value of another type has a finding of its own.
    return abilities(deployment, {key: value for key, value in environment.items() if isinstance(value, str)})


def _check_chats(subject: Subject, found: Abilities, finding: Finding) -> Iterator[Finding]:
    name, model_id = subject.placement.model.prompt_format, subject.version.model_id
    if name is None and found.prompt_format is None:
        yield replace(
            finding,
            rule="prompt-format-left-out",
            message=f"{model_id} was trained to chat, and {_why_not(found)}",
            suggestion=_instead(found),
        )
    elif name == "container" and not found.chats:
        yield replace(
            finding,
            rule="no-chat-route",
            message=_why_not(found),
            suggestion=_instead(found),
            # Whether the weights hold a template is read off the id.
            second_hand=found.takes_messages,
        )
    elif name == "none" and is_trained_to_chat(model_id):
        yield replace(
            finding,
            rule="prompt-format",
            message=f"{model_id} was trained to chat, and without a format its API refuses chats",
            suggestion="leaving it out" if found.prompt_format else " or ".join(map(repr, found.formats)),
            level=Level.WARNING,
        )


def _check_images(subject: Subject, found: Abilities) -> Iterator[Finding]:
    name = subject.placement.model.prompt_format or found.prompt_format
    if found.kind.name == "chat with images" and not (found.images and name == "container"):
        yield Finding(
            rule="images-not-passed",
            place=f"{subject.placement}.model_id",
            value=repr(subject.version.model_id),
            message="it takes images, and its API refuses them: they go with the container's own template alone",
            suggestion="leaving prompt_format out" if found.images else "",
            level=Level.WARNING,
        )


def _why_not(found: Abilities) -> str:
    """Return why a container does not write the prompts of a model's chats."""
    if found.takes_messages:
        return "no chat template is known to be in its weights"
    return f"its container, {found.software}, takes prompts, not chats"


def _instead(found: Abilities) -> str:
    """Return what writes them."""
    return " or ".join([*map(repr, found.formats), *([] if found.formats else [_OWN]), _COMPLETIONS])
