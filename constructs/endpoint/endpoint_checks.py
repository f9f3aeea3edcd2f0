"""Limits of SageMaker's endpoints, checked before anything is created.

Each check returns one sentence a problem, with the value and what is allowed, and none when all is well. The rules
are `catalog.limits.endpoint`; what is added here is that tokens, whose values only a deployment knows, pass.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Token

from catalog.limits import endpoint as limits


def name_problems(name: str) -> list[str]:
    """Say what is wrong with an endpoint's name."""
    return [] if Token.is_unresolved(name) else [str(breach) for breach in limits.endpoint_name(name)]


def count_problems(count: int) -> list[str]:
    """Say what is wrong with a number of instances."""
    return [] if Token.is_unresolved(count) else [str(breach) for breach in limits.instance_count(count)]


def environment_problems(environment: Mapping[str, str]) -> list[str]:
    """Say what is wrong with a container's environment variables."""
    known = {key: "" if Token.is_unresolved(value) else value for key, value in environment.items()}
    return [str(breach) for breach in limits.environment(known)]


def token_limit_problems(max_input: int | None, max_total: int | None) -> list[str]:
    """Say what is wrong with a container's limits of prompt tokens and of all tokens; None is unknown."""
    return [str(breach) for breach in limits.token_limits(max_input, max_total)]


def timeout_problems(name: str, timeout: Duration | None) -> list[str]:
    """Say what is wrong with a timeout; `name` is the prop's."""
    if timeout is None or timeout.is_unresolved():
        return []
    return [str(breach) for breach in limits.timeout(name, timeout.to_seconds())]


def network_problems(subnet_ids: Sequence[str], security_group_ids: Sequence[str]) -> list[str]:
    """Say what is wrong with a container's network; no ids at all is no VPC."""
    return [str(breach) for breach in limits.network(subnet_ids, security_group_ids)]
