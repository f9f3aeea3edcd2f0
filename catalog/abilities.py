"""Abilities of a model's API: its task, its container's protocol, and what that takes at its version.

The routes of the containers are read off their sources:

- TGI takes a chat's messages at `/invocations` since 2.4.0, beside its own payload. Before that, since 1.4.0, it takes
  them with MESSAGES_API_ENABLED, and nothing else then (`router/src/sagemaker.rs`, `router/src/server.rs`). The shim
  does not speak that form.
- LMI takes them since 0.27, with rolling batches. Until 0.28 (LMI 10) it does not ask the template for the beginning of
  an answer, without which most models answer badly (`djl_python/chat_completions/chat_utils.py`): it counts from 11 on.
- vLLM always does.

All of them need a chat template in the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from catalog.chats import formats_for, has_template, is_trained_to_chat
from catalog.deployment import (
    ContainerFamily,
    Deployment,
    ImageUri,
    TaskContainer,
    container_version,
    runs_djl_script,
    task_container,
)
from catalog.kinds import ROUTES, Kind, Task, kind_of

DefaultFormat = Literal["container", "none"]
Usage = Literal["always", "whole", "streamed", "never"]
"""The answers in which a container tells all token counts: all, whole ones, streams, or none."""

MESSAGES_API = "MESSAGES_API_ENABLED"
"""The variable with which TGI from 1.4 on, and before 2.4, takes messages instead of prompts."""

_TGI_CHATS = (2, 4)
_TGI_MESSAGES_API = (1, 4)
_TGI_GRAMMARS = (1, 4, 3)
# From here the last event of a stream has the prompt's tokens, and a stream of a chat all counts.
_TGI_COUNTS = (2, 3)
_LMI_CHATS = (11,)
# The engine that answers OpenAI's routes by vLLM's own code, from 0.33 on (LMI 15).
_LMI_ASYNC = (15,)
# Containers whose requests of a task the shim knows.
_SERVING: Mapping[Task, tuple[TaskContainer, ...]] = {
    "embedding": ("other", "tei", "vllm"),
    "image": ("other", "stability"),
    "transcription": ("other",),
    "rerank": ("tei", "vllm"),
    "native": get_args(TaskContainer),
}
# Of `other`, those that run AWS's script in a JumpStart model's archive (SAGEMAKER_PROGRAM), by their repositories.
_SCRIPTS = frozenset({"huggingface-pytorch-inference", "huggingface-pytorch-inference-neuronx"})
_SOFTWARE: Mapping[TaskContainer, str] = {"tgi": "TGI", "lmi": "LMI", "vllm": "vLLM"}
# The same model in an image that the API speaks to.
_INSTEAD = {
    "huggingface-textgeneration1-bloom-7b1-fp16": "huggingface-textgeneration1-bloom-7b1",
    "huggingface-textgeneration1-gpt-j-6b-fp16": "huggingface-textgeneration1-gpt-j-6b",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A reason why no API can ask a model.

    Attributes:
        name: Short name, such as `old DJL image`, by which refusals are counted.
        reason: A clause for a message, about the model.
        suggestion: What to declare or do instead.
    """

    name: str
    reason: str
    suggestion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """The abilities of one deployment's API.

    Attributes:
        kind: The model's kind.
        task: The shim's TASK.
        container: The shim's CONTAINER.
        version: Version of the container's software; empty where its image does not say.
        takes_messages: Whether the container takes a chat's messages.
        chats: Whether the container writes the prompts of chats, by the model's own template.
        tools: Whether chats take tools.
        json: Whether answers can be held to a JSON schema.
        images: Whether chats take images.
        usage_of_chats: The answers that tell token counts, where the container writes the prompts of chats.
        usage_of_prompts: The answers that tell token counts, where it takes prompts.
        prompt_format: The prompt format where a declaration names none; None where it has to name one.
        formats: Prompt formats that fit the model, the default first where there is one.
        refusal: Why no API can ask the model; None where one can.
    """

    kind: Kind
    task: Task
    container: TaskContainer
    version: tuple[int, ...] = ()
    takes_messages: bool = False
    chats: bool = False
    tools: bool = False
    json: bool = False
    images: bool = False
    usage_of_chats: Usage = "never"
    usage_of_prompts: Usage = "never"
    prompt_format: DefaultFormat | None = "none"
    formats: tuple[str, ...] = ()
    refusal: Refusal | None = None

    @property
    def completes(self) -> bool:
        """True where the container takes prompts."""
        return self.task == "text"

    @property
    def software(self) -> str:
        """Name and version of the container's software, such as `TGI 2.4.0`; empty for a script of the model's own."""
        name = _SOFTWARE.get(self.container, "")
        return f"{name} {'.'.join(map(str, self.version))}".strip()

    @property
    def routes(self) -> tuple[str, ...]:
        """Routes that serve the model, the best first, with the prompt format that is the default."""
        if self.refusal:
            return ()
        if self.task != "text":
            return tuple(dict.fromkeys((ROUTES[self.task], "/invocations")))
        chat = ("/v1/chat/completions",) if self.formats else ()
        return (*chat, *(("/v1/completions",) if self.completes else ()), "/invocations")


def abilities(deployment: Deployment, environment: Mapping[str, str] | None = None) -> Abilities:
    """Return what the API of a deployment can do.

    Args:
        deployment: A resolved model version.
        environment: Variables that a declaration lays over the model's own.
    """
    model_id, kind = deployment.model_id, kind_of(deployment.model_id)
    variables = {**deployment.environment, **(environment or {})}
    version = _version(deployment.image)
    if refusal := _refusal(deployment, version, variables):
        return Abilities(kind=kind, task="native", container="other", version=version, refusal=refusal)
    if kind.task != "text" or deployment.container == "other":
        container = task_container(deployment.image)
        served = container in _SERVING.get(kind.task, ())
        served &= container != "other" or ImageUri.parse(deployment.image or "").repository in _SCRIPTS
        return Abilities(kind=kind, task=kind.task if served else "native", container=container, version=version)
    family = deployment.container
    takes_messages = _takes_messages(family, version, variables)
    chats = takes_messages and has_template(model_id)
    default: DefaultFormat | None = None if is_trained_to_chat(model_id) else "none"
    if chats:
        default = "container"
    fitting = formats_for(model_id)
    return Abilities(
        kind=kind,
        task="text",
        container=family,
        version=version,
        takes_messages=takes_messages,
        chats=chats,
        tools=chats and _has_tools(family, version, variables),
        json=_has_json(family, version),
        images=chats and kind.name == "chat with images",
        usage_of_chats=_usage(family, version, by_messages=True),
        usage_of_prompts=_usage(family, version, by_messages=False),
        prompt_format=default,
        formats=("container", *fitting) if default == "container" else fitting,
    )


def _version(image: str | None) -> tuple[int, ...]:
    version = container_version(image)
    return tuple(map(int, version.split("."))) if version else ()


def _takes_messages(family: ContainerFamily, version: tuple[int, ...], variables: Mapping[str, str]) -> bool:
    """Return whether the shim can send messages to `/invocations`."""
    match family:
        case "tgi":
            return version >= _TGI_CHATS
        case "lmi":
            return version >= _LMI_CHATS and variables.get("OPTION_ROLLING_BATCH", "").lower() != "disable"
        case _:
            return family == "vllm"


def _has_tools(family: ContainerFamily, version: tuple[int, ...], variables: Mapping[str, str]) -> bool:
    if family == "lmi":
        # Since LMI 14 with a parser of the model's calls, which a declaration chooses.
        return version >= (14,) and variables.get("OPTION_ENABLE_AUTO_TOOL_CHOICE", "").lower() == "true"
    return True


def _has_json(family: ContainerFamily, version: tuple[int, ...]) -> bool:
    return {"tgi": version >= _TGI_GRAMMARS, "lmi": version >= _LMI_ASYNC}.get(family, True)


def _usage(family: ContainerFamily, version: tuple[int, ...], *, by_messages: bool) -> Usage:
    if family == "vllm" or (family == "lmi" and version >= _LMI_ASYNC):
        return "always"
    if family == "tgi" and version >= _TGI_COUNTS:
        return "always" if by_messages else "streamed"
    return "whole" if by_messages else "never"


def _refusal(deployment: Deployment, version: tuple[int, ...], variables: Mapping[str, str]) -> Refusal | None:
    if deployment.image is None:
        return Refusal(
            name="model package",
            reason="it is a model package, whose image and protocol nothing published tells",
            suggestion="the same model with an image of its own, by ./jumpstack catalog search",
        )
    if runs_djl_script(deployment.image):
        image = ImageUri.parse(deployment.image).name
        return Refusal(
            name="old DJL image",
            reason=f"its image, {image}, runs a script out of the weights, whose requests nothing published tells",
            suggestion=_INSTEAD.get(deployment.model_id, "./jumpstack catalog search for another of its kind"),
        )
    by_variable = variables.get(MESSAGES_API, "").lower() == "true"
    if deployment.container == "tgi" and _TGI_MESSAGES_API <= version < _TGI_CHATS and by_variable:
        return Refusal(
            name="messages alone",
            reason=f"its container, TGI {'.'.join(map(str, version))}, takes no prompts where {MESSAGES_API} is true, "
            "and the API sends this version nothing else",
            suggestion=f"{MESSAGES_API}=false in its environment",
        )
    return None
