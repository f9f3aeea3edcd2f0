"""The three bodies that InvokeModel takes for imported models, distinguished by their fields.

Source: Bedrock User Guide, "Invoke your imported model": `messages` is OpenAIChatCompletion, `prompt` with
`max_tokens` OpenAICompletion, `prompt` with `max_gen_len` BedrockCompletion. Parameters and ranges of the first
two are those of vLLM's OpenAI-compatible server, which takes fields that it does not know; BedrockCompletion is held
to the fields that AWS documents.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from localaws import constraints
from localaws.bedrock.behaviour import Behaviour
from localaws.bedrock.chats import ChatReader
from localaws.bedrock.errors import invalid
from localaws.bedrock.images import MAX_CHAT_IMAGES
from localaws.bedrock.store import ImportedModel
from localaws.bedrock.tools import Tools
from localaws.containers.chats import Chat
from localaws.containers.engine import Grammar, current
from localaws.containers.schemas import schema_problem
from localaws.service import ServiceError

BodyKind = Literal["chat", "completion", "native"]

MAX_BODY_BYTES: Final = 25_000_000
"""botocore's service model of bedrock-runtime, Body."""

_NATIVE_FIELDS: Final = frozenset(
    {"prompt", "max_gen_len", "temperature", "top_p", "return_logprobs", "response_format"}
)
_DEFAULT_NATIVE_TOKENS: Final = 512
_DEFAULT_COMPLETION_TOKENS: Final = 16
_MAX_LOGPROBS: Final = 20

ANY_OBJECT: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
}
"""The schema of JSON without one, of which the stand-in makes an object that is not empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A request for generated text.

    Attributes:
        kind: The form of the body.
        prompt: Text to go on from.
        max_tokens: The most tokens to generate; None fills the context.
        stop: Texts that end an answer.
        seed: Makes the answer another one.
        temperature: The temperature; with 0, or with neither this nor a seed, decoding is greedy.
        answers: Number of answers.
        logprobs: Number of alternatives to report for each token; None reports no log probabilities.
        include_usage: Whether a stream reports the tokens in an event of its own.
        chat: The chat that the prompt was written from, if it was.
        tools: The tools that the answer may call.
        grammar: The schema that the answer has to keep to, or None.
        text: The text that a choice prescribes, or None.
        reasons: Whether reasoning comes before the answer.
    """

    kind: BodyKind
    prompt: str
    max_tokens: int | None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    temperature: float | None = None
    answers: int = 1
    logprobs: int | None = None
    include_usage: bool = False
    chat: Chat | None = None
    tools: Tools = field(default_factory=Tools)
    grammar: Grammar | None = None
    text: str | None = None
    reasons: bool = False


def read(body: bytes, model: ImportedModel, rules: Behaviour | None = None) -> GenerationRequest:
    """Read a body.

    Args:
        body: The body.
        model: The model.
        rules: The present behaviour.

    Raises:
        ServiceError: ValidationException, if the model does not take it.
    """
    if len(body) > MAX_BODY_BYTES:
        raise invalid(
            constraints.detected(
                "Value at 'body' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_BODY_BYTES}"
            )
        )
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _malformed("expected a JSON object")
    reader = _Reader(document)
    if "messages" in document:
        request = _chat(reader, model, rules or Behaviour())
    elif "max_tokens" in document:
        request = _completion(reader)
    else:
        request = _native(reader)
    if reader.problems:
        raise _malformed("; ".join(reader.problems))
    return request


def chat_prompt(chat: Chat, model: ImportedModel) -> str:
    """Write a chat as a prompt: always as the engine does, whatever the model's own template says.

    Raises:
        ServiceError: ValidationException, if the model has no chat template.
    """
    if not model.has_chat_template:
        raise invalid(
            "As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template "
            "if the tokenizer does not define one."
        )
    return current().render(chat)


def _chat(reader: _Reader, model: ImportedModel, rules: Behaviour) -> GenerationRequest:
    read = ChatReader(reader.document, reader.problems)
    turns, tools = read.turns(), read.tools()
    read.check_effort()
    chat = Chat(tuple(turns), tools.all)
    if tools.all and not model.can("call tools", rules):
        reader.problems.append('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')
    most = MAX_CHAT_IMAGES if model.can("see", rules) else 0
    if len(chat.images) > most:
        reader.problems.append(f"At most {most} image(s) may be provided in one request.")
    wants = reader.flag("logprobs")
    alternatives = reader.integer("top_logprobs", lowest=0, highest=_MAX_LOGPROBS)
    return GenerationRequest(
        kind="chat",
        prompt=chat_prompt(chat, model) if turns else "",
        max_tokens=reader.integer("max_completion_tokens", lowest=1) or reader.integer("max_tokens", lowest=1),
        logprobs=(alternatives or 0) if wants else None,
        chat=chat,
        tools=tools,
        reasons=model.can("reason", rules),
        **reader.shared(),
    )


def _completion(reader: _Reader) -> GenerationRequest:
    return GenerationRequest(
        kind="completion",
        prompt=reader.prompt(),
        max_tokens=reader.integer("max_tokens", lowest=1) or _DEFAULT_COMPLETION_TOKENS,
        logprobs=reader.integer("logprobs", lowest=0, highest=_MAX_LOGPROBS),
        **reader.shared(),
    )


def _native(reader: _Reader) -> GenerationRequest:
    for name in sorted(set(reader.document) - _NATIVE_FIELDS):
        reader.problems.append(f"#: extraneous key [{name}] is not permitted")
    temperature = reader.number("temperature", lowest=0, highest=1)
    reader.number("top_p", lowest=0, highest=1)
    return GenerationRequest(
        kind="native",
        prompt=reader.prompt(),
        max_tokens=reader.integer("max_gen_len", lowest=1) or _DEFAULT_NATIVE_TOKENS,
        **reader.form(),
        temperature=temperature,
        logprobs=0 if reader.flag("return_logprobs") else None,
    )


class _Reader:
    """Reads the fields of a body and keeps what is wrong with them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.problems: list[str] = []

    def shared(self) -> dict[str, Any]:
        """Read what both of OpenAI's forms have."""
        temperature = self.number("temperature", lowest=0)
        top_p = self.number("top_p", lowest=0, highest=1)
        if top_p == 0:
            self.problems.append("#/top_p: 0 is not greater than 0")
        for name in ("presence_penalty", "frequency_penalty"):
            self.number(name, lowest=-2, highest=2)
        self.number("min_p", lowest=0, highest=1)
        self.integer("top_k", lowest=-1)
        if self.number("repetition_penalty", lowest=0) == 0:
            self.problems.append("#/repetition_penalty: 0 is not greater than 0")
        return {
            **self.form(),
            "stop": self._stop(),
            "seed": self.integer("seed"),
            "temperature": temperature,
            "answers": self.integer("n", lowest=1) or 1,
            "include_usage": self._includes_usage(),
        }

    def prompt(self) -> str:
        prompt = self.document.get("prompt")
        if "prompt" not in self.document:
            self.problems.append("#: required key [prompt] not found")
        elif not isinstance(prompt, str) or not prompt:
            self.problems.append("#/prompt: expected type: String of at least 1 character")
        return prompt if isinstance(prompt, str) else ""

    def form(self) -> dict[str, Any]:
        """Read what prescribes the answer's form; of patterns and grammars nothing is made."""
        form = self.document.get("response_format")
        kind = form.get("type") if isinstance(form, dict) else None
        if form is not None and kind not in ("text", "json_object", "json_schema"):
            self.problems.append("#/response_format: expected an object whose type is text, json_object or json_schema")
        if kind == "json_object":
            return {"grammar": Grammar(schema=ANY_OBJECT)}
        if isinstance(form, dict) and kind == "json_schema":
            return self._schema(form.get("json_schema"), "#/response_format/json_schema")
        outputs = self.document.get("structured_outputs")
        if isinstance(outputs, dict) and isinstance(outputs.get("choice"), list) and outputs["choice"]:
            return {"text": str(outputs["choice"][0])}
        if isinstance(outputs, dict) and outputs.get("json") is not None:
            return self._schema(outputs["json"], "#/structured_outputs/json")
        return {}

    def _schema(self, form: Any, where: str) -> dict[str, Any]:
        """Read a schema, which OpenAI's two forms wrap together with its name."""
        if isinstance(form, str):
            try:
                form = json.loads(form)
            except (ValueError, RecursionError):
                form = None
        schema = form["schema"] if isinstance(form, dict) and isinstance(form.get("schema"), dict) else form
        problem = schema_problem(schema) if isinstance(schema, dict) else "expected an object"
        if problem is not None:
            self.problems.append(f"{where}: {problem}")
            return {}
        return {"grammar": Grammar(schema=schema)}

    def integer(self, name: str, *, lowest: int | None = None, highest: int | None = None) -> int | None:
        value = self.document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.problems.append(f"#/{name}: expected type: Integer, found: {type(value).__name__}")
            return None
        self._check_range(name, value, lowest, highest)
        return value

    def number(self, name: str, *, lowest: float, highest: float | None = None) -> float | None:
        value = self.document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.problems.append(f"#/{name}: expected type: Number, found: {type(value).__name__}")
            return None
        self._check_range(name, value, lowest, highest)
        return value

    def flag(self, name: str) -> bool:
        value = self.document.get(name)
        if value is not None and not isinstance(value, bool):
            self.problems.append(f"#/{name}: expected type: Boolean, found: {type(value).__name__}")
        return value is True

    def _check_range(self, name: str, value: float, lowest: float | None, highest: float | None) -> None:
        if lowest is not None and value < lowest:
            self.problems.append(f"#/{name}: {value} is not greater or equal to {lowest}")
        if highest is not None and value > highest:
            self.problems.append(f"#/{name}: {value} is not less or equal to {highest}")

    def _stop(self) -> tuple[str, ...]:
        value = self.document.get("stop")
        strings = [value] if isinstance(value, str) else value or []
        if not isinstance(strings, list) or not all(isinstance(text, str) and text for text in strings):
            self.problems.append("#/stop: expected a string, or an array of strings, none of them empty")
            return ()
        return tuple(strings)

    def _includes_usage(self) -> bool:
        options = self.document.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


def _malformed(detail: str) -> ServiceError:
    return invalid(f"Malformed input request: {detail}, please reformat your input and try again.")
