"""Read the tokens that TGI and DJL-LMI report: their text and their log probabilities."""

from collections.abc import Mapping
from typing import Any

from invoke_shim.backends.containers.base import logprob
from invoke_shim.generation.types import Generation, TokenLogprob


class StreamedText:
    """The text of a stream's tokens so far."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._special: list[str] = []

    def add(self, token: Mapping[str, Any]) -> str:
        """Take a token; return its text, which is empty for a token that is not text, such as an end of turn."""
        text = token.get("text")
        if not isinstance(text, str):
            return ""
        (self._special if is_special(token) else self._texts).append(text)
        return "" if is_special(token) else text

    def rest(self, whole: str) -> str:
        """Return the part of the complete text, sent at the end, that follows the tokens' texts.

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


def is_special(token: Mapping[str, Any]) -> bool:
    """Check for a token that is not text, by TGI's name of the flag and by LMI's."""
    return token.get("special") is True or token.get("special_token") is True


def _tokens(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [token for token in _list(details.get("tokens")) if isinstance(token, dict)]


def text_of_tokens(details: Mapping[str, Any]) -> str:
    """Put the text together from its tokens.

    TGI drops the whole text when it would end inside a character, which it can at the limit of tokens.
    """
    text = StreamedText()
    return "".join(text.add(token) for token in _tokens(details))


def logprobs_of(details: Mapping[str, Any], generation: Generation) -> tuple[TokenLogprob, ...]:
    """Return the tokens of an answer's details, but for those that are not text."""
    tokens = _tokens(details)
    tops = _list(details.get("top_tokens"))
    tops += [None] * (len(tokens) - len(tops))
    return tuple(
        token_logprob(token, top, generation) for token, top in zip(tokens, tops, strict=False) if not is_special(token)
    )


def token_logprob(token: Mapping[str, Any], top: Any, generation: Generation) -> TokenLogprob:
    """Read a token with its likeliest alternatives; TGI reports more than asked for where some are equally likely."""
    alternatives = sorted(
        ((str(other.get("text") or ""), _logprob_of(other)) for other in _list(top) if isinstance(other, dict)),
        key=lambda alternative: -alternative[1],
    )
    return TokenLogprob(
        str(token.get("text") or ""), _logprob_of(token), tuple(alternatives[: generation.top_logprobs])
    )


def _logprob_of(token: Mapping[str, Any]) -> float:
    """Return a token's log probability; LMI's older name of it is `log_prob`."""
    return logprob(token["logprob"] if "logprob" in token else token.get("log_prob"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
