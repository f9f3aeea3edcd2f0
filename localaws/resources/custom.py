"""Custom resources: a function does the work and answers by HTTP to an address that it is given."""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from werkzeug.wrappers import Request, Response

from localaws import settings
from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import Attributes, Context, Handler, Properties

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RESPONSE_PATH: Final = "/_localaws/cfn-response/"

# How long an answer is waited for after the function has ended, unless the resource sets ServiceTimeout.
# CloudFormation waits an hour (ServiceTimeout's default), which would only hide the fault here.
_DEFAULT_TIMEOUT_SECONDS: Final = 60.0

_CRASH_EXCERPT_CHARACTERS: Final = 500

# An answer needs no credential: its address is one, as the presigned URL of CloudFormation is.
_TOKEN_BYTES: Final = 32


@dataclass(slots=True)
class _Pending:
    """A request that a function has not answered yet."""

    answered: threading.Event = field(default_factory=threading.Event)
    answer: Mapping[str, Any] = field(default_factory=dict)


# Filled by the thread that works on the stack, answered by the one that serves the function's request.
_PENDING: Final[dict[str, _Pending]] = {}


def is_custom(resource_type: str) -> bool:
    """Return whether a function of the template's author provides this type."""
    return resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource"


class CustomResource(Handler):
    """Any `Custom::…`: asks the function named by ServiceToken to create, update or delete."""

    type_name = "AWS::CloudFormation::CustomResource"
    applied = frozenset()

    def problems(self, properties: Properties) -> list[str]:
        """Return whether the function's ARN is missing; all else is between the template and the function."""
        return [] if "ServiceToken" in properties else ["[#: required key [ServiceToken] not found]"]

    def replacing(self, old: Properties, new: Properties) -> list[str]:
        """Return nothing: the function decides, by answering with another physical id."""
        return []

    def identifier(self) -> tuple[str, ...]:
        """Return nothing: the function chooses the physical id."""
        return ()

    def attribute_names(self) -> frozenset[str] | None:
        """Return None: the attributes are what the function answers."""
        return None

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Send a Create request."""
        return _send(context, "Create", properties)

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Send an Update request."""
        if old["ServiceToken"] != new["ServiceToken"]:
            raise ResourceError("Modifying service token is not allowed.")
        return _send(context, "Update", new, OldResourceProperties=_as_text(old))

    def delete(self, context: Context, properties: Properties) -> None:
        """Send a Delete request."""
        _send(context, "Delete", properties)


def _send(context: Context, request_type: str, properties: Properties, **more: Any) -> Attributes:
    """Invoke the function, wait for its answer and set the physical id from it.

    Raises:
        ResourceError: If the function crashes, answers FAILED or does not answer in time.
    """
    request_id, token = uuid.uuid4().hex, secrets.token_urlsafe(_TOKEN_BYTES)
    request = {
        "RequestType": request_type,
        "ServiceToken": properties["ServiceToken"],
        "ResponseURL": f"{settings.current().url}{RESPONSE_PATH}{token}",
        "StackId": context.stack.id,
        "RequestId": request_id,
        "LogicalResourceId": context.logical_id,
        "ResourceType": context.resource_type,
        "ResourceProperties": _as_text(properties),
        **more,
    }
    if context.physical_id is not None:
        request["PhysicalResourceId"] = context.physical_id
    pending = _PENDING[token] = _Pending()
    try:
        _invoke(context, request, pending)
        timeout = float(properties.get("ServiceTimeout", _DEFAULT_TIMEOUT_SECONDS))
        if not pending.answered.wait(timeout):
            raise ResourceError(
                "CloudFormation did not receive a response from your Custom Resource. "
                f"Please check your logs for requestId [{request_id}]."
            )
    finally:
        del _PENDING[token]
    answer = pending.answer
    context.physical_id = answer.get("PhysicalResourceId") or context.physical_id
    if answer.get("Status") != "SUCCESS":
        raise ResourceError(
            f"Received response status [{answer.get('Status')}] from custom resource. "
            f"Message returned: {answer.get('Reason')} (RequestId: {request_id})"
        )
    if context.physical_id is None:
        raise ResourceError("Invalid PhysicalResourceId: the custom resource's answer has none")
    return dict(answer.get("Data") or {})


def _invoke(context: Context, request: Mapping[str, Any], pending: _Pending) -> None:
    answer = context.client("lambda").invoke(FunctionName=request["ServiceToken"], Payload=json.dumps(request).encode())
    payload = answer["Payload"].read().decode()
    # A crash after the answer does not matter; without one nothing more will come, so do not wait for it.
    if answer.get("FunctionError") and not pending.answered.is_set():
        raise ResourceError(
            f"The function of the custom resource failed without answering: {payload[:_CRASH_EXCERPT_CHARACTERS]}"
        )


def _as_text(value: Any) -> Any:
    """Return properties as functions receive them: every scalar is text."""
    if isinstance(value, Mapping):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Accept a function's answer (PUT, JSON); None for any other request."""
    path = environ.get("PATH_INFO", "")
    if not path.startswith(RESPONSE_PATH):
        return None
    pending = _PENDING.get(path.removeprefix(RESPONSE_PATH))
    if pending is None:
        return Response(status=403)(environ, start_response)
    try:
        pending.answer = json.loads(Request(environ).get_data())
    except ValueError as error:
        pending.answer = {"Status": "FAILED", "Reason": f"the answer is not JSON: {error}"}
    pending.answered.set()
    return Response("")(environ, start_response)


HANDLER: Final = CustomResource()
