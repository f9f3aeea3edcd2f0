"""Containers of models: the requests that each takes, and how it answers, at once or in a stream."""

from invoke_shim.backends.containers.base import Container
from invoke_shim.contract import ContainerName


def create_container(name: ContainerName) -> Container:
    """Create a container by its name in CONTAINER.

    Only its own module is loaded: a function serves one model.
    """
    if name == "vllm":
        from invoke_shim.backends.containers.vllm import VllmContainer  # noqa: PLC0415 - see above

        return VllmContainer()
    from invoke_shim.backends.containers import generated_text  # noqa: PLC0415 - likewise

    return generated_text.GeneratedTextContainer(generated_text.TGI if name == "tgi" else generated_text.LMI)
