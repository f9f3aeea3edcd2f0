import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.dataset.dataset_pieces import TEMPLATE, Memory, found, good
from training.dataset import DEFAULT, Kind, Options, TemplateError, check
from training.dataset.template import make, read


def _problems(value: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        read(json.dumps(value).encode())
    return str(caught.value)


def test_reads_the_fields_of_both_parts() -> None:
    template = make({"prompt": "{a} and {b} and {a}", "completion": "{c}"})

    assert dict(template.fields) == {"a": 2, "b": 1, "c": 1}


def test_doubled_braces_are_text() -> None:
    template = make({"prompt": '{{"q": {question}}}', "completion": "{answer}"})

    assert set(template.fields) == {"question", "answer"}
    assert template.literal_bytes == len('{"q": }')


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_counts_the_bytes_around_the_fields_as_format_writes_them(before: str, after: str) -> None:
    def doubled(text: str) -> str:
        return text.replace("{", "{{").replace("}", "}}")

    prompt = f"{doubled(before)}{{x}}{doubled(after)}"

    assert make({"prompt": prompt, "completion": "{y}"}).literal_bytes == len(prompt.format(x="").encode())


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"prompt": "{q}"}, "no key 'completion'"),
        (
            {"prompt": "{q}", "completion": "{a}", "system": "s"},
            "key 'system' is not allowed; allowed: prompt, completion",
        ),
        ({"prompt": ["{q}"], "completion": "{a}"}, "prompt is no string"),
        ({"prompt": "{q", "completion": "{a}"}, "prompt: expected '}' before end of string"),
        ({"prompt": "{q}", "completion": "{a}}"}, "completion: single '}' encountered in format string"),
        ({"prompt": "{}", "completion": "{a}"}, "prompt: a field without a name"),
        ({"prompt": "{0}", "completion": "{a}"}, "prompt: a field without a name"),
        ({"prompt": "{q!r}", "completion": "{a}"}, "field 'q!r' is more than a name"),
        ({"prompt": "{q.x}", "completion": "{a}"}, "field 'q.x' is more than a name"),
        ({"prompt": "{q:>9}", "completion": "{a}"}, "field 'q:>9' is more than a name"),
        ({"prompt": "{q}", "completion": "yes"}, "completion has no {field}"),
        (["{q}"], "not a JSON object"),
    ],
)
def test_says_what_is_wrong_with_a_template(value: Any, problem: str) -> None:
    assert problem in _problems(value)


def test_says_all_that_is_wrong_at_once() -> None:
    assert len(_problems({"prompt": "{}", "answer": "{a}"}).split("; ")) >= 3


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"{", "not JSON"),
        (b'{"prompt": "\xff"}', "not UTF-8 at byte 13"),
        (b'{"prompt": "{a}", "prompt": "{b}", "completion": "{c}"}', "key 'prompt' occurs more than once"),
        (b"[" * 100_000, "not JSON that can be read"),
        (b" " * (2**20 + 1), "larger than"),
    ],
)
def test_says_why_a_file_is_no_template(raw: bytes, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        read(raw)


def test_jumpstarts_default_is_a_template() -> None:
    assert list(make(DEFAULT).fields) == ["instruction", "context", "response"]


def test_the_datas_template_must_be_the_declared_one() -> None:
    files = {"train.jsonl": good(), "template.json": json.dumps(TEMPLATE).encode()}
    same = check(Memory(files), Options(template=dict(TEMPLATE)))
    other = check(Memory(files), Options(template={**TEMPLATE, "prompt": "{question}"}))

    assert same.ok
    assert [one.detail for one in found(other, Kind.TEMPLATE)] == ["it differs from the declared one in prompt"]


def test_what_a_declaration_adds_for_serving_is_not_in_the_data() -> None:
    files = {"train.jsonl": good(), "template.json": json.dumps(TEMPLATE).encode()}
    declared = {**TEMPLATE, "add_input_output_demarcation_key": False}

    assert check(Memory(files), Options(template=declared)).ok
    assert not check(Memory({**files, "template.json": json.dumps(declared).encode()}), Options()).ok


def test_a_declared_template_must_be_in_the_data_too_since_the_job_reads_it_there() -> None:
    report = check(Memory({"train.jsonl": good()}), Options(template=TEMPLATE))

    assert "JumpStart's default, which is used without one" in found(report, Kind.TEMPLATE)[0].detail


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"prompt": "no field", "completion": "{answer}"}, "prompt has no {field}, so that all samples would have the"),
        ({"prompt": "{question}"}, "no key 'completion'"),
    ],
)
def test_a_declared_template_that_is_none_is_reported(declared: dict[str, str], problem: str) -> None:
    files = {"train.jsonl": good(), "template.json": json.dumps(TEMPLATE).encode()}
    [finding] = found(check(Memory(files), Options(template=declared)), Kind.TEMPLATE)
    assert finding.detail.startswith(f"the declared template: {problem}")


def test_a_template_under_another_name_is_one_fault_and_not_one_a_line() -> None:
    files = {"train.jsonl": good(), "prompt_template.json": json.dumps(TEMPLATE).encode()}
    report = check(Memory(files), Options(template=TEMPLATE))

    assert [one.kind for one in report.findings] == [Kind.UNEXPECTED_FILE]
    assert str(found(report, Kind.UNEXPECTED_FILE)[0]) == (
        "train/prompt_template.json: it is no data file; rename it to template.json"
    )


def test_of_two_files_with_such_names_none_is_taken_for_the_template() -> None:
    files = {name: json.dumps(TEMPLATE).encode() for name in ("a_template.json", "b_template.json")}
    report = check(Memory({"train.jsonl": good(), **files}), Options())

    assert all("allowed: *.jsonl and template.json" in one.detail for one in found(report, Kind.UNEXPECTED_FILE))
    assert report.template_origin == "default"


def test_warns_of_an_answer_that_is_in_the_prompt() -> None:
    template = {"prompt": "{question} {answer}", "completion": "{answer}"}
    files = {"train.jsonl": good(), "template.json": json.dumps(template).encode()}
    report = check(Memory(files), Options())

    assert report.ok
    assert [str(one) for one in found(report, Kind.ANSWER_IN_PROMPT)] == [
        "train/template.json: field 'answer' is in prompt and completion"
    ]
