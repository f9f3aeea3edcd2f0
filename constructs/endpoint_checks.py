"""Limits of SageMaker's endpoints, checked before anything is created.

Each check returns one sentence a problem, with the value and what is allowed, and none when all is well. Tokens, whose
values only a deployment knows, pass.
"""

import re
from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Token

# API CreateEndpointConfig, ProductionVariant: both timeouts take 60 to 3600 seconds.
SHORTEST_TIMEOUT_SECONDS = 60
LONGEST_TIMEOUT_SECONDS = 3600
# API CreateEndpoint: EndpointName, at most 63 characters.
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_LONGEST_ENDPOINT_NAME = 63
# API CreateModel, ContainerDefinition.Environment: at most 100 entries, keys and values at most 1024 characters.
_ENVIRONMENT_KEY = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MOST_ENVIRONMENT_ENTRIES = 100
_LONGEST_ENVIRONMENT_TEXT = 1024
# API CreateModel, VpcConfig: 1 to 16 subnets, 1 to 5 security groups.
_MOST_SUBNETS = 16
_MOST_SECURITY_GROUPS = 5


def name_problems(name: str) -> list[str]:
    """Say what is wrong with an endpoint's name."""
    if Token.is_unresolved(name):
        return []
    if len(name) > _LONGEST_ENDPOINT_NAME or not _ENDPOINT_NAME.fullmatch(name):
        return [
            f"endpoint_name is {name!r}: allowed are 1 to {_LONGEST_ENDPOINT_NAME} letters, digits and hyphens, "
            "no hyphen at either end"
        ]
    return []


def count_problems(count: int) -> list[str]:
    """Say what is wrong with a number of instances."""
    if Token.is_unresolved(count) or count >= 1:
        return []
    return [f"instance_count is {count}: allowed is 1 or more"]


def environment_problems(environment: Mapping[str, str]) -> list[str]:
    """Say what is wrong with a container's environment variables."""
    problems = [
        f"environment variable {key!r}: allowed are letters, digits and underscores, not beginning with a digit, "
        f"at most {_LONGEST_ENVIRONMENT_TEXT} characters"
        for key in environment
        if not _ENVIRONMENT_KEY.fullmatch(key) or len(key) > _LONGEST_ENVIRONMENT_TEXT
    ]
    problems += [
        f"environment variable {key!r} has {len(value)} characters: at most {_LONGEST_ENVIRONMENT_TEXT} are allowed"
        for key, value in environment.items()
        if not Token.is_unresolved(value) and len(value) > _LONGEST_ENVIRONMENT_TEXT
    ]
    if len(environment) > _MOST_ENVIRONMENT_ENTRIES:
        problems.append(
            f"environment has {len(environment)} variables: at most {_MOST_ENVIRONMENT_ENTRIES} are allowed"
        )
    return problems


def token_limit_problems(max_input: int | None, max_total: int | None) -> list[str]:
    """Say what is wrong with a container's limits of prompt tokens and of all tokens; None is unknown."""
    if max_input is None or max_total is None or max_input < max_total:
        return []
    return [f"MAX_INPUT_LENGTH is {max_input}: allowed is less than MAX_TOTAL_TOKENS, {max_total}"]


def timeout_problems(name: str, timeout: Duration | None) -> list[str]:
    """Say what is wrong with a timeout; `name` is the prop's."""
    if timeout is None or timeout.is_unresolved():
        return []
    seconds = timeout.to_seconds()
    if SHORTEST_TIMEOUT_SECONDS <= seconds <= LONGEST_TIMEOUT_SECONDS:
        return []
    return [f"{name} is {seconds:g} s: allowed are {SHORTEST_TIMEOUT_SECONDS} to {LONGEST_TIMEOUT_SECONDS} s"]


def network_problems(subnet_ids: Sequence[str], security_group_ids: Sequence[str]) -> list[str]:
    """Say what is wrong with a container's network; no ids at all is no VPC."""
    if not subnet_ids and not security_group_ids:
        return []
    problems = []
    if not 1 <= len(subnet_ids) <= _MOST_SUBNETS:
        problems.append(f"subnet_ids has {len(subnet_ids)} subnets: allowed are 1 to {_MOST_SUBNETS}")
    if not 1 <= len(security_group_ids) <= _MOST_SECURITY_GROUPS:
        problems.append(
            f"security_group_ids has {len(security_group_ids)} groups: allowed are 1 to {_MOST_SECURITY_GROUPS}"
        )
    return problems
