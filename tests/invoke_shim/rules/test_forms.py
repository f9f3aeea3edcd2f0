"""Forms of answers that a request prescribes, and how large they may be, wherever a container takes one."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim import rules
from invoke_shim.openai import parameters
from invoke_shim.rules import forms
from invoke_shim.rules.base import ContainerRules
from invoke_shim.rules.template_arguments import NAMES

CHAT = [{"role": "user", "content": "Hi"}]
LARGE = "((a{1,1000}){1,1000}){1,1000}"


def an_object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def nested(depth: int) -> dict[str, Any]:
    return {"items": nested(depth - 1)} if depth > 1 else {}


REGEXES = {
    "[a-z]+@[a-z.]+": None,
    r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?": None,
    r"^(yes|no|[^]\]a-c]+)$": None,
    r"(?:[A-Z][a-z]{1,20} ?){1,100}": None,
    r"(?P<word>\w{1,30},?)*?": None,
    r"a{1,2000}b{0,2000}": None,
    r"\{{3}\(\[": None,
    "a{,5}{x}{": None,
    "x" * forms.MAX_REGEX: None,
    "(a+b)?c": None,
    "(a+b){2,3}": None,
    "": "of at most 1024 characters",
    "x" * (forms.MAX_REGEX + 1): "of at most 1024 characters",
    "(a+)+": "without endless repetitions in each other",
    "((a|b*)c){2,}": "without endless repetitions in each other",
    "a**": "without endless repetitions in each other",
    "(x+?)*": "without endless repetitions in each other",
    LARGE: "make at most 10000",
    "(a{1,1000}){1,1000}": "make at most 10000",
    "(a{1000}b{1000}){6}": "make at most 10000",
    "a{99999999999}": "make at most 10000",
    "((a{100}){100}){2}?": "make at most 10000",
    "(a": "whose brackets close",
    "a)": "whose brackets close",
    "[a": "whose brackets close",
    "[^]": "whose brackets close",
    "a\\": "whose brackets close",
}


@pytest.mark.parametrize(("pattern", "expected"), REGEXES.items(), ids=[name[:30] for name in REGEXES])
def test_a_regular_expression_is_short_and_repeats_little(pattern: str, expected: str | None) -> None:
    found = forms.regex(pattern)
    assert (found is None) if expected is None else (found is not None and expected in found)


@given(st.text(alphabet="a\\\\()[]{}*+?,0123456789|^", max_size=60))
def test_any_text_is_judged_as_a_regular_expression(pattern: str) -> None:
    assert forms.regex(pattern) is None or "a regular expression" in str(forms.regex(pattern))


SCHEMAS: dict[str, tuple[Any, str | None]] = {
    "plain": (an_object(city={"type": "string", "maxLength": 2000, "pattern": "[A-Z].*"}), None),
    "references": ({"$ref": "#/$defs/a", "$defs": {"a": an_object(b={"$ref": "#/$defs/a"})}}, None),
    "lists of lists": (an_object(a={"maxItems": 100, "items": {"maxItems": 100, "items": {"type": "number"}}}), None),
    "a property named as a keyword": (an_object(pattern={"type": "string"}, maxItems={"type": "integer"}), None),
    "deep": (nested(forms.MAX_DEPTH), None),
    "too deep": (nested(forms.MAX_DEPTH + 1), "at most 32 lists and objects in each other"),
    "large": ({"description": "x" * forms.MAX_FORM}, "at most 16384 characters"),
    "many properties": ({"properties": dict.fromkeys(map(str, range(257)), True)}, "at most 256 properties"),
    "a long pattern": (an_object(a={"pattern": "x" * 1025}), "whose patterns are each a regular expression of at most"),
    "a large pattern": ({"items": {"pattern": LARGE}}, "whose patterns are each"),
    "a large name": ({"patternProperties": {LARGE: {}}}, "whose patterns are each"),
    "large lists of lists": ({"maxItems": 101, "items": [{"maxItems": 100}]}, "make at most 10000"),
    "a long text": ({"minLength": 10_001}, "make at most 10000"),
    "a count that is no integer": ({"maxItems": 1e300}, "make at most 10000"),
    "another document": ({"$ref": "http://169.254.169.254/x"}, "whose $ref stays within it"),
    "no object": ("string", "a JSON schema, which is an object"),
}


@pytest.mark.parametrize(("schema", "expected"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_is_within_its_bounds(schema: Any, expected: str | None) -> None:
    found = forms.schema(schema)
    assert (found is None) if expected is None else (found is not None and expected in found)
    if isinstance(schema, dict):
        assert forms.schema_text(json.dumps(schema)) == found


@pytest.mark.parametrize("text", ["{", "[]", "x" * (forms.MAX_FORM + 1), "[" * 10_000])
def test_a_schema_in_a_string_is_json(text: str) -> None:
    assert forms.schema_text(text) is not None


def test_a_grammar_and_choices_are_within_their_bounds() -> None:
    assert forms.grammar('root ::= "a"{1,20} [b-z]*') is None
    assert forms.grammar("x" * (forms.MAX_FORM + 1)) is not None
    assert "repeats at most 10000 times" in str(forms.grammar('root ::= "a"{1,1000000}'))
    assert forms.choices(["yes", "no"]) is None
    for wrong in (["x" * forms.MAX_FORM, "y"], [], [""], "yes", [1]):
        assert forms.choices(wrong) is not None


TOO_LARGE: Any = an_object(a={"pattern": LARGE})
WRAPPED = {"type": "json_schema", "json_schema": {"name": "n", "schema": TOO_LARGE}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": TOO_LARGE}}
EVERYWHERE: list[tuple[ContainerRules, str, Callable[[Any], dict[str, Any]], Any]] = [
    *(
        (container, name, lambda value, name=name: {"messages": CHAT, name: value}, value)
        for container in (rules.VLLM, rules.LMI)
        for name, value in {
            "chat_template_kwargs": {"chat_template": "{{ x }}"},
            "guided_choice": ["x" * 20_000],
            "guided_grammar": "x" * 20_000,
            "guided_json": TOO_LARGE,
            "guided_regex": LARGE,
            "response_format": WRAPPED,
            "structured_outputs": {"json": TOO_LARGE},
            "tools": [TOOL],
        }.items()
    ),
    *(
        (rules.TGI, "parameters.grammar", lambda value: {"inputs": "Hi", "parameters": {"grammar": value}}, value)
        for value in (
            {"type": "regex", "value": LARGE},
            {"type": "json", "value": TOO_LARGE},
            {"type": "json", "value": json.dumps(TOO_LARGE)},
            {"type": "json_schema", "value": {"name": "n", "schema": TOO_LARGE}},
        )
    ),
    *(
        (container, name, lambda value, body=body, name=name: {**body, name: value}, value)
        for container, body in (
            (rules.BEDROCK_CHAT, {"messages": CHAT}),
            (rules.BEDROCK_COMPLETION, {"prompt": "Hi", "max_tokens": 5}),
        )
        for name, value in {"response_format": WRAPPED, "structured_outputs": {"regex": LARGE}}.items()
    ),
    (rules.BEDROCK_CHAT, "tools", lambda value: {"messages": CHAT, "tools": value}, [TOOL]),
    (
        rules.BEDROCK_NATIVE,
        "response_format",
        lambda value: {"prompt": "Hi", "max_gen_len": 5, "response_format": value},
        {"type": "json_schema", "json_schema": TOO_LARGE},
    ),
    (
        rules.BEDROCK_CONVERSE,
        "toolConfig",
        lambda value: {"messages": CHAT, "toolConfig": value},
        {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": TOO_LARGE}}}]},
    ),
    (
        rules.BEDROCK_CONVERSE,
        "outputConfig",
        lambda value: {"messages": CHAT, "outputConfig": value},
        {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(TOO_LARGE)}}}},
    ),
]


@pytest.mark.parametrize(("container", "param", "body_of", "value"), EVERYWHERE)
def test_every_container_refuses_a_form_that_is_too_large(
    container: ContainerRules, param: str, body_of: Callable[[Any], dict[str, Any]], value: Any
) -> None:
    assert [problem.param for problem in container.native_problems(body_of(value))] == [param]


@pytest.mark.parametrize("container", [rules.VLLM, rules.TGI_GUIDED, rules.BEDROCK_CHAT, rules.BEDROCK_NATIVE])
def test_openais_routes_refuse_a_form_that_is_too_large(container: ContainerRules) -> None:
    bodies: list[dict[str, Any]] = [{"response_format": WRAPPED}]
    bodies += [
        {name: value}
        for name, value in {
            "guided_regex": LARGE,
            "guided_json": TOO_LARGE,
            "grammar": {"type": "regex", "value": LARGE},
            "structured_outputs": {"regex": LARGE},
            "chat_template_kwargs": {"tokenize": True},
        }.items()
        if name in container.rules.extra
    ]
    for body in bodies:
        _, problems = parameters.read(
            body, kind="chat", rules=container.rules, max_input_tokens=None, max_total_tokens=None
        )
        assert [problem.param for problem in problems] == list(body)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [True, False, "low", None])
def test_a_chat_templates_published_flags_are_taken(name: str, value: object) -> None:
    assert not rules.VLLM.native_problems({"messages": CHAT, "chat_template_kwargs": {name: value}})


ODD_FLAGS: list[Any] = [1, 0.5, {}, [], "", "x" * 33, "{{ x }}", "<|im_end|>", "a b"]


@pytest.mark.parametrize(
    "value",
    [
        *({name: True} for name in ("tokenize", "conversation", "tools", "continue_final_message", "documents")),
        *({"enable_thinking": odd} for odd in ODD_FLAGS),
        {"enable_thinking": True, "chat_template": "x"},
        [],
        "enable_thinking",
    ],
)
def test_nothing_else_reaches_a_chat_template(value: object) -> None:
    [problem] = rules.VLLM.native_problems({"messages": CHAT, "chat_template_kwargs": value})
    assert "enable_thinking" in problem.message
    assert "is an object, expected an object" not in problem.message
    assert problem.message.endswith("the model's own template writes the prompt")


@pytest.mark.parametrize("name", ["chat_template", "chat_templates", "template", "tokenizer"])
def test_a_refusal_leads_to_no_way_round_it(name: str) -> None:
    found, problems = parameters.read(
        {name: "x"}, kind="chat", rules=rules.VLLM.rules, max_input_tokens=None, max_total_tokens=None
    )
    assert not found.extra
    assert "chat_template_kwargs" not in problems[0].message or name == "chat_templates"


def test_megabytes_of_a_form_are_refused_in_no_time() -> None:
    started = time.process_time()
    for value in ("(" * 5_000_000, "[" * 5_000_000):
        assert forms.regex(value) is not None
        assert forms.schema_text(value) is not None
        assert forms.grammar(value) is not None
    assert forms.schema({f"p{number}": {} for number in range(300_000)}) is not None
    assert time.process_time() - started < 2
