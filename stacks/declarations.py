"""The types of declarations: what can be said of a model in an environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

# The prompt formats that the invoke shim knows; `none` is a base model, which completes text but does not chat, and
# `template` one that the declaration brings itself.
PromptFormat = Literal[
    "chatml",
    "falcon-chat",
    "falcon-instruct",
    "mistral-instruct",
    "mistral-instruct-v0.3",
    "mixtral-instruct",
    "llama-3-instruct",
    "llama-3.1-instruct",
    "granite-code",
    "template",
    "none",
]


Body = Literal["chat", "completion", "native", "converse"]
"""What an imported model is asked with: OpenAI's messages, OpenAI's prompt, its architecture's own body, Converse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What every declaration says, wherever the model runs.

    Attributes:
        name: Second part of the stack's name, and the model's name to clients: lower-case letters, digits and
            inner hyphens.
        prompt_format: How the invoke shim turns a chat into a prompt; None where the model's side does it.
        prompt_template: With the prompt format `template`: the template, a `template.json` as it is; None otherwise.
        region: Overrides the environment's region.
        invoke_timeout_seconds: How long the API waits for an answer, and how long one may stream, 5 to 900. API
            Gateway gives up after 5 minutes without a byte; SageMaker's containers have 60 s for an answer that is
            not streamed and 8 minutes for one that is.
    """

    name: str
    prompt_format: PromptFormat | None = None
    prompt_template: str | None = None
    region: str | None = None
    invoke_timeout_seconds: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpStartModel(Model):
    """A model of the JumpStart catalogue, served by an endpoint of its own.

    Attributes:
        model_id: JumpStart's id.
        version: The pinned version; it must be in the catalogue's lock.
        prompt_format: How the invoke shim turns a chat into a prompt.
        instance_type: Such as `ml.g5.2xlarge`; None for the version's default.
        unlisted_instance_type: Why an instance type is right that the version does not list; None where it does.
        instance_count: Instances behind the endpoint; None for the environment's number.
        environment: Container environment variables, laid over the model's own.
        accept_eula: Whether you accept the model's end-user licence agreement, where it has one.
        gather_stream: Whether answers that are not streamed to the client are collected from the container's
            stream, which lifts the 60 s and tells token counts that some containers tell only there.
        download_timeout_seconds: How long an instance may take to read the weights, 60 to 3600; worked out from
            their size if None.
        startup_timeout_seconds: How long the container may take to become healthy, 60 to 3600; worked out from the
            weights' size if None.
    """

    model_id: str
    version: str
    prompt_format: PromptFormat
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
    """How a model is brought into Bedrock (Custom Model Import) and served there, without instances of your own.

    Attributes:
        body: What the model is asked with: `chat` or `converse`, which take a chat's messages and need a chat template
            in the weights, or `completion` or `native`, which take the prompt that `prompt_format` makes. Converse is
            not there for every architecture.
        keep_versions: How many versions stay imported, 1 to 10, the served one among them. Each costs storage by the
            month and counts in the account's quota of imported models, which is 3.
        encrypt: Whether imported models are encrypted with the stack's own key; with AWS's if not.
        in_vpc: Whether import jobs run in the environment's network.
        smoke_prompt: What a new version is asked before it is served; None for a question that any model can answer.
        smoke_expect: A text that the answer must hold, in any case; None where any answer will do.
    """

    body: Body = "chat"
    keep_versions: int = 2
    encrypt: bool = True
    in_vpc: bool = False
    smoke_prompt: str | None = None
    smoke_expect: str | None = None


Method = Literal["instruction", "domain", "chat"]
"""How a model is tuned: on instructions with answers, on plain text of a domain, or on conversations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTunedModel(JumpStartModel):
    """A model of the JumpStart catalogue that is tuned on your data and served by an endpoint, or by Bedrock.

    What `JumpStartModel` says is of the base model (`model_id`, `version`, `accept_eula`) and of how the tuned one is
    served: by the base's container with the tuned weights. With `bedrock` there is no endpoint: the pipeline imports
    what it has trained, and what `JumpStartModel` says of instances and containers has no use.

    Attributes:
        method: How it is tuned. With `instruction` the prompt format is `template`, and `prompt_template` the
            `template.json` of the data; with `domain` the format is `none`.
        hyperparameters: By name, as texts, laid over the recipe's defaults.
        training_instance_type: Such as `ml.g5.12xlarge`.
        training_instance_count: Instances of one training job.
        spot: Whether jobs run on managed spot instances.
        max_runtime_seconds: How long a job may train.
        max_wait_seconds: With `spot`: how long a job may wait and train together; twice as long as it may train if
            None.
        data_prefix: Where the data is, `s3://bucket/prefix/`; None for `training/data/` in the stack's own bucket.
        validation_split: Share of the data that is held back for validation; None leaves it to the recipe.
        validation_prefix: Data for validation, `s3://bucket/prefix/`; None for none.
        start: What starts a training beside a person: `deploy`, `marker` (the object `_READY` is written beside the
            data) and `schedule:` with an expression of EventBridge, such as `schedule:rate(7 days)`.
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
        prefix: What the keys begin with, ending in a slash; empty for the whole bucket.
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
    """Weights of a SageMaker model or of a training job, which is asked for them when they are imported.

    Synthesis asks nobody, so that `bucket` and `prefix` say what may be read: where the weights will be found to be.

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
        weights: Where the weights are.
        bedrock: How they are imported and served.
        revision: Any text; change it to import again what was replaced under the same prefix.
    """

    weights: S3Weights
    bedrock: BedrockImport = BedrockImport()
    revision: str = ""
