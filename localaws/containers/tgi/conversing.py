"""TGI's answers to chats, whole and streamed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from localaws.containers.chats import ToolCall
from localaws.containers.engine import Job
from localaws.containers.faults import GenerationError
from localaws.containers.generation import Generation, finished, steps
from localaws.containers.messages import ContainerResponse, compact_json
from localaws.containers.serving import Serving
from localaws.containers.tgi.calling import EmbeddedCalls, NamedCalls, NoToolError
from localaws.containers.tgi.chat import NO_TOOL, ChatRequest, PreparedChat, prepared
from localaws.containers.tgi.errors import InferError
from localaws.containers.tgi.generating import KEEP_ALIVE, accepted, data_prefix, streamed, whole
from localaws.containers.tgi.requests import ValidRequest
from localaws.containers.tgi.shapes import Shapes


def respond(chat: ChatRequest, serving: Serving) -> ContainerResponse:
    """Answer a chat."""
    try:
        ready = prepared(chat, serving.settings, serving.engine)
        if chat.stream:
            return ContainerResponse.of_events(_events(chat, ready, serving))
        return ContainerResponse.of_json(200, _answer(chat, ready, serving))
    except GenerationError as error:
        return InferError.failed(str(error)).response
    except InferError as error:
        return error.response


def _answer(chat: ChatRequest, ready: PreparedChat, serving: Serving) -> dict[str, Any]:
    valid = accepted(ready.request, serving)
    generation = whole(ready.request, valid, serving, _call_text(ready, valid, serving))
    shapes = _shapes(chat, valid, serving)
    if ready.tools is None:
        return shapes.chat(generation, {"content": generation.text})
    call = _call_of(generation)
    if call.name != NO_TOOL:
        return shapes.chat(generation, shapes.message_of(call, "0"))
    if serving.settings.version >= (3, 2, 0):
        again = chat.without_tools()
        return _answer(again, prepared(again, serving.settings, serving.engine), serving)
    if not isinstance(call.arguments.get("content"), str):
        raise InferError("tool_error", "Tool error: No `content` found in generated text")
    return shapes.chat(generation, {"content": call.arguments["content"]})


def _events(chat: ChatRequest, ready: PreparedChat, serving: Serving) -> Iterator[str]:
    """Yield the server-sent events of a stream."""
    data = data_prefix(serving)
    version = serving.settings.version
    try:
        for document in _chunks(chat, ready, serving):
            yield KEEP_ALIVE if document is None else f"{data}{compact_json(document)}\n\n"
            if document is None:
                yield ""
    except (GenerationError, InferError) as error:
        problem = error if isinstance(error, InferError) else InferError.failed(str(error))
        if version < (2, 4, 0):
            yield f"{data}{compact_json(problem.document)}\n\n"
        elif version >= (2, 4, 1):
            # 2.4.0 drops it.
            yield f"{data}{compact_json({'error': {'message': str(problem), 'http_status_code': 422}})}\n\n"
    if version >= (2, 3, 0):
        yield f"{data}[DONE]\n\n"


def _chunks(chat: ChatRequest, ready: PreparedChat, serving: Serving) -> Iterator[Mapping[str, Any] | None]:
    """Yield the chunks of a stream; None while nothing follows."""
    valid = accepted(ready.request, serving)
    shapes = _shapes(chat, valid, serving)
    is_new = serving.settings.version >= (3, 2, 0)
    calls: EmbeddedCalls | NamedCalls | None = None
    if ready.tools is not None:
        next_id = chat.next_id if chat.next_id is not None else str(uuid.uuid4())
        calls = NamedCalls(shapes, next_id) if is_new else EmbeddedCalls(shapes)
    generated = 0
    try:
        for step in streamed(ready.request, valid, serving, _call_text(ready, valid, serving)):
            if step is None:
                yield None
                continue
            generated += 1
            is_last = step.finish_reason is not None
            usage = shapes.usage(generated) if is_last and chat.include_usage else None
            within = None if is_new else usage
            yield from [shapes.text(step, usage=within)] if calls is None else calls.push(step, within)
            if calls is not None and calls.is_over:
                return
            if usage is not None and is_new:
                yield shapes.usage_chunk(generated)
    except NoToolError:
        again = chat.without_tools()
        yield from _chunks(again, prepared(again, serving.settings, serving.engine), serving)


def _shapes(chat: ChatRequest, valid: ValidRequest, serving: Serving) -> Shapes:
    document = chat.document
    return Shapes(
        settings=serving.settings,
        model=document.get("model"),
        prompt_tokens=len(valid.tokens),
        top=(document.get("top_logprobs") or 0) if document.get("logprobs") else None,
    )


def _call_text(ready: PreparedChat, valid: ValidRequest, serving: Serving) -> str | None:
    """Return what the model writes where tools are offered: the JSON of one call, of `no_tool` too."""
    chat = ready.request.chat
    if ready.tools is None or chat is None:
        return None
    calls = serving.engine.calls(
        chat, ready.tools, is_required=ready.is_required, parallel=False, sampling=valid.sampling
    )
    if calls:
        arguments = calls[0].arguments if isinstance(calls[0].arguments, dict) else {}
        return json.dumps({"function": {"_name": calls[0].name, **arguments}}, ensure_ascii=False)
    function: dict[str, Any] = {"_name": NO_TOOL}
    if serving.settings.version < (3, 2, 0):
        function["content"] = _said(ready, valid, serving)
    return json.dumps({"function": function}, ensure_ascii=False)


def _said(ready: PreparedChat, valid: ValidRequest, serving: Serving) -> str:
    """Return what the model would answer in text."""
    job = Job(prompt=valid.prompt, chat=ready.request.chat, sampling=valid.sampling)
    return finished(steps(serving.generate(job), max_new_tokens=valid.max_new_tokens)).text


def _call_of(generation: Generation) -> ToolCall:
    """Return the call in what the model wrote.

    Raises:
        InferError: If it was cut.
    """
    try:
        function = json.loads(generation.text)["function"]
    except ValueError as error:
        problem = f"Failed to parse generated text: {error} {json.dumps(generation.text)}"
        raise InferError("tool_error", f"Tool error: {problem}") from error
    return ToolCall(function.pop("_name"), function)
