"""The engine below the dialects: chat template, decisions about tools, answers to schemas, and another engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from localaws.containers import ModelContainer, decisions
from localaws.containers.chats import Chat, Tool, ToolCall, Turn, render
from localaws.containers.engine import DeterministicEngine, Grammar, Job
from localaws.containers.patterns import pattern_problem, text_of
from localaws.containers.schemas import example_of, example_problem
from localaws.containers.tokens import Token, end_of_sequence
from tests.localaws.containers.chat_examples import HELLO
from tests.localaws.containers.container_client import TGI_3_2, VLLM, ContainerClient, settings

WEATHER = Tool("get_weather", "Tell the weather of a city", {"properties": {"city": {"type": "string"}}})
SEARCH = Tool("searchWeb", "Look something up on the internet", {})


def calls(text: str, **how: Any) -> list[str]:
    chat = Chat((Turn("user", text),))
    return [call.name for call in decisions.calls(chat, (WEATHER, SEARCH), **how)]


class TestTemplate:
    def test_writes_roles_tools_calls_and_pictures(self) -> None:
        turns = (
            Turn("system", "Be brief."),
            Turn("user", "What is it?", images=("0a1b2c3d",)),
            Turn("assistant", "", calls=(ToolCall("get_weather", {"city": "Rome"}),)),
            Turn("tool", "sunny"),
        )
        prompt = render(Chat(turns, (WEATHER,)))
        assert prompt.startswith("<|im_start|>system\nBe brief.\n\n# Tools\n<tools>\n{")
        assert '<tool_call>\n{"name":"get_weather","arguments":{"city":"Rome"}}\n</tool_call>' in prompt
        assert "<|im_start|>user\n<image 0a1b2c3d><image>" in prompt
        assert prompt.endswith("<|im_start|>tool\nsunny<|im_end|>\n<|im_start|>assistant\n")


class TestDecisions:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("What is the weather?", ["get_weather"]),
            ("Please search the web", ["searchWeb"]),
            ("Use searchweb, then get weather", ["get_weather", "searchWeb"]),
            ("Which city?", []),
            ("Tell me of the city", ["get_weather"]),
            ("Hello", []),
            ("weather [[stand-in call=none]]", []),
            ("[[stand-in call=searchWeb]] [[stand-in call=searchWeb]]", ["searchWeb", "searchWeb"]),
            ("Result of get_weather: [[stand-in say=It is sunny.]]", []),
        ],
    )
    def test_call_what_the_user_names_or_needs(self, text: str, expected: list[str]) -> None:
        assert calls(text) == expected

    def test_call_one_where_that_is_required_and_not_more_than_that_if_refused(self) -> None:
        assert calls("Hello", is_required=True) == ["get_weather"]
        assert calls("get weather, searchWeb", parallel=False) == ["get_weather"]

    def test_call_nothing_after_a_tools_answer(self) -> None:
        chat = Chat((Turn("user", "What is the weather?"), Turn("tool", "sunny")))
        assert decisions.calls(chat, (WEATHER,)) == ()

    def test_take_arguments_with_any_brackets(self) -> None:
        chat = Chat((Turn("user", '[[stand-in call=get_weather {"city": "]] [[x"}]]'),))
        [call] = decisions.calls(chat, (WEATHER,))
        assert call.arguments == {"city": "]] [[x"}

    def test_let_the_user_steer_the_text(self) -> None:
        chat = Chat((Turn("user", "[[stand-in say=No.]]"),))
        tokens = list(DeterministicEngine().generate(Job(prompt="x", chat=chat)))
        assert "".join(token.text for token in tokens if not token.special) == "No."

    @pytest.mark.parametrize(
        ("grammar", "expected"),
        [
            (Grammar(schema={"required": ["city"]}), '{"city": 1}'),
            (Grammar(schema={"required": ["town"], "properties": {"town": {"type": "null"}}}), '{"town": null}'),
            (Grammar(pattern=r"\{.*\}"), '{"city": 1}'),
            (Grammar(pattern="yes"), "yes"),
        ],
    )
    def test_let_a_prompt_steer_what_a_grammar_allows(self, grammar: Grammar, expected: str) -> None:
        job = Job(prompt='[INST] [[stand-in say={"city": 1}]] [/INST]', grammar=grammar)
        tokens = list(DeterministicEngine().generate(job))
        assert "".join(token.text for token in tokens if not token.special) == expected


_NAMES = st.sampled_from(["a", "b", "c"])
_LEAVES = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(lambda least: {"type": "integer", "minimum": least, "maximum": least + 3}, st.integers(-9, 9)),
    st.builds(lambda most: {"type": "number", "exclusiveMaximum": most}, st.integers(-9, 9)),
    st.builds(lambda step: {"type": "integer", "multipleOf": step}, st.integers(1, 9)),
    st.builds(lambda least: {"type": "string", "minLength": least, "maxLength": least + 2}, st.integers(0, 20)),
    st.sampled_from([{"type": "string", "format": "date"}, {"type": "string", "pattern": "^[a-f]{4}-\\d+$"}]),
    st.builds(lambda values: {"enum": values}, st.lists(st.integers(), min_size=1, max_size=3)),
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda properties: {
                "type": "object",
                "properties": properties,
                "required": sorted(properties),
                "additionalProperties": False,
            },
            st.dictionaries(_NAMES, inner, max_size=3),
        ),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 3)),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=6,
)


class TestSchemas:
    @given(schema=_SCHEMAS)
    def test_have_an_example_that_they_accept(self, schema: Any) -> None:
        Draft202012Validator(schema).validate(example_of(schema))

    def test_follow_references_and_end_where_they_turn_in_circles(self) -> None:
        node = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}}}
        schema = {"$ref": "#/$defs/N", "$defs": {"N": node}}
        assert example_problem(schema) is None

    def test_that_nothing_satisfies_are_told(self) -> None:
        assert example_problem({"type": "integer", "not": {"type": "integer"}}) is not None
        assert example_problem({"$ref": "#/$defs/Missing"}) is not None


class TestPatterns:
    @pytest.mark.parametrize(
        "pattern", [r"\d{3}-\d{4}", r"(yes|no)", r"[^a-z]+", r"^\w+@\w+\.com$", r"(?:ab)*c?", r".{5}", r"[\s\S]"]
    )
    def test_have_a_text_that_they_match(self, pattern: str) -> None:
        assert pattern_problem(pattern) is None
        assert text_of(pattern)

    @pytest.mark.parametrize("pattern", ["(", "a{5000}", r"(a)\1", r"a(?!a)a(?=b)"])
    def test_that_are_none_or_too_much_are_told(self, pattern: str) -> None:
        assert pattern_problem(pattern) is not None


class _Parrot(DeterministicEngine):
    """An engine that says the same to everybody."""

    def generate(self, job: Job) -> Iterator[Token]:
        yield from (Token(1, "Polly", -0.1), Token(2, " here", -0.1), end_of_sequence())


@pytest.mark.parametrize("image", [TGI_3_2, VLLM])
def test_another_engine_answers_through_every_dialect(image: str) -> None:
    container = ModelContainer.start(settings(image), _Parrot())
    try:
        _, answer = ContainerClient(container)({"messages": [HELLO]})
    finally:
        container.stop()
    assert answer["choices"][0]["message"]["content"] == "Polly here"
    assert answer["usage"]["completion_tokens"] == 3
