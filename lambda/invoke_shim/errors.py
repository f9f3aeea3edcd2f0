"""Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

ErrorType = Literal["invalid_request_error", "not_found_error", "rate_limit_error", "server_error"]

MAX_PROBLEMS = 20
"""The most problems of a request that an error lists."""

ENOUGH_PROBLEMS = 50
"""The number of problems at which checking ends: a body of megabytes can have a million."""

MAX_PARAM = 100
"""Characters of `param`, which can be a name that the client made up."""

NO_RETRY = MappingProxyType({"x-should-retry": "false"})
"""Keeps OpenAI's SDKs from sending the request again, as they do by default after any 5xx."""


def retry_after(seconds: int) -> Mapping[str, str]:
    """Return the header by which clients, OpenAI's SDKs among them, time their next try."""
    return {"retry-after": str(seconds)}


class ApiError(Exception):
    """An error that the client gets.

    Args:
        message: The problem and what is allowed, for the client.
        status: The HTTP status.
        type: OpenAI's kind of error.
        param: The request field at fault, if one is.
        code: OpenAI's machine-readable code, if there is one.
        headers: Headers to send along.
        upstream: The backend's own name of the error, for the log only.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        type: ErrorType,  # noqa: A002 - OpenAI's name of the field
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        upstream: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type: ErrorType = type
        self.param = param
        self.code = code
        self.headers: Mapping[str, str] = headers or {}
        self.upstream = upstream

    def body(self) -> dict[str, Any]:
        """Return the response body."""
        return {
            "error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code},
        }


TOO_LONG = "context_length_exceeded"
"""OpenAI's code of a prompt that is too long for the model, by which clients shorten a chat."""


class Problem(NamedTuple):
    """A problem of a request.

    Attributes:
        param: The field, as a JSON path.
        message: The problem, and what is allowed.
        code: OpenAI's machine-readable code, if there is one.
    """

    param: str | None
    message: str
    code: str | None = None


def refuse(problems: Sequence[Problem]) -> ApiError:
    """Return one error for all problems of a request; `param` and `code` are the first one's.

    A request of megabytes can have a million problems: the answer stays far below Lambda's 6 MB.
    """
    messages = [problem.message for problem in problems[:MAX_PROBLEMS]]
    more = len(problems) - MAX_PROBLEMS
    if more > 0:
        messages.append("and many more" if len(problems) >= ENOUGH_PROBLEMS else f"and {more} more")
    param = problems[0].param
    return ApiError(
        "; ".join(messages),
        status=400,
        type="invalid_request_error",
        param=param if param is None else param[:MAX_PARAM],
        code=problems[0].code,
    )


def unexpected(request_id: str) -> ApiError:
    """Return the client's error for a bug, which names the log entry and nothing else."""
    return ApiError(f"unexpected error, see the log of request {request_id}", status=500, type="server_error")


def is_unicode(text: str) -> bool:
    r"""Check that a text has whole characters only: JSON can spell half of one (`"\ud800"`), no container takes it."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def unicode_problems(where: str, text: str) -> list[Problem]:
    """List the problem of a text with half a character in it.

    Args:
        where: The request's field.
        text: The field's text.
    """
    return [] if is_unicode(text) else [Problem(where, f"{where} holds a lone surrogate, which is not Unicode text")]


def show(value: object) -> str:
    """Shorten a request's value for an error message.

    Lists and objects are only named: they can be large, or nested too deeply to print.
    """
    match value:
        case list():
            text = "a list"
        case dict():
            text = "an object"
        case str():
            text = repr(value if len(value) <= 40 else f"{value[:40]}...")
        case int() if abs(value) >= 10**20:
            text = "an enormous integer"
        case _:
            text = json.dumps(value)
    return text


def path_of(where: str, key: str | int) -> str:
    """Return the path of a member, in ASCII: it stands in messages and logs."""
    if isinstance(key, int):
        return f"{where}[{key}]"
    name = key[:MAX_PARAM].encode("ascii", "backslashreplace").decode("ascii")
    return f"{where}.{name}" if where else name


class NoNumberError(ValueError):
    """A number that is NaN or infinite; the message shows it."""


def _refuse_constant(name: str) -> None:
    raise NoNumberError(name)


def _read_float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise NoNumberError(text if len(text) <= 40 else f"{text[:40]}...")
    return number


class TwiceError(ValueError):
    """An object that has a name twice, `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = path_of("", name)


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members, no name twice: a body is passed on as it came, and parsers take either one."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise TwiceError(first_twice(pairs))
    return members


def first_twice(pairs: list[tuple[str, Any]]) -> str:
    """Return the first name that is there twice."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            break
        seen.add(name)
    return name


JSON_DECODER = json.JSONDecoder(
    parse_float=_read_float, parse_constant=_refuse_constant, object_pairs_hook=_read_object
)
"""Reads JSON of callers: a number that no float holds raises `NoNumberError`, a name twice `TwiceError`."""
