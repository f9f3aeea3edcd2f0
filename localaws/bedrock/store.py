"""Import jobs and imported models, region by region."""

from __future__ import annotations

import secrets
import string
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

from localaws import settings
from localaws.bedrock import architectures, behaviour
from localaws.iam.policy import Context
from localaws.service import ServiceError

JobStatus = Literal["InProgress", "Completed", "Failed"]

Ability = Literal["call tools", "see", "see in Converse", "keep to schemas in Converse", "reason"]
"""Abilities by which imported models differ.

Bedrock User Guide, "Advanced API features for imported models": tools with GPT-OSS, images in OpenAI's chat body only.
"""

_ID_CHARACTERS: Final = string.ascii_lowercase + string.digits


def new_arn(region: str, kind: str) -> str:
    """Return a new ARN of an `imported-model` or a `model-import-job`: its id is 12 of [a-z0-9]."""
    identifier = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(12))
    return f"arn:aws:bedrock:{region}:{settings.ACCOUNT}:{kind}/{identifier}"


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class ImportJob:
    """A model import job.

    Attributes:
        arn: Its ARN.
        request: The parameters of CreateModelImportJob.
        created: Time of its creation.
        kms_key_arn: The key for the imported model, if one was asked for.
        status: Its status.
        model_arn: The imported model, once it is Completed.
        failure: The reason, if it Failed.
        modified: Time of the last change of status.
        ended: Time of its end.
        tags: Its tags.
    """

    arn: str
    request: Mapping[str, Any]
    created: datetime
    kms_key_arn: str | None
    status: JobStatus = "InProgress"
    model_arn: str | None = None
    failure: str | None = None
    modified: datetime | None = None
    ended: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The job's name."""
        return str(self.request["jobName"])

    @property
    def model_name(self) -> str:
        """The name of the model that it imports."""
        return str(self.request["importedModelName"])

    @property
    def region(self) -> str:
        """The region it runs in."""
        return self.arn.split(":")[3]


@dataclass(kw_only=True)
class ImportedModel:
    """A model that was imported, and whether it is loaded.

    Attributes:
        arn: Its ARN.
        name: Its name.
        job: The job that imported it.
        created: Time at which the import ended.
        architecture: The architecture that its `config.json` names.
        model_type: The family that its `config.json` names, e.g. `llama`.
        context_tokens: The most tokens of prompt and answer together.
        has_chat_template: Whether its tokenizer says how to write a chat.
        weight_bytes: The size of its weights.
        weights_digest: Digest of its weights.
        tags: Its tags.
        in_flight: Number of requests that are being answered.
    """

    arn: str
    name: str
    job: ImportJob
    created: datetime
    architecture: str
    model_type: str
    context_tokens: int
    has_chat_template: bool
    weight_bytes: int
    weights_digest: str
    tags: dict[str, str] = field(default_factory=dict)
    in_flight: int = 0
    _refused: int = 0
    _warming_since: float | None = None
    _last_used: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def converses(self) -> bool:
        """True if Converse works, which GetImportedModel reports as `instructSupported`."""
        refused = {*architectures.WITHOUT_CONVERSE, *behaviour.of(self.job.region).without_converse}
        return self.has_chat_template and self.architecture not in refused

    def can(self, ability: Ability, rules: behaviour.Behaviour) -> bool:
        """Return whether the model has an ability: those that AWS documents of its class, and those asked for."""
        documented, asked_for = {
            "call tools": ({architectures.GPT_OSS}, rules.with_tools),
            "see": (architectures.MULTIMODAL, rules.with_images),
            "see in Converse": ((), rules.with_images),
            "keep to schemas in Converse": ((), rules.with_schemas),
            "reason": ({architectures.GPT_OSS}, rules.with_reasoning),
        }[ability]
        return self.architecture in {*documented, *asked_for}

    def enter(self, rules: behaviour.Behaviour) -> None:
        """Begin to answer a request, which `leave` ends.

        Raises:
            ServiceError: If the model is not loaded, which this request begins to change, or busy.
        """
        with self._lock:
            clock = time.monotonic()
            if not self._loaded(clock, rules):
                self._refused += 1
                raise ServiceError(
                    "ModelNotReadyException",
                    "Model is not ready for inference. Wait and try your request again. Refer to "
                    "https://docs.aws.amazon.com/bedrock/latest/userguide/invoke-imported-model.html"
                    "#handle-model-not-ready-exception.",
                )
            if rules.take_throttle() or self.in_flight >= rules.max_concurrent_requests:
                raise ServiceError("ThrottlingException", "Too many requests, please wait before trying again.")
            self._last_used = clock
            self.in_flight += 1

    def leave(self) -> None:
        """End what `enter` began."""
        with self._lock:
            self.in_flight -= 1
            self._last_used = time.monotonic()

    def _loaded(self, clock: float, rules: behaviour.Behaviour) -> bool:
        idle = self._last_used is None or (clock - self._last_used > rules.idle_seconds and not self.in_flight)
        if idle and self._last_used is not None:
            self._last_used, self._warming_since, self._refused = None, None, 0
        if not idle:
            return True
        if self._warming_since is None:
            self._warming_since = clock
        return self._refused >= rules.cold_requests and clock - self._warming_since >= rules.warm_up_seconds


_Named = TypeVar("_Named", ImportJob, ImportedModel)


def condition_keys(resource: ImportJob | ImportedModel | None) -> dict[str, str]:
    """Return the condition keys that a request on a resource has in IAM: its tags."""
    return {} if resource is None else {f"aws:ResourceTag/{key}": value for key, value in resource.tags.items()}


def request_keys(tags: Iterable[Mapping[str, str]]) -> Context:
    """Return the condition keys of a request with tags: those of each tag, and the list of all keys."""
    given = {tag["key"]: tag["value"] for tag in tags}
    return {**{f"aws:RequestTag/{key}": value for key, value in given.items()}, "aws:TagKeys": sorted(given)}


def named(resources: Iterable[_Named], identifier: str) -> _Named | None:
    """Return the one of `resources` that has `identifier` as its ARN, its id or its name."""
    return next((item for item in resources if identifier in (item.arn, item.arn.rpartition("/")[2], item.name)), None)


@dataclass
class Region:
    """Jobs and models of one region; hold its `lock` to read or change them.

    Attributes:
        jobs: Import jobs by their ARNs; they stay when they have ended.
        models: Imported models by their ARNs.
        calls: Number of calls of each operation on a model and their outcomes, by model's name, operation, and
            `ok` or the error's code.
        lock: The lock.
    """

    jobs: dict[str, ImportJob] = field(default_factory=dict)
    models: dict[str, ImportedModel] = field(default_factory=dict)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def count(self, model: str, operation: str, outcome: str) -> None:
        """Count a call of a model."""
        with self.lock:
            self.calls[model, operation, outcome] += 1

    def job(self, identifier: str) -> ImportJob:
        """Return a job by its ARN, id or name.

        Raises:
            ServiceError: If there is none.
        """
        job = named(self.jobs.values(), identifier)
        if job is None:
            raise ServiceError("ResourceNotFoundException", f"Could not find the model import job: {identifier}")
        return job

    def model(self, identifier: str) -> ImportedModel:
        """Return an imported model by its ARN, id or name.

        Raises:
            ServiceError: If there is none.
        """
        model = named(self.models.values(), identifier)
        if model is None:
            raise ServiceError("ResourceNotFoundException", f"Could not find the imported model: {identifier}")
        return model

    def resource(self, arn: str) -> ImportJob | ImportedModel:
        """Return what an ARN names.

        Raises:
            ServiceError: If there is nothing of it.
        """
        return self.job(arn) if ":model-import-job/" in arn else self.model(arn)


_REGIONS: Final[dict[str, Region]] = {}
_LOCK: Final = threading.Lock()


def of(region: str) -> Region:
    """Return what there is in `region`."""
    with _LOCK:
        return _REGIONS.setdefault(region, Region())
