"""Limits of CreateTrainingJob and of its triggers, as pure rules (API reference, Amazon SageMaker).

The preflight reports a breach with the declaration's place. Values are plain numbers and texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from catalog.limits.endpoint import Breach, is_whole
from catalog.training.hyperparameters import LONGEST_HYPERPARAMETER, MOST_HYPERPARAMETERS
from catalog.training.methods import METHODS

LONGEST_PIPELINE_NAME = 43
"""Characters: names of models and configs have 63, of which 20 are for `-<version>-<settings>`."""
LONGEST_RUNTIME_SECONDS = 2_419_200
"""API StoppingCondition, MaxRuntimeInSeconds: 28 days; more than 5 days takes a raised quota."""
QUOTA_RUNTIME_SECONDS = 432_000
"""SageMaker's default quota of a training job's run time: 5 days."""

INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
"""Form of the names of SageMaker's instance types."""

_LONGEST_HYPERPARAMETER_NAME = 256
_PREFIX = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?:[^\s?#]*/)?")
# EventBridge user guide, "Schedule expressions": a rate of 1 is singular, a cron has six fields.
_RATE = re.compile(r"rate\((?:1 (?:minute|hour|day)|(?!1 )[1-9]\d* (?:minutes|hours|days))\)")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")
_SCHEDULE = "schedule:"


def method(name: str, prompt_format: str | None) -> Iterator[Breach]:
    """Check a method, and the prompt format beside it."""
    if name not in METHODS:
        yield _breach("method", repr(name), ", ".join(METHODS))
    for tuned, allowed in (("instruction", "template"), ("domain", "none")):
        if name == tuned and prompt_format != allowed:
            yield _breach("prompt_format", repr(prompt_format), f"{allowed!r} with the method {tuned!r}")
    if name == "chat" and prompt_format in {"none", "template"}:
        yield _breach("prompt_format", repr(prompt_format), "the format of the base model's chats")


def job(*, instance_type: str, instance_count: int, max_runtime: int) -> Iterator[Breach]:
    """Check a job's instances and its longest run."""
    if not INSTANCE_TYPE.fullmatch(instance_type):
        yield _breach("training_instance_type", repr(instance_type), "SageMaker's names such as 'ml.g5.12xlarge'")
    if not is_whole(instance_count) or instance_count < 1:
        yield _breach("training_instance_count", f"{instance_count}", "a whole number, 1 or more")
    if not 1 <= max_runtime <= LONGEST_RUNTIME_SECONDS:
        yield _breach("max_runtime_seconds", f"{max_runtime} s", f"1 to {LONGEST_RUNTIME_SECONDS} s")


def wait(seconds: int | None, *, spot: bool, max_runtime: int) -> Iterator[Breach]:
    """Check the time that a spot job may wait and train together."""
    if seconds is None:
        return
    if not spot:
        yield _breach("max_wait_seconds", f"{seconds} s", "None without spot")
    elif not max_runtime <= seconds <= LONGEST_RUNTIME_SECONDS:
        allowed = f"max_runtime_seconds, {max_runtime}, to {LONGEST_RUNTIME_SECONDS} s"
        yield _breach("max_wait_seconds", f"{seconds} s", allowed)


def hyperparameters(values: Mapping[str, str]) -> Iterator[Breach]:
    """Check hyperparameters for values that no recipe takes."""
    for name, value in values.items():
        subject = f"hyperparameters[{name!r}]"
        if not isinstance(value, str):
            yield _breach(subject, repr(value), "text, in quotes")
        elif len(value) > LONGEST_HYPERPARAMETER:
            most = f"at most {LONGEST_HYPERPARAMETER} characters"
            yield _breach(subject, f"{len(value)} characters long", most)
        if not 1 <= len(name) <= _LONGEST_HYPERPARAMETER_NAME:
            most = f"1 to {_LONGEST_HYPERPARAMETER_NAME} characters"
            yield _breach("hyperparameters", f"a name of {len(name)} characters", most)
    if len(values) > MOST_HYPERPARAMETERS:
        yield _breach("hyperparameters", f"{len(values)} entries", f"at most {MOST_HYPERPARAMETERS}")


def prefix(name: str, uri: str | None, *, own: str | None = None) -> Iterator[Breach]:
    """Check an S3 prefix.

    Args:
        name: The declaration's field.
        uri: The prefix; None is none, or the stack's own bucket.
        own: What stands for a prefix in the stack's own bucket, if anything does.
    """
    if uri is None or uri == own or _PREFIX.fullmatch(uri):
        return
    in_own = f", or {own!r} for that in the stack's own bucket" if own else ""
    yield _breach(name, repr(uri), f"s3://bucket/prefix/, with a slash at its end{in_own}")


def validation(split: float | None, uri: str | None) -> Iterator[Breach]:
    """Check the data of the validation channel."""
    if split is not None and uri is not None:
        yield _breach("validation_split", f"{split}", "one of validation_split and validation_prefix")
    elif split is not None and not 0 < split < 1:
        yield _breach("validation_split", f"{split}", "more than 0, less than 1")


def start(words: Sequence[str], *, own_bucket: bool) -> Iterator[Breach]:
    """Check the triggers of a training."""
    if isinstance(words, str):
        yield _breach("start", repr(words), f"a sequence, such as ({words!r},)")
        return
    for word in words:
        if word == "marker" and not own_bucket:
            yield _breach("start", "'marker'", "data in the stack's own bucket (data_prefix=None)")
        elif word.startswith(_SCHEDULE):
            expression = word.removeprefix(_SCHEDULE)
            if not _RATE.fullmatch(expression) and not _CRON.fullmatch(expression):
                yield _breach("start", repr(word), "schedule:rate(7 days), schedule:cron(0 3 ? * SUN *) or the like")
        elif word not in {"deploy", "marker"}:
            yield _breach("start", repr(word), "deploy, marker and schedule:<expression>")
    if len(set(words)) < len(words):
        yield _breach("start", repr(tuple(words)), "each once")


def _breach(subject: str, value: str, allowed: str) -> Breach:
    return Breach(subject, value, allowed, f"{subject} is {value}: allowed is {allowed}")
