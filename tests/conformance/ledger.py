"""The removals that a run still owes, on disk, so that the next run can do what a killed one could not.

A removal names its resource by its id or, from before the creation until the id is known, by its name. A ledger is
rewritten after each removal. Only one run at a time may use a folder, since a run removes what it finds in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from tests.conformance.target import Target

LEDGERS = Path(__file__).resolve().parents[2] / ".local"
_PATTERN = "conformance-*.json"
_GONE = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")
_GONE_WORDS = ("does not exist", "Could not find")
"""Words of CloudFormation and SageMaker, whose code is that of any refusal."""
_THROTTLED = "TooManyRequestsException"
_ATTEMPTS, _SECONDS = 19, 10
"""API Gateway deletes one REST API of an account in 30 s: a removal is tried for 3 minutes."""


_STACK_SECONDS = 1_800
"""Time for the deletion of a stack: an endpoint's takes minutes."""


class RunningError(RuntimeError):
    """Another run uses the folder."""


class RemovalError(RuntimeError):
    """A removal was begun and did not end well."""


class Removal(NamedTuple):
    """One call that removes something.

    Attributes:
        service: The service.
        operation: The client's method.
        arguments: The call's arguments.
        named: Argument that takes the id, and the name by which the id is found; empty where `arguments` has it.
    """

    service: str
    operation: str
    arguments: Mapping[str, Any]
    named: Sequence[str] = ()

    def __str__(self) -> str:
        """Return it as the log of a run shows it."""
        name = f" named {self.named[1]}" if self.named else ""
        return f"{self.service} {self.operation} {dict(self.arguments)}{name}"


@contextmanager
def held(folder: Path = LEDGERS) -> Iterator[None]:
    """Hold a folder's lock, which ends with the process.

    Raises:
        RunningError: If another run holds it.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "conformance.lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunningError(f"another run holds {file.name}: its resources would be removed") from None
        yield


def write(file: Path, removals: Sequence[Removal]) -> None:
    """Replace a ledger at once, or delete it where nothing is left to remove."""
    if not removals:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(removals), encoding="utf-8")
    os.replace(new, file)


def remove_all(target: Target, removals: list[Removal], file: Path | None) -> list[str]:
    """Remove all, the newest first, and note each in the ledger; return what could not be removed.

    Args:
        target: Where the resources are.
        removals: The removals, the newest last; those that succeed are taken out.
        file: The ledger; None for no ledger.
    """
    problems = []
    for removal in reversed(removals.copy()):
        problem = _remove(target, removal)
        if problem:
            problems.append(f"{removal}: {problem}")
            continue
        removals.remove(removal)
        if file:
            write(file, removals)
    return problems


def remove_leftovers(target: Target, *, folder: Path = LEDGERS) -> list[str]:
    """Remove what interrupted runs left in this account and region; return what could not be removed."""
    problems = []
    for ledger in sorted(folder.glob(_PATTERN)):
        if ledger.name.startswith(f"conformance-{target.account}-{target.region}-"):
            left = [Removal(*entry) for entry in json.loads(ledger.read_text(encoding="utf-8"))]
            problems += remove_all(target, left, ledger)
    return problems


def _remove(target: Target, removal: Removal) -> str:
    """Remove one thing; return the problem, empty where it is gone."""
    for attempt in range(_ATTEMPTS):
        if attempt and not target.is_local:
            time.sleep(_SECONDS)
        try:
            _call(target.client(removal.service), removal)
        except ClientError as error:
            code, message = str(error.response["Error"]["Code"]), str(error.response["Error"].get("Message"))
            if any(word in code for word in _GONE) or any(words in message for words in _GONE_WORDS):
                return ""
            # A key whose deletion is scheduled is in a state that refuses the same again.
            if code == "KMSInvalidStateException" and "pending deletion" in message:
                return ""
            problem = f"{code}: {message}"
            if code != _THROTTLED:
                return problem
        except (BotoCoreError, RemovalError) as error:
            return str(error)
        else:
            return ""
    return problem


def _call(client: Any, removal: Removal) -> None:
    """Remove what the removal's arguments or name mean."""
    if not removal.named:
        _remove_one(client, removal.operation, removal.arguments)
        return
    argument, name = removal.named
    for found in list(_FIND[removal.operation](client, name)):
        _remove_one(client, removal.operation, {**removal.arguments, argument: found})


def _remove_one(client: Any, operation: str, arguments: Mapping[str, Any]) -> None:
    if operation == "delete_usage_plan":
        # A plan of a stage is not deleted. What is attached is asked, so that the removal can be repeated.
        for stage in client.get_usage_plan(**arguments).get("apiStages", []):
            patch = {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}
            client.update_usage_plan(**arguments, patchOperations=[patch])
    if operation == "delete_stack":
        _delete_stack(client, arguments["StackName"])
        return
    getattr(client, operation)(**arguments)


def _delete_stack(client: Any, name: str) -> None:
    """Delete a stack and wait for its end; one that is not deleted then is left in the ledger.

    Raises:
        RemovalError: If it failed, or takes longer than a removal may.
    """
    described = client.describe_stacks(StackName=name)["Stacks"][0]
    stack, is_asked = described["StackId"], False
    for _ in range(_STACK_SECONDS):
        if not is_asked:
            is_asked = _asked_to_delete(client, stack)
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
        if described["StackStatus"] == "DELETE_COMPLETE":
            return
        if is_asked and described["StackStatus"] == "DELETE_FAILED":
            break
        time.sleep(1)
    raise RemovalError(f"{described['StackStatus']}: {described.get('StackStatusReason', '')}")


def _asked_to_delete(client: Any, stack: str) -> bool:
    """Return whether a stack takes its deletion; one that is being made may have to be waited for."""
    try:
        client.delete_stack(StackName=stack)
    except ClientError as error:
        if "_IN_PROGRESS" in str(error):
            return False
        raise
    return True


def _named(operation: str) -> Callable[[Any, str], Iterator[str]]:
    """Return what finds API Gateway's resources of a name."""

    def find(client: Any, name: str) -> Iterator[str]:
        for page in client.get_paginator(operation).paginate():
            yield from (one["id"] for one in page.get("items", []) if one.get("name") == name)

    return find


def _queue(client: Any, name: str) -> Iterator[str]:
    yield client.get_queue_url(QueueName=name)["QueueUrl"]


def _keys(client: Any, name: str) -> Iterator[str]:
    """Find keys by their description, since a key has no name."""
    for page in client.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            try:
                known = client.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            except ClientError as error:
                # A policy may keep the account's other keys from this caller; that of a run's keys never does.
                if error.response["Error"]["Code"] == "AccessDeniedException":
                    continue
                raise
            if known.get("Description") == name and known["KeyState"] != "PendingDeletion":
                yield key["KeyId"]


_FIND: Mapping[str, Callable[[Any, str], Iterator[str]]] = {
    "delete_rest_api": _named("get_rest_apis"),
    "delete_usage_plan": _named("get_usage_plans"),
    "delete_api_key": _named("get_api_keys"),
    "delete_queue": _queue,
    "schedule_key_deletion": _keys,
}
