"""Settings of a container, read from its image and environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from localaws.containers import pace
from localaws.containers.environment import EnvironmentReader
from localaws.containers.models import Model
from localaws.containers.pace import Pace
from localaws.containers.tasks.ids import TASKS, task_of

Family = Literal["tgi", "lmi", "vllm", "other", "stability", "tei"]
Version = tuple[int, int, int]

QUANTIZATIONS: Final = (
    "awq",
    "bitsandbytes",
    "bitsandbytes-fp4",
    "bitsandbytes-nf4",
    "compressed-tensors",
    "eetq",
    "exl2",
    "fp8",
    "gptq",
    "marlin",
)
"""Values of `text-generation-launcher --quantize` (TGI documentation, "Launcher arguments")."""

# The families by the name of their ECR repository (AWS Deep Learning Containers, "Available images").
_REPOSITORIES: Final[Mapping[str, Family]] = {
    "huggingface-pytorch-tgi-inference": "tgi",
    "djl-inference": "lmi",
    "vllm": "vllm",
    "huggingface-pytorch-inference": "other",
    "huggingface-pytorch-inference-neuronx": "other",
    "stabilityai-pytorch-inference": "stability",
    "tei": "tei",
    "tei-cpu": "tei",
}
_VERSION: Final = re.compile(r"-(?:tgi|lmi)(\d+)\.(\d+)\.(\d+)")
_VLLM_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)-")
# Variables that name a model.
_NAMES: Final = ("HF_MODEL_ID", "OPTION_MODEL_ID", "SM_VLLM_MODEL", "SM_VLLM_SERVED_MODEL_NAME")
_TGI_VERSION_UNTOLD: Final = (2, 0, 0)
# `server-sagemaker-cuda-v1` and the like move on: this is taken for the present one.
_VLLM_VERSION_UNTOLD: Final = (0, 22, 0)

# vLLM takes the model's own length where nothing is set: 4096 is Arctic's (its `config.json`).
_MODEL_LENGTH: Final = 4096


class ContainerStartError(ValueError):
    """The container could not start; the text says everything that is wrong, one problem a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSettings:
    """The settings of one container.

    The limits of TGI are the launcher's defaults where the environment is silent (TGI documentation,
    "Launcher arguments": 1024 input tokens, 2048 in total, 128 concurrent requests, four stop sequences,
    best of two, five top tokens).

    Attributes:
        family: The serving stack that is imitated.
        max_input_tokens: The longest prompt, in tokens.
        max_total_tokens: The most tokens of prompt and answer together.
        default_new_tokens: Number of tokens to generate when the request does not say; None: all that fit.
        max_concurrent_requests: Number of requests that are served at a time before one is refused.
        max_stop_sequences: Most stop sequences of a request.
        max_best_of: The largest `best_of`.
        max_top_n_tokens: The largest `top_n_tokens`.
        max_body_bytes: Of TGI, the largest request (`PAYLOAD_LIMIT`, 2 MB).
        version: Of TGI and vLLM their own, of LMI the container's; (0, 0, 0) where the image does not say.
        loaded: What the model's name says of it.
        model_id: Of TGI, the name that answers report (`HF_MODEL_ID`).
        messages_api: Of TGI 1.4 to 2.3, whether `/invocations` takes chats and nothing else (`MESSAGES_API_ENABLED`).
        grammars: Of TGI, whether it takes grammars, and tools with them (`DISABLE_GRAMMAR_SUPPORT`).
        adapters: Of TGI, the adapters that a request may name (`LORA_ADAPTERS`).
        tgi_compatible: Of LMI, whether its answers have TGI's shape (`OPTION_TGI_COMPAT`).
        output_formatter: Of LMI, the shape of its answers where it is set: `json`, `jsonlines` or `sse`.
        is_async: Of LMI, whether vLLM's own server answers instead of the rolling batch.
        model: Of vLLM, the names under which the model is served, the first of them reported in answers.
        max_logprobs: Of vLLM, the most alternatives that it reports for a token.
        auto_tools: Of vLLM, whether it reads calls of tools out of answers (`--enable-auto-tool-choice` with
            `--tool-call-parser`).
        max_images: Of vLLM, the most pictures of a request to a multimodal model (`--limit-mm-per-prompt`).
        reasons: Of vLLM, whether it tells thoughts from answers (`--reasoning-parser`).
        pace: Pace and length of its answers.
        task: Of a model that generates no text, its task.
        max_batch: Of Text Embeddings Inference, the most texts of a request.
    """

    family: Family
    max_input_tokens: int
    max_total_tokens: int
    default_new_tokens: int | None
    max_concurrent_requests: int = 128
    max_stop_sequences: int = 4
    max_best_of: int = 2
    max_top_n_tokens: int = 5
    max_body_bytes: int = 2_000_000
    version: Version = (0, 0, 0)
    loaded: Model = field(default_factory=Model)
    model_id: str = ""
    messages_api: bool = False
    grammars: bool = True
    adapters: tuple[str, ...] = ()
    tgi_compatible: bool = False
    output_formatter: str | None = None
    is_async: bool = False
    model: tuple[str, ...] = ()
    max_logprobs: int = 20
    auto_tools: bool = False
    max_images: int = 999
    reasons: bool = False
    pace: Pace = field(default_factory=Pace)
    task: str = ""
    max_batch: int = 32

    @classmethod
    def of(cls, *, image: str, environment: Mapping[str, str], artifact: str = "") -> ContainerSettings:
        """Read the settings of a container from its image's URI, its environment and the URI of its weights.

        Args:
            image: The image's URI.
            environment: The environment.
            artifact: The URI of the model's weights, for its name.

        Raises:
            ContainerStartError: If the stand-in does not know the image, or the container would not start
                with this environment.
        """
        repository, _, tag = image.rpartition("/")[2].partition("@")[0].partition(":")
        family = _REPOSITORIES.get(repository)
        reader = EnvironmentReader(environment)
        if family is None:
            known = ", ".join(_REPOSITORIES)
            raise ContainerStartError(f"the stand-in container does not know the repository {repository!r}: {known}")
        version = _version(tag)
        match family:
            case "tgi":
                settings = _tgi(version, reader)
            case "lmi":
                settings = _lmi(version, reader)
            case "vllm":
                settings = _vllm(tag, reader)
            case _:
                settings = _other(family, artifact, reader)
        names = " ".join([artifact, *(environment.get(name, "") for name in _NAMES)])
        try:
            settings = replace(settings, loaded=Model(names.lower()), pace=pace.from_environment(environment))
        except ValueError as error:
            reader.problems.append(str(error))
        if reader.problems:
            raise ContainerStartError("\n".join(reader.problems))
        return settings


def _version(tag: str) -> Version:
    found = _VERSION.search(tag)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


def _tgi(version: Version, reader: EnvironmentReader) -> ContainerSettings:
    environment = reader.environment
    version = version if any(version) else _TGI_VERSION_UNTOLD
    if not environment.get("HF_MODEL_ID"):
        reader.problems.append("HF_MODEL_ID must be set: the entry point of the image ends without it")
    reader.choice("HF_MODEL_QUANTIZE", QUANTIZATIONS)
    reader.positive("SM_NUM_GPUS", default=1)

    max_input_tokens = reader.positive("MAX_INPUT_TOKENS", "MAX_INPUT_LENGTH", default=1024)
    max_total_tokens = reader.positive("MAX_TOTAL_TOKENS", default=2048)
    if max_input_tokens >= max_total_tokens:
        reader.problems.append(f"MAX_INPUT_LENGTH={max_input_tokens} must be below MAX_TOTAL_TOKENS={max_total_tokens}")
    prefill = reader.positive("MAX_BATCH_PREFILL_TOKENS", default=max_input_tokens)
    if prefill < max_input_tokens:
        reader.problems.append(
            f"MAX_BATCH_PREFILL_TOKENS={prefill} must be at least MAX_INPUT_LENGTH={max_input_tokens}"
        )
    return ContainerSettings(
        family="tgi",
        max_input_tokens=max_input_tokens,
        max_total_tokens=max_total_tokens,
        default_new_tokens=_tgi_default_new_tokens(version),
        max_concurrent_requests=reader.positive("MAX_CONCURRENT_REQUESTS", default=128),
        max_stop_sequences=reader.positive("MAX_STOP_SEQUENCES", default=4),
        max_best_of=reader.positive("MAX_BEST_OF", default=2),
        max_top_n_tokens=reader.positive("MAX_TOP_N_TOKENS", default=5),
        max_body_bytes=reader.positive("PAYLOAD_LIMIT", default=2_000_000),
        version=version,
        adapters=tuple(filter(None, environment.get("LORA_ADAPTERS", "").split(","))),
        model_id=environment.get("HF_MODEL_ID", ""),
        # TGI's launcher, `MESSAGES_API_ENABLED`: since 1.4.0; from 2.4.0 on every payload is taken and it is ignored.
        messages_api=(1, 4, 0) <= version < (2, 4, 0) and reader.flag("MESSAGES_API_ENABLED"),
        grammars=not reader.flag("DISABLE_GRAMMAR_SUPPORT"),
    )


def _tgi_default_new_tokens(version: Version) -> int | None:
    """Return the default of `max_new_tokens`: 20 up to TGI 1.1.0, 100 up to 2.x, unlimited from 3.0 on."""
    if version <= (1, 1, 0):
        return 20
    return 100 if version < (3, 0, 0) else None


def _lmi(version: Version, reader: EnvironmentReader) -> ContainerSettings:
    max_total_tokens = reader.positive("OPTION_MAX_MODEL_LEN", default=_MODEL_LENGTH)
    return ContainerSettings(
        family="lmi",
        max_input_tokens=max_total_tokens - 1,
        max_total_tokens=max_total_tokens,
        # LMI documentation, "LMI handlers Inference API Schema": max_new_tokens, default 30.
        default_new_tokens=30,
        # LMI documentation, "job_queue_size": 1000 requests wait before one is refused.
        max_concurrent_requests=reader.positive("SERVING_JOB_QUEUE_SIZE", default=1000),
        version=version,
        model=tuple(reader.environment.get("OPTION_SERVED_MODEL_NAME", "lmi").split()),
        auto_tools=reader.flag("OPTION_ENABLE_AUTO_TOOL_CHOICE") and "OPTION_TOOL_CALL_PARSER" in reader.environment,
        reasons="OPTION_REASONING_PARSER" in reader.environment,
        tgi_compatible=reader.flag("OPTION_TGI_COMPAT"),
        output_formatter=reader.choice("OPTION_OUTPUT_FORMATTER", ("json", "jsonlines", "sse")),
        # LMI documentation, "vLLM engine user guide": the default since LMI 17.
        is_async=reader.flag("OPTION_ASYNC_MODE", default=version >= (17, 0, 0)),
    )


def _vllm(tag: str, reader: EnvironmentReader) -> ContainerSettings:
    """Read the settings of AWS's vLLM container (its documentation, "Amazon SageMaker AI Deployment")."""
    if tag.endswith("-ec2") or tag.startswith("server-cuda"):
        reader.problems.append(f"the image's tag {tag!r} is for EC2: SageMaker's have 'sagemaker' in it")
    environment = reader.environment
    auto_tools = "SM_VLLM_ENABLE_AUTO_TOOL_CHOICE" in environment and reader.switch("SM_VLLM_ENABLE_AUTO_TOOL_CHOICE")
    if auto_tools and not environment.get("SM_VLLM_TOOL_CALL_PARSER"):
        # vLLM's own words (`validate_parsed_serve_args`).
        reader.problems.append("--enable-auto-tool-choice requires --tool-call-parser")
    found = _VLLM_VERSION.match(tag)
    reader.positive("SM_VLLM_TENSOR_PARALLEL_SIZE", default=1)
    max_total_tokens = reader.positive("SM_VLLM_MAX_MODEL_LEN", default=_MODEL_LENGTH)
    model = environment.get("SM_VLLM_MODEL") or environment.get("HF_MODEL_ID") or "/opt/ml/model"
    return ContainerSettings(
        family="vllm",
        max_input_tokens=max_total_tokens - 1,
        max_total_tokens=max_total_tokens,
        # vLLM documentation, "OpenAI-compatible server": completions default to 16 tokens, chats to all that fit.
        default_new_tokens=None,
        # vLLM queues requests and refuses none.
        max_concurrent_requests=1_000_000,
        model=tuple(environment.get("SM_VLLM_SERVED_MODEL_NAME", model).split()),
        version=(int(found[1]), int(found[2]), int(found[3])) if found else _VLLM_VERSION_UNTOLD,
        max_logprobs=reader.positive("SM_VLLM_MAX_LOGPROBS", default=20),
        auto_tools=auto_tools,
        reasons=bool(environment.get("SM_VLLM_REASONING_PARSER")),
    )


def _other(family: Family, artifact: str, reader: EnvironmentReader) -> ContainerSettings:
    """Read the settings of a container of a model that generates no text."""
    # Text Embeddings Inference reads off the weights whether they rank; here their name says so.
    named = f"{artifact} {reader.environment.get('HF_MODEL_ID', '')}".lower()
    task = ("rerank" if "rerank" in named else "embedding") if family == "tei" else task_of(artifact)
    if family == "other" and not task:
        reader.problems.append(
            f"the stand-in has no script for the weights {artifact!r}: it has JumpStart's of {', '.join(TASKS)}"
        )
    return ContainerSettings(
        family=family,
        # Those of the small embedding models, which all cut or refuse what is longer.
        max_input_tokens=reader.positive("MAX_INPUT_LENGTH", default=512),
        max_total_tokens=513,
        default_new_tokens=None,
        max_concurrent_requests=reader.positive("MAX_CONCURRENT_REQUESTS", default=512),
        max_body_bytes=reader.positive("PAYLOAD_LIMIT", default=2_000_000),
        max_batch=reader.positive("MAX_CLIENT_BATCH_SIZE", default=32),
        task=task,
    )
