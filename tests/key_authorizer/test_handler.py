import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from key_authorizer.handler import UnauthorizedError, handle

STAGE = "arn:aws:execute-api:us-west-2:123456789012:abc123/live"
KEY = "a1B2" * 10


def ask(header: object, method: str = "POST/v1/chat/completions") -> dict[str, Any]:
    return handle({"type": "TOKEN", "methodArn": f"{STAGE}/{method}", "authorizationToken": header}, None)


def test_hands_the_bearer_token_to_api_gateway_as_the_key_of_a_usage_plan() -> None:
    assert ask(f"Bearer {KEY}")["usageIdentifierKey"] == KEY


def test_allows_every_method_of_the_called_stage_and_nothing_else() -> None:
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{STAGE}/*"}

    assert ask(f"Bearer {KEY}", "GET/v1/models")["policyDocument"]["Statement"] == [statement]


def test_gives_the_same_answer_for_every_route_so_that_it_may_be_cached() -> None:
    assert ask(f"Bearer {KEY}", "GET/v1/models") == ask(f"Bearer {KEY}", "POST/invocations")


@pytest.mark.parametrize("header", [f"bearer {KEY}", f"BEARER   {KEY}", f" Bearer {KEY} "])
def test_takes_the_scheme_in_any_case(header: str) -> None:
    assert ask(header)["usageIdentifierKey"] == KEY


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        KEY,
        "Bearer",
        "Bearer ",
        f"Basic {KEY}",
        f"Bearer{KEY}",
        "Bearer too-short",
        f"Bearer {KEY[:19]}",
        f"Bearer {'x' * 129}",
        f"Bearer {KEY} {KEY}",
        f"Bearer {'é' * 40}",
        f"Bearer {'٣' * 40}",
        f"Bearer sk-{KEY}",
    ],
)
def test_answers_unauthorized_to_what_cannot_be_a_key(header: str | None) -> None:
    with pytest.raises(UnauthorizedError) as refused:
        ask(header)

    # API Gateway answers 401 to this message, and 500 to any other.
    assert str(refused.value) == "Unauthorized"


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=20, max_size=128))
def test_the_key_stands_nowhere_but_in_the_usage_identifier(key: str) -> None:
    answer = ask(f"Bearer {key}")

    assert answer.pop("usageIdentifierKey") == key
    assert key not in str(answer)


@given(st.one_of(st.none(), st.text(), st.binary(), st.integers()))
def test_nothing_but_unauthorized_comes_of_any_header(header: object) -> None:
    try:
        answer = ask(header)
    except UnauthorizedError:
        return
    assert answer["usageIdentifierKey"].isalnum()


def test_says_nothing_to_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    ask(f"Bearer {KEY}")

    assert capsys.readouterr() == ("", "")
