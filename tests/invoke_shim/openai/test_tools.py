"""The tools of a chat, and who can take them."""

from typing import Any

import pytest

from invoke_shim import rules
from invoke_shim.generation.messages import Function, Tools
from invoke_shim.generation.types import Piece, Usage
from invoke_shim.openai.tools import read_tools
from invoke_shim.rules.base import Rules
from tests.invoke_shim.client import Deploy, Runtime, Shim
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

Json = Any

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "The weather of a city.", "parameters": SCHEMA, "strict": True}
TOOL = {"type": "function", "function": FUNCTION, "cache_control": {"type": "ephemeral"}}
NAMED = {"type": "function", "function": {"name": "get_weather"}}
READ = Function("get_weather", "The weather of a city.", SCHEMA, True)
ABLE = rules.VLLM.rules._replace(tools=True, tool_choices=frozenset({"required", "named"}))
CHOOSY = ABLE._replace(tool_choices=frozenset())
UNABLE = ABLE._replace(tools=False, tool_choices=frozenset())


def read(rules_: Rules = ABLE, **body: Json) -> Tools | None:
    tools, problems = read_tools(body, rules_)
    assert not problems
    return tools


def problem(rules_: Rules = ABLE, **body: Json) -> tuple[str | None, str]:
    tools, problems = read_tools(body, rules_)
    assert tools is None
    assert len(problems) == 1
    return problems[0].param, problems[0].message


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, Tools((READ,))),
        ({"tool_choice": "auto", "parallel_tool_calls": False}, Tools((READ,), parallel=False)),
        ({"tool_choice": "none"}, Tools((READ,), "none")),
        ({"tool_choice": "required"}, Tools((READ,), "required")),
        ({"tool_choice": NAMED}, Tools((READ,), "named", "get_weather")),
    ],
)
def test_tools_and_the_choice_among_them_are_read(choice: Json, expected: Tools) -> None:
    assert read(tools=[TOOL], **choice) == expected


def test_a_function_needs_no_more_than_its_name() -> None:
    assert read(tools=[{"type": "function", "function": {"name": "now"}}]) == Tools((Function("now"),))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, Tools((READ,))),
        ({"function_call": "none"}, Tools((READ,), "none")),
        ({"function_call": {"name": "get_weather"}}, Tools((READ,), "named", "get_weather")),
    ],
)
def test_the_older_names_are_read_likewise(choice: Json, expected: Tools) -> None:
    assert read(functions=[FUNCTION], **choice) == expected


@pytest.mark.parametrize("able", [ABLE, UNABLE])
@pytest.mark.parametrize("body", [{"tools": []}, {"tools": None, "tool_choice": "none"}, {"functions": []}])
def test_no_tools_are_none(able: Rules, body: Json) -> None:
    assert read(able, **body) is None


def test_tools_that_must_not_be_called_are_taken_everywhere() -> None:
    assert read(UNABLE, tools=[TOOL], tool_choice="none") is None
    assert read(UNABLE, functions=[FUNCTION], function_call="none") is None


@pytest.mark.parametrize("choice", [{}, {"tool_choice": "auto"}, {"tool_choice": "required"}, {"tool_choice": NAMED}])
def test_who_has_no_tools_says_who_has(choice: Json) -> None:
    param, message = problem(UNABLE, tools=[TOOL], **choice)
    assert param == "tools"
    for way in ("TGI from 2.4", "prompt format 'container'", "Converse", "tool_choice 'none'"):
        assert way in message


def test_a_container_that_only_lets_the_model_choose_says_so() -> None:
    assert read(CHOOSY, tools=[TOOL])
    assert problem(CHOOSY, tools=[TOOL], tool_choice="required") == (
        "tool_choice",
        "tool_choice asks for a call, but this model's container only lets the model choose: send 'auto'",
    )
    assert problem(CHOOSY, tools=[TOOL], tool_choice=NAMED)[1].startswith(
        "tool_choice asks for the call of one function"
    )


REFUSED: dict[str, tuple[Json, str, str]] = {
    "no list": ({"tools": "f"}, "tools", "tools is 'f', expected a list of at most 128 functions"),
    "too many": ({"tools": [TOOL] * 129}, "tools", "tools is a list, expected a list of at most 128"),
    "another kind": (
        {"tools": [{"type": "web_search"}]},
        "tools[0]",
        "tools[0] is of type 'web_search', only functions are taken here",
    ),
    "no function": ({"tools": [{"type": "function"}]}, "tools[0].function", "tools[0].function is null, expected"),
    "no object": ({"tools": [7]}, "tools[0].function", "tools[0].function is 7, expected an object"),
    "no name": (
        {"tools": [{"type": "function", "function": {}}]},
        "tools[0].function.name",
        "tools[0].function.name is null, expected 1 to 64 letters, digits, underscores and hyphens",
    ),
    "a name with a space": (
        {"functions": [{"name": "get weather"}]},
        "functions[0].name",
        "functions[0].name is 'get weather', expected 1 to 64 letters",
    ),
    "the same name twice": ({"tools": [TOOL, TOOL]}, "tools[1].function", "tools[1].function.name is 'get_weather'"),
    "no schema": (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
        "tools[0].function.parameters",
        "tools[0].function.parameters is a list, expected a JSON schema",
    ),
    "a description that is none": (
        {"tools": [{"type": "function", "function": {"name": "f", "description": 7}}]},
        "tools[0].function.description",
        "tools[0].function.description is 7, expected a string",
    ),
    "strict that is no flag": (
        {"tools": [{"type": "function", "function": {"name": "f", "strict": 1}}]},
        "tools[0].function.strict",
        "tools[0].function.strict is 1, expected true or false",
    ),
    "a schema out of bounds": (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"description": "x" * 20_000}}}]},
        "tools",
        "tools has parameters that are not allowed, expected a JSON schema of at most",
    ),
    "both names": (
        {"tools": [TOOL], "functions": [FUNCTION]},
        "functions",
        "functions is the older name of tools: send one of them",
    ),
    "a choice of nothing": (
        {"tool_choice": "required"},
        "tool_choice",
        "tool_choice asks for a call, but there are no tools",
    ),
    "a choice of another": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}},
        "tool_choice",
        "tool_choice names 'other', which is none of the tools",
    ),
    "a choice among some": (
        {"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
        "tool_choice",
        "tool_choice is of type 'allowed_tools', expected none, auto, required or an object of type 'function'",
    ),
    "a choice that is no word": (
        {"tools": [TOOL], "tool_choice": "any"},
        "tool_choice",
        "tool_choice is 'any', expected none, auto, required or",
    ),
    "the older choice": (
        {"functions": [FUNCTION], "function_call": "required"},
        "function_call",
        "function_call is 'required', expected none, auto or an object with a name",
    ),
    "parallel that is no flag": (
        {"tools": [TOOL], "parallel_tool_calls": "no"},
        "parallel_tool_calls",
        "parallel_tool_calls is 'no', expected true or false",
    ),
}


@pytest.mark.parametrize(("body", "param", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_with_where(body: Json, param: str, text: str) -> None:
    found = problem(**body)
    assert found[0] == param
    assert found[1].startswith(text)


def test_a_format_of_the_shims_has_no_place_for_tools(shim: Shim, deploy: Deploy, runtime: Runtime) -> None:
    answer = shim.chat(("user", "Hi"), tools=[TOOL])
    assert (answer.status, answer.error["param"]) == (400, "tools")
    assert shim.chat(("user", "Hi"), tools=[TOOL], tool_choice="none").status == 200
    with serve_scripted(ScriptedBackend([[Piece(text="Hi", finish_reason="stop")]])) as formatted:
        assert formatted.chat(("user", "Hi"), tools=[TOOL]).status == 400


def test_a_backend_gets_them() -> None:
    backend = ScriptedBackend([[Piece(text="Hi", finish_reason="stop"), Piece(usage=Usage(1, 1))]], takes_messages=True)
    with serve_scripted(backend) as shim:
        assert shim.chat(("user", "Hi"), tools=[TOOL], tool_choice="required").status == 200
    assert backend.requests[0].generation.tools == Tools((READ,), "required")


def test_a_completion_has_none() -> None:
    with serve_scripted(ScriptedBackend([[]])) as shim:
        assert shim.complete("Once", tools=[TOOL]).error["param"] == "tools"
