"""Deployment of declared models after the settings of their accounts, and their destruction.

The CDK CLI does not see that a model's stack needs the settings of its account and region (docs/adr/0003). One command
of the CLI deploys the accounts' stacks here, and only when it has ended well another one the models'.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tools import aws, cdk
from tools.deployed import DeclaredStack, account_paths, declared_stack, declared_stacks
from tools.processes import interruptible

# Folder, below the project's, into which the CLI writes what it builds, and the options that name another one.
_ASSEMBLY = "cdk.out"
_OTHER_ASSEMBLY = ("--app", "-a", "--output", "-o")
_NO_TERMINAL = "without a terminal to confirm in, add -- --require-approval never"


class DeploymentError(RuntimeError):
    """Nothing was begun, or the settings of an account could not be deployed; the CLI has printed why."""


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


def deploy(stacks: Sequence[DeclaredStack], options: Sequence[str]) -> int:
    """Deploy the settings of the stacks' accounts and regions, and then the stacks.

    Args:
        stacks: Stacks of one environment.
        options: Options of the CLI, for both commands.

    Returns:
        The CLI's exit code.

    Raises:
        CdkError: If the CLI is not installed.
        DeploymentError: If the credentials are another account's, or the accounts' settings could not be deployed.
        botocore.exceptions.BotoCoreError: If there are no credentials, and no option names a profile.
    """
    _require_account(stacks, options)
    accounts = account_paths(stacks)
    with interruptible(lambda: _goes_on(stacks)):
        code = cdk.call(["deploy", *_contexts(stacks), *accounts, *options])
        if code:
            # Of the settings of several regions, the first may be deployed by now.
            what = "nothing" if len(accounts) == 1 else "no model"
            hint = "" if _can_confirm(options) else f"; {_NO_TERMINAL}"
            raise DeploymentError(f"the CDK CLI ended with {code}, see above; {what} was deployed{hint}")
        # The first command has written the models' templates, too: they are built once, and warned of once.
        written = [] if any(_names(options, name) for name in _OTHER_ASSEMBLY) else ["--app", _ASSEMBLY]
        return cdk.call(["deploy", *(stack.path for stack in stacks), *written, *options])


def destroy(stacks: Sequence[DeclaredStack], options: Sequence[str]) -> int:
    """Destroy stacks; the accounts' settings stay.

    Args:
        stacks: Stacks of one environment.
        options: Options of the CLI.

    Returns:
        The CLI's exit code.

    Raises:
        CdkError: If the CLI is not installed.
        DeploymentError: If the credentials are another account's.
        botocore.exceptions.BotoCoreError: If there are no credentials, and no option names a profile.
    """
    _require_account(stacks, options)
    with interruptible(lambda: _goes_on(stacks)):
        return cdk.call(["destroy", *(stack.path for stack in stacks), *options])


def _goes_on(stacks: Sequence[DeclaredStack]) -> str:
    name = stacks[0].environment_name
    return (
        f"CloudFormation goes on with what it has begun, and rents what it makes: ./jumpstack status {name} shows it, "
        f"./jumpstack cdk rollback ENV/MODEL ends an update, ./jumpstack destroy removes a stack"
    )


def _contexts(stacks: Sequence[DeclaredStack]) -> list[str]:
    """Return the contexts with which the app builds these models and their accounts' stacks."""
    environments = sorted({stack.environment_name for stack in stacks})
    models = sorted(stack.model.name for stack in stacks)
    return ["-c", f"environments={','.join(environments)}", "-c", f"models={','.join(models)}"]


def _can_confirm(options: Sequence[str]) -> bool:
    """Return whether a terminal can confirm changes of rights, or an option says what needs none."""
    return sys.stdin.isatty() or _names(options, "--require-approval")


def _names(options: Sequence[str], name: str) -> bool:
    return any(option.partition("=")[0] == name for option in options)


def _require_account(stacks: Sequence[DeclaredStack], options: Sequence[str]) -> None:
    """Refuse credentials of another account than the declared one, and none at all."""
    profile = profile_of(options)
    declared = {stack.account for stack in stacks} - {None}
    if not declared:
        if profile is None:
            aws.require_credentials()
        return
    account = aws.account(profile)
    for other in sorted(declared - {account}, key=str):
        name = stacks[0].environment_name
        raise DeploymentError(
            f"{name} declares account {other}, and the credentials of {aws.named(profile)} are of {account}: set "
            f"AWS_PROFILE to one of {other}; where {other} trusts {account} (cdk bootstrap --trust), ./jumpstack cdk "
            "deploys"
        )


def profile_of(options: Sequence[str]) -> str | None:
    """Return the profile that options of the CLI name, if any."""
    for position, option in enumerate(options):
        name, has_value, value = option.partition("=")
        if name == "--profile":
            return value if has_value else next(iter(options[position + 1 :]), None)
    return None
