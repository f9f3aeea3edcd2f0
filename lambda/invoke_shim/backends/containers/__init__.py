"""Containers of models: the requests that each takes, and how it answers, at once or in a stream."""

from invoke_shim.backends.containers.base import Container
from invoke_shim.contract import ContainerName, PromptFormatName
from invoke_shim.rules.limits import Limits


def create_container(
    name: ContainerName,
    version: tuple[int, ...] | None = None,
    *,
    prompt_format: PromptFormatName = "none",
    limits: Limits | None = None,
) -> Container:
    """Create a container by its name in CONTAINER.

    Only its own modules are loaded: a function serves one model.

    Args:
        name: Its name.
        version: Its version, where known.
        prompt_format: The format of a chat's prompt; `container` where the container writes it.
        limits: The model's limits of tokens, where known.
    """
    if name == "vllm":
        from invoke_shim.backends.containers.vllm import VllmContainer  # noqa: PLC0415 - see above

        return VllmContainer()
    from invoke_shim.backends.containers import generated_text  # noqa: PLC0415 - likewise

    limits = limits or Limits()
    dialect = generated_text.TGI if name == "tgi" else generated_text.LMI
    prompts = generated_text.GeneratedTextContainer(dialect, version, limits)
    if prompt_format != "container":
        return prompts
    from invoke_shim.backends.containers.chats import ChatsAndPrompts  # noqa: PLC0415 - likewise
    from invoke_shim.backends.containers.openai_chat import OpenAiChats, dialect_of  # noqa: PLC0415 - likewise

    return ChatsAndPrompts(chats=OpenAiChats(dialect_of(name, version), limits), prompts=prompts)
