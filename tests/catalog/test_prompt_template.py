"""One rule of what a template is, for the data check, the declarations and the shim that fills it in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.prompt_template import DEMARCATION_KEY, TemplateError, declared_problems, make, members_of
from invoke_shim.formats.template import TemplateError as ShimError
from invoke_shim.formats.template import TemplateFormat

GOOD = {"prompt": "Q: {question}", "completion": "{answer}"}
_PIECES = [
    "a",
    "{q}",
    "{a}",
    "{{",
    "}}",
    "{",
    "}",
    "{}",
    "{0}",
    "{q!r}",
    "{q:>3}",
    "{q.x}",
    "{q[0]}",
    "{\u0663}",
    "{\u00b2}",
    "\ud800",
]
_TEXTS = st.one_of(st.lists(st.sampled_from(_PIECES), max_size=4).map("".join), st.sampled_from([None, 1, ["{q}"]]))


def _shim_takes(text: str) -> bool:
    try:
        TemplateFormat.parse(text)
    except ShimError:
        return False
    return True


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt": _TEXTS,
            "completion": _TEXTS,
            DEMARCATION_KEY: st.sampled_from([True, False, "False", None]),
            "system": st.just("s"),
        },
    )
)
def test_takes_the_templates_that_the_shim_takes(value: dict[str, Any]) -> None:
    text = json.dumps(value)

    assert (not list(declared_problems(text))) is _shim_takes(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "1",
        "[" * 100_000,
        json.dumps({**GOOD, "completion": "{question}"}),
        json.dumps(GOOD),
        json.dumps({**GOOD, "prompt": "{\u00b2}"}),
        json.dumps({**GOOD, "prompt": "{\u0663}"}),
    ],
)
def test_agrees_with_the_shim_on_what_is_no_object_of_texts(text: str) -> None:
    assert (not list(declared_problems(text))) is _shim_takes(text)


def test_a_template_whose_answer_is_in_its_prompt_teaches_nothing() -> None:
    [problem] = declared_problems(json.dumps({"prompt": "{a}{b}", "completion": "{b}"}))

    assert problem.startswith("completion has no field that prompt has not")
    assert make({"prompt": "{a}{b}", "completion": "{b}{c}"}).given_away == ("b",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"prompt": "a"\n "{q}", "completion": "{a}"}', "two strings stand side by side at line 2, column 2; Python"),
        ('{"prompt": "{q}", "completion": "{a}",\n}', "a comma before the closing brace"),
        ('{"prompt": "{q}", "completion": "{a}" , }', "a comma before the closing brace"),
        ("{'prompt': '{q}'}", 'a string at line 1, column 2 that is not in double quotes; write "..."'),
        ('{"prompt": f"{q}"}', 'a string at line 1, column 12 that is not in double quotes; write "..."'),
        ('{"prompt": """{q}"""}', "two strings stand side by side"),
        ('{"prompt": "a\nb"}', r"a line break or tab within a string at line 1, column 14; write \n or \t"),
        ("\ufeff{}", "a byte order mark; save it as UTF-8 without one"),
        ('{"prompt": }', "Expecting value at line 1, column 12"),
    ],
)
def test_says_in_words_what_python_allows_and_json_does_not(text: str, problem: str) -> None:
    with pytest.raises(TemplateError, match=r"^not JSON: ") as caught:
        members_of(text)

    assert problem in str(caught.value)
