"""Contract of the package: handlers, environment variables, inputs and outputs, and names that others rely on.

The standard library only, and nothing of this package, so that synthesis can import it. Tests hold that the handlers
read these variables and inputs and return these outputs, and that templates set and send nothing else.

| variable of *check* | meaning |
|---|---|
| `READABLE` | the S3 prefix below which the import's roles may read |

| variable of the other functions | meaning |
|---|---|
| `MODEL` | name of the model, such as `dev-llama-3b`; names of versions append a hyphen and the version |
| `TARGET_PARAMETER` | the SSM parameter with the served version's ARN, which the invoke shim reads |
| `SERVED_PARAMETER`, `PREVIOUS_PARAMETER` | the SSM parameters with the served version and the one before it |
| `KEEP_VERSIONS` | number of versions that stay imported, the served one included |
| `BODY` | form of the model's requests: `chat`, `completion`, `native` or `converse` |
| `SMOKE_PROMPT`, `SMOKE_EXPECT` | prompt that a new version has to answer; a text that its answer must contain |
| `STATE_MACHINE_ARN` | the state machine that imports |
| `DEADLINE_SECONDS` | time that a deployment waits for an import |

A variable that is empty counts as not set.
"""

from collections.abc import Mapping
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


class Step(NamedTuple):
    """One step of the state machine that the function `STEPS` does.

    Attributes:
        inputs: Members of the event that the step reads, beside `step`, its name.
        outputs: Members of what it returns.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


_REQUIRED = ("MODEL", "TARGET_PARAMETER", "SERVED_PARAMETER", "PREVIOUS_PARAMETER")
_OPTIONAL = ("STATE_MACHINE_ARN", "KEEP_VERSIONS", "BODY", "SMOKE_PROMPT", "SMOKE_EXPECT", "DEADLINE_SECONDS")

CHECK: Final = Function(
    handler="model_import.check.handler",
    optional=("READABLE",),
    inputs=("weights", "region"),
    outputs=(
        *("weights", "source", "version", "architecture", "contextTokens", "weightBytes", "parameters", "shards"),
        *("chatTemplate", "converse", "errors", "warnings"),
    ),
)
"""Checks the weights before an import."""

ARTIFACTS: Final = ("weights", "source", "version", "chatTemplate", "converse")
"""Outputs of `CHECK` that later states read, as `$.artifacts`."""

STEPS: Final = Function(handler="model_import.steps.handler", required=_REQUIRED, optional=_OPTIONAL, inputs=("step",))
"""Does one step; `STEP` has the inputs and outputs of each."""

STEP: Final[Mapping[str, Step]] = {
    "check_room": Step(inputs=(), outputs=("models", "quota")),
    "plan": Step(
        inputs=("weights", "artifacts", "execution"),
        outputs=("status", "version", "modelName", "modelArn", "jobArn", "jobName", "token"),
    ),
    "make_room": Step(inputs=("version",), outputs=("models", "quota", "removed")),
    "smoke_test": Step(inputs=("modelArn",), outputs=("answer",)),
    "prune": Step(inputs=(), outputs=("removed",)),
    "tidy": Step(inputs=("state",), outputs=("error", "cause")),
}
"""The steps by name. `check_room` is a pipeline's, before it trains what is to be imported."""

IMPORTED: Final = "imported"
"""`status` of a plan whose version is imported already; `modelArn` names it."""

RUNNING: Final = "running"
"""`status` of a plan for whose version a job runs; `jobArn` names it."""

TO_IMPORT: Final = "import"
"""`status` of a plan that needs a job, with `jobName` and `token`."""

NOT_READY_ERROR: Final = "ModelNotReadyError"
"""Error of `smoke_test` after which the state machine calls it again."""

ON_EVENT: Final = Function(
    handler="model_import.lifecycle.on_event",
    required=_REQUIRED,
    optional=_OPTIONAL,
    inputs=("Weights", "Revision"),
)
"""Begins what CloudFormation asks for; `inputs` are properties of the custom resource."""

TRIGGERS: Final = ("Model",)
"""Properties of the custom resource that are not read: their change makes CloudFormation update it."""

IS_COMPLETE: Final = Function(
    handler="model_import.lifecycle.is_complete",
    required=_REQUIRED,
    optional=_OPTIONAL,
    outputs=("ModelArn", "ModelName", "Version"),
)
"""Ends it; `outputs` are attributes of the custom resource."""

RUN_INPUT: Final = ("weights",)
"""Members of an execution's input."""

RUN_OUTPUT: Final = ("modelArn", "modelName", "version")
"""Members of an execution's output."""

BODIES: Final = ("chat", "completion", "native", "converse")
"""Allowed values of `BODY`: the form of the requests that the model takes."""

NO_RELEASE: Final = "none"
"""Value of a pointer's parameter while no version is served: a parameter cannot be empty."""

TARGET_REMOVED: Final = "removed"
"""Value of the target's parameter once its versions are deleted; the invoke shim then serves none of its history."""

TAG: Final = "jumpstack:model"
"""Key of the tag with the model's name, on jobs and imported models."""

SOURCE_TAG: Final = "jumpstack:source"
"""Key of the tag on an imported model that names the source of its weights: an ARN, or `PREFIX_SOURCE`."""

PREFIX_SOURCE: Final = "s3"
"""Source of weights that were named by their S3 prefix."""
