"""A stand-in for Step Functions that really runs state machines: standard ones, in JSONPath.

It is a fake: everything is kept in this process, and what is not built (express workflows, JSONata, distributed maps,
task tokens, activities, versions and aliases, other integrations than those in `resources`) is refused where a state
machine is created. Its tasks really call the services of the local AWS, held to the policies of the state machine's
role. Nothing is logged to CloudWatch Logs.

* `api`: the operations, on `machines` and `executions`; `requests`: what they share; `store`: what there is.
* `definition`: what CreateStateMachine checks.
* `interpreter`, `execution`: states, one after the other; `choices`, `paths`, `payloads`, `intrinsics`: their language.
* `tasks`, `resources`, `casing`: calls of other services.
* `behaviour`: how fast it waits, to be changed while it runs.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

from localaws import iam
from localaws.service import Call, ServiceError
from localaws.stepfunctions import api, behaviour, store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["ROUTES", "handle", "start_execution"]

ROUTES: Final = (behaviour.ROUTE,)

_TARGET: Final = "AWSStepFunctions."
_CREDENTIAL: Final = re.compile(r"Credential=[^/]+/\d+/([^/]+)/states/aws4_request")


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer a call of Step Functions; None if the request is another."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if not target.startswith(_TARGET):
        return None
    return _respond(Request(environ), target.removeprefix(_TARGET))(environ, start_response)


def start_execution(state_machine_arn: str, text: str) -> str | None:
    """Start an execution on behalf of another service; return its ARN, or None if there is no such state machine.

    Args:
        state_machine_arn: The state machine.
        text: The input as JSON text.
    """
    with store.LOCK:
        machine = store.MACHINES.get(state_machine_arn)
        if machine is None or machine.deleting:
            return None
        return store.start(machine, str(uuid.uuid4()), text).arn


def _respond(request: Request, operation: str) -> Response:
    authorization = request.headers.get("Authorization", "")
    credential = _CREDENTIAL.search(authorization)
    try:
        if credential is None:
            raise ServiceError("MissingAuthenticationToken", "the request is not signed for the service 'states'")
        parameters = json.loads(request.get_data() or b"{}")
        call = Call(region=credential.group(1), identity=iam.caller(authorization), parameters=parameters)
        answer = api.answer(operation, call)
    except ServiceError as error:
        document, status = {"__type": error.code, "message": error.message}, 400
    else:
        document, status = answer, 200
    response = Response(api.as_json(document), status, content_type="application/x-amz-json-1.0")
    response.headers["x-amzn-RequestId"] = str(uuid.uuid4())
    return response
