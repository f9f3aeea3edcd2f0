"""LMI's chats and completions in its asynchronous mode: vLLM's own server answers, and LMI unwraps its stream.

Source: `vllm_async_service` and `request_response_utils` of DJL Serving 0.36. The peculiarities that a client meets:

* `prompt` makes a completion and `messages` a chat, after `inputs`; the model may be left out, and is called `lmi`;
* a payload that is none is 424; what vLLM refuses is 500, with the representation of vLLM's error as text, because LMI
  looks for message and code beside the member that has them since vLLM 0.10; before, it passes both on;
* a stream is JSON lines: vLLM's chunks, and an empty line for `[DONE]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from localaws.containers import vllm
from localaws.containers.messages import ContainerResponse
from localaws.containers.serving import Serving
from localaws.containers.settings import Version

# The first version of LMI with each version of vLLM (`requirements-vllm.txt` of the DLC branches).
_VLLM_OF: Final[dict[int, Version]] = {
    15: (0, 8, 4),
    16: (0, 10, 2),
    17: (0, 11, 1),
    18: (0, 12, 0),
    20: (0, 15, 1),
    22: (0, 17, 0),
    24: (0, 19, 1),
    27: (0, 23, 1),
}

# The first version of vLLM whose errors are in a member `error` (`ErrorResponse` in `entrypoints/openai/protocol.py`).
_NESTS_ERRORS_SINCE: Final[Version] = (0, 10, 0)


def respond(body: bytes, serving: Serving) -> ContainerResponse:
    """Answer a chat or a completion."""
    settings = serving.settings
    known = [version for lmi, version in _VLLM_OF.items() if lmi <= settings.version[0]]
    inner = replace(settings, family="vllm", version=known[-1] if known else _VLLM_OF[15])
    response = vllm.respond(body, replace(serving, settings=inner))
    if response.status == 200 and not isinstance(response.body, str):
        return ContainerResponse(status=200, body=_lines(response.body), content_type="application/jsonlines")
    if response.status == 200:
        return response
    text = str(response.body)
    if "Cannot find suitable handler" in text:
        problem = "Input parsing failed: validation errors for the request"
        return ContainerResponse.of_json(424, {"error": problem, "code": 424})
    error = json.loads(text)["error"]
    if inner.version < _NESTS_ERRORS_SINCE:
        return ContainerResponse.of_json(error["code"], {"error": error["message"], "code": error["code"]})
    told = ", ".join(f"{name}={error[name]!r}" for name in ("message", "type", "param", "code"))
    return ContainerResponse.of_json(500, {"error": f"error=ErrorInfo({told})", "code": 500})


def _lines(events: Iterable[str]) -> Iterator[str]:
    for event in events:
        data = event.removeprefix("data: ").strip()
        yield "" if not event else "\n" if data == "[DONE]" else f"{data}\n"
