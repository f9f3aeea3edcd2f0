"""Open WebUI's requests, sent and read as its server does: JSON over HTTP, without a client's library.

Sources: open-webui/open-webui, `backend/open_webui/`: `routers/openai.py`, `routers/tasks.py` (titles and tags),
`utils/middleware.py` (calls of tools in streams), `retrieval/utils.py` (embeddings).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import common
from common import Asked, Ran


def _open(asked: Asked, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 - the API's own address
        f"{asked.base_url}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {asked.key}", "Content-Type": "application/json"},
    )
    try:
        return urllib.request.urlopen(request, timeout=60)  # noqa: S310 - likewise
    except urllib.error.HTTPError as error:
        raise common.Wrong(f"{error.code} {json.loads(error.read())['error']['message']}") from error


def _streamed(asked: Asked, messages: list[dict[str, Any]], **more: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the pieces of text, and the calls put together by their index."""
    body = {"model": asked.model, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
    pieces: list[str] = []
    calls: dict[int, dict[str, Any]] = {}
    with _open(asked, "/chat/completions", {**body, **more}) as answer:
        for line in answer:
            text = line.decode().strip().removeprefix("data:").strip()
            if not text or text == "[DONE]":
                continue
            for choice in json.loads(text).get("choices", []):
                delta = choice["delta"]
                pieces.append(delta.get("content") or "")
                for part in delta.get("tool_calls") or []:
                    empty = {"id": part.get("id"), "type": "function", "function": {"name": "", "arguments": ""}}
                    call = calls.setdefault(part["index"], empty)
                    for name in ("name", "arguments"):
                        call["function"][name] += part["function"].get(name) or ""
    return pieces, [calls[index] for index in sorted(calls)]


def _user(content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def plain(asked: Asked) -> None:
    """Ask for a chat's title."""
    body = {"model": asked.model, "messages": _user(common.QUESTION), "stream": False, "max_completion_tokens": 1000}
    with _open(asked, "/chat/completions", body) as answer:
        common.plain(json.load(answer)["choices"][0]["message"]["content"])


def stream(asked: Asked) -> None:
    """Ask a question."""
    common.streamed(_streamed(asked, _user(common.QUESTION))[0])


def turns(asked: Asked) -> None:
    """Go on with a chat."""
    messages = [{"role": role, "content": text} for role, text in common.TURNS]
    common.said("".join(_streamed(asked, messages)[0]), common.REMEMBERED)


def system(asked: Asked) -> None:
    """Ask with the system prompt and the parameters of a chat's settings."""
    messages = [{"role": "system", "content": common.SYSTEM}, *_user(common.QUESTION)]
    common.said("".join(_streamed(asked, messages, temperature=0.8, top_p=0.9)[0]), common.OBEYED)


def _tools(asked: Asked, question: str, *names: str) -> tuple[Ran, str]:
    ran, messages = Ran(), _user(question)
    for _ in range(3):
        pieces, calls = _streamed(asked, messages, tools=[*map(common.tool, names)])
        if not calls:
            return ran, "".join(pieces)
        messages.append({"role": "assistant", "content": "".join(pieces), "tool_calls": calls})
        for call in calls:
            output = ran.run(call["function"]["name"], call["function"]["arguments"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": output})
    return ran, ""


def one_tool(asked: Asked) -> None:
    """Run a tool, called natively."""
    common.one_tool(*_tools(asked, common.ONE_CALL, "get_weather"))


def two_tools(asked: Asked) -> None:
    """Run two tools of one answer."""
    common.two_tools(*_tools(asked, common.TWO_CALLS, "get_weather", "get_time"))


def image(asked: Asked) -> None:
    """Show a picture."""
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": common.RED_URI}},
    ]
    common.said("".join(_streamed(asked, _user(parts))[0]), asked.picture)


def embeddings(asked: Asked) -> None:
    """Embed two texts of documents."""
    with _open(asked, "/embeddings", {"input": [*common.TEXTS], "model": asked.model}) as answer:
        common.vectors([one["embedding"] for one in json.load(answer)["data"]])


def models(asked: Asked) -> None:
    """List the models."""
    with _open(asked, "/models") as answer:
        common.want([one["id"] for one in json.load(answer)["data"]] == [asked.model], "the model is not listed")


TASKS = {
    "plain": plain,
    "stream": stream,
    "five turns": turns,
    "system": system,
    "one tool": one_tool,
    "two tools": two_tools,
    "image": image,
    "embeddings": embeddings,
    "models": models,
}

if __name__ == "__main__":
    common.main(TASKS)
