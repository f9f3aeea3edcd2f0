"""Model containers behind SageMaker endpoints: what each takes, and how it answers, at once or in a stream."""

from importlib import import_module
from typing import Any

from invoke_shim.backends.containers.base import Container
from invoke_shim.contract import ContainerName


def create_container(name: ContainerName) -> Container:
    """A container by its name in CONTAINER. Only its own module is loaded: a function serves one model."""
    module: Any = import_module(f"{__name__}.{name}")
    container: Container = module.create()
    return container
