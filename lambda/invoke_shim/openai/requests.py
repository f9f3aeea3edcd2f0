"""Check OpenAI's two requests as a whole, and read them into a `CompletionJob`."""

from typing import Any, NamedTuple

from invoke_shim.backends.base import Backend
from invoke_shim.errors import Problem, refuse, show
from invoke_shim.generation.estimate import most_tokens
from invoke_shim.generation.types import Generation, GenerationRequest
from invoke_shim.openai import parameters
from invoke_shim.openai.answers import CompletionJob
from invoke_shim.openai.model import no_such_model
from invoke_shim.openai.parameters import Kind
from invoke_shim.openai.prompts import Prompt, PromptReader
from invoke_shim.rules.joint import TRUNCATE
from invoke_shim.rules.limits import Limits, generations_problem
from invoke_shim.settings import Settings


class Options(NamedTuple):
    """The form of the answer that a client wants.

    Attributes:
        stream: Whether it comes piece by piece.
        include_usage: Whether the usage comes in a chunk of its own.
        echo: Whether a completion begins with the prompt.
    """

    stream: bool
    include_usage: bool
    echo: bool


class RequestReader:
    """Reads requests for one model.

    Args:
        settings: The function's settings.
        backend: Holds the model's rules.
    """

    def __init__(self, *, settings: Settings, backend: Backend) -> None:
        self._settings = settings
        self._backend = backend
        self._prompt_reader = PromptReader(settings, takes_messages=backend.takes_messages)

    def read(self, body: dict[str, Any], kind: Kind) -> tuple[CompletionJob, Options]:
        """Read a chat or a completion.

        Raises:
            ApiError: 400, with all that is wrong; 404, another model is meant.
        """
        problems = self._model_problems(body)
        reader = self._prompt_reader
        prompt = reader.read_chat(body) if kind == "chat" else reader.read_completion(body)
        generation, parameter_problems = parameters.read(
            self._parameters_of(body),
            kind=kind,
            rules=self._backend.chat_rules if kind == "chat" else self._backend.rules,
            max_input_tokens=self._settings.max_input_tokens,
            max_total_tokens=self._settings.max_total_tokens,
            default_max_tokens=self._settings.default_max_tokens,
        )
        problems += [*parameter_problems, *prompt.problems]
        if not problems:
            problems = self._size_problems(prompt, generation)
        if problems:
            raise refuse(problems)
        options = _options(body, generation, kind)
        # The client's own stop strings first: where the container does not take them all, the rest still end the
        # text here. An echo is written here, too: a stop string in the prompt does not end it.
        generation = generation._replace(stop=generation.stop + prompt.stop, echo=False)
        requests = [GenerationRequest(prompt=text, generation=self._limit(generation, text)) for text in prompt.prompts]
        if prompt.messages:
            (text,) = prompt.texts
            requests = [GenerationRequest(messages=prompt.messages, generation=self._limit(generation, text))]
        return CompletionJob(requests=tuple(requests), end_of_turn=prompt.end_of_turn), options

    def _limit(self, generation: Generation, text: str) -> Generation:
        """Set a limit of tokens where the request has none and the container must be told one."""
        if generation.max_tokens is not None or self._backend.rules.fills:
            return generation
        limits = Limits(self._settings.max_input_tokens, self._settings.max_total_tokens)
        prompt = min([most_tokens(text), *(generation.extra[name] for name in TRUNCATE if name in generation.extra)])
        return generation._replace(max_tokens=limits.room_for_answer(prompt))

    def _parameters_of(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body without a template's fields, which are no parameter."""
        if not (self._prompt_reader.takes_fields and "fields" in body):
            return body
        return {name: value for name, value in body.items() if name != "fields"}

    def _size_problems(self, prompt: Prompt, generation: Generation) -> list[Problem]:
        # Several prompts are sent one after the other; of `best_of` answers the container shows one.
        prompts = max(1, len(prompt.prompts))
        of_each = max(generation.n, generation.extra.get("best_of", 1))
        too_many = generations_problem(
            {prompt.field: prompts, "n" if generation.n == of_each else "best_of": of_each},
            most=self._settings.max_generations,
        )
        if too_many is not None:
            return [too_many]
        return [
            problem
            for text in prompt.texts
            for problem in parameters.prompt_problems(
                prompt.field,
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
            raise no_such_model(name, self._settings.model_name)
        return []


def _options(body: dict[str, Any], generation: Generation, kind: Kind) -> Options:
    """Read the options of a checked body."""
    stream_options = body.get("stream_options") or {}
    return Options(
        stream=body.get("stream") is True,
        include_usage=bool(stream_options.get("include_usage") or stream_options.get("continuous_usage_stats")),
        echo=generation.echo and kind == "completion",
    )
