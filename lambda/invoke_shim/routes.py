"""The API's routes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from invoke_shim import replies
from invoke_shim.backends.sagemaker import SageMakerEndpoint
from invoke_shim.chat import read_messages, read_prompt
from invoke_shim.errors import ApiError, Problem, refuse, show
from invoke_shim.formats import FORMATS, PromptFormat
from invoke_shim.generation import Completion, Generation, cut
from invoke_shim.parameters import (
    CHAT,
    CHAT_NEUTRAL,
    COMPLETION,
    COMPLETION_NEUTRAL,
    STREAM_PROBLEM,
    ParameterReader,
    name_problems,
)
from invoke_shim.proxy import Request, Response, parse_object
from invoke_shim.settings import Settings

MODELS = "/v1/models"


class Api:
    """Answers requests for one model.

    Args:
        settings: the function's settings.
        backend: where prompts are answered.
    """

    def __init__(self, *, settings: Settings, backend: SageMakerEndpoint) -> None:
        self._settings = settings
        self._backend = backend
        self._format: PromptFormat | None = FORMATS.get(settings.prompt_format)
        self._routes: dict[str, tuple[str, Callable[[Request], Response]]] = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/completions": ("POST", self._complete),
            "/invocations": ("POST", self._invoke),
            MODELS: ("GET", self._list_models),
            f"{MODELS}/{{model}}": ("GET", self._describe_model),
        }

    def respond(self, request: Request) -> Response:
        """Answer a request.

        Raises:
            ApiError: whatever keeps the request from being answered.
        """
        path = request.path.rstrip("/") or "/"
        if path.startswith(f"{MODELS}/"):
            path = f"{MODELS}/{{model}}"
        if path not in self._routes:
            raise ApiError(
                f"there is nothing at {show(path)}, the routes are {', '.join(self._routes)}",
                status=404,
                type="not_found_error",
            )
        method, route = self._routes[path]
        if request.method != method:
            raise ApiError(
                f"{show(path)} takes {method}, not {request.method}",
                status=405,
                type="invalid_request_error",
                headers={"allow": method},
            )
        return route(request)

    def _chat(self, request: Request) -> Response:
        body = parse_object(request.raw_body())
        prompt_format = self._format
        if prompt_format is None:
            raise ApiError(
                f"{self._settings.model_name} is a base model, which cannot chat: send a prompt to /v1/completions",
                status=400,
                type="invalid_request_error",
                param="messages",
            )
        problems = self._model_problems(body)
        reader = self._reader(body)
        generation = reader.read()
        messages, message_problems = read_messages(body.get("messages"))
        if not message_problems:
            message_problems = prompt_format.problems(messages)
        problems += name_problems(body, known=CHAT, neutral=CHAT_NEUTRAL)
        _raise_any(problems + reader.problems + message_problems)
        # The client's own stop strings first: where the container does not take them all, the rest still end
        # the text here.
        generation = replace(generation, stop=generation.stop + prompt_format.stop)
        completion = self._generate(prompt_format.render(messages), generation)
        text = completion.text.rstrip().removesuffix(prompt_format.end_of_turn).strip()
        completion = replace(completion, text=text)
        return Response(body=replies.chat_completion(model=self._settings.model_name, completion=completion))

    def _complete(self, request: Request) -> Response:
        body = parse_object(request.raw_body())
        problems = self._model_problems(body)
        reader = self._reader(body)
        generation = reader.read()
        prompt, prompt_problems = read_prompt(body.get("prompt"))
        problems += name_problems(body, known=COMPLETION, neutral=COMPLETION_NEUTRAL)
        _raise_any(problems + reader.problems + prompt_problems)
        completion = self._generate(prompt, generation)
        return Response(body=replies.text_completion(model=self._settings.model_name, completion=completion))

    def _generate(self, prompt: str, generation: Generation) -> Completion:
        completion = self._backend.complete(prompt, generation)
        text, was_cut = cut(completion.text, generation.stop)
        return replace(completion, text=text, finish_reason="stop") if was_cut else completion

    def _invoke(self, request: Request) -> Response:
        """The container's own payload: only its outline is checked, and its answer is not touched."""
        raw = request.raw_body()
        _raise_any(_native_problems(parse_object(raw)))
        reply = self._backend.invoke(raw)
        return Response(body=reply.body, content_type=reply.content_type)

    def _list_models(self, _request: Request) -> Response:
        return Response(body=replies.model_list(self._settings.model_name))

    def _describe_model(self, request: Request) -> Response:
        name = unquote(request.path.rstrip("/").removeprefix(f"{MODELS}/"))
        if name != self._settings.model_name:
            raise self._no_such_model(name)
        return Response(body=replies.model_card(name))

    def _reader(self, body: dict[str, Any]) -> ParameterReader:
        return ParameterReader(
            body,
            takes_penalties=self._backend.container.takes_penalties,
            max_input_tokens=self._settings.max_input_tokens,
            max_total_tokens=self._settings.max_total_tokens,
        )

    def _model_problems(self, body: dict[str, Any]) -> list[Problem]:
        name = body.get("model")
        if not isinstance(name, str):
            return [Problem("model", f"model is {show(name)}, expected {show(self._settings.model_name)}")]
        if name != self._settings.model_name:
            raise self._no_such_model(name)
        return []

    def _no_such_model(self, name: str) -> ApiError:
        return ApiError(
            f"there is no model {show(name)} here, only {show(self._settings.model_name)}",
            status=404,
            type="not_found_error",
            param="model",
            code="model_not_found",
        )


def _native_problems(body: dict[str, Any]) -> list[Problem]:
    problems = []
    inputs = body.get("inputs")
    if not isinstance(inputs, str) or not inputs:
        problems.append(Problem("inputs", f"inputs is {show(inputs)}, expected a non-empty string"))
    if not isinstance(body.get("parameters", {}), dict):
        problems.append(Problem("parameters", f"parameters is {show(body['parameters'])}, expected an object"))
    stream = body.get("stream", False)
    if stream is True:
        problems.append(STREAM_PROBLEM)
    elif stream is not False:
        problems.append(Problem("stream", f"stream is {show(stream)}, expected false"))
    problems += [
        Problem(name, f"unknown field {show(name)}, expected inputs and parameters")
        for name in body
        if name not in ("inputs", "parameters", "stream")
    ]
    return problems


def _raise_any(problems: list[Problem]) -> None:
    if problems:
        raise refuse(problems)
