"""Lambda proxy integration: the event that a function gets and the response that it gives.

Source: API Gateway documentation, "Lambda proxy integrations in API Gateway", payload format 1.0.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from localaws.gateway.deployed import DeployedApi, Method

# API Gateway documentation, "Amazon API Gateway important notes": renamed in the responses of integrations.
_REMAPPED_HEADERS: Final = frozenset({"connection", "content-length", "date", "server", "www-authenticate"})


class MalformedResponseError(ValueError):
    """A function's answer that is no response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRequest:
    """A request to a stage.

    Attributes:
        method: The verb.
        path: The path after the stage, as it was sent.
        query: The query, as it was sent.
        headers: Name and value of each header, in order.
        body: The body.
    """

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the last value of a header, its name in any case."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyResponse:
    """A function's response, checked.

    Attributes:
        status: The HTTP status.
        headers: Name and value of each header.
        body: The body.
        chunks: The body as it comes, in place of `body`; None: it is there.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    chunks: Iterator[bytes] | None = None


def event_of(
    request: IncomingRequest,
    *,
    api: DeployedApi,
    method: Method,
    path_parameters: Mapping[str, str],
    stage_variables: Mapping[str, str],
    request_context: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the event of a request."""
    query = parse_qsl(request.query, keep_blank_values=True)
    content_type = (request.header("Content-Type") or "").partition(";")[0].strip()
    is_binary = any(kind in (content_type, "*/*") for kind in api.binary_media_types)
    body: str | None = None
    if request.body:
        body = base64.b64encode(request.body).decode() if is_binary else request.body.decode(errors="replace")
    return {
        "resource": method.path,
        "path": unquote(request.path),
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": _grouped(request.headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "pathParameters": dict(path_parameters) or None,
        "stageVariables": dict(stage_variables) or None,
        "requestContext": dict(request_context),
        "body": body,
        "isBase64Encoded": is_binary and body is not None,
    }


def response_of(payload: bytes | str) -> ProxyResponse:
    """Read what a function returned.

    Raises:
        MalformedResponseError: If it is not of the form that API Gateway asks for; the text says everything that is
            wrong with it.
    """
    try:
        document = json.loads(payload)
    except ValueError as error:
        raise MalformedResponseError(f"the response is no JSON: {error}") from error
    response = _response_of(document, others=("body", "isBase64Encoded"))
    body = document.get("body") or ""
    return replace(response, body=base64.b64decode(body) if document.get("isBase64Encoded") else body.encode())


def streamed_response_of(metadata: Any) -> ProxyResponse:
    """Read the metadata that a function writes before a streamed body, which is not in the response returned.

    Raises:
        MalformedResponseError: If it is not of the form that API Gateway asks for; the text says everything that is
            wrong with it.
    """
    response = _response_of(metadata, others=("cookies",))
    cookies = [("Set-Cookie", cookie) for cookie in metadata.get("cookies") or []]
    return replace(response, headers=[*response.headers, *cookies])


def _response_of(document: Any, *, others: Sequence[str]) -> ProxyResponse:
    """Read status and headers; `others` are the fields that may stand beside them."""
    if not isinstance(document, dict):
        raise MalformedResponseError(f"the response is {type(document).__name__}, not an object")
    problems = _problems(document, others)
    if problems:
        raise MalformedResponseError("; ".join(problems))

    headers: list[tuple[str, str]] = []
    many: Mapping[str, Sequence[Any]] = document.get("multiValueHeaders") or {}
    for name, values in many.items():
        headers += [(_outgoing(name), _as_text(value)) for value in values]
    one: Mapping[str, Any] = document.get("headers") or {}
    headers += [(_outgoing(name), _as_text(value)) for name, value in one.items() if name not in many]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return ProxyResponse(status=int(document.get("statusCode", 200)), headers=headers, body=b"")


def _problems(document: Mapping[str, Any], others: Sequence[str]) -> list[str]:
    problems = []
    unknown = document.keys() - {"statusCode", "headers", "multiValueHeaders", *others}
    if unknown:
        problems.append(f"it has fields of other names: {', '.join(sorted(unknown))}")
    status = str(document.get("statusCode", ""))
    if not (status.isdecimal() and 100 <= int(status) <= 599):
        problems.append(f"statusCode {document.get('statusCode')!r} is no HTTP status")
    if "body" in others and not isinstance(document.get("body"), str | None):
        problems.append(f"body is {type(document['body']).__name__}, not a string")
    for name in ("headers", "multiValueHeaders"):
        if not isinstance(document.get(name), dict | None):
            problems.append(f"{name} is not an object")
    if "cookies" in others:
        cookies = document.get("cookies") or []
        if not (isinstance(cookies, list) and all(isinstance(cookie, str) for cookie in cookies)):
            problems.append("cookies is not a list of strings")
    return problems


def _grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups


def _outgoing(name: str) -> str:
    return f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED_HEADERS else name


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
