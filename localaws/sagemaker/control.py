"""The controls of endpoints over HTTP: a path of the local AWS's own, for tests and for trying things by hand.

``/_localaws/sagemaker/endpoints/{name}``, with ``?region=`` where endpoints of that name run in several regions:

* ``GET`` tells how it is: ``{"faults": [...], "limits": {...}, "pace": {...} or null, "invocations": 12}``.
* ``PATCH`` sets what it is sent, and leaves the rest::

      {
        "faults": [{"kind": "no_capacity", "times": 3}, {"kind": "model_error", "status": 503, "message": "..."}],
        "limits": {"container_seconds": 1},
        "pace": {"token_seconds": 0.05, "answer_tokens": 200}
      }

  Faults come in their order, each for the next ``times`` invocations, or for all without ``times``; ``[]`` ends them.
  Of limits, those that are not named go back to SageMaker's own; of the pace, to the container's. The kinds of faults
  are in `localaws.sagemaker.controls.KINDS`, the knobs of the pace in `localaws.containers.pace.Pace`. All that is
  wrong is told at once, with status 400.
* ``DELETE`` takes everything back, and the count of invocations to 0.

The controls go with the endpoint, and not with its configuration: an update keeps them.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from localaws.sagemaker.controls import Controls, faults_of, limits_of, pace_of
from localaws.sagemaker.endpoints import FLEET

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PATH: Final = re.compile(r"/_localaws/sagemaker/endpoints/([^/]+)")
_READERS: Final = {"faults": faults_of, "limits": limits_of, "pace": pace_of}


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer a request about an endpoint's controls; None if the request is another."""
    match = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    if match is None:
        return None
    status, document = _answer(Request(environ), unquote(match.group(1)))
    response = Response(json.dumps(document), status, content_type="application/json")
    return response(environ, start_response)


def _answer(request: Request, endpoint_name: str) -> tuple[int, Mapping[str, Any]]:
    asked = request.args.get("region")
    regions = [region for region in FLEET.regions_of(endpoint_name) if asked in (None, region)]
    if not regions:
        return 404, {"error": f"no endpoint {endpoint_name!r} runs{f' in {asked}' if asked else ''}"}
    if len(regions) > 1:
        return 400, {"error": f"endpoints {endpoint_name!r} run in {', '.join(sorted(regions))}: add ?region="}
    region = regions[0]
    match request.method:
        case "GET":
            pass
        case "DELETE":
            FLEET.reset_controls(region, endpoint_name)
        case "PATCH":
            try:
                _change(region, endpoint_name, _document(request.get_data()))
            except ValueError as error:
                return 400, {"error": str(error)}
        case _:
            return 405, {"error": f"{request.method} is not allowed: GET, PATCH, DELETE"}
    return 200, _description(FLEET.controls(region, endpoint_name))


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ValueError("the body is not an object with faults, limits or pace")
    return document


def _change(region: str, endpoint_name: str, document: Mapping[str, Any]) -> None:
    """Set what `document` says, or nothing.

    Raises:
        ValueError: if something is not allowed; the text says everything that is wrong, one problem a line.
    """
    problems = [f"{name} is not allowed: {', '.join(_READERS)}" for name in document if name not in _READERS]
    read: dict[str, Any] = {}
    for name, reader in _READERS.items():
        if name in document:
            try:
                read[name] = reader(document[name])
            except ValueError as error:
                problems.append(str(error))
    if problems:
        raise ValueError("\n".join(problems))
    FLEET.change_controls(region, endpoint_name, read)


def _description(controls: Controls) -> Mapping[str, Any]:
    return {
        "faults": [dataclasses.asdict(fault) for fault in controls.faults],
        "limits": dataclasses.asdict(controls.limits),
        "pace": controls.pace,
        "invocations": controls.invocations,
    }
