"""The rules of chats whose prompt the container writes, and of TGI's payloads of OpenAI's form."""

from typing import Any

import pytest

from invoke_shim import rules
from invoke_shim.contract import CHATS_SINCE
from invoke_shim.rules.base import Rules

CHAT: list[Any] = [{"role": "user", "content": "Hi"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
TGI = (2, 4, 0)


def chats(name: str, *version: int) -> Rules:
    found = rules.of_container(name, version, chats=True).chat_rules
    assert found is not None
    return found


def refused(body: dict[str, Any], version: tuple[int, ...] = TGI) -> dict[str | None, str]:
    problems = rules.of_container("tgi", version).native_problems(body, max_total_tokens=100)
    return {problem.param: problem.message for problem in problems}


def test_tgis_chats_have_tools_and_images_but_not_its_own_parameters() -> None:
    found = chats("tgi", 3, 2, 3)
    assert (found.tools, found.images, found.json_object, found.max_n, found.max_stop) == (True, True, True, 1, 4)
    assert not {"top_k", "repetition_penalty", "grammar", "truncate"} & set(found.extra)
    assert "top_k" in rules.of_container("tgi", (3, 2, 3), chats=True).rules.extra


def test_lmis_chats_grow_with_its_versions() -> None:
    old, rolling, new = chats("lmi", 11), chats("lmi", 14, 0, 0), chats("lmi", 17)
    assert [found.tools for found in (old, rolling, new)] == [False, True, True]
    assert [found.images for found in (old, rolling, new)] == [False, True, True]
    assert [found.streams_usage for found in (old, rolling, new)] == [False, False, True]
    assert [sorted(found.tool_choices) for found in (old, rolling, new)] == [[], ["named"], ["named", "required"]]
    assert [found.max_n for found in (old, rolling, new)] == [1, 1, 128]


def test_without_chats_nothing_else_holds_for_them() -> None:
    assert rules.of_container("tgi", TGI).chat_rules is None
    assert rules.of_container("vllm", None, chats=True).chat_rules is None


def test_streams_of_newer_tgis_tell_the_prompts_tokens() -> None:
    assert [rules.of_container("lmi", (version,)).rules.streams_usage for version in (16, 17)] == [False, True]
    assert [rules.of_container("tgi", version).rules.streams_usage for version in ((2, 2), (2, 3, 0))] == [False, True]


def test_the_rules_and_the_contract_agree_when_tgi_took_chats() -> None:
    assert CHATS_SINCE["tgi"] == rules.TGI_CHATS_SINCE


# ------------------------------------------------------------------ TGI's own payloads


@pytest.mark.parametrize(
    "body",
    [
        {"messages": CHAT},
        {
            "messages": CHAT,
            "max_tokens": None,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        {"messages": CHAT, "tools": [TOOL], "tool_choice": "auto", "tool_prompt": "Call one."},
        {"messages": CHAT, "response_format": {"type": "regex", "value": "a+"}},
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]}
            ]
        },
        {"prompt": "Once", "suffix": "end", "repetition_penalty": 1.1},
        {"prompt": ["Once", "Twice"]},
        {"inputs": "Once"},
    ],
)
def test_takes_what_tgi_takes(body: dict[str, Any]) -> None:
    assert refused(body) == {}
    if "inputs" not in body:
        assert refused(body, (2, 3, 1))["inputs"] == "inputs is missing"


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ({"messages": []}, "messages", "at least one"),
        ({"messages": CHAT, "n": 2}, "n", "one answer"),
        ({"messages": CHAT, "presence_penalty": 1}, "presence_penalty", "repetition penalty"),
        ({"messages": CHAT, "max_tokens": 100}, "max_tokens", "this model takes 100 tokens"),
        ({"messages": CHAT, "top_p": 1}, "top_p", "between 0 and 1"),
        ({"messages": CHAT, "top_logprobs": 6}, "top_logprobs", "from 0 to 5"),
        ({"messages": CHAT, "tools": []}, "tools", "1 to 128"),
        ({"messages": CHAT, "chat_template": "{{ x }}"}, "chat_template", "code"),
        ({"messages": CHAT, "tool_prompt": "x" * 20_000}, "tool_prompt", "at most 16384"),
        ({"messages": CHAT, "parameters": {}}, "parameters", "inputs"),
        ({"prompt": [[1, 2]]}, "prompt", "a non-empty string"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/b"}}]}]},
            "messages",
            "data: URLs",
        ),
    ],
)
def test_refuses_what_tgi_refuses_or_would_ignore_or_fetch(body: dict[str, Any], param: str, message: str) -> None:
    assert message in refused(body)[param]
