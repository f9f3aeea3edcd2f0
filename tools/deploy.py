"""Deployment of declared models after the settings of their accounts, and their destruction.

The CDK CLI does not see that a model's stack needs the settings of its account and region (docs/adr/0003). One command
of the CLI deploys the accounts' stacks here, and only when it has ended well another one the models'.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import boto3
from botocore.exceptions import NoCredentialsError

from tools import cdk
from tools.deployed import DeclaredStack, account_paths, declared_stack, declared_stacks


class DeploymentError(RuntimeError):
    """The settings of an account could not be deployed; the CLI has printed why."""


def chosen(environment: str, models: Sequence[str]) -> list[DeclaredStack]:
    """Return the stacks of an environment's named models, or of all.

    Args:
        environment: Such as `dev`.
        models: Their names; none for all.

    Raises:
        UnknownStackError: If nothing is declared under one of the names.
    """
    if not models:
        return declared_stacks(environment)
    return [declared_stack(f"{environment}/{model}") for model in dict.fromkeys(models)]


def deploy(stacks: Sequence[DeclaredStack], options: Sequence[str]) -> NoReturn:
    """Deploy the settings of the stacks' accounts and regions, then replace this process by the stacks' deployment.

    Args:
        stacks: Stacks of one environment.
        options: Options of the CLI, for both commands.

    Raises:
        CdkError: If the CLI is not installed.
        DeploymentError: If the accounts' settings could not be deployed.
        NoCredentialsError: If there are no credentials, and no option names a profile.
    """
    _require_credentials(options)
    accounts = account_paths(stacks)
    code = cdk.call(["deploy", *_contexts(stacks), *accounts, *options])
    if code:
        # Of the settings of several regions, the first may be deployed by now.
        what = "nothing" if len(accounts) == 1 else "no model"
        hint = "" if _can_confirm(options) else "; without a terminal to confirm in, add -- --require-approval never"
        raise DeploymentError(f"the CDK CLI ended with {code}, see above; {what} was deployed{hint}")
    cdk.replace_process(["deploy", *(stack.path for stack in stacks), *options])


def destroy(stacks: Sequence[DeclaredStack], options: Sequence[str]) -> NoReturn:
    """Replace this process by the destruction of stacks; the accounts' settings stay.

    Args:
        stacks: Stacks of one environment.
        options: Options of the CLI.

    Raises:
        CdkError: If the CLI is not installed.
        NoCredentialsError: If there are no credentials, and no option names a profile.
    """
    _require_credentials(options)
    cdk.replace_process(["destroy", *(stack.path for stack in stacks), *options])


def _contexts(stacks: Sequence[DeclaredStack]) -> list[str]:
    """Return the contexts with which the app builds one model a region: enough for the accounts' stacks."""
    one_a_region = {stack.region: stack for stack in reversed(stacks)}
    environments = {stack.path.partition("/")[0] for stack in stacks}
    models = sorted(stack.model.name for stack in one_a_region.values())
    return ["-c", f"environments={','.join(sorted(environments))}", "-c", f"models={','.join(models)}"]


def _can_confirm(options: Sequence[str]) -> bool:
    """Return whether a terminal can confirm changes of rights, or an option says what needs none."""
    return sys.stdin.isatty() or _names(options, "--require-approval")


def _names(options: Sequence[str], name: str) -> bool:
    return any(option.partition("=")[0] == name for option in options)


def _require_credentials(options: Sequence[str]) -> None:
    if not _names(options, "--profile") and boto3.session.Session().get_credentials() is None:
        raise NoCredentialsError
