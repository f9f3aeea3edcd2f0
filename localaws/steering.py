"""Paths under `/_localaws/`, by which tests and demos change how the stand-ins behave while they run.

They are no part of AWS. A room declares a dataclass of what may be changed, and a `Route`:

* `GET` returns the object as JSON.
* `PUT` takes a JSON object with the attributes to change, and leaves the others.
* `DELETE` restores the defaults.

A refusal is `{"error": text}` with status 400, 404 or 405; the text lists everything that is wrong, one problem a line.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Reader = Callable[[Any], Any]
"""Returns what a JSON value stands for. Raises `ValueError` with what is allowed, or `ProblemsError`."""

Action = Callable[..., Any]
"""Answers a request with a JSON document; called with the request and the groups of the route's path."""

T = TypeVar("T")

_READER: Final = "reader"


class ProblemsError(ValueError):
    """Problems inside of a value, each a line that begins with the place: `[0].kind is 'x': ...`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class SteeringError(Exception):
    """A request that is refused with an HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Route:
    """A path, and what each HTTP method does on it."""

    def __init__(self, path: str, actions: Mapping[str, Action]) -> None:
        """Declare the route.

        Args:
            path: A regular expression for the whole path; its named groups are arguments of the actions.
            actions: The actions by HTTP method.
        """
        self._pattern = re.compile(path)
        self._actions = actions

    def answer(self, environ: WSGIEnvironment) -> Response | None:
        """Answer a request on this path; None if the request is another."""
        match = self._pattern.fullmatch(environ.get("PATH_INFO", ""))
        if match is None:
            return None
        request, status = Request(environ), 200
        try:
            if request.method not in self._actions:
                raise SteeringError(405, f"{request.method} is not allowed: {', '.join(self._actions)}")
            document = self._actions[request.method](request, **match.groupdict())
        except SteeringError as error:
            document, status = {"error": str(error)}, error.status
        return Response(json.dumps(document), status, content_type="application/json")


def handler(routes: Iterable[Route]) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes] | None]:
    """Return a part of the server that answers the requests on some routes."""
    served = tuple(routes)

    def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        if environ.get("PATH_INFO", "").startswith("/_localaws"):
            for route in served:
                response = route.answer(environ)
                if response is not None:
                    return response(environ, start_response)
        return None

    return handle


class Steered(Generic[T]):
    """The behaviour of a stand-in: one object of a dataclass for each region, or one for all."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Declare what may be changed.

        Args:
            make: Returns the defaults: an object of a dataclass whose attributes `read` knows how to read.
        """
        self._make = make
        self._present: dict[str, T] = {}
        self._lock = threading.Lock()

    def of(self, region: str = "") -> T:
        """Return the present behaviour."""
        with self._lock:
            return self._present.setdefault(region, self._make())

    def route(self, path: str) -> Route:
        """Return the route that changes it; a group `region` in the path names the region."""
        return Route(path, {"GET": self._get, "PUT": self._put, "DELETE": self._delete})

    def _get(self, request: Request, region: str = "") -> Any:
        return asdict(self.of(region))  # type: ignore[call-overload] # T is a dataclass

    def _put(self, request: Request, region: str = "") -> Any:
        behaviour = self.of(region)
        for name, value in read_body(type(behaviour), request).items():
            setattr(behaviour, name, value)
        return self._get(request, region)

    def _delete(self, request: Request, region: str = "") -> Any:
        with self._lock:
            self._present.pop(region, None)
        return self._get(request, region)


def read_body(kind: type[Any], request: Request) -> dict[str, Any]:
    """Return the attributes of the dataclass `kind` that a request's body sets.

    Raises:
        SteeringError: If anything is not allowed.
    """
    try:
        return read(kind, json.loads(request.get_data()))
    except ProblemsError as error:
        # The places in the body begin with its attributes.
        raise SteeringError(400, "\n".join(problem.removeprefix(".") for problem in error.problems)) from error
    except ValueError as error:
        raise SteeringError(400, f"the body is not allowed: {error}") from error


def read(kind: type[Any], document: Any) -> dict[str, Any]:
    """Return the attributes of the dataclass `kind` that a JSON object sets, as they are read.

    Attributes with `metadata=read_by(...)` are read by that; others must be numbers of at least 0, whole if the default
    is. Those whose names begin with an underscore, or that are no arguments of the class, cannot be set.

    Raises:
        ValueError: If the document is no object.
        ProblemsError: If an attribute is unknown, missing or not allowed.
    """
    known = {item.name: item for item in fields(kind) if item.init and not item.name.startswith("_")}
    if not isinstance(document, dict):
        raise ValueError(f"an object with {', '.join(known)}")
    problems = [f".{name} is not allowed: {', '.join(known)}" for name in document if name not in known]
    values = {}
    for name, item in known.items():
        if name in document or _is_required(item):
            try:
                values[name] = _reader_of(item)(document.get(name))
            except ProblemsError as error:
                problems += [f".{name}{problem}" for problem in error.problems]
            except ValueError as error:
                problems.append(f".{name} is {document.get(name)!r}: {error}")
    if problems:
        raise ProblemsError(problems)
    return values


def read_by(reader: Reader) -> Mapping[str, Reader]:
    """Return the metadata of a dataclass's field whose values `reader` reads."""
    return {_READER: reader}


def number(*, whole: bool = False, above: float | None = None, null: str | None = None) -> Reader:
    """Return a reader of numbers of at least 0.

    Args:
        whole: Whether only whole numbers are allowed.
        above: A bound that the numbers must exceed instead.
        null: Meaning of null; None: null is not allowed.
    """
    bound = "of at least 0" if above is None else f"above {above}"
    allowed = f"a{' whole' if whole else ''} number {bound}{f', or null for {null}' if null else ''}"

    def read_number(value: Any) -> Any:
        if value is None and null is not None:
            return None
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise ValueError(allowed)
        if not (0 <= value < float("inf") if above is None else above < value < float("inf")):
            raise ValueError(allowed)
        return value

    return read_number


def text(value: Any) -> Any:
    """Read a text."""
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def one_of(values: Iterable[Any]) -> Reader:
    """Return a reader of one of some values."""
    allowed = tuple(values)

    def read_one(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"one of {', '.join(map(str, allowed))}")
        return value

    return read_one


def object_of(kind: type[T]) -> Callable[[Any], T]:
    """Return a reader of an object of the dataclass `kind`."""
    return lambda value: kind(**read(kind, value))


def list_of(reader: Reader) -> Reader:
    """Return a reader of lists of what `reader` reads."""

    def read_list(value: Any) -> Any:
        if not isinstance(value, list):
            raise ValueError("a list")
        problems, items = [], []
        for place, item in enumerate(value):
            try:
                items.append(reader(item))
            except ProblemsError as error:
                problems += [f"[{place}]{problem}" for problem in error.problems]
            except ValueError as error:
                problems.append(f"[{place}] is {item!r}: {error}")
        if problems:
            raise ProblemsError(problems)
        return items

    return read_list


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _reader_of(item: Field[Any]) -> Reader:
    reader: Reader | None = item.metadata.get(_READER)
    return reader or number(whole=isinstance(item.default, int))


@dataclass(kw_only=True)
class WaitScale:
    """The scale of waits, for the stand-ins that only scale time.

    Attributes:
        wait_scale: Factor for the seconds of a wait.
    """

    wait_scale: float = 1.0
