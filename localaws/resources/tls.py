"""TLS policies of API Gateway's APIs and domain names: the values that belong together. Nothing here speaks TLS.

Source: API reference of CreateRestApi (the policies; `endpointAccessMode` for those that begin with `SecurityPolicy_`
only); API Gateway developer guide, "Security policies for REST APIs in API Gateway" (those need an access mode) and
"Supported security policies" (which endpoint types take which). The words are a guess.
"""

from __future__ import annotations

from typing import Any, Final

import botocore.session

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import Properties

NO_TLS: Final = "nothing here speaks TLS; the values are checked"

_ENHANCED: Final = "SecurityPolicy_"
_OF_EDGE: Final = "_EDGE"


def check(properties: Properties) -> None:
    """Refuse a TLS policy that API Gateway does not take.

    Raises:
        ResourceError: With everything that is wrong.
    """
    found = problems(
        properties.get("SecurityPolicy"),
        properties.get("EndpointAccessMode"),
        types=properties.get("EndpointConfiguration", {}).get("Types", ["EDGE"]),
    )
    if found:
        raise ResourceError(
            f'Resource handler returned message: "{"; ".join(found)} (Service: ApiGateway, Status Code: 400)" '
            "(HandlerErrorCode: InvalidRequest)"
        )


def problems(policy: str | None, mode: str | None, *, types: list[str]) -> list[str]:
    """Return what is wrong with a policy and an endpoint access mode, for an endpoint's types."""
    enhanced = policy is not None and policy.startswith(_ENHANCED)
    found = []
    if policy is not None and policy not in _allowed("securityPolicy"):
        found.append(f"Invalid security policy {policy}: allowed are {', '.join(_allowed('securityPolicy'))}")
    elif enhanced and (str(policy).endswith(_OF_EDGE) is not ("EDGE" in types)):
        found.append(f"Security policy {policy} is not supported for endpoint type {', '.join(types)}")
    if enhanced and mode is None:
        found.append(f"Endpoint access mode must be set with security policy {policy}")
    if mode is not None and not enhanced:
        found.append(f"Endpoint access mode needs a security policy that starts with {_ENHANCED}, not {policy}")
    if mode is not None and mode not in _allowed("endpointAccessMode"):
        found.append(f"Invalid endpoint access mode {mode}: allowed are {', '.join(_allowed('endpointAccessMode'))}")
    return found


def _allowed(member: str) -> list[str]:
    shape: Any = botocore.session.get_session().get_service_model("apigateway").shape_for("CreateRestApiRequest")
    values: list[str] = shape.members[member].enum
    return values
