"""LiteLLM's SageMaker provider in a handler, for `bench.shim`, called as its users do. Runs in a venv of its own."""

import json
import os
from typing import Any

import litellm  # in the peer's venv

# LiteLLM takes the whole address in place of a region's.
BASE = f"{os.environ['AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME']}/endpoints/{os.environ['ENDPOINT_NAME']}"


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an API Gateway proxy event; what LiteLLM raises becomes its own status, as in its proxy."""
    body = json.loads(event["body"])
    stream = bool(body.get("stream"))
    try:
        answer = litellm.completion(
            model=f"sagemaker/{os.environ['ENDPOINT_NAME']}",
            messages=body["messages"],
            max_tokens=body.get("max_tokens", 256),
            stream=stream,
            sagemaker_base_url=f"{BASE}/invocations{'-response-stream' if stream else ''}",
        )
        if stream:
            chunks = [f"data: {chunk.model_dump_json()}\n\n" for chunk in answer]
            return _reply(200, "text/event-stream", "".join(chunks) + "data: [DONE]\n\n")
        return _reply(200, "application/json", answer.model_dump_json())
    except Exception as error:
        if (status := getattr(error, "status_code", None)) is None:
            raise
        response = getattr(error, "response", None)
        wait = None if response is None else response.headers.get("retry-after")
        text = json.dumps({"error": {"message": str(error)}})
        return _reply(int(status), "application/json", text, {} if wait is None else {"retry-after": wait})


def _reply(status: int, content_type: str, body: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": content_type, **(headers or {})}, "body": body}
