"""The protocol that TGI and DJL-LMI share: `inputs` and `parameters` in, `generated_text` and `details` out.

A stream has an event a token, `{"token": {"text", "logprob", "special"}}`, and in the last one the whole
`generated_text` with `details` beside the token.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from invoke_shim.backends.containers.base import (
    count,
    decode,
    encode,
    failed,
    logprob,
    raise_error,
)
from invoke_shim.backends.streams import broken_off, documents, not_understood
from invoke_shim.generation.types import Answer, Ask, Completion, FinishReason, Generation, Piece, TokenLogprob, Usage


class GeneratedTextContainer:
    """A container that is asked with `inputs`.

    Args:
        name: its name in CONTAINER.
        refuses_with_424: see `Container`.
        max_stop: the most stop strings it takes; None where there is no limit.
        penalties: which of OpenAI's penalties it knows.
        tells_alternatives: whether it tells the likeliest tokens beside the one that was taken.
    """

    takes_messages = False

    def __init__(
        self,
        *,
        name: str,
        refuses_with_424: bool,
        max_stop: int | None,
        penalties: tuple[str, ...],
        tells_alternatives: bool,
    ) -> None:
        self.name = name
        self.refuses_with_424 = refuses_with_424
        self._max_stop = max_stop
        self._penalties = penalties
        self._tells_alternatives = tells_alternatives

    def payload(self, ask: Ask, *, stream: bool) -> bytes:
        """The request body."""
        generation = ask.generation
        parameters: dict[str, Any] = {
            "max_new_tokens": generation.max_tokens,
            "details": True,
            "return_full_text": False,
            **_sampling(generation),
        }
        if generation.stop:
            parameters["stop"] = list(generation.stop[: self._max_stop])
        optional = {name: getattr(generation, name) for name in ("seed", *self._penalties)}
        if generation.response_format is not None:
            # TGI's: the rules let nothing but a schema with properties come here.
            optional["grammar"] = {"type": "json", "value": generation.response_format["json_schema"]["schema"]}
        if self._tells_alternatives and generation.logprobs:
            optional["top_n_tokens"] = generation.top_logprobs or None
        if not stream:
            # Costs the container memory for a probability of every vocabulary entry at every token of the
            # prompt, which is why newer TGI versions have it switched off: only when the client asks. Streams
            # are refused with it, and tell the number of the prompt's tokens anyway.
            optional["decoder_input_details"] = generation.decoder_input_details or None
        parameters |= {name: value for name, value in optional.items() if value is not None}
        # The prompt is put before the answer here (`_echo`), in streams too, where the containers do not.
        parameters |= {name: value for name, value in generation.extra.items() if name != "return_full_text"}
        payload: dict[str, Any] = {"inputs": ask.prompt, "parameters": parameters}
        if stream:
            payload["stream"] = True
        return encode(payload)

    def read(self, body: bytes, ask: Ask) -> Answer:
        """Read an answer that came at once: an object, or a list of one.

        Raises:
            ApiError: it is an error, or not understood.
        """
        return self._answer(_one(decode(body)), ask)

    def read_stream(self, chunks: Iterable[bytes], ask: Ask) -> Iterator[Piece]:
        """Read a streamed answer.

        Raises:
            ApiError: an error came in the stream, it broke off, or it is not understood.
        """
        if echo := _echo(ask):
            yield Piece(text=echo)
        text = _StreamedText()
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
                yield from self._step(event, token, text, ask)
            elif ended:
                # A container that does not stream, though asked to.
                answer = self._answer(event, ask, echo=False)
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
        self, event: Mapping[str, Any], token: Mapping[str, Any], text: "_StreamedText", ask: Ask
    ) -> Iterator[Piece]:
        """The token of an event; with the last one what is left of the text, the reason and the counts."""
        new = text.add(token)
        logprobs: tuple[TokenLogprob, ...] = ()
        if ask.generation.logprobs and not _is_special(token):
            logprobs = (_token_logprob(token, event.get("top_tokens"), ask.generation),)
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
            finish_reason=_finish_reason(details, usage, ask.generation),
            usage=usage if usage != Usage() else None,
        )

    def _answer(self, reply: Mapping[str, Any], ask: Ask, *, echo: bool = True) -> Answer:
        raise_error(reply, refuses_with_424=self.refuses_with_424)
        details = _details(reply)
        text = reply.get("generated_text")
        if not isinstance(text, str):
            raise not_understood()
        usage = _usage(details)
        completion = Completion(
            text=(_echo(ask) if echo else "") + (text or _told(details)),
            finish_reason=_finish_reason(details, usage, ask.generation),
            logprobs=_logprobs(details, ask.generation) if ask.generation.logprobs else (),
        )
        return Answer(completions=(completion,), usage=usage)


class _StreamedText:
    """The text that a stream's tokens make so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._special: list[str] = []

    def add(self, token: Mapping[str, Any]) -> str:
        """Take a token; returns its text, which is empty for one that is not text, such as an end of turn."""
        text = token.get("text")
        if not isinstance(text, str):
            return ""
        (self._special if _is_special(token) else self._texts).append(text)
        return "" if _is_special(token) else text

    def rest(self, whole: str) -> str:
        """What the whole text, told at the end, has after the tokens' texts.

        TGI gives no text for the first bytes of a character; when the answer ends inside of it, only the whole
        text may have what stands for them. The other way about, the whole text can be empty, or lack the space
        before its first word; then the tokens are right.
        """
        streamed = "".join(self._texts)
        if not whole.startswith(streamed):
            whole, streamed = whole.lstrip(), streamed.lstrip()
        if not whole.startswith(streamed):
            return ""
        rest = whole[len(streamed) :]
        return "" if rest == "".join(self._special) else rest


def _one(reply: Any) -> Mapping[str, Any]:
    """The one object that an answer or an event is."""
    if isinstance(reply, list) and len(reply) == 1:
        reply = reply[0]
    if not isinstance(reply, dict):
        raise not_understood()
    return reply


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_special(token: Mapping[str, Any]) -> bool:
    """Whether a token is not text: TGI's name for it, and LMI's."""
    return token.get("special") is True or token.get("special_token") is True


def _sampling(generation: Generation) -> dict[str, Any]:
    """How the next token is chosen.

    TGI and LMI take the likeliest token unless told `do_sample`, OpenAI's API samples at temperature 1 unless
    told otherwise; so it is always told. Greedy means no other sampling parameter either: TGI refuses a
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


def _echo(ask: Ask) -> str:
    wanted = ask.generation.echo or ask.generation.extra.get("return_full_text") is True
    return (ask.prompt or "") if wanted else ""


def _details(reply: Mapping[str, Any]) -> Mapping[str, Any]:
    """The details of an answer.

    Raises:
        ApiError: 502, they say that generating failed: LMI answers so, with an empty text and under 200, a
            generation that broke or parameters that it refuses.
    """
    details = reply.get("details")
    if not isinstance(details, dict):
        return {}
    if details.get("finish_reason") == "error":
        raise failed("finish_reason error under status 200")
    return details


def _usage(details: Mapping[str, Any]) -> Usage:
    """TGI tells the number of the prompt's tokens in a stream's end, else only by telling all of them."""
    prefill = details.get("prefill")
    prompt_tokens = count(details.get("input_length"))
    if prompt_tokens is None and isinstance(prefill, list) and prefill:
        prompt_tokens = len(prefill)
    return Usage(prompt_tokens, count(details.get("generated_tokens")))


def _finish_reason(details: Mapping[str, Any], usage: Usage, generation: Generation) -> FinishReason:
    """OpenAI's reason; LMI's may be null, a stop string or a token id, and then the number of tokens tells."""
    reason = details.get("finish_reason")
    if reason == "length":
        return "length"
    if reason in ("eos_token", "stop_sequence", "stop"):
        return "stop"
    at_limit = usage.completion_tokens is not None and usage.completion_tokens >= generation.max_tokens
    return "length" if at_limit else "stop"


def _tokens(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [token for token in _list(details.get("tokens")) if isinstance(token, dict)]


def _told(details: Mapping[str, Any]) -> str:
    """The text by its tokens.

    TGI drops the whole text when it would end inside a character, which it can at the limit of tokens.
    """
    text = _StreamedText()
    return "".join(text.add(token) for token in _tokens(details))


def _logprobs(details: Mapping[str, Any], generation: Generation) -> tuple[TokenLogprob, ...]:
    tokens = _tokens(details)
    tops = _list(details.get("top_tokens"))
    tops += [None] * (len(tokens) - len(tops))
    return tuple(
        _token_logprob(token, top, generation)
        for token, top in zip(tokens, tops, strict=False)
        if not _is_special(token)
    )


def _token_logprob(token: Mapping[str, Any], top: Any, generation: Generation) -> TokenLogprob:
    """A token; the alternatives as likely first, TGI tells more than asked for where some are equally likely."""
    alternatives = sorted(
        ((str(other.get("text") or ""), _logprob_of(other)) for other in _list(top) if isinstance(other, dict)),
        key=lambda alternative: -alternative[1],
    )
    return TokenLogprob(
        str(token.get("text") or ""), _logprob_of(token), tuple(alternatives[: generation.top_logprobs])
    )


def _logprob_of(token: Mapping[str, Any]) -> float:
    """LMI's older name of it is log_prob."""
    return logprob(token["logprob"] if "logprob" in token else token.get("log_prob"))
