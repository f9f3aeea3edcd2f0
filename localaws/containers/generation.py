"""The stand-in's answer to a prompt: deterministic, short, and recognisable as an answer to this prompt."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from localaws.containers.chats import Chat
from localaws.containers.tokens import Token, encode, end_of_sequence, iterate

FinishReason = Literal["length", "eos_token", "stop_sequence"]

_ECHOED_WORDS: Final = 8
_FILLING: Final = " and so it goes on, word after word,"

# What separates the turns of the chat formats that the models document: Mistral's [INST], ChatML, Falcon's
# roles.
_TURN_BOUNDARY: Final = re.compile(
    r"<s>|</s>|\[/?INST\]|<\|im_start\|>(?:system|user|assistant)\n|<\|im_end\|>|<\|endoftext\|>"
    r"|(?:^|\n)(?:System|User|Falcon|Assistant):"
)
_ROLE_PROMPT: Final = re.compile(r"(?:^|\n)User:.*\n(?:Falcon|Assistant):\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a generation.

    Attributes:
        token: The token of this step.
        finish_reason: The reason for which this step is the last, or None.
    """

    token: Token
    finish_reason: FinishReason | None


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished generation."""

    tokens: tuple[Token, ...]
    finish_reason: FinishReason

    @property
    def text(self) -> str:
        """The visible text: every token that is not special."""
        return "".join(token.text for token in self.tokens if not token.special)


def last_turn(prompt: str) -> str:
    """Return the last turn of `prompt` that holds any text, without the markers of its chat format."""
    turns = [turn.strip() for turn in _TURN_BOUNDARY.split(prompt)]
    return next((turn for turn in reversed(turns) if turn), "")


def answer(prompt: str, *, seed: int | None = None, weights: str = "") -> str:
    r"""Return all that the stand-in has to say to `prompt`.

    The text names itself a stand-in's, carries the first six digits of the SHA-256 of prompt, seed and weights, and
    repeats the first words of the last turn. To a prompt in the role format of Falcon (`User:
    ...\nFalcon:`) it goes on with a turn of the user's, as Falcon does: the reason why that format needs
    stop sequences.
    """
    digest = hashlib.sha256(f"{prompt}\0{seed}{weights}".encode()).hexdigest()[:6]
    words = " ".join(last_turn(prompt).split()[:_ECHOED_WORDS])
    text = f" Stand-in answer {digest} to: {words}" if words else f" Stand-in answer {digest}."
    if _ROLE_PROMPT.search(prompt):
        text += "\nUser: Tell me more.\nFalcon: There is no more to tell."
    return text


def answer_to_chat(chat: Chat, prompt: str, *, seed: int | None = None, weights: str = "") -> str:
    """Return all that the stand-in has to say to a chat, whose prompt is `prompt`.

    The text is that of `answer`, without a space before it. After answers of tools it repeats each of them whole, and
    it names the pictures of the last turn by their digests.
    """
    digest = hashlib.sha256(f"{prompt}\0{seed}{weights}".encode()).hexdigest()[:6]
    told = [turn.text for turn in itertools.takewhile(lambda turn: turn.role == "tool", reversed(chat.turns))]
    if told:
        return f"Stand-in answer {digest}: the tool says {' and '.join(reversed(told))}"
    last = next((turn for turn in reversed(chat.turns) if turn.text.strip() or turn.images), None)
    words = "" if last is None else " ".join(last.text.split()[:_ECHOED_WORDS])
    text = f"Stand-in answer {digest} to: {words}" if words else f"Stand-in answer {digest}."
    images = () if last is None else last.images
    return f"{text} (with image {', '.join(images)})" if images else text


def script(
    prompt: str,
    *,
    seed: int | None = None,
    length: int | None = None,
    text: str | None = None,
    fixed: bool | None = None,
    endless: bool = False,
) -> Iterator[Token]:
    """Yield all tokens that would answer `prompt` if nothing ended them: the answer, then the end of sequence.

    Args:
        prompt: The text to answer.
        seed: The seed of the sampling, or None for greedy decoding.
        length: Number of tokens of the answer, cut or filled up with words of its own; None: its own length.
        text: Text to answer instead.
        fixed: Whether that text keeps its own length, as one does that a grammar prescribes; None: where there is one.
        endless: Go on with filling words instead of the end of sequence.
    """
    said = iterate(answer(prompt, seed=seed) if text is None else text)
    if endless:
        yield from itertools.chain(said, itertools.cycle(encode(_FILLING)))
    if length is not None and not (text is not None if fixed is None else fixed):
        said = itertools.islice(itertools.chain(said, itertools.cycle(encode(_FILLING))), length)
    yield from said
    yield end_of_sequence()


def steps(tokens: Iterable[Token], *, max_new_tokens: int, stop: Sequence[str] = ()) -> Iterator[Step]:
    """Generate token by token, as TGI does.

    Args:
        tokens: The tokens to generate, as `script` makes them.
        max_new_tokens: Most tokens to generate, at least 1.
        stop: Texts at whose completion the generation ends; the one that was met is a part of what was
            generated.

    Yields:
        One step a token; the last one, and only that, carries a finish reason.
    """
    # Only what a stop sequence could begin in is kept.
    longest = max(map(len, stop), default=0) + 16
    generated = ""
    for count, token in enumerate(tokens, start=1):
        finish_reason: FinishReason | None = None
        if token.special:
            finish_reason = "eos_token"
        else:
            if stop:
                generated = (generated + token.text)[-longest:]
            if stop and any(generated.endswith(text) for text in stop if text):
                finish_reason = "stop_sequence"
            elif count == max_new_tokens:
                finish_reason = "length"
        yield Step(token, finish_reason)
        if finish_reason is not None:
            return


def finished(made: Iterable[Step]) -> Generation:
    """Run a generation to its end."""
    all_steps = list(made)
    finish_reason = all_steps[-1].finish_reason
    if finish_reason is None:
        raise AssertionError("steps() ends with a step that carries a finish reason")
    return Generation(tuple(step.token for step in all_steps), finish_reason)
