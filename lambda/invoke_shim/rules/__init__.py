"""The parameters that each container takes beside a prompt: names, types, ranges, conflicts.

One module a container; each is loaded when it is asked for, because a function serves one model.
"""

from importlib import import_module

from invoke_shim.rules.base import ContainerRules

_HOMES = {
    "TGI": "tgi",
    "TGI_GUIDED": "tgi",
    "TGI_CHATS": "tgi_chats",
    "LMI": "lmi",
    "VLLM": "vllm",
    "BEDROCK_CHAT": "bedrock",
    "BEDROCK_COMPLETION": "bedrock",
    "BEDROCK_NATIVE": "bedrock",
    "BEDROCK_CONVERSE": "bedrock",
}

TGI_GUIDED_SINCE = (1, 4, 3)
"""The first version of TGI with grammars; from 1.4.1 it knows the frequency penalty."""

COUNTS_PROMPTS_SINCE = {"tgi": (2, 3, 0), "lmi": (17,), "vllm": ()}
"""The first versions whose streams tell the number of a prompt's tokens, too.

TGI: `StreamDetails` in `lib.rs`. LMI: `request_response_utils.py`, the asynchronous mode, its default since then.
"""

TGI_CHATS_SINCE = (2, 4, 0)
"""The first version of TGI whose `/invocations` takes payloads of OpenAI's form, too (`contract.CHATS_SINCE`)."""

TGI: ContainerRules
TGI_GUIDED: ContainerRules
TGI_CHATS: ContainerRules
LMI: ContainerRules
VLLM: ContainerRules
BEDROCK_CHAT: ContainerRules
BEDROCK_COMPLETION: ContainerRules
BEDROCK_NATIVE: ContainerRules
BEDROCK_CONVERSE: ContainerRules


def of_container(name: str, version: tuple[int, ...] | None, *, chats: bool = False) -> ContainerRules:
    """Return the rules of a SageMaker container.

    Args:
        name: Its name in CONTAINER.
        version: Its version, where known.
        chats: Whether it writes the prompts of chats.
    """
    known = version or ()
    found = __getattr__("TGI_GUIDED" if name == "tgi" and known >= TGI_GUIDED_SINCE else name.upper())
    since = COUNTS_PROMPTS_SINCE.get(name)
    if since is not None and known >= since and not found.rules.streams_usage:
        found = found._replace(rules=found.rules._replace(streams_usage=True))
    if name == "tgi" and known >= TGI_CHATS_SINCE:
        found = found._replace(payloads=(*found.payloads, *__getattr__("TGI_CHATS").payloads))
    if chats and name != "vllm":
        from invoke_shim.rules.chats import chat_rules  # noqa: PLC0415 - only where a container writes prompts

        return found._replace(chat_rules=chat_rules(name, known))
    return found


def __getattr__(name: str) -> ContainerRules:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    rules: ContainerRules = getattr(import_module(f"{__name__}.{home}"), name)
    return rules
