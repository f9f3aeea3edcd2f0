r"""The prompt format of a model that was tuned on a template of its own: fields in, prompt out.

The template is the `template.json` that lay beside the training data: an object of two strings, in which `{name}`
stands for a field of each record, `{{` and `}}` for braces (Python's `str.format`, which the training calls)::

    {"prompt": "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n", "completion": " {response}"}

Training puts `DEMARCATION` between the two unless its hyperparameter `add_input_output_demarcation_key` is "False", and
a prompt has to end as the training's did. A template may say so in a third member of the hyperparameter's name.

A field's text keeps control tokens and the template's own lines (`### Response:`) only with a space before their last
character, as in every format: neither a text nor a prompt is forged by what a field holds.

Sources: AWS's posts on tuning Mistral 7B and Llama 3.2 in JumpStart (the template; the key at the end of the tuned
model's prompt); AWS's example notebooks, which append it to every prompt, whatever the template ends with.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show, unicode_problems
from invoke_shim.formats.neutral import break_tokens
from invoke_shim.formats.turns import SystemPlace, arrange
from invoke_shim.generation.messages import SYSTEM_ROLES, Message

DEMARCATION = "\n\n### Response:\n"
"""The text that training puts between prompt and completion."""

DEMARCATION_KEY = "add_input_output_demarcation_key"
"""The template's third member, which may be left out: true (as if left out) or false."""

MEMBERS = ("prompt", "completion")
"""The template's members, which must be there."""

SPECIAL_TOKENS = (
    *("<s>", "</s>", "<unk>", "<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>"),
    *("<|end_header_id|>", "<|eot_id|>"),
)
"""The tokens that begin or end a text or a turn in the families that can be tuned: Mistral, Falcon, Llama 3."""

END_TOKENS = ("<|endoftext|>", "<|end_of_text|>", "<|eot_id|>")
"""The tokens at which a tuned model ends. Not `</s>`, which may be HTML, and where the container ends anyway."""

_FIELD = "\0"
"""The mark of a field in a line."""

MAX_SHOWN = 10
"""Unknown members of a request's fields that an error names."""

Fields = Mapping[str, str]
"""The template's fields: all of its names, each with its text."""


class TemplateError(ValueError):
    """The template is not usable; the message lists every problem, one per line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFormat:
    """A declared template; `parse` makes one.

    Attributes:
        prompt: The template's prompt, with what training put between it and the completion.
        names: The fields of the prompt in the order in which they first occur, at least one.
        stop: Strings that start another record: the text after the completion's last field, the demarcation, and
            the end tokens.
        lines: The prompt's lines without a field, by which the model tells the parts of a record.
        name: The format's name in PROMPT_FORMAT.
        end_of_turn: Empty: the token that ends an answer depends on the model that was tuned.
    """

    prompt: str
    names: tuple[str, ...]
    stop: tuple[str, ...]
    lines: frozenset[str]
    name: str = "template"
    end_of_turn: str = ""

    @classmethod
    def parse(cls, text: str) -> "TemplateFormat":
        """Parse a template.

        Args:
            text: JSON, a `template.json` as it is.

        Raises:
            TemplateError: It is none; all problems at once.
        """
        members = _members(text)
        problems = [
            f"it has an unknown member {show(name)}, allowed: {', '.join(_KNOWN)}"
            for name in members
            if name not in _KNOWN
        ]
        prompt, completion = (_text(members, member, problems) for member in MEMBERS)
        names = _names("prompt", prompt, problems)
        answers = _names("completion", completion, problems)
        if not problems and set(answers) <= set(names):
            problems.append("completion has no field that prompt has not: there would be nothing to learn")
        demarcated = members.get(DEMARCATION_KEY, True)
        if not isinstance(demarcated, bool):
            problems.append(f"{DEMARCATION_KEY} is {show(demarcated)}, expected true or false")
        if problems:
            raise TemplateError(problems)
        ends = (_tail(completion), DEMARCATION if demarcated else "", *END_TOKENS)
        prompt += DEMARCATION if demarcated else ""
        return cls(prompt=prompt, names=names, stop=tuple(end for end in ends if end.strip()), lines=_lines(prompt))

    def render(self, fields: Fields) -> str:
        """Write a prompt.

        Args:
            fields: Checked fields, from `read_fields` or `fields_of`.
        """
        return self.prompt.format_map({name: self._neutral(text) for name, text in fields.items()})

    def _neutral(self, text: str) -> str:
        text = break_tokens(text, SPECIAL_TOKENS)
        if not self.lines:
            return text
        return "\n".join(_break_line(line) if line.rstrip() in self.lines else line for line in text.split("\n"))

    def read_fields(self, value: Any) -> tuple[Fields, list[Problem]]:
        """Read a request's `fields`: an object with a string for each of the template's names, and no others.

        Args:
            value: The request's member, of any JSON type.

        Returns:
            The fields, whole only if there are no problems; and the problems.
        """
        expected = f"expected an object with {', '.join(self.names)}"
        if not isinstance(value, dict):
            return {}, [Problem("fields", f"fields is {show(value)}, {expected}")]
        missing = [name for name in self.names if name not in value]
        unknown = [show(name) for name in value if name not in self.names]
        problems = []
        if missing:
            problems.append(Problem("fields", f"fields lacks {', '.join(missing)}, {expected}"))
        if unknown:
            problems.append(Problem("fields", f"fields has the unknown {', '.join(unknown[:MAX_SHOWN])}, {expected}"))
        for name in self.names:
            if name in value:
                problems += _value_problems(f"fields.{name}", value[name])
        return value, problems

    def problems(self, messages: Sequence[Message], system_messages: str = "merge") -> list[Problem]:
        """List the problems of a chat: a template has no turns, so it can only be one question.

        The user's messages fill the template's first field, the system messages before them the second, where there is
        one; further fields stay empty. Other system messages are put before the question.

        Args:
            messages: The chat.
            system_messages: `refuse` for no system message where the template has no field for it.
        """
        order = self._order()
        has_field = len(self.names) > 1
        problems: list[Problem] = []
        head = True
        for position, message in enumerate(messages):
            if len(problems) >= ENOUGH_PROBLEMS:
                break
            takes_system = system_messages != "refuse" or (has_field and head)
            head = head and message.role in SYSTEM_ROLES
            allowed = (*(SYSTEM_ROLES if takes_system else ()), "user")
            where = f"messages[{position}]"
            if message.role not in allowed:
                text = f"{where} has role {show(message.role)}, allowed there: {', '.join(allowed)} ({order})"
                problems.append(Problem(f"{where}.role", text))
        if not problems and not any(message.role == "user" for message in messages):
            return [Problem("messages", f"messages has no message of the user's, but {order}")]
        return problems

    def fields_of(self, messages: Sequence[Message]) -> Fields:
        """Return the fields that a checked chat fills; see `problems`."""
        place: SystemPlace = "first" if len(self.names) > 1 else "none"
        turns = arrange(messages, system=place, alternates=True, tools=False)
        texts = [turn.content for turn in reversed(turns)]
        texts += [""] * (len(self.names) - len(texts))
        return dict(zip(self.names, texts, strict=True))

    def _order(self) -> str:
        system = f", after a system message, which fills {self.names[1]}" if len(self.names) > 1 else ""
        return (
            f"this model's template takes one question, which fills {self.names[0]}{system}; or send fields, an "
            f"object with {', '.join(self.names)}, instead of messages"
        )


_KNOWN = (*MEMBERS, DEMARCATION_KEY)


def _members(text: str) -> dict[str, Any]:
    try:
        members = json.loads(text)
    except ValueError as error:
        raise TemplateError([f"it is not JSON: {error}"]) from None
    except RecursionError:
        raise TemplateError(["it is nested too deeply"]) from None
    if not isinstance(members, dict):
        raise TemplateError([f"it is {show(members)}, expected an object with {' and '.join(MEMBERS)}"])
    return members


def _text(members: Mapping[str, Any], member: str, problems: list[str]) -> str:
    """Return a member that has to be a string; empty if it is none."""
    value = members.get(member)
    if member not in members:
        problems.append(f"it lacks {member}, expected {' and '.join(MEMBERS)}")
        return ""
    if not isinstance(value, str) or not value:
        problems.append(f"{member} is {show(value)}, expected a non-empty string")
        return ""
    problems += [problem.message for problem in unicode_problems(member, value)]
    return value


def _names(member: str, text: str, problems: list[str]) -> tuple[str, ...]:
    """Return the fields of a template's text, each once."""
    if not text:
        return ()
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        problems.append(f"{member} is not a format string: {error} (literal braces are {{{{ and }}}})")
        return ()
    names: dict[str, None] = {}
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        names[name] = None
        if not name or name.isdecimal() or any(sign in name for sign in ".["):
            shown = show(f"{{{name}}}")
            problems.append(f"{member} holds {shown}, expected the name of a field (literal braces are {{{{ and }}}})")
        elif spec or conversion:
            problems.append(f"{member} formats the field {show(name)} with ':' or '!', expected {{{name}}} alone")
    if not names:
        problems.append(f"{member} has no field, expected at least one, such as {{instruction}}")
    return tuple(names)


def _lines(text: str) -> frozenset[str]:
    """Return a template's whole lines that have no field, without white space at their ends; blank ones are none."""
    marked = "".join(literal + ("" if name is None else _FIELD) for literal, name, _, _ in Formatter().parse(text))
    return frozenset(line.rstrip() for line in marked.split("\n") if line.strip() and _FIELD not in line)


def _break_line(line: str) -> str:
    bare = line.rstrip()
    return f"{bare[:-1]} {line[len(bare) - 1 :]}"


def _tail(text: str) -> str:
    """Return the literal text after the last field."""
    tail = ""
    for literal, name, _, _ in Formatter().parse(text):
        # A literal brace ends a part, too.
        tail = tail + literal if name is None else ""
    return tail


def _value_problems(where: str, value: Any) -> list[Problem]:
    if not isinstance(value, str):
        return [Problem(where, f"{where} is {show(value)}, expected a string")]
    return unicode_problems(where, value)
