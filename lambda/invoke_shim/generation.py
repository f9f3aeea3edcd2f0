"""What every backend is asked for, and what it answers, whatever its protocol."""

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How to generate a text, in OpenAI's terms.

    Attributes:
        max_tokens: the most tokens to generate.
        temperature: 0 to 2; None leaves it to the container (1).
        top_p: 0 to 1; None leaves it to the container (1).
        stop: where the text ends, the most important first. A backend passes on as many as its container
            takes; the shim cuts the answer at any of them.
        seed: makes sampling repeatable.
        presence_penalty: -2 to 2.
        frequency_penalty: -2 to 2.
        decoder_input_details: ask for details of the prompt's tokens, and so for their number.
    """

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    decoder_input_details: bool = False

    @property
    def greedy(self) -> bool:
        """Whether only the likeliest token is ever taken: temperature 0, or a nucleus of nothing more."""
        return self.temperature == 0 or self.top_p == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A generated text.

    Attributes:
        text: the text after the prompt.
        finish_reason: "length" when the limit of tokens ended it, otherwise "stop".
        prompt_tokens: the prompt's tokens, where the container tells.
        completion_tokens: the generated tokens, where the container tells.
    """

    text: str
    finish_reason: FinishReason
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def cut(text: str, stop: tuple[str, ...]) -> tuple[str, bool]:
    """Cut a text before the first of the stop strings in it.

    TGI leaves the stop string at the text's end, and looks for it only between tokens, so that the rest of a
    token can follow it; LMI removes it. OpenAI's answers never hold it.

    Returns:
        The text, and whether anything was cut.
    """
    ends = [text.find(string) for string in stop if string in text]
    return (text[: min(ends)], True) if ends else (text, False)
