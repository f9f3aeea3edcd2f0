"""The protocol that TGI and DJL-LMI share: `inputs` and `parameters` in, `generated_text` and `details` out.

A stream has an event a token, `{"token": {"text", "logprob", "special"}}`, and in the last one the whole
`generated_text` with `details` beside the token.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from invoke_shim.backends.containers.base import (
    count,
    decode,
    encode,
    failed,
    raise_error,
)
from invoke_shim.backends.containers.lengths import room_for_answer
from invoke_shim.backends.containers.tokens import StreamedText, is_special, logprobs_of, text_of_tokens, token_logprob
from invoke_shim.backends.streams import broken_off, documents, not_understood
from invoke_shim.generation.types import (
    Answer,
    Completion,
    FinishReason,
    Generation,
    GenerationRequest,
    Piece,
    TokenLogprob,
    Usage,
)
from invoke_shim.rules.limits import Limits


class Dialect(NamedTuple):
    """The differences between the containers that speak this protocol.

    Attributes:
        name: The container's name in CONTAINER.
        refuses_with_424: See `Container`.
        max_stop: The most stop strings that it takes; None where there is no limit.
        penalties: OpenAI's penalties that it knows.
        has_alternatives: Whether it reports the likeliest tokens beside the one that was taken.
        fills_since: The first version that fills the context where `max_new_tokens` is null.
        tells_room: Whether its refusal of too high a limit tells the room that there is (`lengths`).
    """

    name: str
    refuses_with_424: bool
    max_stop: int | None
    penalties: tuple[str, ...]
    has_alternatives: bool
    fills_since: tuple[int, ...]
    tells_room: bool


TGI = Dialect(
    name="tgi",
    refuses_with_424=False,
    # The launcher's default of `--max-stop-sequences`.
    max_stop=4,
    # TGI 1.1 would ignore it in silence; its rules refuse it.
    penalties=("frequency_penalty",),
    has_alternatives=True,
    fills_since=(1, 1, 1),
    tells_room=True,
)
"""Hugging Face's text-generation-inference (TGI); its status 424 is a failed generation.

It answers with a list of one object, and streams server-sent events without a `[DONE]`. Errors in a stream come as
`{"error", "error_type"}`, refused parameters too, under status 200. Source: `router/src/server.rs`, `lib.rs` and
`validation.rs`.
"""

LMI = Dialect(
    name="lmi",
    refuses_with_424=True,
    max_stop=None,
    penalties=("presence_penalty", "frequency_penalty"),
    has_alternatives=False,
    # Where vLLM's server takes the request; before, its engine ends the answer where the context ends.
    fills_since=(17,),
    tells_room=False,
)
"""AWS's DJL-LMI; its status 424 is a payload that it refuses.

It answers with an object and streams JSON lines; with OPTION_TGI_COMPAT with a list of one object, and server-sent
events. Its default of 30 new tokens is always overridden. `stop` and not `stop_sequences`, which some of its versions
ignore; never `top_n_tokens`, which some take for the number of answers. Sources: djl-serving's
`serving/docs/lmi/user_guides/lmi_input_output_schema.md`, `djl_python/output_formatter.py` (rolling batch) and
`djl_python/lmi_vllm/request_response_utils.py` (asynchronous).
"""


class GeneratedTextContainer:
    """A container that takes `inputs`.

    Args:
        dialect: The container's dialect.
        version: Its version, where known.
        limits: The model's limits of tokens.
    """

    takes_messages = False

    def __init__(self, dialect: Dialect, version: tuple[int, ...] | None, limits: Limits) -> None:
        self.name = dialect.name
        self.refuses_with_424 = dialect.refuses_with_424
        self._dialect = dialect
        self._fills = version is not None and version >= dialect.fills_since
        self._limits = limits

    def payload(self, request: GenerationRequest, *, stream: bool) -> bytes:
        """Encode the request body."""
        generation = request.generation
        parameters: dict[str, Any] = {
            # Null fills the context in newer versions. Left out, it is 20 or 100 tokens with TGI, 30 with LMI.
            "max_new_tokens": self._max_new_tokens(request),
            "details": True,
            "return_full_text": False,
            **_sampling(generation),
        }
        if generation.stop:
            parameters["stop"] = list(generation.stop[: self._dialect.max_stop])
        optional = {name: getattr(generation, name) for name in ("seed", *self._dialect.penalties)}
        if generation.response_format is not None:
            # TGI's: by the rules, of schemas only one with properties comes here.
            from invoke_shim.backends.containers.schemas import tgi_grammar  # noqa: PLC0415 - for a prescribed form

            optional["grammar"] = tgi_grammar(generation.response_format)
        if self._dialect.has_alternatives and generation.logprobs:
            optional["top_n_tokens"] = generation.top_logprobs or None
        if not stream:
            # Costs the container memory for a probability of every vocabulary entry at every token of the
            # prompt, which is why newer TGI versions have it switched off: only when the client asks. Streams
            # are refused with it, and report the number of the prompt's tokens anyway.
            optional["decoder_input_details"] = generation.decoder_input_details or None
        parameters |= {name: value for name, value in optional.items() if value is not None}
        # The prompt is put before the answer here (`_echo`), in streams too, where the containers do not.
        parameters |= {name: value for name, value in generation.extra.items() if name != "return_full_text"}
        payload: dict[str, Any] = {"inputs": request.prompt, "parameters": parameters}
        if stream:
            payload["stream"] = True
        return encode(payload)

    def _max_new_tokens(self, request: GenerationRequest) -> int | None:
        limit = request.generation.max_tokens
        if limit is not None or self._fills:
            return limit
        return room_for_answer(request, self._limits, told=self._dialect.tells_room)

    def streams(self, request: GenerationRequest) -> bool:
        """Check whether a streamed answer to this request loses nothing."""
        return True

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once: an object, or a list of one.

        Raises:
            ApiError: It is an error, or not understood.
        """
        return self._answer(_one(decode(body)), request)

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """
        if echo := _echo(request):
            yield Piece(text=echo)
        text = StreamedText()
        ended = False
        for document in documents(chunks):
            event = _one(document)
            raise_error(event, refuses_with_424=self.refuses_with_424)
            if ended:
                continue
            token = event.get("token")
            whole = event.get("generated_text")
            ended = isinstance(whole, str)
            if isinstance(token, dict):
                yield from self._step(event, token, text, request)
            elif ended:
                # A container that does not stream, though asked to.
                answer = self._answer(event, request, echo=False)
                completion = answer.completions[0]
                yield Piece(
                    text=completion.text,
                    logprobs=completion.logprobs,
                    finish_reason=completion.finish_reason,
                    usage=answer.usage,
                )
            else:
                raise not_understood()
        if not ended:
            raise broken_off()

    def _step(
        self, event: Mapping[str, Any], token: Mapping[str, Any], text: "StreamedText", request: GenerationRequest
    ) -> Iterator[Piece]:
        """Yield an event's token; with the last one the rest of the text, the finish reason and the counts."""
        new = text.add(token)
        logprobs: tuple[TokenLogprob, ...] = ()
        if request.generation.logprobs and not is_special(token):
            logprobs = (token_logprob(token, event.get("top_tokens"), request.generation),)
        whole = event.get("generated_text")
        if not isinstance(whole, str):
            if new or logprobs:
                yield Piece(text=new, logprobs=logprobs)
            return
        details = _details(event)
        usage = _usage(details)
        yield Piece(
            text=new + text.rest(whole),
            logprobs=logprobs,
            finish_reason=_finish_reason(details, usage, request.generation),
            usage=usage if usage != Usage() else None,
        )

    def _answer(self, reply: Mapping[str, Any], request: GenerationRequest, *, echo: bool = True) -> Answer:
        raise_error(reply, refuses_with_424=self.refuses_with_424)
        details = _details(reply)
        text = reply.get("generated_text")
        if not isinstance(text, str):
            raise not_understood()
        usage = _usage(details)
        completion = Completion(
            text=(_echo(request) if echo else "") + (text or text_of_tokens(details)),
            finish_reason=_finish_reason(details, usage, request.generation),
            logprobs=logprobs_of(details, request.generation) if request.generation.logprobs else (),
        )
        return Answer(completions=(completion,), usage=usage)


def _one(reply: Any) -> Mapping[str, Any]:
    """Return the only object of an answer or an event."""
    if isinstance(reply, list) and len(reply) == 1:
        reply = reply[0]
    if not isinstance(reply, dict):
        raise not_understood()
    return reply


def _sampling(generation: Generation) -> dict[str, Any]:
    """Return the sampling parameters.

    TGI and LMI take the likeliest token without `do_sample`, OpenAI's API samples at temperature 1 by default; so
    `do_sample` is always sent. Greedy means no other sampling parameter either: TGI refuses a
    temperature of 0, and samples if there is a top_p, whatever do_sample says. TGI refuses a top_p of 1, which
    says nothing in any case.
    """
    if generation.greedy:
        return {"do_sample": False}
    sampling: dict[str, Any] = {"do_sample": True}
    if generation.temperature is not None:
        sampling["temperature"] = generation.temperature
    if generation.top_p is not None and generation.top_p < 1:
        sampling["top_p"] = generation.top_p
    return sampling


def _echo(request: GenerationRequest) -> str:
    wanted = request.generation.echo or request.generation.extra.get("return_full_text") is True
    return (request.prompt or "") if wanted else ""


def _details(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the details of an answer.

    Raises:
        ApiError: 502, they report a failed generation: with an empty text and status 200, LMI answers so to a
            generation that broke and to parameters that it refuses.
    """
    details = reply.get("details")
    if not isinstance(details, dict):
        return {}
    if details.get("finish_reason") == "error":
        raise failed("finish_reason error under status 200")
    return details


def _usage(details: Mapping[str, Any]) -> Usage:
    """Return the counts; TGI counts the prompt's tokens at a stream's end, otherwise it only lists them."""
    prefill = details.get("prefill")
    prompt_tokens = count(details.get("input_length"))
    if prompt_tokens is None and isinstance(prefill, list) and prefill:
        prompt_tokens = len(prefill)
    return Usage(prompt_tokens, count(details.get("generated_tokens")))


def _finish_reason(details: Mapping[str, Any], usage: Usage, generation: Generation) -> FinishReason:
    """Return OpenAI's finish reason; LMI's may be null, a stop string or a token id: then the token count decides."""
    reason = details.get("finish_reason")
    if reason == "length":
        return "length"
    if reason in ("eos_token", "stop_sequence", "stop"):
        return "stop"
    asked, made = generation.max_tokens, usage.completion_tokens
    return "length" if asked is not None and made is not None and made >= asked else "stop"
