"""The routes of a model that does another task than generating text; only the one task's module is loaded.

| task | routes |
|---|---|
| `embedding` | `POST /v1/embeddings` |
| `image` | `POST /v1/images/generations` |
| `transcription` | `POST /v1/audio/transcriptions`, `POST /v1/audio/translations` |
| `rerank` | `POST /v1/rerank` |
| any, `native` among them | `POST /invocations`: bytes of any type go to the container as they are, and come back so |

Beside them are the routes that every model has (`router.py`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from invoke_shim.backends.base import JSON, Payload, TaskBackend
from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem, refuse
from invoke_shim.http.proxy import Request, Response, parse_object
from invoke_shim.http.router import INVOCATIONS, Route, Router
from invoke_shim.openai.tasks import TaskAnswer
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

LONGEST_TYPE = 1024
"""Characters of `ContentType` and `Accept` (botocore:sagemaker-runtime.InvokeEndpoint)."""

JsonAnswer = Callable[[dict[str, Any], Deadline, RequestLog], TaskAnswer]


class Api(Router):
    """Answers requests for one model that does not generate text.

    Args:
        settings: The function's settings.
        backend: Sends to the model.
    """

    def __init__(self, *, settings: Settings, backend: TaskBackend) -> None:
        routes: Mapping[str, Route] = {**_task_routes(settings, backend), INVOCATIONS: self._invoke}
        super().__init__(
            settings=settings, backend=backend, routes={path: ("POST", route) for path, route in routes.items()}
        )

    def _invoke(self, request: Request, deadline: Deadline, log: RequestLog) -> Response:
        """Pass on the container's own payload and its answer, both byte for byte and with their types."""
        content_type = request.headers.get("content-type") or JSON
        accept = request.headers.get("accept") or JSON
        problems = [
            Problem(name, f"{name} is not taken by SageMaker: at most {LONGEST_TYPE} characters of printable ASCII")
            for name, value in (("content-type", content_type), ("accept", accept))
            if len(value) > LONGEST_TYPE or not (value.isascii() and value.isprintable())
        ]
        if problems:
            raise refuse(problems)
        payload = Payload(request.raw_body(), content_type, accept)
        log.record_prompt(payload.body.decode("utf-8", "replace"))
        reply = self.backend.send(payload, deadline)
        log.record_answer(reply.body)
        return Response(body=reply.body, content_type=reply.content_type)


def _task_routes(settings: Settings, backend: TaskBackend) -> dict[str, Route]:
    # Only the model's own: a function that embeds texts knows nothing of sound.
    match settings.task:
        case "embedding":
            from invoke_shim.openai.embeddings import Embeddings  # noqa: PLC0415 - see above

            return {"/v1/embeddings": _json_route(Embeddings(settings, backend).answer)}
        case "image":
            from invoke_shim.openai.images import Images  # noqa: PLC0415 - see above

            return {"/v1/images/generations": _json_route(Images(settings, backend).answer)}
        case "rerank":
            from invoke_shim.openai.rerank import Rerank  # noqa: PLC0415 - see above

            return {"/v1/rerank": _json_route(Rerank(settings, backend).answer)}
        case "transcription":
            return _speech_routes(settings, backend)
        case _:
            return {}


def _speech_routes(settings: Settings, backend: TaskBackend) -> dict[str, Route]:
    from invoke_shim.openai.audio import Speech, SpeechTask  # noqa: PLC0415 - as above

    speech = Speech(settings, backend)

    def route_of(task: SpeechTask) -> Route:
        def route(request: Request, deadline: Deadline, log: RequestLog) -> Response:
            content_type = request.headers.get("content-type", "")
            return _response(speech.answer(request.raw_body(), content_type, task, deadline, log))

        return route

    return {"/v1/audio/transcriptions": route_of("transcribe"), "/v1/audio/translations": route_of("translate")}


def _json_route(answer: JsonAnswer) -> Route:
    def route(request: Request, deadline: Deadline, log: RequestLog) -> Response:
        return _response(answer(parse_object(request.raw_body()), deadline, log))

    return route


def _response(answer: TaskAnswer) -> Response:
    return Response(body=answer.body, content_type=answer.content_type, headers=answer.headers)
