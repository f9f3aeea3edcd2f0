"""Forms of answers that a request prescribes, and how large they may be, wherever a container takes one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim import rules
from invoke_shim.openai import parameters
from invoke_shim.rules import forms, regexes, schemas
from invoke_shim.rules.base import ContainerRules
from invoke_shim.rules.bedrock import tool_config
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
    r"^(yes|no|[^\]a-c]+)$": None,
    "[^]a]": "a backslash before a first ']'",
    r"(?:[A-Z][a-z]{1,20} ?){1,100}": None,
    r"(?P<word>\w{1,30},?)*?": None,
    r"a{1,2000}b{0,2000}": None,
    r"\{{3}\(\[": None,
    "a{,5}{x}{": None,
    "x" * regexes.MAX_REGEX: None,
    "(a+b)?c": None,
    "(a+b){2,3}": None,
    "": "of at most 1024 characters",
    "x" * (regexes.MAX_REGEX + 1): "of at most 1024 characters",
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
    "deep": (nested(schemas.MAX_DEPTH), None),
    "too deep": (nested(schemas.MAX_DEPTH + 1), "at most 32 lists and objects in each other"),
    "large": ({"description": "x" * schemas.MAX_FORM}, "at most 16384 characters"),
    "many properties": ({"properties": dict.fromkeys(map(str, range(257)), True)}, "at most 256 properties"),
    "a long pattern": (an_object(a={"pattern": "x" * 1025}), "whose patterns are each a regular expression of at most"),
    "a large pattern": ({"items": {"pattern": LARGE}}, "whose patterns are each"),
    "a large name": ({"patternProperties": {LARGE: {}}}, "whose patterns are each"),
    "large lists of lists": ({"maxItems": 101, "items": [{"maxItems": 100}]}, "make at most 10000"),
    "a long text": ({"minLength": 65_537}, "make at most 65536"),
    "a count that is no integer": ({"maxItems": 1e300}, "maxItems is an integer of at least 0"),
    "another document": ({"$ref": "http://169.254.169.254/x"}, "whose $ref stays within it"),
    "no object": ("string", "a JSON schema, which is an object"),
}


@pytest.mark.parametrize(("schema", "expected"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_is_within_its_bounds(schema: Any, expected: str | None) -> None:
    found = forms.schema(schema)
    assert (found is None) if expected is None else (found is not None and expected in found)
    if isinstance(schema, dict):
        assert forms.schema_text(json.dumps(schema)) == found


@pytest.mark.parametrize("text", ["{", "[]", "x" * (schemas.MAX_FORM + 1), "[" * 10_000])
def test_a_schema_in_a_string_is_json(text: str) -> None:
    assert forms.schema_text(text) is not None


def test_a_grammar_and_choices_are_within_their_bounds() -> None:
    assert forms.grammar('root ::= "a"{1,20} [b-z]*') is None
    assert forms.grammar("x" * (schemas.MAX_FORM + 1)) is not None
    assert "counts make at most 10000" in str(forms.grammar('root ::= "a"{1,1000000}'))
    assert forms.choices(["yes", "no"]) is None
    for wrong in (["x" * schemas.MAX_FORM, "y"], [], [""], "yes", [1]):
        assert forms.choices(wrong) is not None


def a_chain(links: int, *, times: int, **counts: int) -> dict[str, Any]:
    definitions: dict[str, Any] = {
        f"a{link}": {"items": {"$ref": f"#/$defs/a{link + 1}"}, **counts}
        if times == 1
        else {"properties": {key: {"$ref": f"#/$defs/a{link + 1}"} for key in "xy"}}
        for link in range(links)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**definitions, f"a{links}": {"type": "string"}}}


TREE = {"$ref": "#/$defs/node", "$defs": {"node": an_object(left={"$ref": "#/$defs/node"}, right={"$ref": "#"})}}
EXPANDED: dict[str, tuple[Any, str | None]] = {
    "a tree": (TREE, None),
    "a list of itself": (an_object(children={"type": "array", "maxItems": 10, "items": {"$ref": "#"}}), None),
    "a crowd of itself": (an_object(children={"type": "array", "maxItems": 1000, "items": {"$ref": "#"}}), "make at"),
    "references to two of the next": (a_chain(30, times=2), "make at most 1000000"),
    "a few of them": (a_chain(8, times=2), None),
    "references to lists of the next": (a_chain(5, times=1, minItems=1000), "make at most 10000"),
    "a chain of references": (a_chain(100, times=1), "at most 64 schemas in each other"),
    "a circle of references": ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, None),
    "a reference to nothing": ({"$ref": "#/$defs/a"}, "leads to a schema within it"),
    "a reference to a name": ({"$ref": "#a", "$defs": {"a": {"$anchor": "a"}}}, "leads to a schema within it"),
    "a reference to a member": ({"$ref": "#/anyOf/1", "anyOf": [True, {"pattern": LARGE}]}, "whose patterns"),
    "a reference to data": ({"$ref": "#/x/a~1b%20", "x": {"a/b ": {"pattern": LARGE}}}, "whose patterns are each"),
    "another base": ({"items": {"$id": "http://x/", "$ref": "#/a"}}, "without a $id in an inner schema"),
    "patterns": ({"anyOf": [{"pattern": "a{9999}"} for _ in range(110)]}, "make at most"),
    "patterns in lists": ({"minItems": 9999, "items": {"pattern": "a{9999}"}}, "make at most 1000000"),
    "unused definitions": ({"$defs": {str(n): {"pattern": "a{9999}"} for n in range(110)}}, "make at most 1000000"),
    "alternatives of each other": ({"allOf": [{"anyOf": [{}, {}]} for _ in range(20)]}, "make at most 1000000"),
    "a long text": ({"type": "string", "maxLength": 65_536}, None),
    "a count as text": ({"minItems": "99999999"}, "minItems is an integer of at least 0"),
    "a negative count": ({"maxLength": -1}, "maxLength is an integer of at least 0"),
    "a default": ({"default": {"maxItems": 20_000, "minItems": "x"}}, None),
    "values": ({"enum": [{"$ref": "x"}], "const": {"$ref": "http://x"}}, None),
    "examples": ({"examples": [{"pattern": "(a+)+"}]}, None),
    "values in lists": ({"maxItems": 1000, "items": {"enum": ["x" * 2000]}}, "make at most 1000000"),
}


@pytest.mark.parametrize(("schema", "expected"), EXPANDED.values(), ids=EXPANDED)
def test_a_schema_counts_as_large_as_it_is_written_out(schema: Any, expected: str | None) -> None:
    found = forms.schema(schema)
    assert (found is None) if expected is None else (found is not None and expected in found)


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity", '"\\ud800"'])
def test_a_schema_in_a_string_is_read_as_a_body_is(number: str) -> None:
    assert forms.schema_text(f'{{"maximum": {number}}}') == "a JSON schema, as an object or as JSON"
    assert forms.schema_text('{"maximum": 1e3}') is None


def test_all_tools_of_a_request_have_one_bound() -> None:
    parameters = an_object(**{f"p{number}": {"maxLength": 9999} for number in range(90)})
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    converse = {"toolSpec": {"name": "f", "inputSchema": {"json": parameters}}}
    for check, value, many in (
        (forms.tools, [tool], [tool, tool]),
        (tool_config, {"tools": [converse]}, {"tools": [converse, converse]}),
    ):
        assert check(value) is None
        assert "make at most 1000000" in str(check(many))


DIALECTS = {
    ".*a.{500}": "counts at most to 16",
    "[a-z]*a[a-z]{60}": "counts at most to 16",
    ".{0,500}a.{500}": "counts at most to 16",
    "(.*)(a(.{500}))": "counts at most to 16",
    "(a|b|a[ab]{500})*": "counts at most to 16",
    "(.*a){65}": "to 64 around one",
    "[a-z]+@[a-z]{2,63}": None,
    r"^[\w.+-]+@([a-z0-9-]{1,63}\.)+[a-z]{2,63}$": None,
    r".*\d{4}-\d{2}": None,
    r"[a-z-]+:\d{12}:.{1,200}": None,
    ".*:[a-z]*:.{1,200}": "counts at most to 16",
    "(?:[a-z]*:)?.{1,200}": None,
    "(?=.*[A-Z]).{8,64}": None,
    "(-.*a)[^-]{500}": "counts at most to 16",
    "(.*a).{500}": "counts at most to 16",
    "(b|.*a|c:)?.{500}": "counts at most to 16",
    "((((){9999}){9999}){9999}){9999}": "make at most 10000",
    "(?x)#[\n((a{999}){999}){999}#]": "without comments",
    "(?i-sx:a)": "without comments",
    "(?#[)(a{999}){999}(?#])": "without comments",
    "(a{ 1000 }){ 1 , 1000 }": "make at most 10000",
    "(?i:a)": None,
}


@pytest.mark.parametrize(("pattern", "expected"), DIALECTS.items(), ids=[name[:30] for name in DIALECTS])
def test_a_regular_expression_is_small_in_every_dialect(pattern: str, expected: str | None) -> None:
    found = forms.regex(pattern)
    assert (found is None) if expected is None else (found is not None and expected in found)


DOUBLED = "\n".join(f"A{number}: A{number + 1} A{number + 1}" for number in range(30))
GRAMMARS = {
    'root ::= "a"{1,20} [b-z]* "{" ws "}"\nws ::= [ \\t\\n]*': None,
    'root ::= item ("," item)*\nitem ::= "root" | "(" root ")" | [0-9] item': None,
    'start: sum\n?sum: NUMBER ("+" sum)? // sum: sum\nNUMBER: /[0-9]+/\n%ignore " "': None,
    'start: "{}" ("-"? [0-9]~1..15) ("." /[0-9]{1,15}/)? (" "{,20} "x"{4})': None,
    f"start: /{LARGE}/": "counts make at most 10000",
    "start: /(a+)+/": "whose regular expressions are each",
    "start: /a b/x": "without the flag x",
    'root ::= (("a"{9999}){9999}){9999}': "counts make at most 10000",
    'root ::= "a"{ 1, 99999999 }': "counts make at most 10000",
    'start: (("a"~9999999)~99999)~9999': "counts make at most 10000",
    'start: "a" ~ 1 .. 10001': "counts make at most 10000",
    'start: %json {"type": "string"}': "without directives",
    "%import common.WORD\nstart: WORD": "without directives",
    'start: list{"a"}\nlist{x}: x x': "without templates",
    "root ::= root": "begins with itself",
    'root ::= "a" | ("b"? other)\nother ::= empty root "c"\nempty ::= ""': "begins with itself",
    'start: ["a"] start': "begins with itself",
    'start: "a"~0..2 start': "begins with itself",
    f'start: A0\n{DOUBLED}\nA30: "a"': "make at most 1000000",
    'start: A\nA: "a" A': "part of itself",
}


@pytest.mark.parametrize(("grammar", "expected"), GRAMMARS.items(), ids=[name[:30] for name in GRAMMARS])
def test_a_grammar_is_small_when_written_out(grammar: str, expected: str | None) -> None:
    found = forms.grammar(grammar)
    assert (found is None) if expected is None else (found is not None and expected in found)


# Each fills what a schema, a regular expression or a grammar may have of characters; the third value is what is
# said of it.
LARGEST: list[tuple[Callable[[Any], str | None], Any, str | None]] = [
    (forms.regex, ".*" + "[a-z]{9}" * 120, None),
    (forms.regex, "a*" + "a?" * 200 + "b{1,99}" * 80, None),
    (forms.regex, "(" * 1024, "brackets close"),
    (forms.grammar, 'a ::= ""\n' + "a ::= a\n" * 1500, "begins with itself"),
    (forms.grammar, "\n".join(f"r{n} ::= r{n + 1}" for n in range(900)) + '\nr900 ::= ""', "16 deep"),
    (forms.grammar, "[" * schemas.MAX_FORM, None),
    (forms.grammar, '"' * schemas.MAX_FORM, None),
    (forms.grammar, "/" + "\\" * (schemas.MAX_FORM - 1), None),
    (forms.grammar, "a: " + "(" * 16_000, None),
    (forms.grammar, " " * schemas.MAX_FORM, None),
    (forms.grammar, "~" + " " * (schemas.MAX_FORM - 1), None),
    (forms.grammar, "{" + " " * (schemas.MAX_FORM - 1), None),
    (forms.grammar, "a" * schemas.MAX_FORM, None),
    (forms.schema, {"anyOf": [{"$ref": f"#/anyOf/{n}"} for n in range(600)]}, "at most 1000000"),
]


@pytest.mark.parametrize(("check", "value", "expected"), LARGEST, ids=[str(value)[:12] for _, value, _ in LARGEST])
def test_the_largest_forms_are_judged(check: Callable[[Any], str | None], value: Any, expected: str | None) -> None:
    found = check(value)
    assert (found is None) if expected is None else (found is not None and expected in found)


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


def test_megabytes_of_a_form_are_refused() -> None:
    for value in ("(" * 5_000_000, "[" * 5_000_000):
        assert forms.regex(value) is not None
        assert forms.schema_text(value) is not None
        assert forms.grammar(value) is not None
    assert forms.schema({f"p{number}": {} for number in range(300_000)}) is not None


def test_a_schema_is_bounded_by_either_name_that_tgi_has_for_it() -> None:
    large = an_object(a={"pattern": LARGE})
    for name in ("parameters", "arguments"):
        assert forms.tools([{"type": "function", "function": {"name": "f", name: large}}]) is not None
