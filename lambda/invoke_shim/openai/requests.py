"""Check OpenAI's two requests as a whole, and read them into a `CompletionJob`."""

from collections.abc import Iterator, Mapping
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
from invoke_shim.rules.base import Rules
from invoke_shim.rules.joint import TRUNCATE
from invoke_shim.rules.limits import Limits, generations_problem
from invoke_shim.settings import Settings


class Options(NamedTuple):
    """The form of the answer that a client wants.

    Attributes:
        stream: Whether it comes piece by piece.
        include_usage: Whether the usage comes in a chunk of its own.
        echo: Whether a completion begins with the prompt, which the shim puts there.
        legacy_functions: Whether the chat's tools came as `functions`, and its answer's calls go as a `function_call`.
    """

    stream: bool
    include_usage: bool
    echo: bool
    legacy_functions: bool = False


class RequestReader:
    """Reads requests for one model.

    Args:
        settings: The function's settings.
        backend: Holds the model's rules.
    """

    def __init__(self, *, settings: Settings, backend: Backend) -> None:
        self._settings = settings
        self._backend = backend
        self._limits = Limits(settings.max_input_tokens, settings.max_total_tokens)
        # Where the shim writes the prompt, it has no place for tools.
        takes_messages, rules = backend.takes_messages, backend.chat_rules
        self._rules: Mapping[Kind, Rules] = {
            "chat": rules if takes_messages else rules._replace(tools=False),
            "completion": backend.rules,
        }
        self._prompt_reader = PromptReader(
            settings,
            takes_messages=takes_messages,
            images=takes_messages and rules.images and settings.takes_images,
            token_ids=backend.rules.token_ids,
        )

    def read(self, body: dict[str, Any], kind: Kind) -> tuple[CompletionJob, Options]:
        """Read a chat or a completion.

        Raises:
            ApiError: 400, with all that is wrong; 404, another model is meant.
        """
        problems = self._model_problems(body)
        rules = self._rules[kind]
        reader = self._prompt_reader
        prompt = reader.read_chat(body) if kind == "chat" else reader.read_completion(body)
        generation, parameter_problems = parameters.read(
            self._parameters_of(body),
            kind=kind,
            rules=rules,
            max_input_tokens=self._settings.max_input_tokens,
            max_total_tokens=self._settings.max_total_tokens,
            default_max_tokens=self._settings.default_max_tokens,
        )
        problems += [*parameter_problems, *prompt.problems]
        if not problems:
            problems = self._size_problems(prompt, generation, rules)
        if problems:
            raise refuse(problems)
        # An echo is written here: a stop string in the prompt does not end it. Only what the shim cannot know, the
        # prompt's tokens, comes from the container.
        by_container = generation.echo and (generation.logprobs or bool(prompt.token_ids))
        options = _options(body, generation, kind, echo=not by_container)
        # The client's own stop strings first: where the container does not take them all, the rest still end the
        # text here.
        generation = generation._replace(stop=generation.stop + prompt.stop, echo=by_container)
        job = CompletionJob(
            requests=tuple(self._requests(prompt, generation, rules)),
            end_of_turn=prompt.end_of_turn,
            limited=body.get("max_tokens") is not None or body.get("max_completion_tokens") is not None,
        )
        return job, options

    def _requests(self, prompt: Prompt, generation: Generation, rules: Rules) -> Iterator[GenerationRequest]:
        # A limit of tokens where the request has none and the container must be told one.
        sets_limit = generation.max_tokens is None and not rules.fills
        if prompt.messages:
            (text,) = prompt.texts
            limited = self._limit(generation, most_tokens(text)) if sets_limit else generation
            yield GenerationRequest(messages=prompt.messages, generation=limited)
        for text in prompt.prompts:
            limited = self._limit(generation, most_tokens(text)) if sets_limit else generation
            yield GenerationRequest(prompt=text, generation=limited)
        for ids in prompt.token_ids:
            limited = self._limit(generation, len(ids)) if sets_limit else generation
            yield GenerationRequest(prompt="", token_ids=ids, generation=limited)

    def _limit(self, generation: Generation, prompt_tokens: int) -> Generation:
        prompt = min([prompt_tokens, *(generation.extra[name] for name in TRUNCATE if name in generation.extra)])
        return generation._replace(max_tokens=self._limits.room_for_answer(prompt))

    def _parameters_of(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the body without a template's fields, which are no parameter."""
        if not (self._prompt_reader.takes_fields and "fields" in body):
            return body
        return {name: value for name, value in body.items() if name != "fields"}

    def _size_problems(self, prompt: Prompt, generation: Generation, rules: Rules) -> list[Problem]:
        # Several prompts are sent one after the other; of `best_of` answers the container shows one.
        of_each = max(generation.n, generation.extra.get("best_of", 1))
        too_many = generations_problem(
            {prompt.field: prompt.size, "n" if generation.n == of_each else "best_of": of_each},
            most=self._settings.max_generations,
        )
        if too_many is not None:
            return [too_many]
        if prompt.token_ids and generation.echo and not rules.echo_logprobs:
            return [Problem("echo", "echo is true, but the prompt holds token ids, whose text is not known here")]
        if any(name in generation.extra for name in TRUNCATE):
            return []
        most = generation.max_tokens
        found = [
            *(self._limits.prompt_problem(prompt.field, text, max_tokens=most) for text in prompt.texts),
            *(self._limits.tokens_problem(prompt.field, len(ids), max_tokens=most) for ids in prompt.token_ids),
        ]
        return [problem for problem in found if problem is not None]

    def _model_problems(self, body: dict[str, Any]) -> list[Problem]:
        name = body.get("model")
        if not isinstance(name, str):
            return [Problem("model", f"model is {show(name)}, expected {show(self._settings.model_name)}")]
        if name != self._settings.model_name:
            raise no_such_model(name, self._settings.model_name)
        return []


def _options(body: dict[str, Any], generation: Generation, kind: Kind, *, echo: bool) -> Options:
    """Read the options of a checked body."""
    stream_options = body.get("stream_options") or {}
    return Options(
        stream=body.get("stream") is True,
        include_usage=bool(stream_options.get("include_usage") or stream_options.get("continuous_usage_stats")),
        echo=echo and generation.echo and kind == "completion",
        legacy_functions=generation.tools is not None and not body.get("tools"),
    )
