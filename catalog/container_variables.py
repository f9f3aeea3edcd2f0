"""Names of the environment variables that the serving containers document.

Sources: TGI documentation, "Launcher arguments", where each argument names its variable, and the SageMaker entry point
of TGI's image (`HF_MODEL_ID`, `SM_NUM_GPUS` and the like); LMI documentation, "Container and Model Configurations" and
the "vLLM Engine User Guide", whose keys `option.x` are the variables `OPTION_X`; vLLM documentation, "Engine
Arguments", which LMI takes as `OPTION_X` and AWS's vLLM image as `SM_VLLM_X`. As of November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, Literal

# Similarity of names of some 20 characters that differ in two; shorter ones than this are similar by chance.
_TYPING_ERROR = 0.9
_SHORTEST = 8

Family = Literal["tgi", "lmi", "vllm"]

SOFTWARE: Final[Mapping[Family, str]] = {"tgi": "TGI", "lmi": "LMI", "vllm": "vLLM"}
"""The containers' names for people."""

_HUB = (
    *("HF_MODEL_ID", "HF_TASK", "HF_TOKEN", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_ENABLE_HF_TRANSFER", "HF_HUB_OFFLINE"),
    *("HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE", "TRANSFORMERS_OFFLINE"),
    *("CUDA_VISIBLE_DEVICES", "SAGEMAKER_ENV", "SAGEMAKER_PROGRAM", "SAGEMAKER_MODEL_SERVER_WORKERS"),
    *("SAGEMAKER_CONTAINER_LOG_LEVEL", "SAGEMAKER_REGION", "ENDPOINT_SERVER_TIMEOUT", "MODEL_CACHE_ROOT"),
    # Names that anything in a container may read.
    *("API_KEY", "HOSTNAME", "LOG_FORMAT", "LOG_LEVEL", "MASTER_ADDR", "MASTER_PORT", "PORT"),
)
_TGI = (
    *("MODEL_ID", "REVISION", "VALIDATION_WORKERS", "SHARDED", "NUM_SHARD", "QUANTIZE", "SPECULATE", "DTYPE"),
    *("KV_CACHE_DTYPE", "TRUST_REMOTE_CODE", "MAX_CONCURRENT_REQUESTS", "MAX_BEST_OF", "MAX_STOP_SEQUENCES"),
    *("MAX_TOP_N_TOKENS", "MAX_INPUT_TOKENS", "MAX_INPUT_LENGTH", "MAX_TOTAL_TOKENS", "WAITING_SERVED_RATIO"),
    *("MAX_BATCH_PREFILL_TOKENS", "MAX_BATCH_TOTAL_TOKENS", "MAX_WAITING_TOKENS", "MAX_BATCH_SIZE", "CUDA_GRAPHS"),
    *("PROMETHEUS_PORT", "SHARD_UDS_PATH", "WEIGHTS_CACHE_OVERRIDE"),
    *("DISABLE_CUSTOM_KERNELS", "CUDA_MEMORY_FRACTION", "ROPE_SCALING", "ROPE_FACTOR", "JSON_OUTPUT"),
    *("OTLP_ENDPOINT", "OTLP_SERVICE_NAME", "CORS_ALLOW_ORIGIN", "WATERMARK_GAMMA", "WATERMARK_DELTA"),
    *("TOKENIZER_CONFIG_PATH", "DISABLE_GRAMMAR_SUPPORT", "MAX_CLIENT_BATCH_SIZE", "LORA_ADAPTERS", "USAGE_STATS"),
    *("PAYLOAD_LIMIT", "ENABLE_PREFILL_LOGPROBS", "GRACEFUL_TERMINATION_TIMEOUT", "MESSAGES_API_ENABLED"),
    *("ATTENTION", "PREFIX_CACHING", "PREFILL_CHUNKING"),
    *("HF_MODEL_REVISION", "HF_MODEL_QUANTIZE", "HF_MODEL_TRUST_REMOTE_CODE", "SM_NUM_GPUS"),
)
# Arguments of vLLM's engine, which LMI takes as OPTION_ and AWS's vLLM image as SM_VLLM_.
_ENGINE = (
    *("MODEL", "TOKENIZER", "TOKENIZER_MODE", "REVISION", "TRUST_REMOTE_CODE", "LOAD_FORMAT", "DTYPE", "QUANTIZATION"),
    *(
        "MAX_MODEL_LEN",
        "KV_CACHE_DTYPE",
        "GPU_MEMORY_UTILIZATION",
        "BLOCK_SIZE",
        "SEED",
        "SWAP_SPACE",
        "CPU_OFFLOAD_GB",
    ),
    *("MAX_NUM_SEQS", "MAX_NUM_BATCHED_TOKENS", "MAX_LOGPROBS", "ENFORCE_EAGER", "ENABLE_PREFIX_CACHING"),
    *("ENABLE_CHUNKED_PREFILL", "TENSOR_PARALLEL_SIZE", "PIPELINE_PARALLEL_SIZE", "SERVED_MODEL_NAME", "HF_OVERRIDES"),
    *("ENABLE_LORA", "MAX_LORAS", "MAX_LORA_RANK", "MAX_CPU_LORAS", "LORA_EXTRA_VOCAB_SIZE", "FULLY_SHARDED_LORAS"),
    *("SPECULATIVE_MODEL", "NUM_SPECULATIVE_TOKENS", "SPECULATIVE_CONFIG", "LIMIT_MM_PER_PROMPT", "CHAT_TEMPLATE"),
    *("ENABLE_AUTO_TOOL_CHOICE", "TOOL_CALL_PARSER", "REASONING_PARSER", "TASK", "DISABLE_LOG_REQUESTS"),
)
_LMI_OPTIONS = (
    *("ENTRYPOINT", "MODEL_ID", "ROLLING_BATCH", "MAX_ROLLING_BATCH_SIZE", "MAX_ROLLING_BATCH_PREFILL_TOKENS"),
    *("TENSOR_PARALLEL_DEGREE", "PIPELINE_PARALLEL_DEGREE", "PARALLEL_LOADING", "MODEL_LOADING_TIMEOUT"),
    *("PREDICT_TIMEOUT", "OUTPUT_FORMATTER", "TGI_COMPAT", "ASYNC_MODE", "MPI_MODE", "QUANTIZE", "DEVICE_MAP"),
    *("LOW_CPU_MEM_USAGE", "ENABLE_STREAMING", "SPECULATIVE_DRAFT_MODEL", "CPU_OFFLOAD_GB_PER_GPU"),
    *("PAGED_ATTENTION", "MAX_INPUT_LEN", "MAX_OUTPUT_LEN", "MAX_BATCH_SIZE", "ENGINE"),
)
_LMI = (
    *("HF_REVISION", "HF_MODEL_TRUST_REMOTE_CODE", "TENSOR_PARALLEL_DEGREE", "JOB_QUEUE_SIZE"),
    *("SERVING_LOAD_MODELS", "SERVING_JOB_QUEUE_SIZE", "SERVING_MIN_WORKERS", "SERVING_MAX_WORKERS"),
    *("SERVING_BATCH_SIZE", "SERVING_MAX_BATCH_DELAY", "SERVING_MAX_IDLE_TIME", "SERVING_RETRY_THRESHOLD"),
)
KNOWN: Final[Mapping[Family, frozenset[str]]] = {
    "tgi": frozenset({*_HUB, *_TGI}),
    "lmi": frozenset({*_HUB, *_LMI, *(f"OPTION_{name}" for name in (*_LMI_OPTIONS, *_ENGINE))}),
    "vllm": frozenset({*_HUB, *(f"SM_VLLM_{name}" for name in (*_ENGINE, "HOST", "PORT"))}),
}
"""The documented names, by container."""

_PREFIXES: Final[Mapping[str, Family]] = {"OPTION_": "lmi", "SERVING_": "lmi", "SM_VLLM_": "vllm"}
_CONTEXT: Final[Mapping[Family, str]] = {
    "tgi": "MAX_TOTAL_TOKENS",
    "lmi": "OPTION_MAX_MODEL_LEN",
    "vllm": "SM_VLLM_MAX_MODEL_LEN",
}
# One setting under the names of each container; the first of a container is the one to take.
_SAME: Final[tuple[Mapping[Family, tuple[str, ...]], ...]] = (
    {
        "tgi": ("MAX_TOTAL_TOKENS", "MAX_INPUT_LENGTH", "MAX_INPUT_TOKENS"),
        "lmi": ("OPTION_MAX_MODEL_LEN",),
        "vllm": ("SM_VLLM_MAX_MODEL_LEN",),
    },
    {
        "tgi": ("MAX_CONCURRENT_REQUESTS", "MAX_BATCH_SIZE"),
        "lmi": ("OPTION_MAX_ROLLING_BATCH_SIZE", "OPTION_MAX_NUM_SEQS"),
        "vllm": ("SM_VLLM_MAX_NUM_SEQS",),
    },
    {
        "tgi": ("MAX_BATCH_PREFILL_TOKENS",),
        "lmi": ("OPTION_MAX_ROLLING_BATCH_PREFILL_TOKENS", "OPTION_MAX_NUM_BATCHED_TOKENS"),
        "vllm": ("SM_VLLM_MAX_NUM_BATCHED_TOKENS",),
    },
    {
        "tgi": ("SM_NUM_GPUS", "NUM_SHARD"),
        "lmi": ("OPTION_TENSOR_PARALLEL_DEGREE", "TENSOR_PARALLEL_DEGREE", "OPTION_TENSOR_PARALLEL_SIZE"),
        "vllm": ("SM_VLLM_TENSOR_PARALLEL_SIZE",),
    },
    {
        "tgi": ("CUDA_MEMORY_FRACTION",),
        "lmi": ("OPTION_GPU_MEMORY_UTILIZATION",),
        "vllm": ("SM_VLLM_GPU_MEMORY_UTILIZATION",),
    },
    {
        "tgi": ("HF_MODEL_QUANTIZE", "QUANTIZE"),
        "lmi": ("OPTION_QUANTIZE", "OPTION_QUANTIZATION"),
        "vllm": ("SM_VLLM_QUANTIZATION",),
    },
    {"tgi": ("DTYPE",), "lmi": ("OPTION_DTYPE",), "vllm": ("SM_VLLM_DTYPE",)},
    {"tgi": ("KV_CACHE_DTYPE",), "lmi": ("OPTION_KV_CACHE_DTYPE",), "vllm": ("SM_VLLM_KV_CACHE_DTYPE",)},
)


def context_variable(family: Family) -> str:
    """Return the variable that limits the tokens of a prompt and its answer together."""
    return _CONTEXT[family]


def owner(name: str, family: Family) -> Family | None:
    """Return the other container that a variable is for; None for this one's own, and for unknown ones."""
    if name in KNOWN[family] or any(name.startswith(prefix) for prefix, one in _PREFIXES.items() if one == family):
        return None
    by_prefix = (one for prefix, one in _PREFIXES.items() if name.startswith(prefix))
    return next((one for one in (*by_prefix, *(one for one, known in KNOWN.items() if name in known))), None)


def equivalent(name: str, family: Family) -> str:
    """Return the name that a container has for a setting of another; empty where there is none."""
    return next((same[family][0] for same in _SAME if any(name in names for names in same.values())), "")


def misspelt(name: str, family: Family) -> str:
    """Return the variable that an unknown one was most likely meant as; empty where none is close.

    Where another container's is close, it is this container's name for the same setting.
    """
    if any(name in known for known in KNOWN.values()):
        return ""
    if near := _near(name, KNOWN[family]):
        return near
    others = (_near(name, known) for one, known in KNOWN.items() if one != family)
    return next((same for other in others if other and (same := equivalent(other, family))), "")


def _near(name: str, known: frozenset[str]) -> str:
    if len(name) < _SHORTEST:
        return ""
    return next(iter(get_close_matches(name.upper(), sorted(known), n=1, cutoff=_TYPING_ERROR)), "")
