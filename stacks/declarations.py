"""Types of the declarations of models, of each kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

# The prompt formats that the invoke shim knows; `none` is a base model, which completes text but does not chat,
# `template` one that the declaration brings itself, and with `container` the container writes the prompt. An
# `-announced` one is to the letter of AWS's announcement of the model, where the usual one differs on purpose
# (docs/prompts.md).
PromptFormat = Literal[
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


SystemMessages = Literal["merge", "refuse"]
"""Way of system messages in a prompt format without them: into the user's next message, or refused."""

Usage = Literal["estimate", "omit"]
"""Token counts of an answer that neither container nor tokenizer tells: estimated and marked so, or left out."""

Body = Literal["chat", "completion", "native", "converse"]
"""Request body of an imported model: OpenAI's messages, OpenAI's prompt, its architecture's own, or Converse's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Fields of every declaration, whatever serves the model.

    Attributes:
        name: Second part of the stack's name, and the model's name to clients: lower-case letters, digits and
            inner hyphens.
        prompt_format: Format in which the invoke shim writes a chat's prompt; None where the model's side does it.
        prompt_template: With the prompt format `template`: the template, a `template.json` as it is; None otherwise.
        system_messages: Way of system messages in a prompt format without them.
        max_tokens: Most tokens of an answer whose request names no limit; None for as many as fit.
        tokenizer: Path of the model's `tokenizer.json` below the repository's root, to count tokens where the model's
            side does not tell them; None for none. It is packed into the model's own function.
        usage: Token counts that nobody tells.
        region: Overrides the environment's region.
        invoke_timeout_seconds: Time limit of an answer, streamed or not, 5 to 900. API Gateway gives up after 5
            minutes without a byte; SageMaker's containers have 60 s for an answer that is not streamed and 8 minutes
            for one that is.
    """

    name: str
    prompt_format: PromptFormat | None = None
    prompt_template: str | None = None
    system_messages: SystemMessages = "merge"
    max_tokens: int | None = None
    tokenizer: str | None = None
    usage: Usage = "estimate"
    region: str | None = None
    invoke_timeout_seconds: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpStartModel(Model):
    """A model of the JumpStart catalogue, served by an endpoint of its own.

    Attributes:
        model_id: JumpStart's id.
        version: The pinned version; it must be in the catalogue's lock.
        prompt_format: Format in which the invoke shim writes a chat's prompt; None for the container's own where it
            has a route for chats, and otherwise for `none`.
        instance_type: Such as `ml.g5.2xlarge`; None for the version's default.
        unlisted_instance_type: Reason for an instance type that the version does not list; None for a listed one.
        instance_count: Instances behind the endpoint; None for the environment's number.
        environment: Environment variables of the container, laid over the model's own.
        accept_eula: Whether you accept the model's end-user licence agreement, where it has one.
        gather_stream: Whether answers that are not streamed to the client are collected from the container's
            stream, which lifts the 60 s and gives token counts that some containers report only there.
        download_timeout_seconds: Time limit for an instance to read the weights, 60 to 3600; computed from their
            size if None.
        startup_timeout_seconds: Time limit for the container to become healthy, 60 to 3600; computed from the
            weights' size if None.
    """

    model_id: str
    version: str
    instance_type: str | None = None
    unlisted_instance_type: str | None = None
    instance_count: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    accept_eula: bool = False
    gather_stream: bool = False
    download_timeout_seconds: int | None = None
    startup_timeout_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockImport:
    """Import of a model into Bedrock (Custom Model Import), which serves it without instances of your own.

    Attributes:
        body: Form of requests to the model: `chat` or `converse`, which take a chat's messages and need a chat
            template in the weights, or `completion` or `native`, which take the prompt that `prompt_format` makes.
            Prefer `chat` to `converse`, which does not work with every model: an import finds out only after it has
            ended, and fails then.
        keep_versions: Number of versions that stay imported, 1 to 10, the served one among them. Each costs storage
            by the month and counts in the account's quota of imported models, which is 3.
        encrypt: Whether imported models are encrypted with the stack's own key; with AWS's if not.
        in_vpc: Whether import jobs run in the environment's network.
        smoke_prompt: Prompt that tests a new version before it is served; None for one that any model can answer.
        smoke_expect: Text that the answer must contain, in any case; None where any answer will do.
    """

    body: Body = "chat"
    keep_versions: int = 2
    encrypt: bool = True
    in_vpc: bool = False
    smoke_prompt: str | None = None
    smoke_expect: str | None = None


Method = Literal["instruction", "domain", "chat"]
"""Data that a model is tuned on: instructions with answers, plain text of a domain, or conversations."""


OWN_DATA = "training/data/"
"""Prefix of the training data in a fine-tuned model's own bucket."""
OWN_VALIDATION = "training/validation/"
"""Prefix of the validation data there, where `validation_prefix` says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTunedModel(JumpStartModel):
    """A model of the JumpStart catalogue that is tuned on your data and served by an endpoint, or by Bedrock.

    The fields of `JumpStartModel` are those of the base model (`model_id`, `version`, `accept_eula`) and of the
    endpoint, which serves the tuned weights with the base's container. With `bedrock` there is no endpoint: the
    pipeline imports the weights that it has trained, and fields of instances and containers have no use.

    Attributes:
        method: Data that it is tuned on. With `instruction` the prompt format is `template`, and `prompt_template`
            the `template.json` of the data; with `domain` the format is `none`.
        hyperparameters: Values by name, as texts, laid over the recipe's defaults.
        training_instance_type: Such as `ml.g5.12xlarge`.
        training_instance_count: Instances of one training job.
        spot: Whether jobs run on managed spot instances.
        max_runtime_seconds: Time limit of a job's training.
        max_wait_seconds: With `spot`: time limit of a job's waiting and training together; twice
            `max_runtime_seconds` if None.
        data_prefix: Location of the data, `s3://bucket/prefix/`; None for `training/data/` in the stack's own bucket.
        validation_split: Share of the data that is held back for validation; None leaves it to the recipe.
        validation_prefix: Location of data for validation, `s3://bucket/prefix/`, or `training/validation/` for that
            prefix in the stack's own bucket (`OWN_VALIDATION`); None for none.
        start: Events that start a training: `deploy`, `marker` (the object `_READY` is written beside the data) and
            `schedule:` with an expression of EventBridge, such as `schedule:rate(7 days)`.
        bedrock: Import into Bedrock; None where an endpoint serves the model.
    """

    method: Method
    training_instance_type: str
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    training_instance_count: int = 1
    spot: bool = False
    max_runtime_seconds: int = 86_400
    max_wait_seconds: int | None = None
    data_prefix: str | None = None
    validation_split: float | None = None
    validation_prefix: str | None = None
    start: Sequence[str] = ()
    bedrock: BedrockImport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Weights:
    """Weights that lie below an S3 prefix, unpacked, in the model's region.

    Attributes:
        bucket: The bucket's name; `{account}` and `{region}` stand for the stack's own.
        prefix: Prefix of the keys, ending in a slash; empty for the whole bucket.
        account: The bucket's owner, 12 digits; None for the stack's own account. Another owner's bucket policy, and
            the policy of its key, must allow the stack's import role, too.
        key_arn: The KMS key of the objects; None where S3's own key encrypts them.
    """

    bucket: str
    prefix: str = ""
    account: str | None = None
    key_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SageMakerWeights(S3Weights):
    """Weights of a SageMaker model or of a training job, whose location is read from SageMaker at the import.

    Synthesis reads nothing from AWS, so that `bucket` and `prefix` declare the location that may be read.

    Attributes:
        model_name: The SageMaker model's name; None for a training job.
        training_job: The training job's name; None for a SageMaker model.
    """

    model_name: str | None = None
    training_job: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedModel(Model):
    """A model whose weights exist, imported into Bedrock by the deployment.

    A model that is tuned first, by this app, is a `FineTunedModel` with `bedrock`.

    Attributes:
        weights: Location of the weights.
        bedrock: Settings of the import.
        revision: Any text; change it to import again what was replaced under the same prefix.
    """

    weights: S3Weights
    bedrock: BedrockImport = BedrockImport()
    revision: str = ""
