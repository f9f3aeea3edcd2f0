"""The documents of vLLM's answers, chunks and log probabilities (vLLM documentation, "OpenAI-compatible server")."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from localaws.containers.detokenizer import Output
from localaws.containers.tokens import Token, alternatives
from localaws.containers.vllm.requests import VllmRequest

# What vLLM's message has beside role and content, always empty here.
_MESSAGE: Final[Mapping[str, Any]] = {
    "refusal": None,
    "annotations": None,
    "audio": None,
    "function_call": None,
    "tool_calls": [],
    "reasoning_content": None,
}


@dataclass(slots=True)
class Shapes:
    """The documents for one request.

    Attributes:
        request: The request.
        id: The answer's id.
        created: Time of its making, in seconds since 1970.
    """

    request: VllmRequest
    id: str = field(init=False)
    created: int = field(default_factory=lambda: int(time.time()))

    def __post_init__(self) -> None:
        """Choose an id."""
        self.id = f"{'chatcmpl' if self.request.is_chat else 'cmpl'}-{uuid.uuid4().hex}"

    def answer(self, made: Mapping[int, Sequence[Output]]) -> dict[str, Any]:
        """Return the answer that is not streamed, of the outputs of each choice."""
        is_chat = self.request.is_chat
        return {
            "id": self.id,
            "object": "chat.completion" if is_chat else "text_completion",
            "created": self.created,
            "model": self.request.model,
            "choices": [self._choice(index, outputs) for index, outputs in made.items()],
            "service_tier": None,
            "system_fingerprint": None,
            "usage": {**self.usage(sum(map(len, made.values()))), "prompt_tokens_details": None},
            "kv_transfer_params": None,
            **({"prompt_logprobs": None, "prompt_token_ids": None} if is_chat else {}),
        }

    def opening(self, index: int) -> dict[str, Any]:
        """Return the first chunk of a choice of a chat, which has the role and no text."""
        choice = {"index": index, "delta": {"role": "assistant", "content": ""}}
        return self._chunk({**choice, "logprobs": None, "finish_reason": None})

    def chunk(self, index: int, output: Output, *, offset: int) -> dict[str, Any]:
        """Return the chunk of one output of a choice, whose text begins at `offset`."""
        choice: dict[str, Any] = {"index": index}
        if self.request.is_chat:
            choice["delta"] = {"content": output.text}
        else:
            choice["text"] = output.text
        choice["logprobs"] = self._logprobs([output], offset=offset)
        choice["finish_reason"] = output.finish_reason
        if output.finish_reason is not None or not self.request.is_chat:
            choice["stop_reason"] = output.stop_reason
        return self._chunk(choice)

    def usage_chunk(self, generated_tokens: int) -> dict[str, Any]:
        """Return the chunk that reports the usage, and no choice."""
        return {**self._chunk(), "usage": self.usage(generated_tokens)}

    def usage(self, generated_tokens: int) -> dict[str, Any]:
        """Return the usage."""
        prompt_tokens = sum(self.request.prompt_tokens)
        return {
            "prompt_tokens": prompt_tokens,
            "total_tokens": prompt_tokens + generated_tokens,
            "completion_tokens": generated_tokens,
        }

    def _chunk(self, *choices: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk" if self.request.is_chat else "text_completion",
            "created": self.created,
            "model": self.request.model,
            "choices": choices,
        }

    def _choice(self, index: int, outputs: Sequence[Output]) -> dict[str, Any]:
        text = "".join(output.text for output in outputs)
        choice: dict[str, Any] = {"index": index}
        if self.request.is_chat:
            choice["message"] = {"role": "assistant", "content": text, **_MESSAGE}
        else:
            choice["text"] = text
        choice["logprobs"] = self._logprobs(outputs, offset=0)
        choice["finish_reason"] = outputs[-1].finish_reason
        choice["stop_reason"] = outputs[-1].stop_reason
        return {**choice, "token_ids": None, **({} if self.request.is_chat else {"prompt_logprobs": None})}

    def _logprobs(self, outputs: Sequence[Output], *, offset: int) -> dict[str, Any] | None:
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
        return {
            "text_offset": offsets,
            "token_logprobs": [output.token.logprob for output in outputs],
            "tokens": [output.token.text for output in outputs],
            # vLLM reports the generated token even where no alternatives are asked for.
            "top_logprobs": [
                {token.text: token.logprob for token in alternatives(output.token, max(1, number))}
                for output in outputs
            ],
        }


def _top(token: Token, number: int) -> list[dict[str, Any]]:
    return [_chat_logprob(other) for other in alternatives(token, number)]


def _chat_logprob(token: Token) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.text.encode())}
