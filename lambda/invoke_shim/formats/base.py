"""The type of a prompt format, and the checks that all formats share."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show
from invoke_shim.formats.neutral import Borders
from invoke_shim.formats.turns import ROLES, SystemPlace, arrange
from invoke_shim.generation.messages import SYSTEM_ROLES, Message, ToolCall


class PromptFormat(NamedTuple):
    """The prompt format of one family of models.

    Attributes:
        name: The format's name in PROMPT_FORMAT.
        write: Writes arranged turns as a prompt, the content unchanged.
        end_of_turn: The token at which the model ends its answer; some containers leave it in the text.
        stop: Strings that mean the model goes on to the next turn by itself, the most important first.
        borders: The control sequences that messages' texts must not make.
        system: The place of system messages.
        alternates: Whether user and assistant must take turns.
        tools: Whether it has forms for calls of tools and their results.
        own_lines: Roles whose text stands on lines of its own, with no name before it on the same line, so that
            its beginning can open a turn, too.
    """

    name: str
    write: Callable[[Sequence[Message]], str]
    end_of_turn: str
    stop: tuple[str, ...]
    borders: Borders
    system: SystemPlace
    alternates: bool
    tools: bool = False
    own_lines: frozenset[str] = frozenset()

    def problems(self, messages: Sequence[Message], system_messages: str = "merge") -> list[Problem]:
        """List the problems of a chat in this format: roles that there are not, system messages that are refused.

        Args:
            messages: The chat.
            system_messages: `refuse` for no system message where the format has no place for it.
        """
        return role_problems(messages, self.system if system_messages == "refuse" else "anywhere", self.name)

    def render(self, messages: Sequence[Message]) -> str:
        """Write a checked chat as a prompt, without control sequences in its texts."""
        turns = arrange(messages, system=self.system, alternates=self.alternates, tools=self.tools)
        return self.write([self._neutral(turn) for turn in turns])

    def _neutral(self, turn: Message) -> Message:
        neutralize = self.borders.neutralize
        return turn._replace(
            content=neutralize(turn.content, own_line=turn.role in self.own_lines),
            tool_calls=tuple(ToolCall(*map(neutralize, call)) for call in turn.tool_calls),
        )


def role_problems(messages: Sequence[Message], system: SystemPlace, name: str) -> list[Problem]:
    """List the messages of roles that there are not, or that have no place.

    Args:
        messages: The chat.
        system: The places where system messages are taken.
        name: The format's name.
    """
    problems: list[Problem] = []
    head = True
    for position, message in enumerate(messages):
        if len(problems) >= ENOUGH_PROBLEMS:
            break
        head = head and message.role in SYSTEM_ROLES
        takes_system = system == "anywhere" or (system == "first" and head)
        allowed = ROLES if takes_system else ROLES[len(SYSTEM_ROLES) :]
        if message.role not in allowed:
            where = f"messages[{position}]"
            text = f"{where} has role {show(message.role)}, allowed there: {', '.join(allowed)}"
            if message.role in SYSTEM_ROLES:
                place = "only before all others" if system == "first" else "nowhere"
                text += f" ({name} takes system messages {place}, and this API is set to refuse them)"
            problems.append(Problem(f"{where}.role", text))
    return problems
