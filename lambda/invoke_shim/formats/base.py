"""The type of a prompt format, and the checks that all formats share."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show
from invoke_shim.generation.messages import Message

SYSTEM_ROLES = ("system", "developer")
"""OpenAI's newer name for the system role is "developer"; no model here distinguishes them."""


class PromptFormat(NamedTuple):
    """The prompt format of one family of models.

    Attributes:
        name: The format's name in PROMPT_FORMAT.
        render: Writes checked messages as a prompt, the content unchanged.
        end_of_turn: The token at which the model ends its answer; some containers leave it in the text.
        stop: Strings that mean the model goes on to the next turn by itself, the most important first.
        special_tokens: Strings that the tokenizer turns into control tokens wherever they stand.
        turn_markers: Plain text that opens or closes a turn.
        takes_system: Whether the chat may start with a system message.
        alternates: Whether user and assistant must take turns.
        own_lines: Roles whose text stands on lines of its own, with no name before it on the same line, so that
            its beginning and its end can make a turn marker, too.
    """

    name: str
    render: Callable[[Sequence[Message]], str]
    end_of_turn: str
    stop: tuple[str, ...]
    special_tokens: tuple[str, ...]
    turn_markers: tuple[str, ...]
    takes_system: bool
    alternates: bool
    own_lines: frozenset[str] = frozenset()

    def problems(self, messages: Sequence[Message]) -> list[Problem]:
        """List the problems of a chat in this format: roles out of order, forged control sequences."""
        return [*self._role_problems(messages), *self._content_problems(messages)]

    def _role_problems(self, messages: Sequence[Message]) -> list[Problem]:
        problems: list[Problem] = []
        last = len(messages) - 1
        for position, message in enumerate(messages):
            if len(problems) >= ENOUGH_PROBLEMS:
                break
            allowed = self._allowed_roles(messages, position)
            if position == last and message.role in allowed:
                allowed = ("user",)
            if message.role not in allowed:
                where = f"messages[{position}]" if position < last else f"messages[{position}] (the last)"
                problems.append(
                    Problem(
                        f"messages[{position}].role",
                        f"{where} has role {show(message.role)}, allowed there: {', '.join(allowed)} "
                        f"({self.name} takes {self._order()})",
                    )
                )
        return problems

    def _allowed_roles(self, messages: Sequence[Message], position: int) -> tuple[str, ...]:
        """Return the roles that may follow the messages before; their own errors are problems of their own."""
        speakers: tuple[str, ...] = ("user", "assistant")
        if self.alternates:
            after_user = position > 0 and messages[position - 1].role == "user"
            speakers = ("assistant",) if after_user else ("user",)
        return (*SYSTEM_ROLES, *speakers) if position == 0 and self.takes_system else speakers

    def _order(self) -> str:
        system = "system only as the first message" if self.takes_system else "no system message"
        speakers = "user and assistant in turn" if self.alternates else "user and assistant"
        return f"{system}, {speakers}, user last"

    def _content_problems(self, messages: Sequence[Message]) -> list[Problem]:
        """List the problems of texts that would end a message and start another one in the model's eyes.

        Special tokens are refused in every message: they are never part of a model's answer. Turn markers are
        ordinary text, which a model may well have written, so an assistant's messages may hold them.
        """
        problems: list[Problem] = []
        for position, message in enumerate(messages):
            if len(problems) >= ENOUGH_PROBLEMS:
                break
            forbidden = self.special_tokens
            if message.role != "assistant":
                forbidden += self.turn_markers
            text = f"\n{message.content}\n" if message.role in self.own_lines else message.content
            problems += border_problems(f"messages[{position}].content", text, forbidden)
        return problems


def border_problems(where: str, text: str, forbidden: Sequence[str]) -> list[Problem]:
    """List the sequences of a text that the model would read as the border of a message, as one problem.

    Args:
        where: The request's field.
        text: The field's text.
        forbidden: Special tokens and turn markers.
    """
    found = [show(sequence) for sequence in forbidden if sequence in text]
    if not found:
        return []
    return [
        Problem(
            where,
            f"{where} holds {', '.join(found)}, which this model reads as the border of a message; leave it out or "
            "write it differently (say, with a space in it)",
        )
    ]
