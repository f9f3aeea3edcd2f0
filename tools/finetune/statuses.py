"""The served release of a fine-tuned model, and its last runs."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from tools.deployed import DeclaredStack
from tools.finetune.pipeline import endpoint, is_imported, pointed
from tools.finetune.runs import Run, last

_SHOWN_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Served release of a fine-tuned model, and its last runs.

    Attributes:
        served: The release that is served, `none` before a first one.
        previous: The release that a rollback would serve.
        target: Target that serves it: the endpoint's name or the imported model's ARN, `none` before a first release.
        endpoint: The endpoint's status, `none` where there is no endpoint; None where Bedrock serves.
        runs: The last runs, newest first.
    """

    served: str
    previous: str
    target: str
    endpoint: str | None
    runs: tuple[Run, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints: times in ISO 8601, durations in seconds."""
        return {
            "served": self.served,
            "previous": self.previous,
            "target": self.target,
            "endpoint": self.endpoint,
            "runs": [_run(run) for run in self.runs],
        }


def status(stack: DeclaredStack) -> Status:
    """Return the served release and the last runs.

    Raises:
        FineTuningError: If the stack is none of a fine-tuned model.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    runs = tuple(last(stack, most=_SHOWN_RUNS))
    return Status(
        served=pointed(stack, "served"),
        previous=pointed(stack, "previous"),
        target=pointed(stack, "target"),
        endpoint=None if is_imported(stack) else (endpoint(stack) or {}).get("EndpointStatus", "none"),
        runs=runs,
    )


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "arn": run.arn,
        "action": run.action,
        "status": run.status,
        "state": run.state,
        "started": run.started.astimezone(UTC).isoformat(timespec="seconds"),
        "ended": run.ended.astimezone(UTC).isoformat(timespec="seconds") if run.ended else None,
        "elapsedSeconds": round(run.elapsed.total_seconds()),
        "data": run.data,
        "job": run.job,
        "release": run.release,
        "error": run.error,
        "reason": run.reason,
    }
