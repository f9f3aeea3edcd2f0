"""Check data of chat tuning: records with one conversation each."""

from __future__ import annotations

from itertools import cycle
from typing import Any, Final

from training.dataset.columns import Columns
from training.dataset.faults import Faults, Kind, shown
from training.dataset.jsonlines import Record, json_type, records
from training.dataset.lengths import utf8_bytes
from training.dataset.options import Options
from training.dataset.samples import Samples
from training.dataset.streams import Stream

KEYS: Final = ("dialog", "messages", "conversations")
"""Keys under which JumpStart's scripts look for the conversation (AWS's notebook on fine-tuning Llama 3.1)."""

ROLES: Final = ("system", "user", "assistant")
"""Roles that they support: an optional `system`, then `user` and `assistant` in turns (AWS's notebook on Gemma)."""


class ChatReader:
    """Reads files of conversations."""

    def __init__(self, options: Options, faults: Faults, columns: Columns) -> None:
        """Set up the reader.

        Args:
            options: Options of the check.
            faults: Collects the findings.
            columns: Types of the channel's fields.
        """
        self._columns = columns
        for key in KEYS:
            columns.use((key, "[]", "content"))
        self._limit = options.max_line_bytes
        self._faults = faults
        self._key: str | None = None

    def read(self, stream: Stream, samples: Samples) -> None:
        """Check all conversations of a file.

        Args:
            stream: The file.
            samples: Counts the good ones.
        """
        lines = stream.lines(limit=self._limit)
        for number, record in records(lines, stream.place, self._faults, limit=self._limit, columns=self._columns):
            keys = [key for key in KEYS if key in record]
            if len(keys) != 1:
                has = f"it has {', '.join(keys)}" if keys else f"it has none of them{_advice(record)}"
                self._faults.add(Kind.MISSING_FIELD, stream.place, number, f"one of {', '.join(KEYS)} is needed; {has}")
                continue
            self._key = self._key or keys[0]
            problem = self._problem(record, keys[0])
            if problem:
                self._faults.add(Kind.CONVERSATION, stream.place, number, problem)
                continue
            self._columns.add(number, record)
            messages = [(message["role"], message["content"]) for message in record[keys[0]]]
            if not any(content.strip() for role, content in messages if role == "assistant"):
                self._faults.add(Kind.EMPTY_SAMPLE, stream.place, number, "the assistant says nothing")
                continue
            size = sum(utf8_bytes(content) for _, content in messages)
            samples.add(stream.place, number, size, tuple(messages))

    def _problem(self, record: Record, key: str) -> str:
        if key != self._key:
            return f"it is under {key!r}, the first one under {self._key!r}; use one key throughout"
        messages = record[key]
        if not isinstance(messages, list) or not messages:
            found = "empty" if isinstance(messages, list) else json_type(messages)
            return f"{key} is {found}; it must be an array of messages"
        for index, message in enumerate(messages):
            problem = _message_problem(message)
            if problem:
                return f"message {index + 1} {problem}"
        return _order_problem([message["role"] for message in messages])


def _advice(record: Record) -> str:
    """Return what to do about a record that another method is meant for."""
    return "; fields of text: try --method instruction" if any(isinstance(one, str) for one in record.values()) else ""


def _message_problem(message: Any) -> str:
    if not isinstance(message, dict):
        return f"is {json_type(message)}; it must be an object with role and content"
    for name in ("role", "content"):
        if name not in message:
            sharegpt = "; it has from and value, as ShareGPT's: rename them to role and content, human to user, gpt to "
            return f"has no {name}{f'{sharegpt}assistant' if {'from', 'value'} <= message.keys() else ''}"
        if not isinstance(message[name], str):
            return f"has a {name} that is {json_type(message[name])}"
    if message["role"] not in ROLES:
        return f"has the role {shown(message['role'])}; allowed: {', '.join(ROLES)}"
    return ""


def _order_problem(roles: list[str]) -> str:
    first = 1 if roles[0] == "system" else 0
    for index, (role, due) in enumerate(zip(roles[first:], cycle(("user", "assistant")), strict=False), start=first):
        if role != due:
            return f"message {index + 1} is {role}'s, where {due}'s is due"
    return "" if "assistant" in roles else "no message is assistant's"
