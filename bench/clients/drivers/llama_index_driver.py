"""LlamaIndex's `OpenAILike` and `OpenAILikeEmbedding`."""

from __future__ import annotations

from typing import Any

import common
from common import Asked, Ran
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike


def _model(asked: Asked, **more: Any) -> Any:
    given = {"is_chat_model": True, "is_function_calling_model": True, **more}
    return OpenAILike(model=asked.model, api_base=asked.base_url, api_key=asked.key, max_retries=0, **given)


def plain(asked: Asked) -> None:
    """Ask a question."""
    common.plain(_model(asked).chat([ChatMessage(role="user", content=common.QUESTION)]).message.content)


def stream(asked: Asked) -> None:
    """Ask a question, streamed."""
    pieces = _model(asked).stream_chat([ChatMessage(role="user", content=common.QUESTION)])
    common.streamed([piece.delta or "" for piece in pieces])


def turns(asked: Asked) -> None:
    """Go on with a chat."""
    messages = [ChatMessage(role=role, content=text) for role, text in common.TURNS]
    common.said(_model(asked).chat(messages).message.content, common.REMEMBERED)


def system(asked: Asked) -> None:
    """Ask with a system message."""
    messages = [ChatMessage(role="system", content=common.SYSTEM), ChatMessage(role="user", content=common.QUESTION)]
    common.said(_model(asked).chat(messages).message.content, common.OBEYED)


def schema(asked: Asked) -> None:
    """Get an object by a JSON schema, then by the default way, a tool."""
    from pydantic import BaseModel  # noqa: PLC0415 - the task's own

    class City(BaseModel):
        """A city."""

        name: str
        population: int

    named = _model(asked, should_use_structured_outputs=True).as_structured_llm(City)
    made = named.chat([ChatMessage(role="user", content=common.JSON_QUESTION)]).raw
    common.want(isinstance(made, City), f"{made!r} is no city")
    called = _model(asked).as_structured_llm(City)
    made = called.chat([ChatMessage(role="user", content=common.city_call("City"))]).raw
    common.want(isinstance(made, City), f"{made!r} is no city")


def _tools(asked: Asked, question: str, *names: str) -> tuple[Ran, str | None]:
    ran, model = Ran(), _model(asked)
    tools = {name: FunctionTool.from_defaults(getattr(ran, name)) for name in names}
    messages = [ChatMessage(role="user", content=question)]
    for _ in range(3):
        made = model.chat_with_tools([*tools.values()], chat_history=messages, allow_parallel_tool_calls=len(names) > 1)
        calls = model.get_tool_calls_from_response(made, error_on_no_tool_call=False)
        if not calls:
            return ran, made.message.content
        messages.append(made.message)
        for call in calls:
            output = str(tools[call.tool_name](**call.tool_kwargs))
            messages.append(ChatMessage(role="tool", content=output, additional_kwargs={"tool_call_id": call.tool_id}))
    return ran, None


def one_tool(asked: Asked) -> None:
    """Run a tool."""
    common.one_tool(*_tools(asked, common.ONE_CALL, "get_weather"))


def two_tools(asked: Asked) -> None:
    """Run two tools of one answer."""
    common.two_tools(*_tools(asked, common.TWO_CALLS, "get_weather", "get_time"))


def image(asked: Asked) -> None:
    """Show a picture."""
    blocks = [TextBlock(text="What is it?"), ImageBlock(image=common.RED, image_mimetype="image/png")]
    common.said(_model(asked).chat([ChatMessage(role="user", blocks=blocks)]).message.content, asked.picture)


def completion(asked: Asked) -> None:
    """Complete a text."""
    common.said(_model(asked, is_chat_model=False, max_tokens=40).complete(common.PROMPT).text)


def embeddings(asked: Asked) -> None:
    """Embed two texts."""
    model = OpenAILikeEmbedding(model_name=asked.model, api_base=asked.base_url, api_key=asked.key, max_retries=0)
    common.vectors(model.get_text_embedding_batch([*common.TEXTS]))


TASKS = {
    "plain": plain,
    "stream": stream,
    "five turns": turns,
    "system": system,
    "JSON schema": schema,
    "one tool": one_tool,
    "two tools": two_tools,
    "image": image,
    "completion": completion,
    "embeddings": embeddings,
}

if __name__ == "__main__":
    common.main(TASKS)
