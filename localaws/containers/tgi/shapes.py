"""The documents of TGI's chats and completions, by version (`ChatCompletion`, `Completion` and their chunks)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localaws.containers.chats import ToolCall
from localaws.containers.generation import FinishReason, Generation, Step
from localaws.containers.messages import compact_json
from localaws.containers.settings import ContainerSettings
from localaws.containers.tokens import Token, alternatives


def finish_reason(reason: FinishReason | None, *, use_stop: bool = True) -> str | None:
    """Return TGI's name of a reason in OpenAI's forms: a stop sequence keeps its own."""
    return "stop" if reason == "eos_token" and use_stop else reason


@dataclass(slots=True, kw_only=True)
class Shapes:
    """The documents of one answer.

    Attributes:
        settings: The container's settings.
        model: The model that the request names.
        prompt_tokens: The number of tokens of the prompt.
        top: Number of alternatives to report for each token; None: no log probabilities.
        created: Time of its making, in seconds since 1970.
    """

    settings: ContainerSettings
    model: str | None
    prompt_tokens: int
    top: int | None = None
    created: int = field(default_factory=lambda: int(time.time()))

    def chat(self, generation: Generation, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return a whole answer to a chat."""
        is_new = self.settings.version >= (2, 1, 0)
        choice = {
            "index": 0,
            "message": {"role": "assistant", **message},
            "logprobs": self._logprobs(generation.tokens),
            "finish_reason": finish_reason(generation.finish_reason, use_stop=self._uses_stop),
        }
        head = self._head("chat.completion" if is_new else "text_completion")
        return {**head, "choices": [choice], "usage": self.usage(len(generation.tokens))}

    def text(self, step: Step, *, usage: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the chunk of a token of a chat's text; a special one has none, but before 2.3."""
        text = "" if step.token.special and self.settings.version >= (2, 3, 0) else step.token.text
        return self.delta(step, {"content": text}, usage=usage)

    def call(self, step: Step, call_id: str, arguments: str, *, name: str | None, usage: Any = None) -> dict[str, Any]:
        """Return the chunk of a part of a call's arguments; the calls are a list from 3.2 on."""
        function = {"name": name, "arguments": arguments}
        call = {"index": 0, "id": call_id, "type": "function", "function": function}
        return self.delta(step, {"tool_calls": [call] if self.settings.version >= (3, 2, 0) else call}, usage=usage)

    def delta(self, step: Step, delta: Mapping[str, Any], *, usage: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return a chunk of a chat."""
        choice = {
            "index": 0,
            "delta": {"role": "assistant", **delta},
            "logprobs": self._logprobs([step.token]),
            "finish_reason": finish_reason(step.finish_reason, use_stop=self._uses_stop),
        }
        is_new = self.settings.version >= (2, 1, 0)
        chunk = {**self._head("chat.completion.chunk" if is_new else "text_completion"), "choices": [choice]}
        # The usage of a stream is told from 2.3 on.
        return {**chunk, "usage": usage} if self.settings.version >= (2, 3, 0) else chunk

    def usage_chunk(self, generated_tokens: int) -> dict[str, Any]:
        """Return the chunk that reports the usage and no choice, from 3.2 on."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage(generated_tokens)}

    def usage(self, generated_tokens: int) -> dict[str, Any]:
        """Return the usage."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": generated_tokens,
            "total_tokens": self.prompt_tokens + generated_tokens,
        }

    def completion(self, generations: Sequence[Generation]) -> dict[str, Any]:
        """Return a whole completion of one or more prompts; `prompt_tokens` counts them all."""
        choices = [
            self._completed(index, made.text, finish_reason(made.finish_reason))
            for index, made in enumerate(generations)
        ]
        generated = sum(len(made.tokens) for made in generations)
        return {
            **self._head("text_completion", reports_request=False),
            "choices": choices,
            "usage": self.usage(generated),
        }

    def completion_chunk(self, index: int, step: Step, prompt_tokens: int, generated_tokens: int) -> dict[str, Any]:
        """Return the chunk of a token of a completion, with the text of a special one; the last has the usage."""
        # TGI's own name of the reason, and an empty one before.
        choice = self._completed(index, step.token.text, step.finish_reason or "")
        chunk = {**self._head("text_completion", reports_request=False), "choices": [choice]}
        if step.finish_reason is None:
            return chunk
        total = prompt_tokens + generated_tokens
        usage = {"prompt_tokens": prompt_tokens, "completion_tokens": generated_tokens, "total_tokens": total}
        return {**chunk, "usage": usage}

    def message_of(self, call: ToolCall, call_id: str) -> dict[str, Any]:
        """Return the message of a call, whose arguments are a text from 3.2 on."""
        arguments = compact_json(call.arguments) if self.settings.version >= (3, 2, 0) else call.arguments
        function = {"description": None, "name": call.name, "arguments": arguments}
        return {"tool_calls": [{"id": call_id, "type": "function", "function": function}]}

    @property
    def _uses_stop(self) -> bool:
        return self.settings.version >= (2, 3, 0)

    def _completed(self, index: int, text: str, reason: str | None) -> dict[str, Any]:
        return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}

    def _head(self, kind: str, *, reports_request: bool = True) -> dict[str, Any]:
        settings = self.settings
        # From 3.0 on chats report the model that was asked for, but for `tgi`, which stands for any.
        is_asked = reports_request and settings.version >= (3, 0, 0) and self.model not in (None, "tgi")
        version = ".".join(map(str, settings.version))
        return {
            "object": kind,
            "id": "",
            "created": self.created,
            "model": self.model if is_asked else settings.model_id,
            "system_fingerprint": f"{version}-native",
        }

    def _logprobs(self, tokens: Sequence[Token]) -> Any:
        if self.top is None:
            return None
        if self.settings.version < (1, 4, 3):
            return [token.logprob for token in tokens] if len(tokens) > 1 else tokens[0].logprob
        return {
            "content": [
                {
                    "token": token.text,
                    "logprob": token.logprob,
                    "top_logprobs": [
                        {"token": other.text, "logprob": other.logprob} for other in alternatives(token, self.top)
                    ],
                }
                for token in tokens
            ]
        }
