"""What each environment runs: one typed declaration a model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stacks.environments import DEV, PROD, STAGING, Environment

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


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpStartModel:
    """A model of the JumpStart catalogue, served by an endpoint of its own.

    Attributes:
        name: Second part of the stack's name, and the model's name to clients: lower-case letters, digits and
            inner hyphens.
        model_id: JumpStart's id.
        version: The pinned version; it must be in the catalogue's lock.
        prompt_format: How the invoke shim turns a chat into a prompt.
        prompt_template: With the prompt format `template`: the template, a `template.json` as it is; None otherwise.
        instance_type: Such as `ml.g5.2xlarge`; None for the version's default.
        unlisted_instance_type: Why an instance type is right that the version does not list; None where it does.
        instance_count: Instances behind the endpoint; None for the environment's number.
        region: Overrides the environment's region.
        environment: Container environment variables, laid over the model's own.
        accept_eula: Whether you accept the model's end-user licence agreement, where it has one.
        invoke_timeout_seconds: How long the API waits for an answer, and how long one may stream, 5 to 900. API
            Gateway gives up after 5 minutes without a byte; SageMaker's containers have 60 s for an answer that is
            not streamed and 8 minutes for one that is.
        gather_stream: Whether answers that are not streamed to the client are collected from the container's
            stream, which lifts the 60 s and tells token counts that some containers tell only there.
        download_timeout_seconds: How long an instance may take to read the weights, 60 to 3600; worked out from
            their size if None.
        startup_timeout_seconds: How long the container may take to become healthy, 60 to 3600; worked out from the
            weights' size if None.
    """

    name: str
    model_id: str
    version: str
    prompt_format: PromptFormat
    prompt_template: str | None = None
    instance_type: str | None = None
    unlisted_instance_type: str | None = None
    instance_count: int | None = None
    region: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    accept_eula: bool = False
    invoke_timeout_seconds: int = 300
    gather_stream: bool = False
    download_timeout_seconds: int | None = None
    startup_timeout_seconds: int | None = None


Method = Literal["instruction", "domain", "chat"]
"""How a model is tuned: on instructions with answers, on plain text of a domain, or on conversations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTunedModel(JumpStartModel):
    """A model of the JumpStart catalogue that is tuned on your data, and served by an endpoint of its own.

    What `JumpStartModel` says is of the base model (`model_id`, `version`) and of how the tuned one is served: by
    the base's container with the tuned weights.

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


ARCTIC_INSTRUCT = JumpStartModel(
    name="arctic-instruct",
    model_id="huggingface-llm-snowflake-arctic-instruct-vllm",
    version="1.2.4",
    prompt_format="chatml",
    instance_type="ml.p5.48xlarge",
    # Where the announcement of the model in JumpStart says that it is available.
    region="us-east-2",
)
FALCON_7B = JumpStartModel(
    name="falcon-7b",
    model_id="huggingface-llm-falcon-7b-bf16",
    version="4.1.23",
    prompt_format="none",
    instance_type="ml.g5.2xlarge",
)
FALCON_7B_INSTRUCT = JumpStartModel(
    name="falcon-7b-instruct",
    model_id="huggingface-llm-falcon-7b-instruct-bf16",
    version="4.6.16",
    prompt_format="falcon-instruct",
    instance_type="ml.g5.2xlarge",
)
FALCON_40B = JumpStartModel(
    name="falcon-40b",
    model_id="huggingface-llm-falcon-40b-bf16",
    # The last version whose default is ml.g5.12xlarge; later ones want ml.g5.48xlarge.
    version="2.0.2",
    prompt_format="none",
    instance_type="ml.g5.12xlarge",
)
FALCON_40B_INSTRUCT = JumpStartModel(
    name="falcon-40b-instruct",
    model_id="huggingface-llm-falcon-40b-instruct-bf16",
    version="2.0.2",
    prompt_format="falcon-instruct",
    instance_type="ml.g5.12xlarge",
)
FALCON_180B = JumpStartModel(
    name="falcon-180b",
    model_id="huggingface-llm-falcon-180b-bf16",
    version="1.7.17",
    prompt_format="none",
    instance_type="ml.p4de.24xlarge",
)
FALCON_180B_CHAT = JumpStartModel(
    name="falcon-180b-chat",
    model_id="huggingface-llm-falcon-180b-chat-bf16",
    version="1.6.17",
    prompt_format="falcon-chat",
    instance_type="ml.p4de.24xlarge",
)
FALCON_180B_CHAT_QUANTIZED = JumpStartModel(
    name="falcon-180b-chat-quantized",
    model_id="huggingface-llm-falcon-180b-chat-bf16",
    version="1.6.17",
    prompt_format="falcon-chat",
    instance_type="ml.p4d.24xlarge",
    unlisted_instance_type=(
        "8-bit weights fit into the 320 GB of its GPUs, where 16-bit ones do not: the announcement of Falcon 180B "
        "in JumpStart runs it there with bitsandbytes, at about five times the latency a token"
    ),
    environment={"HF_MODEL_QUANTIZE": "bitsandbytes"},
)
MISTRAL_7B = JumpStartModel(
    name="mistral-7b",
    model_id="huggingface-llm-mistral-7b",
    # TGI 1.1 with 8191 input and 8192 total tokens, on ml.g5.2xlarge, as announced.
    version="2.1.0",
    prompt_format="none",
    instance_type="ml.g5.2xlarge",
)
MISTRAL_7B_INSTRUCT = JumpStartModel(
    name="mistral-7b-instruct",
    model_id="huggingface-llm-mistral-7b-instruct",
    # TGI 1.1 with 8191 input and 8192 total tokens, on ml.g5.2xlarge, as announced.
    version="2.0.0",
    prompt_format="mistral-instruct",
    instance_type="ml.g5.2xlarge",
)

# How the announcement of fine-tuning Mistral 7B in JumpStart trains, on four GPUs.
_MISTRAL_7B_TRAINING = {
    "epoch": "1",
    "per_device_train_batch_size": "2",
    "gradient_accumulation_steps": "2",
    "max_input_length": "2048",
}
MISTRAL_7B_DOLLY = FineTunedModel(
    name="mistral-7b-dolly",
    model_id="huggingface-llm-mistral-7b",
    version="2.1.0",
    method="instruction",
    prompt_format="template",
    # The form of the Dolly data set's records: instruction, context and response.
    prompt_template=json.dumps(
        {
            "prompt": (
                "Below is an instruction that describes a task, paired with an input that provides further context. "
                "Write a response that appropriately completes the request.\n\n"
                "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n"
            ),
            "completion": " {response}",
        }
    ),
    hyperparameters={**_MISTRAL_7B_TRAINING, "instruction_tuned": "True"},
    training_instance_type="ml.g5.12xlarge",
    instance_type="ml.g5.2xlarge",
    start=("marker",),
)
MISTRAL_7B_SEC = FineTunedModel(
    name="mistral-7b-sec",
    model_id="huggingface-llm-mistral-7b",
    version="2.1.0",
    method="domain",
    prompt_format="none",
    hyperparameters={**_MISTRAL_7B_TRAINING, "instruction_tuned": "False"},
    training_instance_type="ml.g5.12xlarge",
    instance_type="ml.g5.2xlarge",
    start=("marker",),
)

# One GPU each.
_SMALL = (FALCON_7B, FALCON_7B_INSTRUCT, MISTRAL_7B, MISTRAL_7B_INSTRUCT)
_MEDIUM = (FALCON_40B, FALCON_40B_INSTRUCT)
_FINE_TUNED = (MISTRAL_7B_DOLLY, MISTRAL_7B_SEC)
_LARGE = (ARCTIC_INSTRUCT, FALCON_180B, FALCON_180B_CHAT, FALCON_180B_CHAT_QUANTIZED)

DEPLOYMENTS: tuple[tuple[Environment, tuple[JumpStartModel, ...]], ...] = (
    (DEV, (*_SMALL, MISTRAL_7B_DOLLY)),
    (STAGING, (*_SMALL, *_MEDIUM)),
    (PROD, (*_SMALL, *_MEDIUM, *_LARGE, *_FINE_TUNED)),
)
