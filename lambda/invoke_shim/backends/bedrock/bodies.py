"""Request and response bodies of InvokeModel for imported models: OpenAI's two and Bedrock's own.

Bedrock distinguishes the bodies by their fields: `messages`, `prompt` with `max_tokens`, `prompt` with `max_gen_len`.
Source: "Invoke your imported model" and "Advanced API features for imported models" in Bedrock's user guide.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from invoke_shim.backends.bedrock.streams import MeteredStream, parse
from invoke_shim.backends.containers.base import count, encode, failed, finish_reason, raise_error
from invoke_shim.backends.containers.vllm import VllmContainer
from invoke_shim.backends.streams import broken_off, not_understood
from invoke_shim.generation.types import Answer, Completion, GenerationRequest, Piece, Usage

_NO_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")
"""In JSON a line can only end between values, where a space means as much."""


class Body(Protocol):
    """One form of InvokeModel's body."""

    def payload(self, request: GenerationRequest) -> bytes:
        """Encode the request body; the operation selects a stream, not the body."""

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer, split anywhere.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """


def create_body(name: str) -> Body:
    """Create a body by its name in BODY; `converse` is not one of InvokeModel's."""
    return NativeBody() if name == "native" else OpenAiBody()


class OpenAiBody:
    """OpenAI's chats and completions, in which imported models behave like vLLM.

    Models that were imported before November 2025 answer a completion in the form of Mistral's models at Bedrock,
    `{"outputs": [{"text", "stop_reason"}]}`, which is read too.
    """

    def __init__(self) -> None:
        self._openai = VllmContainer()

    def payload(self, request: GenerationRequest) -> bytes:
        """Encode the request body."""
        return self._openai.payload(request, stream=False)

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """
        if b'"outputs"' in body:
            body = _as_openai(parse(body))
        return self._openai.read(body, request)

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer; the counts come once, after all else.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """
        metered = MeteredStream(chunks)
        has_usage = False
        for piece in self._openai.read_stream(self._lines(metered), request):
            has_usage |= piece.usage is not None
            yield piece
        if metered.usage is not None and not has_usage:
            yield Piece(usage=metered.usage)

    def _lines(self, documents: Iterable[bytes]) -> Iterator[bytes]:
        for document in documents:
            yield (_as_openai(parse(document)) if b'"outputs"' in document else document).translate(
                _NO_LINE_ENDS
            ) + b"\n"


class NativeBody:
    """Bedrock's own body for completions: `prompt` and `max_gen_len` in, `generation` and counts out.

    It has no field for stop strings, seeds or penalties, and reports log probabilities by the tokens' ids only.
    """

    def payload(self, request: GenerationRequest) -> bytes:
        """Encode the request body."""
        generation = request.generation
        payload: dict[str, Any] = {"prompt": request.prompt, "max_gen_len": generation.max_tokens}
        if generation.greedy:
            payload["temperature"] = 0
        else:
            sampling = {"temperature": generation.temperature, "top_p": generation.top_p}
            payload |= {name: value for name, value in sampling.items() if value is not None}
        if generation.response_format is not None:
            payload["response_format"] = _native_format(generation.response_format)
        return encode({**payload, **generation.extra})

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """
        reply = parse(body)
        raise_error(reply, refuses_with_424=False)
        completion = Completion(text=_text(reply), finish_reason=_reason(reply) or "stop")
        usage = Usage(count(reply.get("prompt_token_count")), count(reply.get("generation_token_count")))
        return Answer(completions=(completion,), usage=usage)

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer.

        Each document counts the tokens generated so far; only the first one counts the prompt's.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """
        metered = MeteredStream(chunks)
        prompt_tokens: int | None = None
        completion_tokens: int | None = None
        ended = False
        for document in metered:
            chunk = parse(document)
            raise_error(chunk, refuses_with_424=False)
            text, reason = _text(chunk), _reason(chunk)
            prompt_tokens = _known(count(chunk.get("prompt_token_count")), prompt_tokens)
            completion_tokens = _known(count(chunk.get("generation_token_count")), completion_tokens)
            if text or reason:
                yield Piece(text=text, finish_reason=None if ended else reason)
            ended = ended or reason is not None
        if not ended:
            raise broken_off()
        metrics = metered.usage or Usage()
        usage = Usage(
            _known(metrics.prompt_tokens, prompt_tokens), _known(metrics.completion_tokens, completion_tokens)
        )
        if usage != Usage():
            yield Piece(usage=usage)


def _known(value: int | None, otherwise: int | None) -> int | None:
    return otherwise if value is None else value


def _text(reply: Mapping[str, Any]) -> str:
    text = reply.get("generation")
    if not isinstance(text, str | None) or "generation" not in reply:
        raise not_understood()
    return text or ""


def _reason(reply: Mapping[str, Any]) -> Any:
    reason = reply.get("stop_reason")
    if reason in ("abort", "error"):
        raise failed(f"stop_reason {reason}")
    return None if reason is None else finish_reason(reason)


def _native_format(response_format: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace the schema that OpenAI wraps together with its name by the bare schema."""
    wrapped = response_format.get("json_schema")
    if isinstance(wrapped, dict) and isinstance(wrapped.get("schema"), dict):
        return {**response_format, "json_schema": wrapped["schema"]}
    return response_format


def _as_openai(reply: Mapping[str, Any]) -> bytes:
    outputs = reply.get("outputs")
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        return encode(reply)
    choices = [
        {"index": index, "text": output.get("text"), "finish_reason": output.get("stop_reason")}
        for index, output in enumerate(outputs)
    ]
    return encode({"choices": choices})
