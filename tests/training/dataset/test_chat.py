from typing import Any

import pytest

from tests.training.dataset.dataset_pieces import Memory, count, found, jsonl, lines
from training.dataset import Kind, Options, Report, check


def _say(*roles: str) -> list[dict[str, str]]:
    return [{"role": role, "content": f"{role} speaks {index}"} for index, role in enumerate(roles)]


def _check(*records: Any) -> Report:
    good = [{"dialog": [*_say("user", "assistant"), {"role": "user", "content": str(number)}]} for number in range(2)]
    return check(Memory({"train.jsonl": jsonl(*good, *records)}), Options(method="chat"))


@pytest.mark.parametrize(
    "roles",
    [
        ["user", "assistant"],
        ["system", "user", "assistant"],
        ["user", "assistant", "user", "assistant"],
        ["system", "user", "assistant", "user"],
    ],
)
def test_takes_conversations_in_turns_with_a_system_message_first_if_at_all(roles: list[str]) -> None:
    assert _check({"dialog": _say(*roles)}).ok


@pytest.mark.parametrize(
    ("roles", "problem"),
    [
        (["assistant", "user"], "message 1 is assistant's, where user's is due"),
        (["user", "user"], "message 2 is user's, where assistant's is due"),
        (["user", "assistant", "system"], "message 3 is system's, where user's is due"),
        (["system", "assistant"], "message 2 is assistant's, where user's is due"),
        (["user"], "no message is assistant's"),
        (["system"], "no message is assistant's"),
        (["user", "bot"], "message 2 has the role 'bot'; allowed: system, user, assistant"),
    ],
)
def test_says_which_message_is_out_of_turn(roles: list[str], problem: str) -> None:
    report = _check({"dialog": _say(*roles)})

    assert [(one.line, one.detail) for one in found(report, Kind.CONVERSATION)] == [(3, problem)]


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([], "dialog is empty"),
        ("hello", "dialog is a string"),
        (["hello"], "message 1 is a string"),
        ([{"role": "user"}], "message 1 has no content"),
        ([{"role": "user", "content": None}], "message 1 has a content that is null"),
        ([{"role": 1, "content": "a"}], "message 1 has a role that is a number"),
    ],
)
def test_says_what_is_no_message(messages: Any, problem: str) -> None:
    (finding,) = found(_check({"dialog": messages}), Kind.CONVERSATION)

    assert finding.detail.startswith(problem)


@pytest.mark.parametrize("key", ["dialog", "messages", "conversations"])
def test_takes_each_key_that_the_recipes_know(key: str) -> None:
    conversations = [{key: [*_say("user", "assistant"), {"role": "user", "content": str(turn)}]} for turn in range(2)]

    assert check(Memory({"train.jsonl": jsonl(*conversations)}), Options(method="chat")).ok


def test_one_key_is_used_throughout() -> None:
    report = _check({"messages": _say("user", "assistant")})

    assert "use one key throughout" in found(report, Kind.CONVERSATION)[0].detail


def test_a_line_without_a_conversation_or_with_two_is_at_fault() -> None:
    report = _check({"text": "a"}, {"dialog": [], "messages": []}, _say("user", "assistant"))

    assert lines(report, Kind.MISSING_FIELD) == [3, 4]
    assert lines(report, Kind.NOT_AN_OBJECT) == [5]


def test_an_assistant_that_says_nothing_teaches_nothing() -> None:
    report = _check({"dialog": [{"role": "user", "content": "a"}, {"role": "assistant", "content": " \n"}]})

    assert lines(report, Kind.EMPTY_SAMPLE) == [3]


def test_warns_of_a_repeated_conversation() -> None:
    again = {"dialog": _say("user", "assistant"), "id": 1}

    assert count(_check(again, {**again, "id": 2}), Kind.DUPLICATE) == 1


def test_names_sharegpts_fields_and_the_method_for_records_of_text() -> None:
    sharegpt = {"dialog": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]}
    report = _check(sharegpt, {"instruction": "Say a.", "response": "a"})

    assert found(report, Kind.CONVERSATION)[0].detail == (
        "message 1 has no role; it has from and value, as ShareGPT's: rename them to role and content, human to user, "
        "gpt to assistant"
    )
    assert found(report, Kind.MISSING_FIELD)[0].detail.endswith("fields of text: try --method instruction")
