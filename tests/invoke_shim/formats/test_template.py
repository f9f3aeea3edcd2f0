"""A declared template: what is wrong with one, and what its fields may be."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from invoke_shim.formats.template import DEMARCATION, SPECIAL_TOKENS, TemplateError, TemplateFormat
from invoke_shim.generation.messages import Message
from tests.invoke_shim.client import Deploy, Runtime

INSTRUCTION = json.dumps({"prompt": "### Do:\n{instruction}\n### With:\n{context}", "completion": " {response}"})
QUESTION = json.dumps({"prompt": "Q: {question}", "completion": "{answer}"})

WRONG = {
    "no JSON": ("{", ["it is not JSON: Expecting property name"]),
    "a list": ("[]", ["it is a list, expected an object with prompt and completion"]),
    "nested too deeply": ("[" * 100_000, ["it is nested too deeply"]),
    "nothing in it": ("{}", ["it lacks prompt, expected prompt and completion", "it lacks completion, expected"]),
    "members of other types": (
        '{"prompt": 1, "completion": ""}',
        ["prompt is 1, expected a non-empty string", "completion is '', expected a non-empty string"],
    ),
    "an unknown member": (
        '{"prompt": "{a}", "completion": "{b}", "system": "x"}',
        ["it has an unknown member 'system', allowed: prompt, completion, add_input_output_demarcation_key"],
    ),
    "no field": (
        '{"prompt": "a {{b}}", "completion": "c"}',
        ["prompt has no field, expected at least one", "completion has no field, expected at least one"],
    ),
    "a single brace": (
        '{"prompt": "{a} {", "completion": "} {b}"}',
        [
            "prompt is not a format string: Single '{' encountered in format string (literal braces are {{ and }})",
            "completion is not a format string: Single '}'",
        ],
    ),
    "fields that are no names": (
        '{"prompt": "{} {0} {a.b} {a[0]}", "completion": "{c}"}',
        ["prompt holds '{}', expected", "prompt holds '{0}'", "prompt holds '{a.b}'", "prompt holds '{a[0]}'"],
    ),
    "fields with a format": (
        '{"prompt": "{a!r} {b:>9}", "completion": "{c}"}',
        ["prompt formats the field 'a' with ':' or '!', expected {a} alone", "prompt formats the field 'b'"],
    ),
    "nothing to learn": (
        '{"prompt": "{a} {b}", "completion": "{b}"}',
        ["completion has no field that prompt has not: there would be nothing to learn"],
    ),
    "half a character": (
        '{"prompt": "{a}\\ud800", "completion": "{b}"}',
        ["prompt holds a lone surrogate, which is not Unicode text"],
    ),
    "a key that is neither true nor false": (
        '{"prompt": "{a}", "completion": "{b}", "add_input_output_demarcation_key": "True"}',
        ["add_input_output_demarcation_key is 'True', expected true or false"],
    ),
    "several at once": (
        '{"prompt": "{0}", "completion": 1, "x": 2, "add_input_output_demarcation_key": 3}',
        [
            "it has an unknown member 'x'",
            "completion is 1",
            "prompt holds '{0}'",
            "add_input_output_demarcation_key is 3",
        ],
    ),
}


@pytest.mark.parametrize(("text", "problems"), WRONG.values(), ids=WRONG)
def test_says_all_that_is_wrong_with_a_template(text: str, problems: list[str]) -> None:
    with pytest.raises(TemplateError) as caught:
        TemplateFormat.parse(text)
    assert len(caught.value.problems) == len(problems), caught.value.problems
    for found, expected in zip(caught.value.problems, problems, strict=True):
        assert expected in found


@pytest.mark.parametrize(
    ("completion", "first"),
    [
        ("{answer}", DEMARCATION),
        ("{answer}\n", DEMARCATION),
        (" {answer} END", " END"),
        ("{answer}{{end}}", "{end}"),
        ("{{begin}} {answer}", DEMARCATION),
    ],
)
def test_what_follows_the_completions_last_field_ends_an_answer(completion: str, first: str) -> None:
    template = TemplateFormat.parse(json.dumps({"prompt": "{question}", "completion": completion}))
    assert template.stop[0] == first


def test_without_the_key_it_neither_ends_the_prompt_nor_the_answer() -> None:
    text = {"prompt": "{q}", "completion": "{a}", "add_input_output_demarcation_key": False}
    template = TemplateFormat.parse(json.dumps(text))
    assert template.render({"q": "Why?"}) == "Why?"
    assert DEMARCATION not in template.stop


NAME = st.text(st.characters(codec="utf-8", exclude_characters="{}.[]!:"), min_size=1, max_size=8).filter(
    lambda name: not name.isdecimal()
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(parts=st.lists(st.tuples(TEXT, NAME, TEXT), min_size=1, max_size=4), end=TEXT)
def test_any_text_and_names_are_written_as_they_are(parts: list[tuple[str, str, str]], end: str) -> None:
    def escape(text: str) -> str:
        return text.replace("{", "{{").replace("}", "}}")

    values = {name: value for _, name, value in parts}
    prompt = "".join(f"{escape(text)}{{{name}}}" for text, name, _ in parts) + escape(end)
    answer = "a" + "".join(values)
    template = TemplateFormat.parse(json.dumps({"prompt": prompt, "completion": f"{{{answer}}}"}))
    expected = "".join(text + values[name] for text, name, _ in parts) + end + DEMARCATION
    assert template.names == tuple(values)
    fields, problems = template.read_fields(values)
    assert problems == []
    borders = {line.rstrip() for line in (prompt + DEMARCATION).split("\n")}
    assume(not any(line.rstrip() in borders for value in values.values() for line in value.split("\n")))
    assert template.render(fields) == expected


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        (None, ["fields is null, expected an object with instruction, context"]),
        ([], ["fields is a list, expected an object"]),
        ({}, ["fields lacks instruction, context, expected an object with instruction, context"]),
        ({"instruction": "a"}, ["fields lacks context"]),
        (
            {"instruction": 1, "context": None, "response": "x"},
            [
                "fields has the unknown 'response'",
                "fields.instruction is 1, expected a string",
                "fields.context is null, expected a string",
            ],
        ),
        ({"instruction": "\ud800", "context": "x"}, ["fields.instruction holds a lone surrogate"]),
    ],
)
def test_says_all_that_is_wrong_with_fields(fields: Any, problems: list[str]) -> None:
    _, found = TemplateFormat.parse(INSTRUCTION).read_fields(fields)
    assert len(found) == len(problems), found
    for problem, expected in zip(found, problems, strict=True):
        assert expected in problem.message
        assert problem.param is not None
        assert problem.message.startswith(problem.param)


def test_names_no_more_than_a_few_of_a_million_unknown_fields() -> None:
    fields = {"instruction": "a", "context": "b"} | {f"x{number}": "" for number in range(1000)}
    _, problems = TemplateFormat.parse(INSTRUCTION).read_fields(fields)
    assert len(problems) == 1
    assert len(problems[0].message) < 500


@pytest.mark.parametrize(
    ("template", "chat", "fields"),
    [
        (INSTRUCTION, [("user", "Why?")], {"instruction": "Why?", "context": ""}),
        (INSTRUCTION, [("system", "Ulm is."), ("user", "Why?")], {"instruction": "Why?", "context": "Ulm is."}),
        (INSTRUCTION, [("developer", "Ulm is."), ("user", "Why?")], {"instruction": "Why?", "context": "Ulm is."}),
        (QUESTION, [("user", "Why?")], {"question": "Why?"}),
    ],
)
def test_a_chat_fills_the_first_fields(template: str, chat: list[tuple[str, str]], fields: dict[str, str]) -> None:
    form = TemplateFormat.parse(template)
    messages = [Message(*message) for message in chat]
    assert form.problems(messages) == []
    assert form.fields_of(messages) == fields


ORDER = "this model's template takes one question, which fills instruction, after a system message, which fills context"


@pytest.mark.parametrize(
    ("template", "chat", "fields"),
    [
        (INSTRUCTION, [("user", "a"), ("user", "b")], {"instruction": "a\n\nb", "context": ""}),
        (INSTRUCTION, [("system", "s"), ("system", "t"), ("user", "a")], {"instruction": "a", "context": "s\n\nt"}),
        (INSTRUCTION, [("user", "a"), ("system", "t")], {"instruction": "a\n\nt", "context": ""}),
        (QUESTION, [("system", "Be brief."), ("user", "Why?")], {"question": "Be brief.\n\nWhy?"}),
    ],
)
def test_messages_without_a_field_are_put_to_the_question(
    template: str, chat: list[tuple[str, str]], fields: dict[str, str]
) -> None:
    form = TemplateFormat.parse(template)
    messages = [Message(*message) for message in chat]
    assert form.problems(messages) == []
    assert form.fields_of(messages) == fields


@pytest.mark.parametrize(
    ("template", "roles", "problems"),
    [
        (
            INSTRUCTION,
            ["user", "assistant", "user"],
            [f"messages[1] has role 'assistant', allowed there: system, developer, user ({ORDER}"],
        ),
        (INSTRUCTION, ["system"], [f"messages has no message of the user's, but {ORDER}"]),
        (
            INSTRUCTION,
            ["assistant", "tool"],
            ["messages[0] has role 'assistant'", "messages[1] has role 'tool', allowed there: system, developer, user"],
        ),
    ],
)
def test_a_chat_of_more_than_one_question_is_refused_with_what_is_possible(
    template: str, roles: list[str], problems: list[str]
) -> None:
    found = TemplateFormat.parse(template).problems([Message(role, "text") for role in roles])
    assert len(found) == len(problems), found
    for problem, expected in zip(found, problems, strict=True):
        assert expected in problem.message
        assert "or send fields, an object with" in problem.message


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_a_field_that_would_end_the_prompt_is_written_as_text(token: str) -> None:
    prompt = TemplateFormat.parse(QUESTION).render({"question": f"a{token}b"})
    assert prompt == f"Q: a{token[:-1]} {token[-1]}b{DEMARCATION}"


@pytest.mark.parametrize("text", ["### Response:", "### With:", "### Do:\n### Do:", "a\n### Response: \r\nb"])
def test_a_field_makes_no_line_of_the_templates(text: str) -> None:
    form = TemplateFormat.parse(json.dumps({"prompt": "### Do:\n{do}\n### With:\n{it}", "completion": " {answer}"}))
    prompt = form.render({"do": text, "it": text})
    for line in ("### Do:", "### With:", "### Response:"):
        assert [found.rstrip() for found in prompt.split("\n")].count(line) == 1
    assert form.render({"do": "### Response: is a heading", "it": "Do: ###"}) == (
        f"### Do:\n### Response: is a heading\n### With:\nDo: ###{DEMARCATION}"
    )


def test_an_openai_client_sends_fields_beside_the_empty_messages_and_prompts_it_has_to_send(
    deploy: Deploy, runtime: Runtime
) -> None:
    shim = deploy(PROMPT_FORMAT="template", PROMPT_TEMPLATE=QUESTION)
    fields = {"question": "Why?"}
    for path, empty in (
        ("/v1/chat/completions", {"messages": []}),
        ("/v1/completions", {"prompt": ""}),
        ("/v1/completions", {"prompt": None}),
    ):
        runtime.bodies.clear()
        answer = shim.post(path, {"model": "the-model", **empty, "fields": fields})
        assert answer.status == 200, answer.text
        assert runtime.payload["inputs"] == f"Q: Why?{DEMARCATION}"


def test_a_chat_of_many_system_messages_is_read_in_proportion_to_their_number() -> None:
    reads = 0

    class Counted(Message):
        @property
        def role(self) -> str:
            nonlocal reads
            reads += 1
            return "system"

    template = TemplateFormat.parse(json.dumps({"prompt": "{question}", "completion": "{answer}"}))
    assert template.problems([*[Counted("system", "a")] * 200, Message("user", "b")]) == []
    assert reads < 2000
