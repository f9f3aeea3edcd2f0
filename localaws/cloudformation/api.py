"""CloudFormation's HTTP interface: the AWS query protocol, read and written by moto from botocore's model."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.moto_server.werkzeug_app import BackendRequest
from werkzeug.wrappers import Response

from localaws.cloudformation import descriptions
from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.service import (
    ChangeSetNotFoundError,
    ChangeSetRequest,
    CloudFormation,
    InsufficientCapabilitiesError,
    template_at,
)
from localaws.cloudformation.stack import ChangeSet, Stack
from localaws.cloudformation.template import parse

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SERVICE: Final = CloudFormation()

_STAGES: Final = ["Original", "Processed"]

# Parameters that are taken and change nothing here, and why.
_WITHOUT_EFFECT: Final = frozenset(
    {
        "ClientRequestToken",  # requests are not repeated
        "ClientToken",
        "ImportExistingResources",  # what exists already was made by a stack; creating it again fails
        "IncludeNestedStacks",  # there is no type for nested stacks
        "IncludePropertyValues",  # a change set says which properties change, not their values
        "NextToken",  # every answer is whole
        "TemplateStage",  # there are no transforms: both stages are the same
    }
)


class RefusedError(ServiceException):
    """An error of the service: its code and its message.

    A class of its own because moto looks for the errors of a service in the module of the exception's class.
    """


def _operation(*names: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Mark a method as an operation that understands the parameters `names`.

    Any other parameter with a value is refused, so that nothing asked for is silently not done; and the engine's
    errors become the service's.
    """

    def decorate(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @wraps(method)
        def checked(self: CloudFormationResponse) -> Any:
            # The CLI always says which mode it wants; STANDARD, the default, is the one there is.
            if self.params.get("DeploymentConfig") == {"Mode": "STANDARD"}:
                del self.params["DeploymentConfig"]
            unknown = [
                name
                for name, value in self.params.items()
                if value and name not in names and name not in _WITHOUT_EFFECT
            ]
            if unknown:
                raise RefusedError("ValidationError", f"{', '.join(unknown)} not supported by the local AWS")
            try:
                return method(self)
            except ChangeSetNotFoundError as error:
                raise RefusedError("ChangeSetNotFound", str(error)) from error
            except InsufficientCapabilitiesError as error:
                raise RefusedError("InsufficientCapabilitiesException", str(error)) from error
            except TemplateError as error:
                raise RefusedError("ValidationError", str(error)) from error
            except Exception as error:
                # A fault of the local AWS itself. Answered as the client's error: one of the server's is retried.
                traceback.print_exception(error)
                raise RefusedError("InternalFailure", f"{type(error).__name__}: {error}") from error

        return checked

    return decorate


class CloudFormationResponse(BaseResponse):
    """One request; each public method is an operation of the API, named as moto derives it."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def _stack(self) -> Stack:
        return SERVICE.store.find(self.region, self.params["StackName"])

    def _change_set(self) -> tuple[Stack, ChangeSet]:
        return SERVICE.change_set(self.region, self.params["ChangeSetName"], self.params.get("StackName"))

    @_operation(
        "StackName",
        "ChangeSetName",
        "ChangeSetType",
        "TemplateBody",
        "TemplateURL",
        "UsePreviousTemplate",
        "Parameters",
        "Capabilities",
        "Tags",
        "RoleARN",
        "Description",
    )
    def create_change_set(self) -> ActionResult:
        """Answer CreateChangeSet."""
        given = self.params.get("Parameters", [])
        request = ChangeSetRequest(
            stack_name=self.params["StackName"],
            change_set_name=self.params["ChangeSetName"],
            kind=self.params.get("ChangeSetType", "UPDATE"),
            body=self.params.get("TemplateBody"),
            url=self.params.get("TemplateURL"),
            parameters={
                entry["ParameterKey"]: entry.get("ParameterValue", "")
                for entry in given
                if not entry.get("UsePreviousValue")
            },
            previous_parameters=[entry["ParameterKey"] for entry in given if entry.get("UsePreviousValue")],
            tags=self.params.get("Tags", []),
            capabilities=self.params.get("Capabilities", []),
            role_arn=self.params.get("RoleARN"),
            description=self.params.get("Description"),
        )
        stack, change_set = SERVICE.create_change_set(self.region, request)
        return ActionResult({"Id": change_set.id, "StackId": stack.id})

    @_operation("StackName", "ChangeSetName")
    def describe_change_set(self) -> ActionResult:
        """Answer DescribeChangeSet."""
        stack, change_set = self._change_set()
        return _answer(
            descriptions.change_set_summary(stack, change_set)
            | {
                "Changes": change_set.changes,
                "Capabilities": list(change_set.capabilities),
                "Parameters": descriptions.parameters(change_set.revision.parameters),
                "Tags": list(change_set.revision.tags),
            }
        )

    @_operation("StackName", "ChangeSetName")
    def delete_change_set(self) -> ActionResult:
        """Answer DeleteChangeSet."""
        SERVICE.delete_change_set(self.region, self.params["ChangeSetName"], self.params.get("StackName"))
        return EmptyResult()

    @_operation("StackName")
    def list_change_sets(self) -> ActionResult:
        """Answer ListChangeSets."""
        stack = self._stack()
        return _answer(
            {"Summaries": [descriptions.change_set_summary(stack, entry) for entry in stack.change_sets.values()]}
        )

    @_operation("StackName", "ChangeSetName")
    def execute_change_set(self) -> ActionResult:
        """Answer ExecuteChangeSet."""
        SERVICE.execute_change_set(self.region, self.params["ChangeSetName"], self.params.get("StackName"))
        return EmptyResult()

    @_operation("StackName", "RoleARN")
    def delete_stack(self) -> ActionResult:
        """Answer DeleteStack."""
        SERVICE.delete_stack(self.region, self.params["StackName"])
        return EmptyResult()

    @_operation("StackName")
    def describe_stacks(self) -> ActionResult:
        """Answer DescribeStacks."""
        stacks = [self._stack()] if "StackName" in self.params else SERVICE.store.stacks(self.region)
        return _answer({"Stacks": [descriptions.stack_description(stack) for stack in stacks]})

    @_operation("StackStatusFilter")
    def list_stacks(self) -> ActionResult:
        """Answer ListStacks; deleted stacks are in it, as in AWS."""
        wanted = self.params.get("StackStatusFilter", [])
        return _answer(
            {
                "StackSummaries": [
                    descriptions.stack_summary(stack)
                    for stack in SERVICE.store.stacks(self.region, with_deleted=True)
                    if not wanted or stack.status in wanted
                ]
            }
        )

    @_operation("StackName")
    def describe_stack_events(self) -> ActionResult:
        """Answer DescribeStackEvents: the latest event first."""
        return _answer({"StackEvents": self._stack().events[::-1]})

    @_operation("StackName", "ChangeSetName", "OperationId", "Filters")
    def describe_events(self) -> ActionResult:
        """Answer DescribeEvents: nothing is validated before a change set is created, so there are no such events."""
        return _answer({"OperationEvents": []})

    @_operation("StackName", "LogicalResourceId", "PhysicalResourceId")
    def describe_stack_resources(self) -> ActionResult:
        """Answer DescribeStackResources."""
        wanted = self.params.get("LogicalResourceId")
        physical_id = self.params.get("PhysicalResourceId")
        stacks = [self._stack()] if "StackName" in self.params else SERVICE.store.stacks(self.region)
        rows = [row for stack in stacks for row in descriptions.resource_rows(stack)]
        return _answer(
            {
                "StackResources": [
                    row
                    for row in rows
                    if wanted in (None, row["LogicalResourceId"]) and physical_id in (None, row["PhysicalResourceId"])
                ]
            }
        )

    @_operation("StackName", "LogicalResourceId")
    def describe_stack_resource(self) -> ActionResult:
        """Answer DescribeStackResource."""
        stack, logical_id = self._stack(), self.params["LogicalResourceId"]
        for row in descriptions.resource_rows(stack):
            if row["LogicalResourceId"] == logical_id:
                return _answer({"StackResourceDetail": row})
        raise TemplateError(f"Resource {logical_id} does not exist for stack {stack.name}")

    @_operation("StackName")
    def list_stack_resources(self) -> ActionResult:
        """Answer ListStackResources."""
        return _answer({"StackResourceSummaries": descriptions.resource_rows(self._stack())})

    @_operation("StackName", "ChangeSetName")
    def get_template(self) -> ActionResult:
        """Answer GetTemplate."""
        if "ChangeSetName" in self.params:
            body = self._change_set()[1].revision.body
        else:
            revision = self._stack().revision
            body = revision.body if revision else "{}"
        return _answer({"TemplateBody": body, "StagesAvailable": _STAGES})

    @_operation("StackName", "TemplateBody", "TemplateURL")
    def get_template_summary(self) -> ActionResult:
        """Answer GetTemplateSummary."""
        if "TemplateURL" in self.params:
            template = parse(template_at(self.params["TemplateURL"], self.region))
        elif "TemplateBody" in self.params:
            template = parse(self.params["TemplateBody"])
        else:
            revision = self._stack().revision
            if revision is None:
                raise TemplateError(f"Stack {self.params['StackName']} has no template yet")
            template = revision.template
        return _answer(
            {
                "Parameters": [
                    {
                        "ParameterKey": name,
                        "DefaultValue": entry.get("Default"),
                        "ParameterType": entry["Type"],
                        "NoEcho": bool(entry.get("NoEcho", False)),
                        "Description": entry.get("Description"),
                    }
                    for name, entry in template.parameters.items()
                ],
                "ResourceTypes": sorted({entry.type for entry in template.resources.values()}),
                "Description": template.description,
            }
        )

    @_operation()
    def list_exports(self) -> ActionResult:
        """Answer ListExports."""
        return _answer(
            {
                "Exports": [
                    {"ExportingStackId": export.stack.id, "Name": export.name, "Value": export.value}
                    for export in SERVICE.store.exports(self.region)
                ]
            }
        )

    @_operation("ExportName")
    def list_imports(self) -> ActionResult:
        """Answer ListImports."""
        name = self.params["ExportName"]
        users = [user.name for user in SERVICE.store.stacks(self.region) if name in user.imports]
        if not users:
            raise TemplateError(f"Export '{name}' is not imported by any stack.")
        return _answer({"Imports": users})

    @_operation("StackName", "EnableTerminationProtection")
    def update_termination_protection(self) -> ActionResult:
        """Answer UpdateTerminationProtection."""
        stack = self._stack()
        stack.termination_protection = self.params["EnableTerminationProtection"]
        return _answer({"StackId": stack.id})


def _answer(result: Mapping[str, Any]) -> ActionResult:
    return ActionResult(_without_none(result))


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer a request that is signed for CloudFormation; None for any other."""
    if "/cloudformation/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
        return None
    request = BackendRequest(environ)
    status, headers, body = CloudFormationResponse.dispatch(request, request.raw_url, dict(request.headers))
    return Response(body, status, headers)(environ, start_response)
