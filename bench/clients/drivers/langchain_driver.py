"""LangChain's `ChatOpenAI` and `OpenAIEmbeddings`."""

from __future__ import annotations

from typing import Any

import common
from common import Asked, Ran
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings


def _model(asked: Asked) -> Any:
    return ChatOpenAI(model=asked.model, base_url=asked.base_url, api_key=asked.key, max_retries=0, timeout=60)


def plain(asked: Asked) -> None:
    """Ask a question."""
    made = _model(asked).invoke(common.QUESTION)
    common.plain(made.content)
    common.want(made.usage_metadata, "no usage")


def stream(asked: Asked) -> None:
    """Ask a question, streamed."""
    common.streamed([piece.content for piece in _model(asked).stream(common.QUESTION)])


def turns(asked: Asked) -> None:
    """Go on with a chat."""
    kinds = {"user": HumanMessage, "assistant": AIMessage}
    common.said(_model(asked).invoke([kinds[role](text) for role, text in common.TURNS]).content, common.REMEMBERED)


def system(asked: Asked) -> None:
    """Ask with a system message."""
    made = _model(asked).invoke([SystemMessage(common.SYSTEM), HumanMessage(common.QUESTION)])
    common.said(made.content, common.OBEYED)


def schema(asked: Asked) -> None:
    """Get structured output by its default method, a JSON schema."""
    from pydantic import BaseModel  # noqa: PLC0415 - the task's own

    class City(BaseModel):
        name: str
        population: int

    made = _model(asked).with_structured_output(City).invoke(common.JSON_QUESTION)
    common.want(isinstance(made, City), f"{made!r} is no city")


def _tools(asked: Asked, question: str, *names: str) -> tuple[Ran, str | None]:
    ran = Ran()
    tools = {name: tool(getattr(ran, name)) for name in names}
    model = _model(asked).bind_tools([*tools.values()])
    messages: list[Any] = [HumanMessage(question)]
    for _ in range(3):
        made = model.invoke(messages)
        if not made.tool_calls:
            return ran, made.content
        messages += [made, *(tools[call["name"]].invoke(call) for call in made.tool_calls)]
    return ran, None


def one_tool(asked: Asked) -> None:
    """Run a tool."""
    common.one_tool(*_tools(asked, common.ONE_CALL, "get_weather"))


def two_tools(asked: Asked) -> None:
    """Run two tools of one answer."""
    common.two_tools(*_tools(asked, common.TWO_CALLS, "get_weather", "get_time"))


def image(asked: Asked) -> None:
    """Show a picture."""
    parts: list[Any] = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": common.RED_URI}},
    ]
    common.said(_model(asked).invoke([HumanMessage(parts)]).content, asked.picture)


def embeddings(asked: Asked) -> None:
    """Embed two texts, as texts: it sends tokens by default, which are another model's."""
    model: Any = OpenAIEmbeddings(
        model=asked.model, base_url=asked.base_url, api_key=asked.key, check_embedding_ctx_length=False, max_retries=0
    )
    common.vectors(model.embed_documents([*common.TEXTS]))


TASKS = {
    "plain": plain,
    "stream": stream,
    "five turns": turns,
    "system": system,
    "JSON schema": schema,
    "one tool": one_tool,
    "two tools": two_tools,
    "image": image,
    "embeddings": embeddings,
}

if __name__ == "__main__":
    common.main(TASKS)
