"""The documents of vLLM's answers, chunks and log probabilities (vLLM documentation, "OpenAI-compatible server").

Differences of versions: thoughts are `reasoning_content` up to 0.11, that and `reasoning` up to 0.15, and `reasoning`
since. A message without calls has an empty list of them up to 0.15. `finish_reason` is `tool_calls` where the model
called tools by itself, since 0.12 also where it was required to; a named tool leaves `stop`, but in streams up to 0.11.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from localaws.containers.detokenizer import Output
from localaws.containers.settings import ContainerSettings
from localaws.containers.tokens import Token, alternatives
from localaws.containers.vllm.choices import Choice, Chunk
from localaws.containers.vllm.errors import RequestError
from localaws.containers.vllm.plans import Part
from localaws.containers.vllm.requests import VllmRequest

# What vLLM's message has beside role, content, thoughts and calls, always empty here.
_MESSAGE: Final[Mapping[str, Any]] = {"refusal": None, "annotations": None, "audio": None, "function_call": None}


@dataclass(slots=True)
class Shapes:
    """The documents for one request.

    Attributes:
        request: The request.
        settings: The container's settings.
        id: The answer's id.
        created: Time of its making, in seconds since 1970.
    """

    request: VllmRequest
    settings: ContainerSettings
    id: str = field(init=False)
    created: int = field(default_factory=lambda: int(time.time()))

    def __post_init__(self) -> None:
        """Choose an id."""
        self.id = f"{'chatcmpl' if self.request.is_chat else 'cmpl'}-{uuid.uuid4().hex}"

    def answer(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the answer that is not streamed.

        Raises:
            RequestError: If a required call was cut.
        """
        is_chat = self.request.is_chat
        return {
            "id": self.id,
            "object": "chat.completion" if is_chat else "text_completion",
            "created": self.created,
            "model": self.request.model,
            "choices": [self._choice(choice) for choice in choices],
            "service_tier": None,
            "system_fingerprint": None,
            "usage": {**self.usage(choices), "prompt_tokens_details": None},
            "kv_transfer_params": None,
            **({"prompt_logprobs": None, "prompt_token_ids": None} if is_chat else {}),
        }

    def opening(self, index: int) -> dict[str, Any]:
        """Return the first chunk of a choice of a chat, which has the role and no text."""
        choice = {"index": index, "delta": {"role": "assistant", "content": ""}}
        return self._chunk({**choice, "logprobs": None, "finish_reason": None})

    def chunk(self, choice: Choice, chunk: Chunk) -> dict[str, Any] | None:
        """Return the chunk for what was pushed last into a choice; None where a client sees nothing of it."""
        document: dict[str, Any] = {"index": choice.index}
        logprobs = self._logprobs(chunk.outputs, offset=choice.offset, echo=chunk.echo)
        reason = chunk.last.finish_reason
        if not self.request.is_chat:
            document["text"] = chunk.text
        else:
            delta = self._delta(choice, chunk)
            if delta is None and reason is None and logprobs is None:
                return None
            document["delta"] = delta or {}
        document["logprobs"] = logprobs
        document["finish_reason"] = None if reason is None else self._reason(choice, reason, is_streamed=True)
        if reason is not None or not self.request.is_chat:
            document["stop_reason"] = chunk.last.stop_reason
        return self._chunk(document)

    def usage_chunk(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the chunk that reports the usage, and no choice."""
        return {**self._chunk(), "usage": self.usage(choices)}

    def usage(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """Return the usage."""
        generated, prompt_tokens = sum(choice.generated for choice in choices), self.request.prompt_tokens
        return {
            "prompt_tokens": prompt_tokens,
            "total_tokens": prompt_tokens + generated,
            "completion_tokens": generated,
        }

    def _chunk(self, *choices: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk" if self.request.is_chat else "text_completion",
            "created": self.created,
            "model": self.request.model,
            "choices": choices,
        }

    def _delta(self, choice: Choice, chunk: Chunk) -> dict[str, Any] | None:
        """Return the delta of a chunk, or None where it is markup and nothing else."""
        if choice.plan is None:
            return {"content": chunk.text}
        delta: dict[str, Any] = {}
        for part in chunk.parts:
            if part.kind == "content":
                delta["content"] = part.text
            elif part.kind == "reasoning" and self._shows_thoughts:
                delta |= self._thought(part.text)
            elif part.kind == "arguments":
                delta.setdefault("tool_calls", []).append(self._call_delta(choice, part))
        return delta or None

    def _call_delta(self, choice: Choice, part: Part) -> dict[str, Any]:
        if not part.begins or choice.plan is None:
            return {"index": part.call, "function": {"arguments": part.text}}
        function = {"name": choice.plan.calls[part.call].name, "arguments": part.text}
        return {"id": choice.call_ids[part.call], "type": "function", "index": part.call, "function": function}

    def _choice(self, choice: Choice) -> dict[str, Any]:
        last = choice.outputs[-1]
        document: dict[str, Any] = {"index": choice.index}
        if self.request.is_chat:
            document["message"] = self._message(choice)
        else:
            document["text"] = choice.text
        echo = sum(chunk.echo for chunk in choice.chunks_pushed)
        document["logprobs"] = self._logprobs(choice.outputs, offset=0, echo=echo)
        document["finish_reason"] = self._reason(choice, last.finish_reason, is_streamed=False)
        document["stop_reason"] = last.stop_reason
        return {**document, "token_ids": None, **({} if self.request.is_chat else {"prompt_logprobs": None})}

    def _message(self, choice: Choice) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": choice.text, **_MESSAGE}
        calls: list[dict[str, Any]] = []
        thought = None
        if choice.plan is not None:
            thought = choice.of("reasoning") or None
            message["content"] = choice.of("content") or None
            calls = self._calls(choice)
            if choice.plan.calls and not calls:
                # What a parser cannot read is text.
                message["content"] = choice.text.rpartition("</think>")[2].lstrip("\n") or None
            elif calls and self.request.choice != "auto":
                message["content"] = ""
        if calls or self.settings.version < (0, 16, 0):
            message["tool_calls"] = calls
        return {**message, **self._thought(thought if self._shows_thoughts else None)}

    def _calls(self, choice: Choice) -> list[dict[str, Any]]:
        """Return the calls of a choice: all or, where they were cut, none; but a named one as far as it goes."""
        if choice.plan is None or not choice.call_ids:
            return []
        if not choice.is_whole and self.request.choice == "required":
            raise RequestError("Invalid JSON: EOF while parsing a value")
        if not choice.is_whole and self.request.choice == "auto":
            return []
        return [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": choice.of("arguments", number)},
            }
            for number, (call_id, call) in enumerate(zip(choice.call_ids, choice.plan.calls, strict=False))
        ]

    def _thought(self, text: str | None) -> dict[str, Any]:
        version = self.settings.version
        names = (["reasoning"] if version >= (0, 12, 0) else []) + (
            ["reasoning_content"] if version < (0, 16, 0) else []
        )
        return dict.fromkeys(names, text)

    @property
    def _shows_thoughts(self) -> bool:
        return self.request.parameters.get("include_reasoning") is not False

    def _reason(self, choice: Choice, reason: str | None, *, is_streamed: bool) -> str | None:
        if not choice.call_ids or reason != "stop" or not (choice.is_whole or is_streamed):
            return reason
        is_new = self.settings.version >= (0, 12, 0)
        called = {"auto": True, "required": is_new or is_streamed, "named": is_streamed and not is_new}
        return "tool_calls" if called[self.request.choice] else reason

    def _logprobs(self, outputs: Sequence[Output], *, offset: int, echo: int) -> dict[str, Any] | None:
        number = self.request.top_logprobs
        if number is None:
            return None
        if self.request.is_chat:
            return {
                "content": [
                    {**_chat_logprob(output.token), "top_logprobs": _top(output.token, number)} for output in outputs
                ]
            }
        offsets = []
        for output in outputs:
            offsets.append(offset)
            offset += len(output.token.text)
        # Nothing comes before the first token of a prompt, so that it has no probability.
        first = bool(echo)
        return {
            "text_offset": offsets,
            "token_logprobs": [
                None if first and place == 0 else output.token.logprob for place, output in enumerate(outputs)
            ],
            "tokens": [output.token.text for output in outputs],
            # vLLM reports the generated token even where no alternatives are asked for.
            "top_logprobs": [
                None
                if first and place == 0
                else {token.text: token.logprob for token in alternatives(output.token, max(1, number))}
                for place, output in enumerate(outputs)
            ],
        }


def _top(token: Token, number: int) -> list[dict[str, Any]]:
    return [_chat_logprob(other) for other in alternatives(token, number)]


def _chat_logprob(token: Token) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.text.encode())}
