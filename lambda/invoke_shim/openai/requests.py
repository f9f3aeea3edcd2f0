"""OpenAI's two requests, checked as a whole and read into what the backend is asked."""

from typing import Any, NamedTuple

from invoke_shim.backends.base import Backend
from invoke_shim.errors import ApiError, Problem, refuse, show
from invoke_shim.generation.types import Ask, Generation
from invoke_shim.openai import parameters
from invoke_shim.openai.answers import Job
from invoke_shim.openai.parameters import Kind
from invoke_shim.openai.prompts import Prompted, Prompting
from invoke_shim.settings import Settings

MAX_CHOICES = 128
"""The most choices of one answer: OpenAI's limit of `n`. Several prompts are asked one after the other."""


class Options(NamedTuple):
    """How a client wants its answer.

    Attributes:
        stream: piece by piece.
        include_usage: with the usage in a chunk of its own.
        echo: behind the prompt, in a completion.
    """

    stream: bool
    include_usage: bool
    echo: bool


class Asking:
    """Reads requests for one model.

    Args:
        settings: the function's settings.
        backend: tells what the model takes.
    """

    def __init__(self, *, settings: Settings, backend: Backend) -> None:
        self._settings = settings
        self._backend = backend
        self._prompting = Prompting(settings, takes_messages=backend.takes_messages)

    def read(self, body: dict[str, Any], kind: Kind) -> tuple[Job, Options]:
        """Read a chat or a completion.

        Raises:
            ApiError: 400, with all that is wrong; 404, another model is meant.
        """
        problems = self._model_problems(body)
        prompted = self._prompting.chat(body) if kind == "chat" else self._prompting.completion(body)
        generation, parameter_problems = parameters.read(
            self._parameters_of(body),
            kind=kind,
            rules=self._backend.rules,
            max_input_tokens=self._settings.max_input_tokens,
            max_total_tokens=self._settings.max_total_tokens,
        )
        problems += [*parameter_problems, *prompted.problems]
        if not problems:
            problems = self._size_problems(prompted, generation)
        if problems:
            raise refuse(problems)
        options = _options(body, generation, kind)
        # The client's own stop strings first: where the container does not take them all, the rest still end the
        # text here. An echo is written here, too: a stop string in the prompt does not end it.
        generation = generation._replace(stop=generation.stop + prompted.stop, echo=False)
        asks = [Ask(prompt=prompt, generation=generation) for prompt in prompted.prompts]
        if prompted.messages:
            asks = [Ask(messages=prompted.messages, generation=generation)]
        return Job(asks=tuple(asks), end_of_turn=prompted.end_of_turn), options

    def no_such_model(self, name: str) -> ApiError:
        """The error for another model's name."""
        return ApiError(
            f"there is no model {show(name)} here, only {show(self._settings.model_name)}",
            status=404,
            type="not_found_error",
            param="model",
            code="model_not_found",
        )

    def _parameters_of(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body without a template's fields, which are no parameter."""
        if not (self._prompting.takes_fields and "fields" in body):
            return body
        return {name: value for name, value in body.items() if name != "fields"}

    def _size_problems(self, prompted: Prompted, generation: Generation) -> list[Problem]:
        count = len(prompted.prompts) * generation.n
        if count > MAX_CHOICES:
            text = f"{prompted.field} and n make {count} choices, at most {MAX_CHOICES} are allowed"
            return [Problem(prompted.field, text)]
        return [
            problem
            for text in prompted.texts
            for problem in parameters.prompt_problems(
                prompted.field,
                text,
                generation,
                max_input_tokens=self._settings.max_input_tokens,
                max_total_tokens=self._settings.max_total_tokens,
            )
        ]

    def _model_problems(self, body: dict[str, Any]) -> list[Problem]:
        name = body.get("model")
        if not isinstance(name, str):
            return [Problem("model", f"model is {show(name)}, expected {show(self._settings.model_name)}")]
        if name != self._settings.model_name:
            raise self.no_such_model(name)
        return []


def _options(body: dict[str, Any], generation: Generation, kind: Kind) -> Options:
    """The options of a checked body."""
    stream_options = body.get("stream_options") or {}
    return Options(
        stream=body.get("stream") is True,
        include_usage=bool(stream_options.get("include_usage") or stream_options.get("continuous_usage_stats")),
        echo=generation.echo and kind == "completion",
    )
