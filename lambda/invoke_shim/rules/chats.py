"""The rules of chats whose prompt the container writes, by the container and its version.

Sources: as `backends.containers.openai_chat`, whose dialects these are. Parameters that a container's chats would
ignore in silence are not taken.
"""

from types import MappingProxyType

from invoke_shim.rules.base import Rules
from invoke_shim.rules.checks import flag, integer
from invoke_shim.rules.tgi import MAX_STOP, MAX_TOP_N_TOKENS, guided_conflicts

LMI_READS_CHATS_AS_VLLM_SINCE = (14,)
LMI_IS_VLLM_SINCE = (17,)

_BOTH_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})
_BOTH_CHOICES = frozenset({"required", "named"})


def chat_rules(name: str, version: tuple[int, ...]) -> Rules:
    """Return the rules of chats of a container; vLLM has one set of rules for all.

    Args:
        name: Its name in CONTAINER, `tgi` or `lmi`.
        version: Its version.
    """
    return _TGI if name == "tgi" else _lmi(version)


_TGI = Rules(
    fills=True,
    max_stop=MAX_STOP,
    penalties=frozenset({"frequency_penalty"}),
    max_top_logprobs=MAX_TOP_N_TOKENS,
    response_format=True,
    json_object=True,
    tools=True,
    tool_choices=_BOTH_CHOICES,
    images=True,
    streams_usage=True,
    extra=MappingProxyType({"details": flag, "do_sample": flag, "top_n_tokens": integer(0, MAX_TOP_N_TOKENS)}),
    dropped=frozenset({"details"}),
    conflicts=guided_conflicts,
)


def _lmi(version: tuple[int, ...]) -> Rules:
    if version < LMI_READS_CHATS_AS_VLLM_SINCE:
        # `chat_properties.py`: what is not a member of ChatProperties is ignored.
        return Rules(
            fills=True,
            penalties=_BOTH_PENALTIES,
            max_top_logprobs=0,
            extra=MappingProxyType({"details": flag, "do_sample": flag, "ignore_eos": flag}),
            dropped=frozenset({"details"}),
        )
    from invoke_shim.rules.vllm import VLLM  # noqa: PLC0415 - of little use to the others, and not small

    if version >= LMI_IS_VLLM_SINCE:
        return VLLM.rules
    # The rolling batch: one answer, the tokens' own log probabilities, no count in streams (`output_formatter.py`), and
    # no `tool_choice` of "required" (`vllm_chat_utils.py`).
    return VLLM.rules._replace(max_n=1, max_top_logprobs=0, tool_choices=frozenset({"named"}), streams_usage=False)
