"""Parameters of containers and services that no caller may set, each with its reason.

Only what a module of `rules` names is taken at all; these are the known names among the others, which get an answer of
their own in place of similar names.
"""

from collections.abc import Mapping
from types import MappingProxyType

_CODE = "it is code that would run beside the model"
_TEMPLATE = "it is a template, which would run as code beside the model: the model's own writes the prompt"
_SERVER = "it is a setting of the model's server, which belongs to the deployment"

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "chat_template": _TEMPLATE,
        "guided_decoding_backend": _SERVER,
        "guided_whitespace_pattern": _SERVER,
        "kv_transfer_params": _SERVER,
        "logits_processors": _CODE,
        "logits_processor": _CODE,
        "lora_request": _SERVER,
        "media_io_kwargs": _SERVER,
        "mm_processor_kwargs": _SERVER,
        "priority": "it would put one caller's requests before all others'",
        "template": _TEMPLATE,
        "tokenizer": _SERVER,
        "trust_remote_code": _CODE,
        "vllm_xargs": _SERVER,
    }
)
"""Names of vLLM, LMI and TGI."""

CONVERSE: Mapping[str, str] = MappingProxyType(
    {
        "guardrailConfig": (
            "no role here may apply a guardrail (bedrock:ApplyGuardrail), so that Bedrock would refuse the call; send "
            "the question and the answer to Bedrock's ApplyGuardrail yourself, with credentials that may call it"
        ),
        "performanceConfig": "callers do not choose what a request costs; it is answered at the standard latency",
        "serviceTier": "callers do not choose what a request costs; it is answered in the default tier",
    }
)
"""Members of Converse's request."""
