"""The path on which tests and demos change the behaviour of a running endpoint.

`/_localaws/sagemaker/endpoints/{name}`, with `?region=` where endpoints of that name run in several regions:

* `GET` returns the behaviour: `{"faults": [...], "limits": {...}, "pace": {...} or null, "invocations": 12}`.
* `PUT` sets what it is sent, and leaves the rest::

      {
        "faults": [{"kind": "no_capacity", "times": 3}, {"kind": "model_error", "status": 503, "message": "..."}],
        "limits": {"container_seconds": 1},
        "pace": {"token_seconds": 0.05, "answer_tokens": 200}
      }

  Faults come in their order, each for the next `times` invocations, or for all without `times`; `[]` ends them.
  Of limits, those that are not named go back to SageMaker's own; of the pace, to the container's. The kinds of faults
  are in `endpoint_behaviour.KINDS`, the knobs of the pace in `localaws.containers.pace.Pace`.
* `DELETE` restores the defaults, and the count of invocations to 0.

The behaviour goes with the endpoint, and not with its configuration: an update keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from werkzeug.wrappers import Request

from localaws import steering
from localaws.sagemaker.endpoint_behaviour import EndpointBehaviour
from localaws.sagemaker.endpoints import FLEET


def _get(request: Request, name: str) -> Mapping[str, Any]:
    return FLEET.behaviour(_region(request, name), name).document()


def _put(request: Request, name: str) -> Mapping[str, Any]:
    region = _region(request, name)
    FLEET.change_behaviour(region, name, steering.read_body(EndpointBehaviour, request))
    return FLEET.behaviour(region, name).document()


def _delete(request: Request, name: str) -> Mapping[str, Any]:
    FLEET.reset_behaviour(_region(request, name), name)
    return _get(request, name)


def _region(request: Request, name: str) -> str:
    asked = request.args.get("region")
    regions = [region for region in FLEET.regions_of(name) if asked in (None, region)]
    if not regions:
        raise steering.SteeringError(404, f"no endpoint {name!r} runs{f' in {asked}' if asked else ''}")
    if len(regions) > 1:
        places = ", ".join(sorted(regions))
        raise steering.SteeringError(400, f"endpoints {name!r} run in {places}: add ?region=")
    return regions[0]


ROUTE: Final = steering.Route(
    "/_localaws/sagemaker/endpoints/(?P<name>[^/]+)", {"GET": _get, "PUT": _put, "DELETE": _delete}
)
