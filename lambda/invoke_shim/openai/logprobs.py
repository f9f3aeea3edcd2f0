"""Log probabilities of tokens in the two shapes that OpenAI has for them."""

from collections.abc import Sequence
from typing import Any

from invoke_shim.generation.types import LOWEST_LOGPROB, TokenLogprob


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """Return the `logprobs` of a chat's choice; None if there are none."""
    if not tokens:
        return None
    content = [
        {**_token(entry.token, entry.logprob), "top_logprobs": [_token(token, value) for token, value in entry.top]}
        for entry in tokens
    ]
    return {"content": content, "refusal": None}


def text_logprobs(tokens: Sequence[TokenLogprob], *, offset: int = 0) -> dict[str, Any] | None:
    """Return the `logprobs` of a completion's choice; None if there are none.

    Args:
        tokens: The tokens.
        offset: Characters of the choice's text before the first of them.
    """
    if not tokens:
        return None
    offsets = []
    for entry in tokens:
        offsets.append(offset)
        offset += len(entry.token)
    return {
        "tokens": [entry.token for entry in tokens],
        "token_logprobs": [_number(entry.logprob) for entry in tokens],
        "top_logprobs": [{token: _number(value) for token, value in entry.top} for entry in tokens],
        "text_offset": offsets,
    }


def _token(token: str, logprob: float) -> dict[str, Any]:
    return {"token": token, "logprob": _number(logprob), "bytes": list(token.encode("utf-8", errors="replace"))}


def _number(logprob: float) -> float:
    # false for NaN
    return logprob if logprob > LOWEST_LOGPROB else LOWEST_LOGPROB
