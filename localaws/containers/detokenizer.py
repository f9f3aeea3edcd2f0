"""vLLM's generation: text that comes with its tokens, but never a part of a stop sequence.

Source: vLLM's documentation of `SamplingParams.stop` ("the returned output will not contain the stop strings") and
of streaming. So that it never has to take text back, vLLM holds back as many characters as the longest stop sequence
has, less one: the text of a token may come with a later one, and the last brings all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from localaws.containers.tokens import Token

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Output:
    """One step of a generation.

    Attributes:
        token: The token of this step.
        text: The text that becomes visible with it.
        finish_reason: The reason for which this step is the last, or None.
        stop_reason: The stop sequence that was met, or None.
    """

    token: Token
    text: str
    finish_reason: FinishReason | None = None
    stop_reason: str | None = None


def outputs(
    tokens: Iterable[Token], *, max_tokens: int, stop: Sequence[str] = (), include_stop: bool = False
) -> Iterator[Output]:
    """Generate token by token; the last step, and only that, carries a finish reason.

    Args:
        tokens: The tokens to generate, as `localaws.containers.generation.script` makes them.
        max_tokens: Most tokens to generate, at least 1.
        stop: Texts before whose first occurrence the text ends.
        include_stop: Whether the text ends after it instead (`include_stop_str_in_output`).
    """
    stop = [text for text in stop if text]
    longest = max(map(len, stop), default=1)
    held_back = 0 if include_stop else longest - 1
    text, sent = "", 0
    for count, token in enumerate(tokens, start=1):
        start = len(text)
        text += "" if token.special else token.text
        met = _first(text, stop, start)
        if met is not None:
            text = text[: met[0] + len(met[1]) * include_stop]
            yield Output(token, text[sent:], "stop", met[1])
            return
        if token.special or count == max_tokens:
            yield Output(token, text[sent:], "stop" if token.special else "length")
            return
        visible = max(sent, len(text) - held_back)
        yield Output(token, text[sent:visible])
        # What no stop sequence can begin in any more is forgotten.
        forgotten = max(0, visible - longest)
        text, sent = text[forgotten:], visible - forgotten


def _first(text: str, stop: Sequence[str], start: int) -> tuple[int, str] | None:
    """Return where the first stop sequence is that ends after `start`, and which it is."""
    found = [(text.find(sequence, max(0, start - len(sequence) + 1)), sequence) for sequence in stop]
    return min(((place, sequence) for place, sequence in found if place >= 0), default=None)
