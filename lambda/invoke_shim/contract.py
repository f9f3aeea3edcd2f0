"""The contract between the function and its deployment: entry points, environment variables, metrics.

Standard library only, and nothing else of the package: a construct can import it without the function's own imports.
The names of variables and their values are literal types, so that the type checker finds a misspelt one.

| variable | value |
|---|---|
| `MODEL_NAME` | the model's name to clients |
| `STACK_NAME` | the stack, a dimension of the metrics; without it they have no such dimension |
| `BACKEND` | `sagemaker` (if not set) or `bedrock` |
| `CONTAINER` | with `sagemaker`: the protocol of the endpoint's container, see `TASK_CONTAINERS` |
| `CONTAINER_VERSION` | with `sagemaker`: the container's version, where known; TGI's newer ones take more parameters |
| `ENDPOINT_NAME` | with `sagemaker`: the endpoint |
| `BODY` | with `bedrock`: the imported model's form of request, `chat`, `completion`, `native` or `converse` |
| `MODEL_ARN` | with `bedrock`: the imported model |
| `TARGET_PARAMETER` | instead of the endpoint or the imported model: the SSM parameter that names it |
| `PIPELINE` | with `TARGET_PARAMETER`: the ENV/MODEL whose trainings make the versions, if any do |
| `TASK` | the model's task, which decides the routes that serve it; `text` if not set |
| `PROMPT_FORMAT` | how a chat becomes a prompt: `none` for a base model, `container` if that writes it |
| `PROMPT_TEMPLATE` | with the prompt format `template`: the template, a `template.json` as it is |
| `IMAGES` | `false`: the model sees no images, whatever its container takes; `true` if not set |
| `SYSTEM_MESSAGES` | system messages in a format without them: `merge` (if not set) into the user's, or `refuse` |
| `INVOKE_TIMEOUT_SECONDS` | the time that API Gateway waits for the function, 5 to 900 |
| `MAX_INPUT_TOKENS`, `MAX_TOTAL_TOKENS` | the container's limits, where known |
| `DEFAULT_MAX_TOKENS` | the most tokens of an answer whose request has no limit; if not set, as many as fit |
| `MAX_GENERATIONS` | the most generations of one request, 1 to 128, 4 if not set |
| `GATHER_STREAM` | `true`: answers that are not streamed are collected from the container's stream |
| `TOKENIZER` | `true`: the model's `tokenizer.json` is packed beside the package, to count tokens |
| `USAGE` | token counts that nothing tells: an `estimate` (if not set), or `omit` |
| `CORS_ORIGINS` | the web pages' origins that may call the API, separated by commas, or `*`; none if not set |
| `LOG_PROMPTS` | `true`: prompts and answers are logged |
| `LOG_LEVEL` | the lowest level that is logged, `INFO` if not set |

A variable that is empty counts as not set.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

PACKAGE = "invoke_shim"
"""The package's folder in the function's asset."""

HANDLER = "invoke_shim.handler.handle"
"""The function's handler."""

WRAPPER_VARIABLE = "AWS_LAMBDA_EXEC_WRAPPER"
WRAPPER = "/var/task/invoke_shim/bootstrap"
"""The program that Lambda starts in place of its own runtime (Lambda documentation, "Modifying the runtime
environment"): the value of `WRAPPER_VARIABLE`."""

Variable = Literal[
    "MODEL_NAME",
    "STACK_NAME",
    "BACKEND",
    "CONTAINER",
    "CONTAINER_VERSION",
    "ENDPOINT_NAME",
    "BODY",
    "MODEL_ARN",
    "TARGET_PARAMETER",
    "PIPELINE",
    "TASK",
    "PROMPT_FORMAT",
    "PROMPT_TEMPLATE",
    "IMAGES",
    "SYSTEM_MESSAGES",
    "INVOKE_TIMEOUT_SECONDS",
    "MAX_INPUT_TOKENS",
    "MAX_TOTAL_TOKENS",
    "DEFAULT_MAX_TOKENS",
    "MAX_GENERATIONS",
    "GATHER_STREAM",
    "TOKENIZER",
    "USAGE",
    "CORS_ORIGINS",
    "LOG_PROMPTS",
    "LOG_LEVEL",
]
BackendName = Literal["sagemaker", "bedrock"]
ContainerName = Literal["tgi", "lmi", "vllm", "tei", "stability", "other"]
TaskName = Literal["text", "embedding", "image", "transcription", "rerank", "native"]
SystemMessages = Literal["merge", "refuse"]
UsageName = Literal["estimate", "omit"]
BodyName = Literal["chat", "completion", "native", "converse"]
PromptFormatName = Literal[
    "chatml",
    "chatml-announced",
    "falcon-chat",
    "falcon-chat-announced",
    "falcon-instruct",
    "mistral-instruct",
    "mistral-instruct-announced",
    "mistral-instruct-v0.3",
    "mixtral-instruct",
    "llama-3-instruct",
    "llama-3.1-instruct",
    "granite-code",
    "template",
    "container",
    "none",
]

VARIABLES: tuple[Variable, ...] = get_args(Variable)
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
CONTAINERS: tuple[ContainerName, ...] = get_args(ContainerName)
TASKS: tuple[TaskName, ...] = get_args(TaskName)
SYSTEM_MESSAGES: tuple[SystemMessages, ...] = get_args(SystemMessages)
USAGES: tuple[UsageName, ...] = get_args(UsageName)
BODIES: tuple[BodyName, ...] = get_args(BodyName)
PROMPT_FORMATS: tuple[PromptFormatName, ...] = get_args(PromptFormatName)
TASK_CONTAINERS: Mapping[TaskName, tuple[ContainerName, ...]] = MappingProxyType(
    {
        "text": ("tgi", "lmi", "vllm"),
        "embedding": ("other", "tei", "lmi", "vllm"),
        "image": ("other", "stability"),
        "transcription": ("other",),
        "rerank": ("tei", "vllm"),
        "native": CONTAINERS,
    }
)
"""The containers that serve each task: `other` is JumpStart's own inference script in a container of Hugging Face's,
`tei` Text Embeddings Inference, `stability` the container of Stability AI. A `native` model's payloads are passed on
unread."""

LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Lambda's levels of its JSON log format (Lambda documentation, "Log-level filtering"), the lowest first."""

SHORTEST_INVOKE_TIMEOUT_SECONDS = 5
LONGEST_INVOKE_TIMEOUT_SECONDS = 900
"""API Gateway's longest integration timeout with response streaming, and Lambda's longest."""

DEFAULT_GENERATIONS = 4
"""The most generations of one request where MAX_GENERATIONS is not set: throttles and quotas count requests."""

MOST_GENERATIONS = 128
"""The most that MAX_GENERATIONS may be: OpenAI's limit of `n`."""

LONGEST_TEMPLATE = 3000
"""Characters of PROMPT_TEMPLATE: Lambda takes 4 KB of environment variables in all."""

CHATS_SINCE: Mapping[str, tuple[int, ...]] = MappingProxyType({"tgi": (2, 4, 0), "lmi": (11,), "vllm": ()})
"""The first versions of the containers whose `/invocations` takes messages, and writes the prompt of a chat.

TGI: `router/src/sagemaker.rs`; before 2.4.0 that route takes either prompts or chats, by a variable of the container.
LMI 10 (djl-serving 0.28) takes messages, too, but leaves the beginning of the answer's turn out of the prompt
(`djl_python/chat_completions/chat_utils.py`).
"""

NO_TARGET = "none"
"""The value of the target's SSM parameter while no version is served; a parameter cannot be empty."""

TARGET_REMOVED = "removed"
"""The value that is written on purpose when the served version is deleted: no earlier one may be served."""

METRICS_NAMESPACE = "JumpStack/Invoke"
MODEL_DIMENSION = "ModelName"
"""A dimension of the metrics; its value is MODEL_NAME, which several environments may share."""
STACK_DIMENSION = "StackName"
"""The other dimension; its value is STACK_NAME, of which an account and region have one."""


def chats_problem(container: str, version: tuple[int, ...] | None) -> str | None:
    """Return the reason why a container cannot write the prompts of chats; None where it can.

    Args:
        container: Its name.
        version: The version of its software, where known.
    """
    since = CHATS_SINCE.get(container)
    if since is None:
        return f"a container of the kind {container!r} writes no prompts: allowed are {', '.join(CHATS_SINCE)}"
    least = ".".join(map(str, since))
    if since and version is None:
        return f"{container} writes the prompts of chats from version {least}, and its version is not known"
    if version is not None and version < since:
        told = ".".join(map(str, version))
        return f"{container} {told} takes prompts, not chats: it writes their prompts from version {least}"
    return None
