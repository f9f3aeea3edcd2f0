"""A fake backend that says what a test has written down, for what the routes do with a backend's answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from invoke_shim import handler, rules
from invoke_shim.backends.base import NativeReply, NativeStream
from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem
from invoke_shim.generation.types import Answer, GenerationRequest, Piece, collect
from invoke_shim.http.routes import Api
from invoke_shim.rules.base import Rules
from invoke_shim.settings import Settings
from tests.invoke_shim.client import MODEL_NAME, Shim

Step = Piece | Exception


@dataclass
class ScriptedBackend:
    """Answers each ask with the next script: pieces, or errors in their place. Takes what vLLM takes, and all else.

    Attributes:
        scripts: The answers; the last one for ever.
        takes_messages: Whether chats come as messages.
        abilities: Changes of what it takes.
        native: A native stream's chunks.
        native_type: And its content type.
        asks: What was asked.
        deadlines: And until when.
        closed: How many streams were ended, whether they were read or not.
    """

    scripts: list[Sequence[Step]]
    takes_messages: bool = False
    abilities: Mapping[str, Any] = field(default_factory=dict)
    native: Sequence[bytes | Exception] = ()
    native_type: str = "text/event-stream"
    requests: list[GenerationRequest] = field(default_factory=list)
    deadlines: list[Deadline] = field(default_factory=list)
    closed: int = 0

    @property
    def rules(self) -> Rules:
        return rules.VLLM.rules._replace(
            **{
                "tools": True,
                "tool_choices": frozenset({"required", "named"}),
                "images": True,
                "token_ids": True,
                "echo_logprobs": True,
                "streams_usage": True,
                **self.abilities,
            }
        )

    @property
    def chat_rules(self) -> Rules:
        return self.rules

    def complete(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        return collect(self.stream(request, deadline))

    def stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
        self.requests.append(request)
        self.deadlines.append(deadline)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.closed += 1

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        return []

    def invoke(self, body: bytes, deadline: Deadline) -> NativeReply:
        self.deadlines.append(deadline)
        return NativeReply(json.dumps({"echo": body.decode()}).encode(), "application/json")

    def invoke_stream(self, _body: bytes, _deadline: Deadline) -> NativeStream:
        return NativeStream(self._native(), self.native_type)

    def _native(self) -> Iterator[bytes]:
        try:
            for step in self.native:
                if isinstance(step, Exception):
                    raise step
                yield step
        finally:
            self.closed += 1


@contextmanager
def serve_scripted(scripted: ScriptedBackend, /, **settings: Any) -> Iterator[Shim]:
    """The function with such a backend."""
    described = Settings(
        model_name=MODEL_NAME,
        **{"container": "vllm", "prompt_format": "chatml", "invoke_timeout_seconds": 29, **settings},
    )
    api = Api(settings=described, backend=scripted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "api", lambda: api)
        yield Shim()
