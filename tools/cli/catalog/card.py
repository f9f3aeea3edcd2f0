"""Card of a model: what it is, what its API will do, and what it needs."""

from __future__ import annotations

from catalog.abilities import Abilities, Usage, abilities
from catalog.container_variables import context_variable
from catalog.deployment import Deployment
from catalog.examples import example_request
from catalog.kv_cache import cache_size
from catalog.lock import Lock
from catalog.spec import ModelVersion
from catalog.training.second_hand import second_hand
from stacks.declarations import JumpStartModel
from stacks.environments import Environment
from stacks.placement import Placement
from stacks.preflight.catalogue import Subject
from stacks.preflight.weights import fitting, weigh

_USAGE: dict[Usage, str] = {
    "always": "the container's, in every answer",
    "whole": "the container's, in whole answers",
    "streamed": "the container's, in streams",
    "never": "none of the container's",
}
_UNKNOWN = "not known"


def card(model: ModelVersion, deployment: Deployment, lock: Lock) -> list[tuple[str, str]]:
    """Return the rows of a model's card.

    Args:
        model: The version.
        deployment: The version, resolved.
        lock: The lock, for facts of its training.
    """
    found = abilities(deployment)
    rows = [("kind", found.kind.name), ("takes", found.kind.takes), ("gives", found.kind.gives)]
    rows.append(("deployable", f"no: {found.refusal.reason}" if found.refusal else "yes"))
    if found.refusal:
        return [*rows, ("instead", found.refusal.suggestion)]
    rows.append(("routes", ", ".join(found.routes)))
    if found.task == "text":
        rows += _text(found, deployment)
    rows += [*_size(model, deployment), ("training", _training(model, lock))]
    request = example_request(found)
    return [*rows, ("example", request or "none is published: the container's own request goes through unchanged")]


def _text(found: Abilities, deployment: Deployment) -> list[tuple[str, str]]:
    chats = found.prompt_format == "container"
    return [
        ("prompt format", _format(found)),
        ("context", _context(deployment)),
        ("tools", _yes(found.tools)),
        ("JSON schemas", _yes(found.json)),
        ("images", _yes(found.images)),
        ("token counts", _USAGE[found.usage_of_chats if chats else found.usage_of_prompts]),
    ]


def _format(found: Abilities) -> str:
    others = [name for name in found.formats if name != found.prompt_format]
    fitting_ones = f"; also {', '.join(others)}" if others else ""
    match found.prompt_format:
        case "container":
            return f"the container's own, if left out{fitting_ones}"
        case "none":
            return "none: a base model"
        case None:
            return f"to be declared: {', '.join(others) or 'a template of yours'}, or none for completions alone"


def _context(deployment: Deployment) -> str:
    size = cache_size(deployment.model_id)
    limit = context_variable(deployment.container) if deployment.container != "other" else ""
    if limit in deployment.environment:
        return f"{deployment.environment[limit]} tokens, by {limit}"
    return f"{size.context} tokens, the model's own" if size else f"{_UNKNOWN}: the model's own"


def _size(model: ModelVersion, deployment: Deployment) -> list[tuple[str, str]]:
    declared = JumpStartModel(name="card", model_id=model.model_id, version=model.version)
    environment = Environment(name="card", region=deployment.region)
    subject = Subject(
        placement=Placement(environment=environment, model=declared), version=model, deployment=deployment
    )
    weights = weigh(subject)
    return [
        ("size", str(weights) if weights else _UNKNOWN),
        ("fits on", ", ".join(fitting(subject, weights) or model.instance_types)),
    ]


def _training(model: ModelVersion, lock: Lock) -> str:
    # A version of another source than the lock may not be in it.
    known = model.model_id in lock.model_ids() and model.version in lock.versions(model.model_id)
    facts = (lock.training(model.model_id, model.version) if known else None) or second_hand(model.model_id)
    if facts is None:
        return _UNKNOWN
    said = f"no: {facts.problem}" if facts.problem else ", ".join(facts.methods) or "yes"
    return f"{said} ({facts.second_hand})" if facts.second_hand else said


def _yes(value: bool) -> str:
    return "yes" if value else "no"
