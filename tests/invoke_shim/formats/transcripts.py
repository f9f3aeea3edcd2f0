"""Golden transcripts (`golden/*.txt`), and the published chat templates (`golden/published/*.jinja`) to compare with.

A transcript file has comments (`#`), and cases of the form::

    ##### title
    format: chatml           (left out where the file has the format's name)
    === user                 (a role of a chat; or `template`, or `field NAME`)
    text
    === prompt
    what the model gets
    === end

A text is the lines between two markers, without the line break before the next marker: one at a text's end shows as
an empty line.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from invoke_shim.generation.messages import Message

GOLDEN = Path(__file__).parent / "golden"

TOKENS = {
    "chatml": ("<s>", "<|im_end|>"),
    "chatml-announced": ("<s>", "<|im_end|>"),
    "falcon-chat": ("", "<|endoftext|>"),
    "falcon-chat-announced": ("", "<|endoftext|>"),
    "falcon-instruct": ("", "<|endoftext|>"),
    "mistral-instruct": ("<s>", "</s>"),
    "mistral-instruct-announced": ("<s>", "</s>"),
    "mistral-instruct-v0.3": ("<s>", "</s>"),
    "mixtral-instruct": ("<s>", "</s>"),
    "llama-3-instruct": ("<|begin_of_text|>", "<|eot_id|>"),
    "llama-3.1-instruct": ("<|begin_of_text|>", "<|eot_id|>"),
    "granite-code": ("<|endoftext|>", "<|endoftext|>"),
}
"""Each model's first and last token, as its tokenizer's configuration names them."""


class NotPublishedError(Exception):
    """The published template refuses the chat."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """One case of a golden file: what is said, in order, and the prompt."""

    title: str
    format: str
    parts: tuple[tuple[str, str], ...]
    prompt: str

    @property
    def messages(self) -> list[Message]:
        """The parts as a chat."""
        return [Message(role, text) for role, text in self.parts]

    @property
    def template(self) -> str:
        """The declared template."""
        return dict(self.parts)["template"]

    @property
    def fields(self) -> dict[str, str]:
        """The template's fields."""
        return {name.removeprefix("field "): text for name, text in self.parts if name.startswith("field ")}


def read(path: Path) -> list[Transcript]:
    """The cases of one file."""
    cases = path.read_text(encoding="utf-8").split("\n##### ")[1:]
    return [_read_case(case, default_format=path.stem) for case in cases]


def _read_case(text: str, *, default_format: str) -> Transcript:
    head, *parts = text.split("\n=== ")
    title, *notes = head.splitlines()
    settings = dict(note.split(": ", 1) for note in notes if note and not note.startswith("#"))
    assert settings.keys() <= {"format"}, title
    said = [(name, rest) for name, _, rest in (part.partition("\n") for part in parts)]
    end, _ = said.pop()
    assert end.strip() == "end", title
    name, prompt = said.pop()
    assert name == "prompt", title
    return Transcript(title, settings.get("format", default_format), tuple(said), prompt)


def read_all() -> dict[str, Transcript]:
    """Every case of every file, by file and title."""
    cases = [(path, case) for path in sorted(GOLDEN.glob("*.txt")) for case in read(path)]
    named = {f"{path.stem}: {case.title}": case for path, case in cases}
    assert len(named) == len(cases), "two cases have one name"
    return named


def published(name: str, messages: Sequence[Message]) -> str:
    """A chat as the published template writes it, with the assistant's turn opened.

    Raises:
        NotPublishedError: The template refuses the chat.
    """
    bos_token, eos_token = TOKENS[name]
    chat = [_as_rendered(message) for message in messages]
    try:
        return _template(name).render(messages=chat, bos_token=bos_token, eos_token=eos_token)
    except TemplateError as error:
        raise NotPublishedError(str(error)) from error


def _as_rendered(message: Message) -> dict[str, Any]:
    """The message as `transformers` and its callers hand one to a template: the arguments parsed."""
    rendered: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        rendered["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": json.loads(call.arguments)} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        rendered["tool_call_id"] = message.tool_call_id
    return rendered


@cache
def _template(name: str) -> Template:
    # As `transformers` sets Jinja up.
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refuse
    environment.filters["tojson"] = partial(json.dumps, ensure_ascii=False)
    return environment.from_string((GOLDEN / "published" / f"{name}.jinja").read_text(encoding="utf-8"))


def _refuse(message: str) -> None:
    raise TemplateError(message)
