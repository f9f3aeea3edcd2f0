"""The stacks that are declared and those that are deployed, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial

from catalog.nearest import did_you_mean
from stacks.declarations import JumpStartModel, Model
from tools import aws
from tools.account import questions
from tools.account.questions import ClientFactory, NotAnsweredError, ask
from tools.deployed import (
    DeclaredStack,
    UnknownStackError,
    all_declared_stacks,
    deploy_command,
    environment_names,
)
from tools.status.found import FoundStack, found_stacks, of_path
from tools.status.serving import Serving, serving

# What CloudFormation cannot update: such a stack is deleted, and deployed anew.
_DEAD = {"CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
_STUCK = "UPDATE_ROLLBACK_FAILED"


class State(StrEnum):
    """State of a stack: declared, deployed, or both."""

    BOTH = "deployed"
    DECLARED = "declared, not deployed"
    DEPLOYED = "not declared any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One stack.

    Attributes:
        state: Whether it is declared, deployed, or both.
        path: As the CDK CLI names it, such as `dev/falcon-7b`.
        stack_name: CloudFormation's name.
        region: Where it is deployed, or to be.
        account: 12 digits.
        model: The model's id and version, and what is done with it; as it is deployed, where it is.
        status: CloudFormation's status; empty where it is not deployed.
        notes: What a reader should know beside, one line each.
        serving: What serves the model; None where nothing does.
        commands: The next commands.
    """

    state: State
    path: str
    stack_name: str
    region: str
    account: str
    model: str
    status: str = ""
    notes: Sequence[str] = ()
    serving: Serving | None = None
    commands: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Result of a comparison.

    Attributes:
        account: The account of the credentials, 12 digits.
        regions: The regions that were looked at.
        rows: The stacks, in order of their paths.
        elsewhere: Environments that declare another account, which was not looked at: name and account.
        unanswered: Regions that did not answer, each with the reason.
    """

    account: str
    regions: Sequence[str]
    rows: Sequence[Row]
    elsewhere: Sequence[tuple[str, str]]
    unanswered: Sequence[tuple[str, str]]


def report(what: str | None = None, *, regions: Sequence[str] = ()) -> Report:
    """Compare what is declared and what is deployed in the account of the credentials.

    Args:
        what: An environment or a path, declared or not; None for all.
        regions: The regions to look at; by default all that the declarations name for this account.

    Raises:
        UnknownStackError: If `what` is neither declared nor deployed.
        botocore.exceptions.BotoCoreError: If there are no credentials.
        botocore.exceptions.ClientError: If AWS refuses them.
    """
    account = aws.account()
    declared = all_declared_stacks()
    here = [stack for stack in declared if stack.account in {None, account}]
    places = sorted(set(regions)) or declared_regions(account)
    shared = cache(questions.make_client)
    found: list[FoundStack] = []
    unanswered = []
    for region in places:
        try:
            found += ask("cloudformation:DescribeStacks", partial(found_stacks, region, shared))
        except NotAnsweredError as error:
            unanswered.append((region, str(error)))
    wanted = [stack for stack in here if what in {None, stack.path, stack.environment_name} and stack.region in places]
    there = found if what is None else list(of_path(what, found))
    elsewhere = {
        (stack.environment_name, stack.account)
        for stack in declared
        if stack.account not in {None, account} and what in {None, stack.path, stack.environment_name}
    }
    if what is not None and not (wanted or there or elsewhere or unanswered or what in environment_names()):
        raise unknown(what, found, places)
    rows = [*_deployed(there, declared, account, shared), *_missing(wanted, found, account)]
    return Report(
        account=account,
        regions=places,
        rows=sorted(rows, key=lambda row: (row.path, row.region)),
        elsewhere=sorted((name, other) for name, other in elsewhere if other),
        unanswered=unanswered,
    )


def declared_regions(account: str) -> list[str]:
    """List the regions that the declarations name for an account; all that they name, where that is none."""
    stacks = all_declared_stacks()
    return sorted({one.region for one in stacks if one.account in {None, account}} or {one.region for one in stacks})


def unknown(what: str, found: Iterable[FoundStack], regions: Sequence[str]) -> UnknownStackError:
    """Return the error for a name that is neither declared nor deployed, with the names that are like it."""
    stacks = (*all_declared_stacks(), *found)
    names = list(dict.fromkeys(one.path if "/" in what else one.environment_name for one in stacks))
    beside = [name for name in names if name.startswith(what[: what.find("/") + 1])]
    near = did_you_mean(what, names) or f"there are {', '.join(beside or names)}"
    return UnknownStackError(f"{what!r} is neither declared, nor deployed in {', '.join(regions)}: {near}")


def _deployed(
    found: Iterable[FoundStack], declared: Sequence[DeclaredStack], account: str, client: ClientFactory
) -> Iterator[Row]:
    for stack in found:
        homes = [(one.account or account, one.region) for one in declared if one.path == stack.path]
        is_declared = (stack.account, stack.region) in homes
        notes = [stack.reason] if stack.reason and not stack.status.endswith("_IN_PROGRESS") else []
        if not is_declared:
            notes += [_moved(home, account) for home in homes]
        try:
            served = serving(stack, client)
        except NotAnsweredError as error:
            served = None
            notes.append(f"what serves it was not found out: {error}")
        yield Row(
            state=State.BOTH if is_declared else State.DEPLOYED,
            path=stack.path,
            stack_name=stack.stack_name,
            region=stack.region,
            account=stack.account,
            model=stack.model,
            status=stack.status,
            notes=notes,
            serving=served,
            commands=_mending(stack) if is_declared else _removing(stack),
        )


def _moved(home: tuple[str, str], account: str) -> str:
    other, region = home
    return f"declared in {region}" + (f" of account {other}" if other != account else "")


def _mending(stack: FoundStack) -> list[str]:
    if stack.status in _DEAD:
        return [f"./jumpstack destroy {stack.path}", deploy_command(stack)]
    return [f"./jumpstack cdk rollback {stack.path}"] if stack.status == _STUCK else []


def region_option(stack: FoundStack) -> str:
    """Return the option that commands need to find a stack that is not declared there; empty where they need none."""
    # The path alone would mean the stack where it is declared now; and regions that are declared are looked at anyway.
    is_declared = any(one.path == stack.path for one in all_declared_stacks())
    return f" --region {stack.region}" if is_declared or stack.region not in declared_regions(stack.account) else ""


def _removing(stack: FoundStack) -> list[str]:
    at = region_option(stack)
    keys = [f"./jumpstack keys revoke {stack.path} --all{at}"] if "UsagePlanId" in stack.outputs else []
    return [*keys, f"./jumpstack destroy {stack.path}{at}"]


def _missing(wanted: Iterable[DeclaredStack], found: Iterable[FoundStack], account: str) -> Iterator[Row]:
    there = {(stack.path, stack.region) for stack in found}
    for stack in wanted:
        if (stack.path, stack.region) not in there:
            yield Row(
                state=State.DECLARED,
                path=stack.path,
                stack_name=stack.stack_name,
                region=stack.region,
                account=account,
                model=_declared_model(stack.model),
                commands=[deploy_command(stack)],
            )


def _declared_model(model: Model) -> str:
    return f"{model.model_id} {model.version}" if isinstance(model, JumpStartModel) else model.name
