"""Write answers as each container does, whole and streamed: by their documents, apart from the readers."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

PROMPT_TOKENS = 7


@dataclass(frozen=True)
class Writer:
    """One container's way to answer.

    Attributes:
        container: Its name in CONTAINER.
        stream: The bytes of a stream of tokens with their log probabilities.
        whole: The answer at once.
        chat: Whether it is asked with messages.
        counts_prompt: Whether the stream's end tells the number of the prompt's tokens.
    """

    container: str
    stream: Callable[[Sequence[str]], bytes]
    whole: Callable[[Sequence[str]], Any]
    chat: bool = False
    counts_prompt: bool = True


def logprob_of(position: int) -> float:
    return -(position + 1) / 8


def compact(value: Any) -> str:
    """As Rust's serde and pydantic write JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tgi_events(tokens: Sequence[str]) -> list[dict[str, Any]]:
    events = [
        {
            "index": position + 1,
            "token": {"id": position, "text": text, "logprob": logprob_of(position), "special": False},
            "generated_text": None,
            "details": None,
        }
        for position, text in enumerate(tokens)
    ]
    end = {
        "index": len(tokens) + 1,
        "token": {"id": 11, "text": "<|endoftext|>", "logprob": -0.5, "special": True},
        "generated_text": "".join(tokens),
        "details": {
            "finish_reason": "eos_token",
            "generated_tokens": len(tokens) + 1,
            "seed": None,
            "input_length": PROMPT_TOKENS,
        },
    }
    return [*events, end]


def tgi_stream(tokens: Sequence[str]) -> bytes:
    return ":\n\n".join(f"data:{compact(event)}\n\n" for event in tgi_events(tokens)).encode()


def details(tokens: Sequence[str], name: str = "logprob") -> dict[str, Any]:
    told = [{"id": 1, "text": text, name: logprob_of(position)} for position, text in enumerate(tokens)]
    return {"finish_reason": "eos_token", "generated_tokens": len(tokens) + 1, "tokens": told}


def tgi_whole(tokens: Sequence[str]) -> Any:
    return [{"generated_text": "".join(tokens), "details": details(tokens)}]


def lmi_events(tokens: Sequence[str]) -> list[dict[str, Any]]:
    """Rolling batch: no count of the prompt's tokens, `log_prob`, the prompt repeated."""
    events: list[dict[str, Any]] = [
        {"token": {"id": position, "text": text, "log_prob": logprob_of(position)}}
        for position, text in enumerate(tokens)
    ]
    end = {
        "token": {"id": 2, "text": "", "log_prob": -0.5, "special_token": True},
        "generated_text": "".join(tokens),
        "details": {"finish_reason": "eos_token", "generated_tokens": len(tokens) + 1, "inputs": "Once"},
    }
    return [*events, end]


def lmi_lines(tokens: Sequence[str]) -> bytes:
    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in lmi_events(tokens)).encode()


def lmi_sse(tokens: Sequence[str]) -> bytes:
    return "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in lmi_events(tokens)).encode()


def lmi_async_lines(tokens: Sequence[str]) -> bytes:
    """Asynchronous: TGI's fields, blank lines, and the answer's end in the last token's line."""
    events = tgi_events(tokens)[:-1] or [{"token": {"id": 1, "text": "", "logprob": 0.0}}]
    events[-1] |= {
        "generated_text": "".join(tokens),
        "details": {"finish_reason": "stop", "generated_tokens": len(tokens) + 1, "input_length": PROMPT_TOKENS},
    }
    return "".join(json.dumps(event, ensure_ascii=False) + "\n\n" for event in events).encode() + b"\n\n"


def lmi_whole(tokens: Sequence[str]) -> Any:
    return {"generated_text": "".join(tokens), "details": details(tokens, "log_prob")}


def usage(tokens: Sequence[str]) -> dict[str, int]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": len(tokens) + 1,
        "total_tokens": PROMPT_TOKENS + len(tokens) + 1,
    }


def chat_logprobs(tokens: Sequence[str], start: int = 0) -> dict[str, Any]:
    return {
        "content": [
            {"token": text, "logprob": logprob_of(start + position), "bytes": list(text.encode()), "top_logprobs": []}
            for position, text in enumerate(tokens)
        ]
    }


def text_logprobs(tokens: Sequence[str], start: int = 0) -> dict[str, Any]:
    return {
        "text_offset": [0] * len(tokens),
        "token_logprobs": [logprob_of(start + position) for position, _ in enumerate(tokens)],
        "tokens": list(tokens),
        "top_logprobs": [None] * len(tokens),
    }


def sse(chunks: Sequence[dict[str, Any]]) -> bytes:
    return "".join(f"data: {compact(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


def vllm_chat_stream(tokens: Sequence[str]) -> bytes:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choices = [{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}]
    choices += [
        {
            "index": 0,
            "delta": {"content": text},
            "logprobs": chat_logprobs([text], position),
            "finish_reason": None,
        }
        for position, text in enumerate(tokens)
    ]
    choices.append({"index": 0, "delta": {"content": ""}, "finish_reason": "stop", "stop_reason": None})
    chunks = [{**base, "choices": [choice]} for choice in choices]
    return sse([*chunks, {**base, "choices": [], "usage": usage(tokens)}])


def vllm_text_stream(tokens: Sequence[str]) -> bytes:
    base = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m"}
    choices = [
        {"index": 0, "text": text, "logprobs": text_logprobs([text], position), "finish_reason": None}
        for position, text in enumerate(tokens)
    ]
    choices.append({"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"})
    chunks = [{**base, "choices": [choice]} for choice in choices]
    return sse([*chunks, {**base, "choices": [], "usage": usage(tokens)}])


def vllm_chat_whole(tokens: Sequence[str]) -> Any:
    message = {"role": "assistant", "content": "".join(tokens), "tool_calls": []}
    choice = {"index": 0, "message": message, "logprobs": chat_logprobs(tokens), "finish_reason": "stop"}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": usage(tokens)}


def vllm_text_whole(tokens: Sequence[str]) -> Any:
    choice = {"index": 0, "text": "".join(tokens), "logprobs": text_logprobs(tokens), "finish_reason": "stop"}
    return {"id": "cmpl-1", "object": "text_completion", "choices": [choice], "usage": usage(tokens)}


WRITERS = {
    "TGI": Writer("tgi", tgi_stream, tgi_whole),
    "LMI": Writer("lmi", lmi_lines, lmi_whole, counts_prompt=False),
    "LMI with TGI_COMPAT": Writer("lmi", lmi_sse, lambda tokens: [lmi_whole(tokens)], counts_prompt=False),
    "LMI, asynchronous": Writer("lmi", lmi_async_lines, lmi_whole),
    "vLLM's chats": Writer("vllm", vllm_chat_stream, vllm_chat_whole, chat=True),
    "vLLM's completions": Writer("vllm", vllm_text_stream, vllm_text_whole),
}
