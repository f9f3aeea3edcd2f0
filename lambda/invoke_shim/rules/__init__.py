"""The parameters that each container takes beside a prompt: names, types, ranges, conflicts.

One module a container; each is loaded when it is asked for, because a function serves one model.
"""

from importlib import import_module

from invoke_shim.rules.base import ContainerRules

_HOMES = {
    "TGI": "tgi",
    "TGI_GUIDED": "tgi",
    "LMI": "lmi",
    "VLLM": "vllm",
    "BEDROCK_CHAT": "bedrock",
    "BEDROCK_COMPLETION": "bedrock",
    "BEDROCK_NATIVE": "bedrock",
    "BEDROCK_CONVERSE": "bedrock",
}

TGI_GUIDED_SINCE = (1, 4, 3)
"""The first version of TGI with grammars; from 1.4.1 it knows the frequency penalty."""

TGI: ContainerRules
TGI_GUIDED: ContainerRules
LMI: ContainerRules
VLLM: ContainerRules
BEDROCK_CHAT: ContainerRules
BEDROCK_COMPLETION: ContainerRules
BEDROCK_NATIVE: ContainerRules
BEDROCK_CONVERSE: ContainerRules


def of_container(name: str, version: tuple[int, ...] | None) -> ContainerRules:
    """Return the rules of a SageMaker container.

    Args:
        name: Its name in CONTAINER.
        version: Its version, where known.
    """
    guided = name == "tgi" and version is not None and version >= TGI_GUIDED_SINCE
    return __getattr__("TGI_GUIDED" if guided else name.upper())


def __getattr__(name: str) -> ContainerRules:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    rules: ContainerRules = getattr(import_module(f"{__name__}.{home}"), name)
    return rules
