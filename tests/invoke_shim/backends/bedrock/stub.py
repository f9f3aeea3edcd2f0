"""Helpers of the Bedrock backend's tests: replies as bedrock-runtime sends them, and the backend before them."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from invoke_shim.backends.bedrock.model import ImportedModel, create
from invoke_shim.generation.messages import Message
from invoke_shim.generation.types import Generation, GenerationRequest
from invoke_shim.settings import Settings
from localaws import eventstream
from tests.invoke_shim.backend_stub import Reply, Stub

ARN = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl"
MESSAGES = (Message("system", "Be brief."), Message("user", "Hi"))
METRICS = "amazon-bedrock-invocationMetrics"


def environment(stub: Stub) -> dict[str, str]:
    """Return the environment in which boto3 calls the stand-in."""
    return {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": stub.url,
        "AWS_ENDPOINT_URL_SSM": stub.url,
        "NO_PROXY": "127.0.0.1",
    }


def backend(body: str, **changes: Any) -> ImportedModel:
    """A backend with such a body."""
    settings: dict[str, Any] = {"model_arn": ARN, "invoke_timeout_seconds": 29, **changes}
    return create(
        Settings(model_name="the-model", backend="bedrock", body=body, **settings)  # type: ignore[arg-type] # a test's own name
    )


def prompt_request(body: str, **generation: Any) -> GenerationRequest:
    """A question in the form of such a body."""
    wanted = Generation(**{"max_tokens": 256, **generation})
    if body in ("chat", "converse"):
        return GenerationRequest(messages=MESSAGES, generation=wanted)
    return GenerationRequest(prompt="Once", generation=wanted)


def stream(parts: Sequence[bytes], *, last: bytes = b"", size: int = 0, **how: Any) -> Reply:
    """InvokeModelWithResponseStream's answer: an event for each part, then perhaps an exception.

    Args:
        parts: The parts.
        last: An encoded event at the end.
        size: How many bytes of the event stream are sent at a time; 0 sends event by event.
        how: More of `Reply`.
    """
    events = [eventstream.json_event("chunk", {"bytes": base64.b64encode(part).decode(), "p": "abc"}) for part in parts]
    headers = {"content-type": eventstream.CONTENT_TYPE, "x-amzn-bedrock-content-type": "application/json"}
    return Reply(body=_resplit([*events, last], size), headers=headers, **how)


def converse_stream(
    events: Sequence[tuple[str, Mapping[str, Any]]], *, last: bytes = b"", size: int = 0, **how: Any
) -> Reply:
    """ConverseStream's answer, as `stream`."""
    encoded = [eventstream.json_event(kind, {**document, "p": "abc"}) for kind, document in events]
    return Reply(body=_resplit([*encoded, last], size), headers={"content-type": eventstream.CONTENT_TYPE}, **how)


def _resplit(events: Sequence[bytes], size: int) -> list[bytes]:
    return [piece for piece in (eventstream.resplit(events, size) if size else events) if piece]


def documents(body: str, texts: Sequence[str], *, usage: tuple[int, int], reason: str = "stop") -> list[Any]:
    """The documents of a stream that says `texts` one after the other."""
    metrics = {"inputTokenCount": usage[0], "outputTokenCount": usage[1], "invocationLatency": 3}
    made: list[dict[str, Any]]
    if body == "native":
        made = [
            {
                "generation": text,
                "prompt_token_count": usage[0] if number == 0 else None,
                "generation_token_count": number + 1,
                "stop_reason": None,
            }
            for number, text in enumerate([*texts, ""])
        ]
        made[-1]["stop_reason"] = reason
    else:
        contents = [{"delta": {"content": text}} if body == "chat" else {"text": text} for text in texts]
        end: dict[str, Any] = {"delta": {}} if body == "chat" else {"text": ""}
        made = [{"choices": [{"index": 0, "finish_reason": None, **content}]} for content in contents]
        made.append({"choices": [{"index": 0, "finish_reason": reason, **end}]})
    made[-1][METRICS] = metrics
    return made


def written(document: Any, *, ascii_only: bool = True) -> bytes:
    """A document as JSON."""
    return json.dumps(document, ensure_ascii=ascii_only).encode()
