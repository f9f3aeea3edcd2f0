"""A stack as it is deployed: its resources, its outputs and what happened to it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from localaws.cloudformation.template import Template, parse
from localaws.settings import ACCOUNT

STACK_TYPE: Final = "AWS::CloudFormation::Stack"

Tag = Mapping[str, str]
"""A tag as the APIs write it: `{"Key": ..., "Value": ...}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A wanted state of a stack: a template with the values of its parameters.

    Attributes:
        body: The template's text, as it was sent.
        template: The same, parsed.
        parameters: The given values, by parameter name.
        tags: The stack's tags.
    """

    body: str
    template: Template
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[Tag, ...] = ()

    @classmethod
    def of(cls, body: str, *, parameters: Mapping[str, str], tags: Sequence[Tag] = ()) -> Revision:
        """Parse `body`; TemplateError if it is not a template."""
        return cls(body=body, template=parse(body), parameters=dict(parameters), tags=tuple(tags))


@dataclass(slots=True, kw_only=True)
class StackResource:
    """One deployed resource.

    Attributes:
        logical_id: Its name in the template.
        type: E.g. `AWS::S3::Bucket`.
        physical_id: The value of `Ref`.
        properties: Evaluated, as they were applied.
        attributes: The values of `Fn::GetAtt`, by attribute name.
        deletion_policy: Delete, Retain or RetainExceptOnCreate.
        update_replace_policy: Delete or Retain.
        status: E.g. `CREATE_COMPLETE`.
        reason: The reason, where it failed.
        updated: Time at which the status was set.
    """

    logical_id: str
    type: str
    physical_id: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any]
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    status: str = "CREATE_COMPLETE"
    reason: str | None = None
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One evaluated entry of the Outputs section."""

    key: str
    value: str
    description: str | None = None
    export_name: str | None = None


@dataclass(slots=True, kw_only=True)
class ChangeSet:
    """A revision with the changes that it would make to its stack, ready to be executed."""

    name: str
    id: str
    revision: Revision
    changes: list[dict[str, Any]]
    capabilities: Sequence[str] = ()
    description: str | None = None
    status: str = "CREATE_COMPLETE"
    reason: str | None = None
    execution_status: str = "AVAILABLE"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


class Stack:
    """A stack; its `operation` lock is held while it is created, updated or deleted."""

    def __init__(self, *, name: str, region: str) -> None:
        self.name = name
        self.region = region
        self.id = f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{name}/{uuid.uuid4()}"
        self.status = "REVIEW_IN_PROGRESS"
        self.reason: str | None = None
        self.created = datetime.now(UTC)
        self.updated: datetime | None = None
        self.deleted: datetime | None = None
        self.revision: Revision | None = None
        self.capabilities: Sequence[str] = ()
        self.role_arn: str | None = None
        self.resources: dict[str, StackResource] = {}
        self.outputs: tuple[Output, ...] = ()
        self.imports: set[str] = set()
        self.change_sets: dict[str, ChangeSet] = {}
        self.events: list[dict[str, Any]] = []
        self.termination_protection = False
        self.operation = threading.Lock()
        self.operation_id = str(uuid.uuid4())

    def pseudo_parameters(self) -> dict[str, Any]:
        """Return the values of the pseudo parameters in this stack."""
        return {
            "AWS::AccountId": ACCOUNT,
            "AWS::NotificationARNs": [],
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self.id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def enter(self, status: str, reason: str | None = None) -> None:
        """Set the stack's status and record it in its events."""
        self.status, self.reason = status, reason
        self._record(self.name, self.id, STACK_TYPE, status, reason)

    def record(
        self, *, logical_id: str, resource_type: str, physical_id: str, status: str, reason: str | None = None
    ) -> None:
        """Add an event about one resource."""
        self._record(logical_id, physical_id, resource_type, status, reason)

    def _record(self, logical_id: str, physical_id: str, kind: str, status: str, reason: str | None) -> None:
        # The CLI sorts events by their time in milliseconds.
        time = datetime.now(UTC)
        if self.events:
            time = max(time, self.events[-1]["Timestamp"] + timedelta(milliseconds=1))
        event = {
            "StackId": self.id,
            "StackName": self.name,
            "EventId": str(uuid.uuid4()),
            "OperationId": self.operation_id,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "Timestamp": time,
            "ResourceStatus": status,
        }
        if reason:
            event["ResourceStatusReason"] = reason
        self.events.append(event)
