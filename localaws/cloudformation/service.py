"""CloudFormation's operations on stacks and change sets, whatever the protocol they come by."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from localaws import clients
from localaws.cloudformation import changes, deletion, engine
from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.stack import ChangeSet, Revision, Stack, Tag
from localaws.cloudformation.store import Store
from localaws.cloudformation.template import Template
from localaws.settings import ACCOUNT

# ExecuteChangeSet and DeleteStack answer only when the work is done, or after this long: the CLI then sees the final
# status in its first poll, where it would otherwise wait five seconds for the second. AWS answers at once.
_PATIENCE_SECONDS: Final = 40.0

_NO_CHANGES: Final = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)
# From the CreateStack API reference, parameter Capabilities; of the types that exist here.
_NEEDING_CAPABILITY: Final = frozenset({"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role"})
_NAME_PROPERTIES: Final = ("ManagedPolicyName", "RoleName")

_UPDATABLE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})


class ChangeSetNotFoundError(TemplateError):
    """There is no such change set."""


class InsufficientCapabilitiesError(TemplateError):
    """The template makes IAM resources and the request does not acknowledge it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetRequest:
    """The parameters of CreateChangeSet; `previous_parameters` are those with UsePreviousValue."""

    stack_name: str
    change_set_name: str
    kind: str
    body: str | None
    url: str | None
    parameters: Mapping[str, str]
    previous_parameters: Sequence[str] = ()
    tags: Sequence[Tag] = ()
    capabilities: Sequence[str] = ()
    role_arn: str | None = None
    description: str | None = None


class CloudFormation:
    """All stacks, and what can be done with them."""

    def __init__(self, store: Store | None = None, *, patience: float = _PATIENCE_SECONDS) -> None:
        self.store = store or Store()
        self._patience = patience
        # Serialises what looks a stack up and then acts on what it found.
        self._lock = threading.RLock()

    def create_change_set(self, region: str, request: ChangeSetRequest) -> tuple[Stack, ChangeSet]:
        """Compute a change set; one without changes has status FAILED, as in AWS.

        Raises:
            TemplateError: If the stack cannot be changed, or the template or its parameters are refused.
        """
        with self._lock:
            stack = self._changeable(region, request)
            revision = self._revision(region, request, stack)
            _check_capabilities(revision.template, request.capabilities)
            planned = changes.plan(stack=stack, revision=revision, store=self.store)
            change_set = ChangeSet(
                name=request.change_set_name,
                id=f"arn:aws:cloudformation:{region}:{ACCOUNT}:changeSet/{request.change_set_name}/{uuid.uuid4()}",
                revision=revision,
                changes=planned,
                capabilities=tuple(request.capabilities),
                description=request.description,
            )
            if changes.is_empty(stack=stack, revision=revision, changes=planned):
                change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
                change_set.reason = _NO_CHANGES
            if self.store.find_or_none(region, stack.name) is None:
                self.store.add(stack)
                stack.enter("REVIEW_IN_PROGRESS", "User Initiated")
            stack.role_arn = request.role_arn or stack.role_arn
            stack.change_sets[change_set.id] = change_set
        return stack, change_set

    def _changeable(self, region: str, request: ChangeSetRequest) -> Stack:
        stack = self.store.find_or_none(region, request.stack_name)
        if request.kind == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise TemplateError(
                    f"Stack [{stack.name}] already exists and cannot be created again with the changeSet "
                    f"[{request.change_set_name}]."
                )
            return stack or Stack(name=request.stack_name, region=region)
        if request.kind != "UPDATE":
            raise TemplateError(f"ChangeSetType {request.kind} is not supported here; allowed are CREATE and UPDATE")
        if stack is None:
            raise TemplateError(f"Stack [{request.stack_name}] does not exist")
        if stack.status not in _UPDATABLE:
            raise TemplateError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack

    def _revision(self, region: str, request: ChangeSetRequest, stack: Stack) -> Revision:
        body = request.body
        if request.url is not None:
            body = template_at(request.url, region)
        if body is None:
            if stack.revision is None:
                raise TemplateError("Either TemplateBody or TemplateURL must be given")
            body = stack.revision.body
        given = dict(request.parameters)
        deployed = stack.revision.parameters if stack.revision else {}
        given |= {name: deployed[name] for name in request.previous_parameters if name in deployed}
        return Revision.of(body, parameters=given, tags=request.tags)

    def change_set(self, region: str, name_or_id: str, stack_name: str | None) -> tuple[Stack, ChangeSet]:
        """Return a change set by its id, or by its name and its stack's.

        Raises:
            ChangeSetNotFoundError: If there is none.
        """
        for stack in self.store.stacks(region, with_deleted=True):
            for change_set in stack.change_sets.values():
                named = stack_name in (stack.name, stack.id) and change_set.name == name_or_id
                if change_set.id == name_or_id or (named and not stack.deleted):
                    return stack, change_set
        raise ChangeSetNotFoundError(f"ChangeSet [{name_or_id}] does not exist")

    def delete_change_set(self, region: str, name_or_id: str, stack_name: str | None) -> None:
        """Forget a change set; one that does not exist is no error."""
        try:
            stack, change_set = self.change_set(region, name_or_id, stack_name)
        except ChangeSetNotFoundError:
            return
        stack.change_sets.pop(change_set.id, None)

    def execute_change_set(self, region: str, name_or_id: str, stack_name: str | None) -> None:
        """Deploy a change set, in the background if it takes long.

        Raises:
            TemplateError: If the change set or its stack is in no state for it.
        """
        with self._lock:
            stack, change_set = self.change_set(region, name_or_id, stack_name)
            if change_set.execution_status != "AVAILABLE":
                raise TemplateError(
                    f"ChangeSet [{change_set.id}] cannot be executed in its current status of [{change_set.status}]"
                )
            self._begin(stack)
            change_set.execution_status = "EXECUTE_COMPLETE"
            for other in stack.change_sets.values():
                if other is not change_set:
                    other.execution_status = "OBSOLETE"
            stack.capabilities = change_set.capabilities
        deployment = engine.Deployment(stack=stack, revision=change_set.revision, store=self.store)
        self._work(stack, deployment.run)

    def delete_stack(self, region: str, name_or_id: str) -> None:
        """Delete a stack, in the background if it takes long; one that does not exist is no error.

        Raises:
            TemplateError: If the stack is protected or being worked on.
        """
        with self._lock:
            stack = self.store.find_or_none(region, name_or_id)
            if stack is None:
                return
            if stack.termination_protection:
                raise TemplateError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
            self._begin(stack)
        self._work(stack, lambda: deletion.delete(stack=stack, store=self.store))

    def _begin(self, stack: Stack) -> None:
        if not stack.operation.acquire(blocking=False):
            raise TemplateError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")

    def _work(self, stack: Stack, operation: Callable[[], None]) -> None:
        def work() -> None:
            try:
                operation()
            finally:
                stack.operation.release()

        thread = threading.Thread(target=work, name=f"stack-{stack.name}", daemon=True)
        thread.start()
        thread.join(self._patience)


def template_at(url: str, region: str) -> str:
    """Return the template that lies in S3 under a path-style or virtual-hosted URL.

    Raises:
        TemplateError: If the URL is not one of S3.
    """
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    host, separator, _ = parts.netloc.partition(".s3.")
    bucket, key = (host, path) if separator else (path.partition("/")[0], path.partition("/")[2])
    if not bucket or not key:
        raise TemplateError(f"TemplateURL must reference a valid S3 object to which you have access: {url}")
    body: bytes = clients.client("s3", region).get_object(Bucket=bucket, Key=key)["Body"].read()
    return body.decode()


def _check_capabilities(template: Template, capabilities: Sequence[str]) -> None:
    made = [entry for entry in template.resources.values() if entry.type in _NEEDING_CAPABILITY]
    if not made or "CAPABILITY_NAMED_IAM" in capabilities:
        return
    if any(name in entry.properties for entry in made for name in _NAME_PROPERTIES):
        raise InsufficientCapabilitiesError("Requires capabilities : [CAPABILITY_NAMED_IAM]")
    if "CAPABILITY_IAM" not in capabilities:
        raise InsufficientCapabilitiesError("Requires capabilities : [CAPABILITY_IAM]")
