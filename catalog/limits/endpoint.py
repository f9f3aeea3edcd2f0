"""Limits of the AWS APIs that an endpoint goes through, as pure rules.

The constructs raise on a breach when they are used alone; the preflight reports it with the declaration's place.
Both read the rule here, so it is written once. Values are plain numbers and texts: whoever holds CDK tokens leaves
them out before asking.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.instances import InstanceHardware
from catalog.prompt_template import declared_problems

SHORTEST_TIMEOUT_SECONDS = 60
"""API CreateEndpointConfig, ProductionVariant: both timeouts."""
LONGEST_TIMEOUT_SECONDS = 3600
"""API CreateEndpointConfig, ProductionVariant: both timeouts."""
LONGEST_ENDPOINT_NAME = 63
"""API CreateEndpoint, EndpointName, in characters."""
LONGEST_TEMPLATE = 3000
"""Characters of a prompt template, of the 4 KB that Lambda gives to environment variables."""
SHORTEST_INVOKE_TIMEOUT_SECONDS = 5
LONGEST_INVOKE_TIMEOUT_SECONDS = 900
SAGEMAKER_STREAM_SECONDS = 480
"""The longest that SageMaker streams an answer (API InvokeEndpointWithResponseStream, 8 minutes)."""
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""API PutRetentionPolicy of CloudWatch Logs, retentionInDays."""
LONGEST_EXPIRATION_DAYS = 2**31 - 1
"""API PutBucketLifecycleConfiguration: a number of 32 bits."""

UNRESERVED_CONCURRENCY = 100
"""Executions at a time that Lambda keeps for functions without a reservation (Lambda developer guide, "Configuring
reserved concurrency for a function")."""

_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
# API CreateModel, ContainerDefinition.Environment: at most 100 entries, keys and values at most 1024 characters.
_ENVIRONMENT_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MOST_ENVIRONMENT_ENTRIES = 100
_LONGEST_ENVIRONMENT_TEXT = 1024
# API CreateModel, VpcConfig: 1 to 16 subnets, 1 to 5 security groups.
_MOST_SUBNETS = 16
_MOST_SECURITY_GROUPS = 5
# What a download must reach so that 335 GB of Falcon 180B arrive within the longest timeout.
DOWNLOAD_BYTES_PER_SECOND = 94_000_000
"""The rate that timeouts are worked out with."""
# Pulling the image and starting the container come on top of reading the weights.
_LEAST_DEFAULT_TIMEOUT = 600


@dataclass(frozen=True, slots=True)
class Breach:
    """One limit that a value does not keep.

    Attributes:
        subject: What has the value, such as `endpoint_name`.
        value: The value, as it is shown.
        allowed: What is allowed, such as `1 or more`.
        sentence: The whole, as the constructs raise it.
    """

    subject: str
    value: str
    allowed: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number to AWS; a bool is one to Python only."""
    return isinstance(value, int) and not isinstance(value, bool)


def endpoint_name(name: str) -> Iterator[Breach]:
    """Check an endpoint's name."""
    if len(name) > LONGEST_ENDPOINT_NAME or not _ENDPOINT_NAME.fullmatch(name):
        allowed = f"1 to {LONGEST_ENDPOINT_NAME} letters, digits and hyphens, no hyphen at either end"
        yield Breach("endpoint_name", repr(name), allowed, f"endpoint_name is {name!r}: allowed are {allowed}")


def instance_count(count: int) -> Iterator[Breach]:
    """Check a number of instances (API CreateEndpointConfig, InitialInstanceCount)."""
    if not is_whole(count) or count < 1:
        allowed = "1 or more" if is_whole(count) else "a whole number, 1 or more"
        yield Breach("instance_count", f"{count}", allowed, f"instance_count is {count}: allowed is {allowed}")


def environment(variables: Mapping[str, str]) -> Iterator[Breach]:
    """Check a container's environment variables."""
    most = f"at most {_LONGEST_ENVIRONMENT_TEXT} characters"
    for key, value in variables.items():
        subject = f"environment[{key!r}]"
        if not _ENVIRONMENT_KEY.fullmatch(key) or len(key) > _LONGEST_ENVIRONMENT_TEXT:
            allowed = f"letters, digits and underscores, not beginning with a digit, {most}"
            yield Breach("environment", repr(key), allowed, f"environment variable {key!r}: allowed are {allowed}")
        if not isinstance(value, str):
            shown = repr(value)
            yield Breach(subject, shown, "text, in quotes", f"environment variable {key!r} is {shown}: allowed is text")
        elif len(value) > _LONGEST_ENVIRONMENT_TEXT:
            yield Breach(
                subject,
                f"{len(value)} characters long",
                most,
                f"environment variable {key!r} has {len(value)} characters: at most {_LONGEST_ENVIRONMENT_TEXT} "
                "are allowed",
            )
    if len(variables) > _MOST_ENVIRONMENT_ENTRIES:
        yield Breach(
            "environment",
            f"{len(variables)} variables",
            f"at most {_MOST_ENVIRONMENT_ENTRIES} variables",
            f"environment has {len(variables)} variables: at most {_MOST_ENVIRONMENT_ENTRIES} are allowed",
        )


def token_limits(max_input: int | None, max_total: int | None) -> Iterator[Breach]:
    """Check a container's limits of prompt tokens and of all tokens; None is unknown.

    TGI refuses to start unless the first is less than the second.
    """
    if max_input is not None and max_total is not None and max_input >= max_total:
        allowed = f"less than MAX_TOTAL_TOKENS, {max_total}"
        yield Breach(
            "environment['MAX_INPUT_LENGTH']",
            f"{max_input}",
            allowed,
            f"MAX_INPUT_LENGTH is {max_input}: allowed is {allowed}",
        )


def timeout(name: str, seconds: float) -> Iterator[Breach]:
    """Check a timeout of an endpoint; `name` is the prop's."""
    if not SHORTEST_TIMEOUT_SECONDS <= seconds <= LONGEST_TIMEOUT_SECONDS:
        allowed = f"{SHORTEST_TIMEOUT_SECONDS} to {LONGEST_TIMEOUT_SECONDS} s"
        yield Breach(name, f"{seconds:g} s", allowed, f"{name} is {seconds:g} s: allowed are {allowed}")


def network(subnet_ids: Sequence[str], security_group_ids: Sequence[str]) -> Iterator[Breach]:
    """Check the numbers of a network's ids; no ids at all is no VPC."""
    if not subnet_ids and not security_group_ids:
        return
    for name, unit, ids, most in [
        ("subnet_ids", "subnets", subnet_ids, _MOST_SUBNETS),
        ("security_group_ids", "groups", security_group_ids, _MOST_SECURITY_GROUPS),
    ]:
        if not 1 <= len(ids) <= most:
            count = f"{len(ids)} {unit}"
            yield Breach(name, count, f"1 to {most}", f"{name} has {count}: allowed are 1 to {most}")


def invoke_timeout(seconds: float) -> Iterator[Breach]:
    """Check the time that the API waits for an answer, and that an answer may stream.

    Less than 5 s leaves the invoke shim none. With response streaming API Gateway waits 15 minutes without a raised
    quota, which is as long as a function may run (API Gateway documentation, "Stream the integration response").
    """
    if not SHORTEST_INVOKE_TIMEOUT_SECONDS <= seconds <= LONGEST_INVOKE_TIMEOUT_SECONDS:
        allowed = f"{SHORTEST_INVOKE_TIMEOUT_SECONDS} to {LONGEST_INVOKE_TIMEOUT_SECONDS} s"
        yield Breach(
            "invoke_timeout", f"{seconds:g} s", allowed, f"invoke_timeout is {seconds:g} s: allowed are {allowed}"
        )


def prompt_template(text: str) -> Iterator[Breach]:
    """Check a declared template, a `template.json` as it is, by the rule that the data check and the shim have too.

    It travels as an environment variable of the invoke shim, and Lambda takes 4 KB of them in all.
    """
    for problem in declared_problems(text):
        value, allowed = f"no template ({problem})", "an object with the texts prompt and completion, with {fields}"
        yield Breach("prompt_template", value, allowed, f"prompt_template is {value}: allowed is {allowed}")
    if len(text) > LONGEST_TEMPLATE:
        value, allowed = f"{len(text)} characters long", f"at most {LONGEST_TEMPLATE} characters"
        yield Breach("prompt_template", value, allowed, f"prompt_template is {value}: allowed are {allowed}")


def reserved_concurrency(count: int | None) -> Iterator[Breach]:
    """Check a function's reserved concurrency; None is the account's shared pool."""
    if count is not None and (not is_whole(count) or count < 1):
        sentence = f"reserved_concurrency is {count}: allowed is 1 or more"
        yield Breach("reserved_concurrency", f"{count}", "1 or more", sentence)


def expiration_days(subject: str, days: int) -> Iterator[Breach]:
    """Check the age at which objects of a bucket expire (API PutBucketLifecycleConfiguration, Integer)."""
    if not 1 <= days <= LONGEST_EXPIRATION_DAYS:
        allowed = f"1 to {LONGEST_EXPIRATION_DAYS}"
        yield Breach(subject, f"{days}", allowed, f"{subject} is {days}: allowed are {allowed} days")


def default_timeout_seconds(*, artifact_bytes: int | None, compressed: bool, instance: InstanceHardware | None) -> int:
    """Return the time that reading the weights may take.

    Args:
        artifact_bytes: Size of the weights; None where no source states it, which stands for all GPU memory of the
            instance type, into which they must fit.
        compressed: Whether the artifact is a tarball, which is unpacked after it has arrived.
        instance: The instance type's hardware, None where it is unknown.

    Returns:
        600 to 3600 seconds; 3600 where nothing is known.
    """
    size = artifact_bytes
    if size is None and instance is not None and instance.gpus:
        size = instance.total_gpu_memory_bytes
    if size is None:
        return LONGEST_TIMEOUT_SECONDS
    seconds = math.ceil(size / DOWNLOAD_BYTES_PER_SECOND) * (2 if compressed else 1)
    return min(max(seconds, _LEAST_DEFAULT_TIMEOUT), LONGEST_TIMEOUT_SECONDS)
