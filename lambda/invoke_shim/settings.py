"""The function's settings: its environment variables (see `contract`), parsed and checked once."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from invoke_shim.contract import (
    BACKENDS,
    BODIES,
    CONTAINERS,
    DEFAULT_GENERATIONS,
    LOG_LEVELS,
    LONGEST_INVOKE_TIMEOUT_SECONDS,
    LONGEST_TEMPLATE,
    MOST_GENERATIONS,
    PROMPT_FORMATS,
    SHORTEST_INVOKE_TIMEOUT_SECONDS,
    SYSTEM_MESSAGES,
    TASK_CONTAINERS,
    TASKS,
    USAGES,
    BackendName,
    BodyName,
    ContainerName,
    PromptFormatName,
    SystemMessages,
    TaskName,
    UsageName,
    Variable,
    chats_problem,
)

TAKE_MESSAGES = frozenset({"vllm", "chat", "converse"})
"""The containers and bodies that take a chat's messages; the model's side writes the prompt."""

CONNECT_TIMEOUT_SECONDS = 1
"""Time to open a connection to the SageMaker runtime; within one region it takes milliseconds."""

START_MARGIN_SECONDS = 2
"""The part of API Gateway's time for a cold start and the shim's own work."""

MAX_READ_TIMEOUT_SECONDS = 70
"""The socket timeout that the InvokeEndpoint documentation advises: the container's 60 s and some more."""


class SettingsError(ValueError):
    """The environment is not usable; the message lists every problem, one per line."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class EnvironmentReader:
    """Reads variables and gathers their problems, so that one error can name them all.

    A variable that is empty counts as not set. A number that is missing or wrong is read as 0.

    Args:
        environment: Usually `os.environ`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def optional(self, name: Variable) -> str | None:
        """Return a variable that may be left out."""
        return self._environment.get(name, "").strip() or None

    def required(self, name: Variable) -> str:
        """Return a variable that must be set."""
        value = self.optional(name)
        if value is None:
            self.problems.append(f"{name} is not set")
        return value or ""

    def refuse(self, name: Variable, reason: str) -> None:
        """Record a problem if a variable without meaning is set."""
        if self.optional(name) is not None:
            self.problems.append(f"{name} is set, but {reason}: it must be left out")

    def choice(self, name: Variable, allowed: tuple[str, ...], default: str = "") -> str:
        """Return one of a few values; without a default it must be set."""
        value = self.optional(name) or default
        if not value:
            self.problems.append(f"{name} is not set, must be one of {', '.join(allowed)}")
        elif value not in allowed:
            self.problems.append(f"{name} is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def flag(self, name: Variable) -> bool:
        """Return the value of a flag, which is false if not set."""
        return self.choice(name, ("true", "false"), default="false") == "true"

    def integer(self, name: Variable, *, lowest: int, highest: int | None = None) -> int:
        """Return a number that must be set, in a range with its ends."""
        text = self.required(name)
        return self._parse(name, text, lowest, highest) if text else 0

    def optional_integer(self, name: Variable, *, lowest: int, highest: int | None = None) -> int | None:
        """Return a number that may be left out, in a range with its ends."""
        text = self.optional(name)
        return self._parse(name, text, lowest, highest) if text else None

    def _parse(self, name: Variable, text: str, lowest: int, highest: int | None) -> int:
        allowed = f"an integer of at least {lowest}" if highest is None else f"an integer from {lowest} to {highest}"
        # isdecimal() accepts digits of other scripts, and int() digits beyond any sensible length.
        if not (text.isascii() and text.isdecimal() and len(text) <= 9):
            self.problems.append(f"{name} is {text!r}, must be {allowed}")
            return 0
        number = int(text)
        if number < lowest or (highest is not None and number > highest):
            self.problems.append(f"{name} is {number}, must be {allowed}")
            return 0
        return number


class Settings(NamedTuple):
    """The function's settings.

    Attributes:
        model_name: The model's name to clients.
        stack_name: The stack's name, for the metrics; None where the function is in none.
        backend: The service that answers.
        container: The protocol of a SageMaker endpoint's container; None with Bedrock.
        container_version: The version of that container's software; None where it is not known.
        endpoint_name: The SageMaker endpoint's name; None with Bedrock or a `target_parameter`.
        body: The form of request that an imported model takes; None with SageMaker.
        model_arn: The imported model's ARN; None with SageMaker or a `target_parameter`.
        target_parameter: The name of the SSM parameter that holds the endpoint's name or the model's ARN.
        pipeline: The ENV/MODEL whose trainings make the versions; None where a deployment makes them.
        task: The model's task.
        prompt_format: The format of a chat's prompt; "none" for a base model, and where only the model's side writes
            it; "container" where the container does.
        prompt_template: The text of the template, with the prompt format "template".
        takes_images: Whether the model sees, as far as the deployment knows; the container must take images, too.
        system_messages: The way of system messages in a format without them.
        max_input_tokens: The most tokens a prompt may have, where known.
        max_total_tokens: The most tokens of prompt and answer together, where known.
        default_max_tokens: The most tokens of an answer whose request has no limit; None for as many as fit.
        invoke_timeout_seconds: The time that API Gateway waits for this function.
        max_generations: The most generations of one request.
        gather_stream: Whether answers that are not streamed are collected from the container's stream.
        has_tokenizer: Whether the model's `tokenizer.json` is packed beside the package.
        usage: Whether token counts that nothing tells are estimated or left out.
        cors_origins: The origins of web pages that may call the API, or `*` alone; empty for none.
        log_prompts: Whether prompts and answers are logged.
        log_level: The lowest level that is logged.
    """

    model_name: str
    invoke_timeout_seconds: int
    stack_name: str | None = None
    backend: BackendName = "sagemaker"
    container: ContainerName | None = None
    container_version: tuple[int, ...] | None = None
    endpoint_name: str | None = None
    body: BodyName | None = None
    model_arn: str | None = None
    target_parameter: str | None = None
    pipeline: str | None = None
    task: TaskName = "text"
    prompt_format: PromptFormatName = "none"
    prompt_template: str | None = None
    takes_images: bool = True
    system_messages: SystemMessages = "merge"
    max_input_tokens: int | None = None
    max_total_tokens: int | None = None
    default_max_tokens: int | None = None
    max_generations: int = DEFAULT_GENERATIONS
    gather_stream: bool = False
    has_tokenizer: bool = False
    usage: UsageName = "estimate"
    cors_origins: tuple[str, ...] = ()
    log_prompts: bool = False
    log_level: str = "INFO"

    @property
    def read_timeout_seconds(self) -> int:
        """The seconds to wait for the model's next byte, so that the shim answers before API Gateway gives up."""
        left = self.invoke_timeout_seconds - CONNECT_TIMEOUT_SECONDS - START_MARGIN_SECONDS
        return min(left, MAX_READ_TIMEOUT_SECONDS)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Parse the environment variables that the construct sets.

        Args:
            environment: Usually `os.environ`.

        Raises:
            SettingsError: A variable is missing, wrong, or of no use beside the others; all problems at once.
        """
        # Every variable is read before anything is raised; values that are wrong are not used.
        reader = EnvironmentReader(environment)
        backend = cast("BackendName", reader.choice("BACKEND", BACKENDS, default="sagemaker"))
        container, body = _read_protocol(reader, backend)
        endpoint_name, model_arn, target_parameter = _read_target(reader, backend)
        task = _read_task(reader, backend, container)
        prompt_format, prompt_template = _read_prompt_format(
            reader, needed=task == "text" and not TAKE_MESSAGES.intersection((container, body))
        )
        container_version = _read_version(reader, backend)
        if prompt_format == "container":
            _check_chats(reader, backend, container, container_version)
        max_input_tokens, max_total_tokens = _read_limits(reader)
        settings = cls(
            model_name=reader.required("MODEL_NAME"),
            stack_name=reader.optional("STACK_NAME"),
            backend=backend,
            container=cast("ContainerName | None", container),
            container_version=container_version,
            endpoint_name=endpoint_name,
            body=cast("BodyName | None", body),
            model_arn=model_arn,
            target_parameter=target_parameter,
            pipeline=_read_pipeline(reader, target_parameter),
            task=task,
            prompt_format=cast("PromptFormatName", prompt_format),
            prompt_template=prompt_template,
            takes_images=reader.choice("IMAGES", ("true", "false"), default="true") == "true",
            system_messages=cast("SystemMessages", reader.choice("SYSTEM_MESSAGES", SYSTEM_MESSAGES, default="merge")),
            invoke_timeout_seconds=reader.integer(
                "INVOKE_TIMEOUT_SECONDS",
                lowest=SHORTEST_INVOKE_TIMEOUT_SECONDS,
                highest=LONGEST_INVOKE_TIMEOUT_SECONDS,
            ),
            max_input_tokens=max_input_tokens,
            max_total_tokens=max_total_tokens,
            default_max_tokens=reader.optional_integer("DEFAULT_MAX_TOKENS", lowest=1),
            max_generations=reader.optional_integer("MAX_GENERATIONS", lowest=1, highest=MOST_GENERATIONS)
            or DEFAULT_GENERATIONS,
            gather_stream=reader.flag("GATHER_STREAM"),
            has_tokenizer=reader.flag("TOKENIZER"),
            usage=cast("UsageName", reader.choice("USAGE", USAGES, default="estimate")),
            cors_origins=tuple((reader.optional("CORS_ORIGINS") or "").replace(",", " ").split()),
            log_prompts=reader.flag("LOG_PROMPTS"),
            log_level=reader.choice("LOG_LEVEL", LOG_LEVELS, default="INFO"),
        )
        if reader.problems:
            raise SettingsError(reader.problems)
        return settings


def _read_protocol(reader: EnvironmentReader, backend: str) -> tuple[str | None, str | None]:
    """Read CONTAINER and BODY, of which a backend has one."""
    if backend == "bedrock":
        reader.refuse("CONTAINER", "BACKEND is bedrock")
        return None, reader.choice("BODY", BODIES)
    reader.refuse("BODY", "BACKEND is sagemaker")
    return reader.choice("CONTAINER", CONTAINERS), None


def _read_task(reader: EnvironmentReader, backend: str, container: str | None) -> TaskName:
    """Read TASK, and check that the container serves it."""
    task = cast("TaskName", reader.choice("TASK", TASKS, default="text"))
    containers = TASK_CONTAINERS.get(task, CONTAINERS)
    if backend == "bedrock" and task != "text":
        reader.problems.append(f"TASK is {task!r}, but BACKEND is bedrock, which serves text only")
    elif container in CONTAINERS and container not in containers:
        reader.problems.append(
            f"CONTAINER is {container!r}, which does not serve TASK {task!r}: allowed are {', '.join(containers)}"
        )
    return task


def _read_version(reader: EnvironmentReader, backend: str) -> tuple[int, ...] | None:
    if backend == "bedrock":
        reader.refuse("CONTAINER_VERSION", "BACKEND is bedrock")
        return None
    text = reader.optional("CONTAINER_VERSION")
    if text is None:
        return None
    parts = text.split(".")
    if not all(part.isascii() and part.isdecimal() and len(part) <= 9 for part in parts):
        reader.problems.append(f"CONTAINER_VERSION is {text!r}, must be numbers with dots, such as 2.0.1")
        return None
    return tuple(int(part) for part in parts)


def _read_target(reader: EnvironmentReader, backend: str) -> tuple[str | None, str | None, str | None]:
    """Read ENDPOINT_NAME, MODEL_ARN and TARGET_PARAMETER, of which one is set."""
    own: Variable = "MODEL_ARN" if backend == "bedrock" else "ENDPOINT_NAME"
    others: Variable = "ENDPOINT_NAME" if backend == "bedrock" else "MODEL_ARN"
    reader.refuse(others, f"BACKEND is {backend}")
    target, parameter = reader.optional(own), reader.optional("TARGET_PARAMETER")
    if target is None and parameter is None:
        reader.problems.append(f"{own} is not set, nor is TARGET_PARAMETER: one of them must be")
    elif target is not None and parameter is not None:
        reader.problems.append(f"{own} and TARGET_PARAMETER are both set: one of them must be left out")
    return (None, target, parameter) if backend == "bedrock" else (target, None, parameter)


def _read_pipeline(reader: EnvironmentReader, target_parameter: str | None) -> str | None:
    if target_parameter is None:
        reader.refuse("PIPELINE", "TARGET_PARAMETER is not set")
        return None
    return reader.optional("PIPELINE")


def _read_prompt_format(reader: EnvironmentReader, *, needed: bool) -> tuple[str, str | None]:
    name = reader.choice("PROMPT_FORMAT", PROMPT_FORMATS, default="" if needed else "none")
    if name != "template":
        reader.refuse("PROMPT_TEMPLATE", f"PROMPT_FORMAT is {name or 'not set'}")
        return name, None
    template = reader.required("PROMPT_TEMPLATE")
    if len(template) > LONGEST_TEMPLATE:
        reader.problems.append(
            f"PROMPT_TEMPLATE has {len(template)} characters, must be at most {LONGEST_TEMPLATE}, "
            "Lambda's limit of environment variables being 4 KB"
        )
    elif template:
        reader.problems += _template_problems(template)
    return name, template


def _check_chats(
    reader: EnvironmentReader, backend: str, container: str | None, version: tuple[int, ...] | None
) -> None:
    """Record a problem if the container cannot write the prompts of chats."""
    if backend == "bedrock":
        reader.problems.append("PROMPT_FORMAT is container, but BACKEND is bedrock: BODY tells who writes prompts")
    elif container in CONTAINERS and (problem := chats_problem(container, version)) is not None:
        reader.problems.append(f"PROMPT_FORMAT is container, but {problem}")


def _template_problems(template: str) -> list[str]:
    # Only where there is a template: its parser is no part of the other functions' start.
    from invoke_shim.formats.template import TemplateError, TemplateFormat  # noqa: PLC0415 - see above

    try:
        TemplateFormat.parse(template)
    except TemplateError as error:
        return [f"PROMPT_TEMPLATE: {problem}" for problem in error.problems]
    return []


def _read_limits(reader: EnvironmentReader) -> tuple[int | None, int | None]:
    max_input_tokens = reader.optional_integer("MAX_INPUT_TOKENS", lowest=1)
    max_total_tokens = reader.optional_integer("MAX_TOTAL_TOKENS", lowest=2)
    if max_input_tokens and max_total_tokens and max_input_tokens >= max_total_tokens:
        reader.problems.append(
            f"MAX_INPUT_TOKENS is {max_input_tokens}, must be less than MAX_TOTAL_TOKENS ({max_total_tokens})"
        )
    return max_input_tokens, max_total_tokens
