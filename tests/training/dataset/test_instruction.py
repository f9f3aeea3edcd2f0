import json

import pytest

from tests.training.dataset.dataset_pieces import (
    TEMPLATE,
    Memory,
    count,
    found,
    good,
    instructions,
    jsonl,
    lines,
    sample,
)
from training.dataset import DEFAULT, Kind, Options, check


def test_accepts_records_that_fill_the_template() -> None:
    report = instructions(good(10))

    assert report.ok
    assert not report.findings
    assert report.train.count == 10
    assert report.template == TEMPLATE


def test_names_the_line_of_each_kind_of_fault() -> None:
    content = b"\n".join(
        [
            json.dumps(sample(1)).encode(),
            b'{"question": "cut',
            b"",
            b'["a list"]',
            b'{"question": "no answer"}',
            b'{"question": 5, "answer": null}',
            b'{"question": "\xff", "answer": "a"}',
            b'{"question": "q", "answer": "  "}',
            rb'{"question": "\ud83d", "answer": "half a pair"}',
            b'{"question": "q", "answer": NaN}',
            json.dumps(sample(2)).encode(),
        ]
    )

    report = instructions(content)

    assert not report.ok
    assert lines(report, Kind.NOT_JSON) == [2, 10]
    assert lines(report, Kind.BLANK_LINE) == [3]
    assert lines(report, Kind.NOT_AN_OBJECT) == [4]
    assert lines(report, Kind.MISSING_FIELD) == [5]
    assert lines(report, Kind.NOT_A_STRING) == [6]
    assert lines(report, Kind.ENCODING) == [7, 9]
    assert lines(report, Kind.EMPTY_SAMPLE) == [8]
    assert report.train.count == 2


def test_says_what_is_wrong_without_saying_what_the_sample_says() -> None:
    report = instructions(
        b'{"question": "my secret", "reply": "hush"}\n{"question": "my secret"\n{"question": 1, "answer": []}'
    )

    assert found(report, Kind.MISSING_FIELD)[0].detail == "no 'answer'; it has 'question', 'reply'"
    assert found(report, Kind.NOT_A_STRING)[0].detail == "'question' is a number, 'answer' is an array"
    assert "secret" not in report.text()
    assert "hush" not in json.dumps(report.to_dict())


def test_takes_an_escaped_pair_of_surrogates_for_the_character_it_is() -> None:
    report = instructions(good() + rb'{"question": "\ud83d\ude00", "answer": "a smile"}')

    assert report.ok


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_the_last_line_may_have_no_end_and_lines_may_end_as_windows_ends_them(ending: bytes) -> None:
    content = (b"\r\n" if ending == b"\r\n" else b"\n").join(good(3).splitlines()) + ending

    report = instructions(content)

    assert report.ok
    assert report.train.count == 3


def test_counts_all_and_shows_the_first() -> None:
    report = instructions(good() + b"broken\n" * 50, keep=3)

    assert count(report, Kind.NOT_JSON) == 50
    assert lines(report, Kind.NOT_JSON) == [5, 6, 7]
    assert "and 47 more" in report.text()


def test_a_field_may_be_empty_as_long_as_its_part_has_text() -> None:
    template = {"prompt": "{question} {context}", "completion": "{answer}"}
    report = instructions(jsonl(*(sample(number, context="") for number in range(3))), template=template)

    assert report.ok
    assert report.train.empty_fields == {"context": 3}


def test_warns_of_fields_that_the_template_does_not_use_once_each() -> None:
    report = instructions(jsonl(*(sample(number, category="qa") for number in range(3))))

    assert report.ok
    assert [one.detail for one in found(report, Kind.UNUSED_FIELD)] == ["field 'category'"]
    assert report.train.unused_fields == {"category": 3}


def test_a_new_field_on_every_line_needs_no_more_memory() -> None:
    report = instructions(jsonl(*(sample(number, **{f"field{number}": 1}) for number in range(100))))

    assert len(report.train.unused_fields) == 20


def test_measures_the_sample_with_the_template_around_it() -> None:
    template = {"prompt": "{{{question}}} ü {question}", "completion": "{answer}"}
    record = {"question": "öl", "answer": "ja"}

    report = instructions(jsonl(record, sample(1)), template=template)

    rendered = (template["prompt"] + template["completion"]).format(**record)
    assert report.train.lengths.least == len(rendered.encode())


def test_warns_of_samples_that_are_probably_cut_and_says_that_it_estimates() -> None:
    report = instructions(good() + jsonl({"question": "q", "answer": "word " * 100}), max_input_length=100)

    assert report.ok
    assert lines(report, Kind.OVER_LONG) == [5]
    assert report.train.over_long == 1
    assert "estimate" in Kind.OVER_LONG.meaning


def test_takes_the_recipes_default_where_no_length_is_given() -> None:
    long = jsonl({"question": "q", "answer": "x" * 5000})

    assert lines(instructions(good() + long), Kind.OVER_LONG) == [5]
    assert lines(instructions(good() + long, max_input_length=-1), Kind.OVER_LONG) == [5]
    assert not lines(instructions(good() + long, max_input_length=2048), Kind.OVER_LONG)


def test_warns_of_repeated_samples_however_they_are_written() -> None:
    again = b'{ "answer":"The number 1.",   "question":"What is 1?"}\n'

    report = instructions(good() + again)

    assert report.ok
    assert lines(report, Kind.DUPLICATE) == [5]


def test_samples_with_the_same_question_and_another_answer_are_no_repetition() -> None:
    report = instructions(jsonl({"question": "q", "answer": "a"}, {"question": "q", "answer": "b"}))

    assert not report.findings


def test_says_when_more_samples_came_than_it_remembers() -> None:
    report = instructions(good(10) + good(10), remembered_samples=4)

    assert count(report, Kind.DUPLICATE) == 4
    assert not report.train.all_compared
    assert "repetitions among the later ones are not found" in report.text()


def test_refuses_a_line_that_is_too_long_without_holding_it() -> None:
    long = jsonl({"question": "q", "answer": "x" * 3000})

    report = instructions(good(2) + long + good(2), pieces=[100], max_line_bytes=1000)

    assert lines(report, Kind.LINE_TOO_LONG) == [3]
    assert report.train.count == 4


def test_refuses_deeply_nested_json_instead_of_falling_over() -> None:
    report = instructions(good() + b"[" * 100_000 + b"\n")

    assert [one.detail for one in found(report, Kind.NOT_JSON)] == ["nested too deeply"]


def test_reads_several_files_of_one_folder_and_counts_lines_in_each() -> None:
    files = {"a.jsonl": good(3), "b.jsonl": b"broken\n", "template.json": json.dumps(TEMPLATE).encode()}

    report = check(Memory(files), Options())

    assert report.train.count == 3
    assert [str(one) for one in found(report, Kind.NOT_JSON)] == ["train/b.jsonl:1: expecting value at column 1"]


def test_finds_repetitions_across_files() -> None:
    files = {"a.jsonl": good(3), "b.jsonl": good(3), "template.json": json.dumps(TEMPLATE).encode()}

    assert count(check(Memory(files), Options()), Kind.DUPLICATE) == 3


def test_without_a_template_jumpstarts_own_is_used() -> None:
    record = {"instruction": "Say a.", "context": "", "response": "a"}
    report = check(Memory({"train.jsonl": jsonl(record, {**record, "response": "b"}, sample(1))}), Options())

    assert report.template == DEFAULT
    assert report.template_origin == "default"
    assert lines(report, Kind.MISSING_FIELD) == [3]


def test_lines_are_looked_at_even_where_the_template_is_broken() -> None:
    report = instructions(good() + b"broken\n", template={"prompt": "{question}"})

    assert found(report, Kind.TEMPLATE)
    assert lines(report, Kind.NOT_JSON) == [5]


def test_names_the_method_or_the_file_that_other_data_needs() -> None:
    chat = {"messages": [{"role": "user", "content": "Hi."}]}
    pairs = {"prompt": "Say a.", "completion": "a"}
    report = check(Memory({"train.jsonl": jsonl(chat, pairs, {"text": "a"})}), Options())

    assert [one.detail.partition("it has ")[2] for one in found(report, Kind.MISSING_FIELD)] == [
        "'messages'; a conversation: try --method chat",
        "'prompt', 'completion'; add a template.json that names these fields",
        "'text'",
    ]
    assert "add a template.json" not in str(found(instructions(good() + jsonl(pairs)), Kind.MISSING_FIELD))
