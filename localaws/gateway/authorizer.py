"""Lambda authorizers: whom a function lets in, and for how long that holds.

Sources: API Gateway documentation, "Input to a Lambda authorizer", "Output from a Lambda authorizer", "Configure a
Lambda authorizer". Which gateway response answers a function that fails is not documented: here it is
`AUTHORIZER_FAILURE`, and `AUTHORIZER_CONFIGURATION_ERROR` where the function cannot be asked or answers nonsense.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from localaws import functions, settings
from localaws.gateway.deployed import Authorizer, Method, Stage
from localaws.gateway.errors import GatewayError
from localaws.gateway.integration import FUNCTION, may_invoke
from localaws.gateway.proxy import IncomingRequest, event_of
from localaws.iam.policy import Decision, Request, Statement, evaluate, statements_of

_UNAUTHORIZED: Final = "Unauthorized"
_INTERNAL_ERROR: Final = "Internal server error"
_NOT_ALLOWED: Final = "User is not authorized to access this resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer of an authorizer's function.

    Attributes:
        principal_id: The caller.
        statements: The caller's permissions.
        context: Values for the integration, as texts.
        usage_key: The key by whose usage plan the call is metered.
    """

    principal_id: str
    statements: tuple[Statement, ...]
    context: Mapping[str, str]
    usage_key: str | None = None


@dataclass(slots=True)
class Cache:
    """Verdicts by identity, each for as long as its authorizer says.

    Attributes:
        clock: The time in seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _entries: dict[tuple[str, ...], tuple[float, Verdict]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key: tuple[str, ...]) -> Verdict | None:
        """Return the verdict on an identity that still holds."""
        with self._lock:
            ends, verdict = self._entries.get(key, (0.0, None))
        return verdict if verdict is not None and self.clock() < ends else None

    def keep(self, key: tuple[str, ...], verdict: Verdict, seconds: int) -> None:
        """Store a verdict for some time, and remove those whose time is over."""
        now = self.clock()
        with self._lock:
            self._entries = {one: entry for one, entry in self._entries.items() if entry[0] > now}
            self._entries[key] = (now + seconds, verdict)


CACHE: Final = Cache()
"""The verdicts of this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a method that an authorizer decides on.

    Attributes:
        stage: The stage.
        method: The method.
        request: The request.
        path_parameters: The parameters of its path.
        request_context: Facts of the request.
        trace_id: The value of the `X-Amzn-Trace-Id` header.
    """

    stage: Stage
    method: Method
    request: IncomingRequest
    path_parameters: Mapping[str, str]
    request_context: Mapping[str, Any]
    trace_id: str

    @property
    def method_arn(self) -> str:
        """The ARN that the policy must allow."""
        return f"{self.stage.arn}/{self.request.method}{self.request.path}"


def authorize(call: Call, *, cache: Cache = CACHE) -> Verdict:
    """Allow a call, or refuse it.

    Args:
        call: The call.
        cache: Stores verdicts.

    Raises:
        GatewayError: If it is not let in, or if nobody could say.
    """
    authorizer = call.method.authorizer
    if authorizer is None:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _INTERNAL_ERROR)
    identity = _identity(call, authorizer)
    key = (call.stage.region, call.stage.api_id, call.stage.name, authorizer.id, *identity)
    verdict = cache.find(key) if authorizer.ttl_seconds else None
    if verdict is None:
        verdict = _verdict(_ask(call, authorizer, _event(call, authorizer, identity)))
        if authorizer.ttl_seconds:
            cache.keep(key, verdict, authorizer.ttl_seconds)
    decision = evaluate(verdict.statements, Request(action="execute-api:Invoke", resource=call.method_arn))
    if decision is not Decision.ALLOWED:
        explicit = " with an explicit deny" if decision is Decision.EXPLICIT_DENY else ""
        raise GatewayError("ACCESS_DENIED", f"{_NOT_ALLOWED}{explicit}")
    return verdict


def _identity(call: Call, authorizer: Authorizer) -> tuple[str, ...]:
    """Return the values of the identity sources; the function is not asked where one is missing or malformed."""
    values = [_source(call, source) for source in authorizer.identity_sources]
    is_token = authorizer.kind == "TOKEN"
    if not all(values) and (is_token or authorizer.ttl_seconds):
        raise GatewayError("UNAUTHORIZED", _UNAUTHORIZED)
    found = tuple(value or "" for value in values)
    expression = authorizer.validation_expression
    if is_token and expression and not re.fullmatch(expression, found[0]):
        raise GatewayError("UNAUTHORIZED", _UNAUTHORIZED)
    return found


def _source(call: Call, source: str) -> str | None:
    kind, _, name = source.rpartition(".")
    match kind:
        case "method.request.header":
            return call.request.header(name)
        case "method.request.querystring":
            return dict(parse_qsl(call.request.query, keep_blank_values=True)).get(name)
        case "stageVariables":
            return call.stage.variables.get(name)
        case "context":
            value = call.request_context.get(name)
            return None if value is None else str(value)
    raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _INTERNAL_ERROR)


def _event(call: Call, authorizer: Authorizer, identity: tuple[str, ...]) -> dict[str, Any]:
    own = {"type": authorizer.kind, "methodArn": call.method_arn}
    if authorizer.kind == "TOKEN":
        return {**own, "authorizationToken": identity[0]}
    event = event_of(
        call.request,
        api=call.stage.api,
        method=call.method,
        path_parameters=call.path_parameters,
        stage_variables=call.stage.variables,
        request_context=call.request_context,
    )
    return own | {name: value for name, value in event.items() if name not in ("body", "isBase64Encoded")}


def _ask(call: Call, authorizer: Authorizer, event: Mapping[str, Any]) -> Any:
    """Run the function and return what it answered."""
    match = FUNCTION.search(authorizer.uri)
    source_arn = (
        f"arn:aws:execute-api:{call.stage.region}:{settings.ACCOUNT}:{call.stage.api_id}/authorizers/{authorizer.id}"
    )
    if match is None or not may_invoke(match.group(1), region=call.stage.region, source_arn=source_arn):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _INTERNAL_ERROR)
    try:
        outcome = functions.invoke(match.group(1), json.dumps(event), trace_id=call.trace_id)
    except functions.ThrottledError as error:
        raise GatewayError("AUTHORIZER_FAILURE", _INTERNAL_ERROR) from error
    answer = json.loads(outcome.payload)
    if not outcome.is_error:
        return answer
    if isinstance(answer, dict) and answer.get("errorMessage") == _UNAUTHORIZED:
        raise GatewayError("UNAUTHORIZED", _UNAUTHORIZED)
    raise GatewayError("AUTHORIZER_FAILURE", _INTERNAL_ERROR)


def _verdict(answer: Any) -> Verdict:
    """Read a function's answer.

    Raises:
        GatewayError: If it is not of the documented form.
    """
    malformed = GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _INTERNAL_ERROR)
    if not isinstance(answer, dict) or not isinstance(answer.get("principalId"), str):
        raise malformed
    policy, context, key = answer.get("policyDocument"), answer.get("context") or {}, answer.get("usageIdentifierKey")
    if not isinstance(policy, dict) or not policy.get("Statement") or not isinstance(key, str | None):
        raise malformed
    if not isinstance(context, dict) or any(isinstance(value, dict | list) for value in context.values()):
        raise malformed
    return Verdict(
        principal_id=answer["principalId"],
        statements=tuple(statements_of(policy)),
        context={name: _as_text(value) for name, value in context.items()},
        usage_key=key,
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
