"""The clients: where each is installed, what asks by it, and what it cannot ask."""

from __future__ import annotations

from typing import NamedTuple

TASKS = (
    "plain",
    "stream",
    "five turns",
    "system",
    "JSON schema",
    "one tool",
    "two tools",
    "image",
    "completion",
    "embeddings",
    "models",
)
"""The tasks of every client, in the order of the page."""


class Client(NamedTuple):
    """A client.

    Attributes:
        title: Its name on the page.
        home: Its venv (`requirements/clients-{home}.txt`), or its folder of `node/`.
        driver: The script in `drivers/` that asks by it.
        arguments: Arguments of the script.
        package: The package whose version the page shows.
        does: The tasks that it can do.
        otherwise: Reason why it cannot do the others.
        needs: Task that a model has to be able to do for every one of the client's, or `app.JSON_OBJECT`.
    """

    title: str
    home: str
    driver: str
    arguments: tuple[str, ...]
    package: str
    does: tuple[str, ...]
    otherwise: str = ""
    needs: str = ""

    @property
    def is_node(self) -> bool:
        """True if it runs on Node."""
        return self.driver.endswith(".mjs")


def _but(*tasks: str) -> tuple[str, ...]:
    return tuple(task for task in TASKS if task not in tasks)


def _instructor(mode: str, needs: str) -> Client:
    does = ("stream", "five turns", "system", "JSON schema", "image")
    title, otherwise = f"instructor, `{mode}`", "instructor makes objects, and nothing else"
    return Client(title, "instructor", "instructor_driver.py", (mode,), "instructor", does, otherwise, needs)


_CHATS = _but("completion", "embeddings", "models")
_AT_ROOT = "it lists models at the root of the host only, whatever the base URL"
_NO_LIST = "the client lists no models"
_NO_ROUTE = "the client has no class for it"
_AI = ("ai-sdk", "ai_sdk_driver.mjs")

CLIENTS = (
    Client("openai, Python", "openai", "openai_driver.py", (), "openai", TASKS),
    Client("openai, Node", "openai", "openai_driver.mjs", (), "openai", TASKS),
    Client(
        "pydantic-ai",
        "pydantic-ai",
        "pydantic_ai_driver.py",
        (),
        "pydantic-ai-slim",
        _but("completion", "models"),
        _NO_ROUTE,
    ),
    _instructor("TOOLS", "one tool"),
    _instructor("JSON", "JSON object"),
    _instructor("MD_JSON", ""),
    _instructor("JSON_SCHEMA", "JSON schema"),
    Client(
        "LangChain `ChatOpenAI`",
        "langchain",
        "langchain_driver.py",
        (),
        "langchain-openai",
        _but("completion", "models"),
        "another class of LangChain's, or none",
    ),
    Client(
        "LangChain `OpenAI`",
        "langchain",
        "langchain_completion_driver.py",
        (),
        "langchain-openai",
        ("stream", "completion"),
        "the class completes texts only",
        "completion",
    ),
    Client(
        "LlamaIndex `OpenAILike`",
        "llama-index",
        "llama_index_driver.py",
        (),
        "llama-index-llms-openai-like",
        _but("models"),
        _NO_LIST,
    ),
    Client("LiteLLM", "litellm", "litellm_driver.py", (), "litellm", _but("models"), _AT_ROOT),
    Client("AI SDK, `openai-compatible`", *_AI, ("compatible",), "@ai-sdk/openai-compatible", _but("models"), _NO_LIST),
    Client("AI SDK, `openai`, `.chat`", *_AI, ("chat",), "@ai-sdk/openai", _but("models"), _NO_LIST),
    Client(
        "OpenAI Agents SDK, chats",
        "openai-agents",
        "openai_agents_driver.py",
        (),
        "openai-agents",
        _CHATS,
        "agents do not do that",
    ),
    Client(
        "AI SDK, `openai`, its default",
        *_AI,
        ("responses",),
        "@ai-sdk/openai",
        _CHATS,
        "`/v1/responses` has no such thing",
    ),
    Client(
        "OpenAI Agents SDK, its default",
        "openai-agents",
        "openai_agents_driver.py",
        ("responses",),
        "openai-agents",
        _CHATS,
        "agents do not do that",
    ),
    Client(
        "pydantic-ai, responses",
        "pydantic-ai",
        "pydantic_ai_driver.py",
        ("responses",),
        "pydantic-ai-slim",
        _CHATS,
        "`/v1/responses` has no such thing",
    ),
    Client(
        "Open WebUI",
        "openai",
        "open_webui_driver.py",
        (),
        "",
        _but("JSON schema", "completion"),
        "Open WebUI asks for no such thing",
    ),
    Client(
        "LibreChat",
        "langchain",
        "librechat_driver.mjs",
        (),
        "@langchain/openai",
        _but("JSON schema", "completion", "embeddings"),
        "LibreChat asks for no such thing",
    ),
    Client(
        "Continue",
        "openai",
        "continue_driver.mjs",
        (),
        "openai",
        _but("JSON schema", "two tools"),
        "Continue asks for one call at a time, and for no schema",
    ),
    Client(
        "Cline",
        *_AI,
        ("cline",),
        "@ai-sdk/openai-compatible",
        _but("JSON schema", "completion", "embeddings", "models"),
        "Cline asks for no such thing",
    ),
    Client(
        "Aider",
        "litellm",
        "aider_driver.py",
        (),
        "litellm",
        ("plain", "stream", "five turns", "system", "one tool", "image"),
        "Aider asks for no such thing",
    ),
)
"""The clients in the order of the page; the last five ask as those applications' public sources do."""
