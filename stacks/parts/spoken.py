"""Protocol of an endpoint's container: its task, its dialect, and the format of its chats."""

from typing import NamedTuple

from catalog.abilities import abilities
from catalog.deployment import Deployment
from stacks.declarations import JumpStartModel


class Spoken(NamedTuple):
    """Protocol of an endpoint's container, in the invoke shim's words (`invoke_shim.contract`).

    Attributes:
        task: The model's task.
        container: The container's dialect.
        prompt_format: The format of its chats; None for a task without any.
        images: False where the container would take images that the model does not see.
    """

    task: str
    container: str
    prompt_format: str | None
    images: bool = True


def spoken(deployment: Deployment, model: JumpStartModel) -> Spoken:
    """Return the protocol of a model's container, with the declared prompt format or else the container's default.

    A model that was trained to chat, in a container that writes no prompts, has no default: it completes texts then,
    and the preflight asks for a format.
    """
    found = abilities(deployment, model.environment)
    prompt_format = (model.prompt_format or found.prompt_format or "none") if found.task == "text" else None
    # Where the function writes the prompts, it takes no images anyway.
    takes_images = found.takes_messages and (prompt_format == "container" or found.container == "vllm")
    return Spoken(
        task=found.task,
        container=found.container,
        prompt_format=prompt_format,
        images=found.images or not takes_images,
    )
