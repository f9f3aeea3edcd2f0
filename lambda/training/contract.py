"""Contract of the package: handlers, environment variables, inputs and outputs, and names that others rely on.

The standard library only, and nothing of this package, so that synthesis can import it. Tests hold that the handlers
read these variables and inputs and return these outputs, and that templates set and send nothing else.

| variable of *prepare* | meaning |
|---|---|
| `NAME_PREFIX` | the pipeline, with which names of jobs begin, such as `dev-mistral-7b-dolly`; at most 46 characters |
| `MODEL_ID`, `MODEL_VERSION` | the base model, pinned |
| `RECIPE_SHA256` | hash of the spec with the recipe; if not set, a first run may see any, and later ones the same |
| `METHOD` | `instruction`, `domain` or `chat` |
| `PROMPT_TEMPLATE` | with `instruction`: the declared template, a `template.json` as it is; optional |
| `HYPERPARAMETERS` | the declared hyperparameters, a JSON object of strings; optional |
| `INSTANCE_TYPE`, `INSTANCE_COUNT` | the instances of a job; the count is 1 if not set |
| `SPOT` | `true`: managed spot training, with checkpoints in the bucket |
| `MAX_RUNTIME_SECONDS` | the longest run; the recipe's if not set |
| `MAX_WAIT_SECONDS` | with spot: the longest wait and run together; twice the run if not set |
| `DATA_PREFIX` | `s3://` prefix of the training channel, unless the execution names one |
| `VALIDATION_PREFIX` | `s3://` prefix of a validation channel; without it the job splits the data |
| `VALIDATION_SPLIT` | share of the data that the job sets aside; the recipe's if not set |
| `OUTPUT_PREFIX` | `s3://` prefix of reports and requests (`<version>/`), models and checkpoints (`<job>/`) |
| `KMS_KEY_ARN` | KMS key of everything below `OUTPUT_PREFIX` |
| `VOLUME_KMS_KEY_ARN` | KMS key of the storage volume, where the instance type takes one; optional |
| `ROLE_ARN` | the jobs' execution role |
| `SUBNET_IDS`, `SECURITY_GROUP_IDS` | the jobs' network, joined by commas; optional |
| `ACCEPT_EULA` | `true`: the model's licence is accepted |
| `TAGS` | tags of the jobs, a JSON object of strings; optional |

| variable of *verify* | meaning |
|---|---|
| `CONTAINER` | API of the endpoint's container: `tgi` (if not set), `lmi`, which has the same, or `vllm` |
| `PROMPT_TEMPLATE` | the declared template, a `template.json` as it is; without one, a plain sentence is sent |

| variable of *prune* | meaning |
|---|---|
| `NAME_PREFIX` | the pipeline, with which names of models and configs begin |
| `SERVED_PARAMETER`, `PREVIOUS_PARAMETER` | the SSM parameters that name the served and the previous release |

| variable of *stop* | meaning |
|---|---|
| `NAME_PREFIX` | the pipeline, with which names of jobs begin |

A variable that is empty counts as not set.
"""

from typing import Final, NamedTuple


class Function(NamedTuple):
    """One Lambda function of the package.

    Attributes:
        handler: Lambda's `Handler`.
        required: Environment variables that must be set.
        optional: Environment variables that may be left out.
        inputs: Members of the event that the handler reads.
        outputs: Members of what it returns.
    """

    handler: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """All environment variables."""
        return (*self.required, *self.optional)


PREPARE: Final = Function(
    handler="training.prepare.handler",
    required=(
        *("NAME_PREFIX", "MODEL_ID", "MODEL_VERSION", "METHOD", "INSTANCE_TYPE"),
        *("DATA_PREFIX", "OUTPUT_PREFIX", "KMS_KEY_ARN", "ROLE_ARN"),
    ),
    optional=(
        *("PROMPT_TEMPLATE", "HYPERPARAMETERS", "INSTANCE_COUNT", "SPOT", "MAX_RUNTIME_SECONDS", "MAX_WAIT_SECONDS"),
        *("VALIDATION_PREFIX", "VALIDATION_SPLIT", "VOLUME_KMS_KEY_ARN", "SUBNET_IDS", "SECURITY_GROUP_IDS"),
        *("ACCEPT_EULA", "TAGS", "RECIPE_SHA256"),
    ),
    inputs=("execution", "stateMachine", "startedAt", "input"),
    outputs=("dataSha256", "jobName", "modelData", "report", "request", "samples", "status", "version"),
)
"""Checks the data and writes the training job's request. `AWS_REGION` is set by Lambda."""

VERIFY: Final = Function(
    handler="training.verify.handler",
    optional=("NAME_PREFIX", "CONTAINER", "PROMPT_TEMPLATE"),
    inputs=("endpointName", "configName"),
    outputs=("answer",),
)
"""Sends the endpoint a request. `NAME_PREFIX` is set for all functions of a pipeline and not read."""

PRUNE: Final = Function(
    handler="training.prune.handler",
    required=("NAME_PREFIX", "SERVED_PARAMETER", "PREVIOUS_PARAMETER"),
    inputs=("keep",),
    outputs=("deleted",),
)
"""Deletes old releases."""

STOP: Final = Function(
    handler="training.stop.handler",
    required=("NAME_PREFIX",),
    inputs=("stateMachine", "execution"),
    outputs=("stopped",),
)
"""Stops the job of an aborted run; `inputs` are what EventBridge sends."""

LIFECYCLE: Final = Function(
    handler="training.lifecycle.handler",
    inputs=("Pipeline", "Endpoint", "StateMachineArn", "StartOnDeploy", "Artifacts"),
    outputs=("Kept", "Execution"),
)
"""The custom resource: `inputs` are properties of the resource, `outputs` members of CloudFormation's `Data`."""

TRIGGERS: Final = ("Declaration",)
"""Properties of the custom resource that are not read: their change makes CloudFormation update it."""

METHODS: Final = ("instruction", "domain", "chat")
"""Allowed values of `METHOD`: `instruction_tuned`, neither, or `chat_dataset` among the recipe's hyperparameters."""

CONTAINERS: Final = ("tgi", "lmi", "vllm")
"""Allowed values of `CONTAINER`: the API of the endpoint's container."""

RUN_INPUT: Final = ("dataPrefix",)
"""Members of an execution's input that *prepare* takes (`input` of its event)."""

ROLLBACK: Final = "rollback"
"""`action` of an execution's input: serve the release before, without a training."""

SERVE: Final = "serve"
"""`action` of an execution's input: serve the release that the member `RELEASE` names, without a training."""

RELEASE: Final = "release"
"""Member of an execution's input beside the action `SERVE`."""

TO_TRAIN: Final = "train"
"""`status` of a run whose job has to be started."""

TRAINING: Final = "training"
"""`status` of a run whose version has a job that runs, which no other execution waits for."""

TRAINED: Final = "trained"
"""`status` of a run whose version has a job that completed."""

FIRST_SEEN: Final = "recipes.json"
"""Key below `OUTPUT_PREFIX` of the record of recipes that first runs saw."""

REQUEST_MEMBERS: Final = (
    *("AlgorithmSpecification", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"),
    *("EnableNetworkIsolation", "Environment", "HyperParameters", "InputDataConfig", "OutputDataConfig"),
    *("ResourceConfig", "RoleArn", "StoppingCondition", "Tags", "TrainingJobName"),
)
"""Members of `request` (CreateTrainingJob) that are always there: a JSONPath that leads nowhere fails a state."""

OPTIONAL_REQUEST_MEMBERS: Final = ("CheckpointConfig", "VpcConfig")
"""Members of `request` that are there with managed spot training, and with subnets."""

VERSION_DIGITS: Final = 12
"""Hexadecimal digits of a version. A job is named `<pipeline>-<version>`, after a failed one with `-2`, `-3`, ..."""

SETTINGS_DIGITS: Final = 6
"""Hexadecimal digits of the hash of the serving settings. A model and its endpoint config are named
`<pipeline>-<version>-<settings>`, of which `<version>-<settings>` is the release."""
