"""Mock integrations: answers that API Gateway makes itself, without a backend.

A template makes the integration's status of the request, the integration response of that status makes the answer.
Of the Velocity language, templates may have what answers to browsers need: `#set`, `#if` and `#end`, a variable,
`$input.params().header.get(...)`, texts, `==`, `||` and `!`; anything else is refused by name.

Sources: API Gateway documentation, "Mock integrations for REST APIs", "Override your API's request and response
parameters and status codes" and "Variables for data transformations".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from localaws.gateway.deployed import Mock
from localaws.gateway.errors import GatewayError
from localaws.gateway.proxy import IncomingRequest, ProxyResponse

_JSON: Final = "application/json"
_HEADER: Final = "method.response.header."
_OVERRIDE: Final = "$context.responseOverride.header."
_STATEMENT: Final = re.compile(r"#(set|if)\((.*)\)|#(end)")
_READ_HEADER: Final = re.compile(r'\$input\.params\(\)\.header\.get\("([^"]*)"\)')


def answer(mock: Mock, request: IncomingRequest) -> ProxyResponse:
    """Answer a request.

    Raises:
        GatewayError: If no template takes the request, or none says a status that has an answer.
    """
    headers = dict(request.headers)
    content_type = (request.header("Content-Type") or _JSON).partition(";")[0].strip()
    template = mock.request_templates.get(content_type)
    if template is None:
        if mock.passthrough == "NEVER" or (mock.passthrough == "WHEN_NO_TEMPLATES" and mock.request_templates):
            raise GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
        template = request.body.decode(errors="replace")
    try:
        wanted = str(json.loads(_render(template, headers, {}))["statusCode"])
        response = mock.responses[wanted]
    except (ValueError, KeyError, TypeError) as error:
        raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error") from error
    sent = {
        name.removeprefix(_HEADER): value[1:-1]
        for name, value in response.parameters.items()
        if name.startswith(_HEADER)
    }
    overridden: dict[str, str] = {}
    body = _render(response.templates.get(_JSON) or "", headers, overridden)
    sent = {"Content-Type": _JSON, **sent, **overridden}
    return ProxyResponse(status=int(wanted), headers=list(sent.items()), body=body.strip().encode())


def _render(template: str, headers: Mapping[str, str], overridden: dict[str, str]) -> str:
    """Run a template; return its text without the lines of statements.

    Args:
        template: The template.
        headers: The request's headers, as they were written.
        overridden: Takes the headers of the answer that the template sets.
    """
    variables: dict[str, str] = {}
    runs, kept = [True], []
    for line in template.splitlines():
        statement = _STATEMENT.fullmatch(line.strip())
        if statement is None:
            kept += [line] if all(runs) else []
        elif statement[3]:
            runs.pop()
        elif statement[1] == "if":
            runs.append(_holds(statement[2], variables, headers))
        elif all(runs):
            name, _, text = (part.strip() for part in statement[2].partition("="))
            value = _value(text, variables, headers)
            if name.startswith(_OVERRIDE) and value is not None:
                overridden[name.removeprefix(_OVERRIDE)] = value
            elif value is not None:
                # Velocity leaves a variable as it is where there is no value.
                variables[name] = value
    return "\n".join(kept)


def _holds(condition: str, variables: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    for part in condition.split("||"):
        left, equals, right = (text.strip() for text in part.partition("=="))
        if equals and _value(left, variables, headers) == _value(right, variables, headers):
            return True
        if not equals and (_value(left.removeprefix("!"), variables, headers) is not None) is not left.startswith("!"):
            return True
    return False


def _value(text: str, variables: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    if re.fullmatch(r'"[^"$#]*"', text):
        return text[1:-1]
    if re.fullmatch(r"\$\w+", text):
        return variables.get(text)
    if found := _READ_HEADER.fullmatch(text):
        return headers.get(found[1])
    raise GatewayError("API_CONFIGURATION_ERROR", f"the local AWS does not know {text!r} in a template")
