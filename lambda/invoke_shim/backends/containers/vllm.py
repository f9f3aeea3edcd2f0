"""vLLM's OpenAI-compatible server, whose `/invocations` takes chats by their `messages` and completions by `prompt`.

Source: vLLM's `vllm/entrypoints/openai/` (protocol and serving of chat and completion). The model is not named in the
request: an endpoint has one, and vLLM refuses other names than its own.
"""

from typing import Any

from invoke_shim.backends.containers.base import encode
from invoke_shim.backends.containers.openai_chat import VLLM, OpenAiChats, common, streamed
from invoke_shim.generation.types import GenerationRequest
from invoke_shim.rules.limits import Limits


class VllmContainer(OpenAiChats):
    """vLLM's chats and completions."""

    def __init__(self) -> None:
        super().__init__(VLLM, Limits())

    def payload(self, request: GenerationRequest, *, stream: bool) -> bytes:
        """Encode the request body."""
        if request.prompt is None:
            return super().payload(request, stream=stream)
        generation = request.generation
        payload: dict[str, Any] = {
            "prompt": list(request.token_ids) or request.prompt,
            # Null fills the context; left out, it is 16 tokens.
            "max_tokens": generation.max_tokens,
            **common(generation, VLLM),
        }
        if generation.echo:
            payload["echo"] = True
        if generation.logprobs:
            payload["logprobs"] = generation.top_logprobs
        if generation.response_format is not None:
            payload["response_format"] = generation.response_format
        payload |= generation.extra
        if stream:
            payload |= streamed(VLLM)
        return encode(payload)
