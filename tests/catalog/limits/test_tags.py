"""Rules of tags, on both sides of each."""

from collections.abc import Mapping

import pytest

from catalog.limits.tags import tags


@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"environment": "dev", "team": "", "cost centre": "7", "a:b/c=d+e-f@g.h_i": "a:b/c=d+e-f@g.h_i"},
        {"Köln": "東京 ٣", "k" * 128: "v" * 256, "awsome": "aws:", "models": "m", "jumpstack": "s"},
        {f"k{number}": "" for number in range(49)},
    ],
)
def test_takes_what_iam_takes(declared: Mapping[str, str]) -> None:
    assert list(tags(declared)) == []


@pytest.mark.parametrize(
    ("declared", "subject", "allowed"),
    [
        ({"": "x"}, "tags['']", "of which keys have 1 to 128"),
        ({"k" * 129: "x"}, f"tags[{'k' * 129!r}]", "of which keys have 1 to 128"),
        ({"k": "v" * 257}, "tags['k']", "values at most 256"),
        ({"AWS:team": "x"}, "tags['AWS:team']", "do not begin with aws:"),
        ({"k": "50 %"}, "tags['k']", "letters without marks"),
        ({"a\tb": "x"}, "tags['a\\tb']", "letters without marks"),
        ({"k": "a\u0308"}, "tags['k']", "letters without marks"),
        ({"environment": "x", "Environment": "y"}, "tags['Environment']", "one of 'environment' and 'Environment'"),
        ({"model": "x"}, "tags['model']", "model and jumpstack:... are the app's own"),
        ({"MODEL": "x"}, "tags['MODEL']", "model and jumpstack:... are the app's own"),
        ({"JumpStack:source": "x"}, "tags['JumpStack:source']", "model and jumpstack:... are the app's own"),
        ({f"k{number}": "" for number in range(50)}, "tags", "at most 49, and the model's own"),
    ],
)
def test_refuses_what_iam_refuses_in_the_middle_of_a_deployment(
    declared: Mapping[str, str], subject: str, allowed: str
) -> None:
    [breach] = tags(declared)

    assert breach.subject == subject
    assert allowed in breach.allowed


def test_names_the_first_of_keys_that_differ_only_in_case() -> None:
    found = list(tags({"Team": "1", "team": "2", "TEAM": "3"}))

    assert [breach.allowed for breach in found] == [
        "one of 'Team' and 'team': to IAM they are the same key",
        "one of 'Team' and 'TEAM': to IAM they are the same key",
    ]
