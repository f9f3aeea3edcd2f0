"""Find a request's route; the routes that every model has, and the way from one task's routes to another's."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError, show
from invoke_shim.http.proxy import Request, Response
from invoke_shim.openai import model
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

MODELS = "/v1/models"
INVOCATIONS = "/invocations"

Route = Callable[[Request, Deadline, RequestLog], Response]

TASK_ROUTES: Mapping[str, tuple[str, ...]] = {
    "text": ("/v1/chat/completions", "/v1/completions", "/v1/responses"),
    "embedding": ("/v1/embeddings",),
    "image": ("/v1/images/generations",),
    "transcription": ("/v1/audio/transcriptions", "/v1/audio/translations"),
    "rerank": ("/v1/rerank",),
    "native": (),
}
"""OpenAI's routes of each task, and Cohere's of reranking. Beside them each model takes its container's own payload."""

KINDS: Mapping[str, str] = {
    "text": "a model of text",
    "embedding": "an embedding model",
    "image": "a model of images",
    "transcription": "a model of speech",
    "rerank": "a reranking model",
    "native": "a model that none of OpenAI's routes fits",
}


class Router:
    """Answers requests for one model.

    Args:
        settings: The function's settings.
        backend: Sends to the model.
        routes: The paths of the model's task, each with its method.
    """

    def __init__(self, *, settings: Settings, backend: Any, routes: Mapping[str, tuple[str, Route]]) -> None:
        self.settings = settings
        self.backend = backend
        self._routes: dict[str, tuple[str, Route]] = {
            **routes,
            MODELS: ("GET", self._list_models),
            f"{MODELS}/{{model}}": ("GET", self._describe_model),
            "/health": ("GET", self._health),
        }

    def respond(self, request: Request, deadline: Deadline, log: RequestLog) -> Response:
        """Answer a request; of a streamed answer, the first part has come when this returns.

        Args:
            request: The client's request.
            deadline: The time by which the answer must have begun.
            log: The request's log.

        Raises:
            ApiError: The request cannot be answered.
        """
        # A base URL that ends in a slash makes two of it.
        path = "/" + "/".join(part for part in request.path.split("/") if part)
        request = request._replace(path=path)
        if path.startswith(f"{MODELS}/"):
            path = f"{MODELS}/{{model}}"
        if path not in self._routes:
            raise self._no_such_route(path)
        log.route = path
        method, route = self._routes[path]
        allowed = ("GET", "HEAD") if method == "GET" else (method,)
        if request.method not in allowed:
            raise ApiError(
                f"{show(path)} takes {method}, not {request.method}",
                status=405,
                type="invalid_request_error",
                headers={"allow": ", ".join(allowed)},
            )
        return route(request, deadline, log)

    def _no_such_route(self, path: str) -> ApiError:
        """Return the 404 of a path; of another task's route it says what serves this model."""
        message = f"there is nothing at {show(path)}, the routes are {', '.join(self._routes)}"
        if any(path in paths for paths in TASK_ROUTES.values()):
            task = self.settings.task
            ways = " or ".join((*TASK_ROUTES[task], INVOCATIONS))
            message = f"{path} is not for this model: {show(self.settings.model_name)} is {KINDS[task]}, ask {ways}"
        elif meant := _meant(path, self._routes):
            message = (
                f"there is nothing at {show(path)}, did you mean {meant}? OpenAI's base URL ends in /v1; the "
                f"routes are {', '.join(self._routes)}"
            )
        return ApiError(message, status=404, type="not_found_error")

    def _list_models(self, _request: Request, _deadline: Deadline, _log: RequestLog) -> Response:
        return Response(body=model.model_list(self.settings.model_name, self.settings.max_total_tokens))

    def _describe_model(self, request: Request, _deadline: Deadline, _log: RequestLog) -> Response:
        name = unquote(request.path.removeprefix(f"{MODELS}/"))
        if name != self.settings.model_name:
            raise model.no_such_model(name, self.settings.model_name)
        return Response(body=model.model_card(name, self.settings.max_total_tokens))

    def _health(self, _request: Request, _deadline: Deadline, _log: RequestLog) -> Response:
        return Response(body=model.health(self.settings.model_name))


def _meant(path: str, routes: Iterable[str]) -> str | None:
    """Return the route that a client meant whose base URL ends in too much or too little, or in a letter too many."""
    for route in routes:
        if path.endswith(route) or (len(path) > 1 and route.endswith(path)):
            return route
    from difflib import get_close_matches  # noqa: PLC0415 - hardly a client asks for what is not there

    near = get_close_matches(path[:100], list(routes), n=1, cutoff=0.8)
    return near[0] if near else None
