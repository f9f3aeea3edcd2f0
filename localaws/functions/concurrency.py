"""Reserved concurrency: the part of an account's concurrent executions that functions may set apart.

Sources: Lambda documentation, "Configuring reserved concurrency for a function" (100 of the account's executions in a
region stay unreserved) and "Lambda quotas" (1,000; new accounts have less); API reference, PutFunctionConcurrency and
GetAccountSettings. The words of the refusal are of public reports, among them those of accounts with a limit of 10
and of 50, of which nothing may be reserved. That invocations beyond the unreserved rest are throttled is not built: a
function has at most `pools.MAX_WORKERS` processes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaBackend, lambda_backends
from werkzeug.wrappers import Response

from localaws import iam, settings, steering

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# "Configuring reserved concurrency for a function".
_LEAST_UNRESERVED: Final = 100
# "Lambda quotas": 75 GB of code, 50 MB zipped, 250 MB unzipped.
_CODE_LIMITS: Final = {
    "TotalCodeSize": 80_530_636_800,
    "CodeSizeUnzipped": 262_144_000,
    "CodeSizeZipped": 52_428_800,
}
_SETTINGS_PATH: Final = "/2016-08-19/account-settings"
_REGION: Final = re.compile(r"Credential=[^/,\s]+/\d+/([^/]+)/lambda/aws4_request")


@dataclass(kw_only=True)
class AccountLimits:
    """The quotas of the account in each region.

    Attributes:
        concurrent_executions: The quota "Concurrent executions" (L-B99A9384).
    """

    concurrent_executions: int = 1000


_STEERED: Final = steering.Steered(AccountLimits)

ROUTE: Final = _STEERED.route("/_localaws/lambda/(?P<region>[a-z0-9-]+)")


def check(backend: LambdaBackend, function_name: str, reserved: int) -> None:
    """Refuse a reservation that leaves too little to the functions without one.

    Args:
        backend: The functions that moto has in a region.
        function_name: The function; what it had reserved counts no more.
        reserved: Its reservation.

    Raises:
        moto.awslambda.exceptions.InvalidParameterValueException: If too little is left.
    """
    limit = _STEERED.of(backend.region_name).concurrent_executions
    least = min(_LEAST_UNRESERVED, limit)
    if unreserved(backend, leaving_out=function_name) - reserved < least:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{least}]."
        )


def unreserved(backend: LambdaBackend, *, leaving_out: str = "") -> int:
    """Return how many executions of a region no function has reserved.

    Args:
        backend: The functions that moto has in the region.
        leaving_out: The name of a function whose reservation does not count.
    """
    functions: Iterable[Any] = backend.list_functions()
    reservations = (
        int(function.reserved_concurrency or 0) for function in functions if function.function_name != leaving_out
    )
    return _STEERED.of(backend.region_name).concurrent_executions - sum(reservations)


def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer GetAccountSettings, which moto lacks; None if the request is another."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    credential = _REGION.search(authorization)
    if credential is None or environ.get("PATH_INFO", "").rstrip("/") != _SETTINGS_PATH:
        return None
    try:
        iam.authorize(iam.caller(authorization), action="lambda:GetAccountSettings", resource=None)
    except iam.AccessDeniedError as error:
        response = Response(json.dumps({"Message": str(error)}), 403, content_type="application/json")
        response.headers["x-amzn-ErrorType"] = "AccessDeniedException"
        return response(environ, start_response)
    backend = lambda_backends[settings.ACCOUNT][credential[1]]
    functions: list[Any] = list(backend.list_functions())
    document = {
        "AccountLimit": {
            **_CODE_LIMITS,
            "ConcurrentExecutions": _STEERED.of(backend.region_name).concurrent_executions,
            "UnreservedConcurrentExecutions": unreserved(backend),
        },
        "AccountUsage": {
            "TotalCodeSize": sum(int(function.code_size) for function in functions),
            "FunctionCount": len(functions),
        },
    }
    return Response(json.dumps(document), content_type="application/json")(environ, start_response)
