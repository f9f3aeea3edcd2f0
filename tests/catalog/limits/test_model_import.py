"""Limits of imports into Bedrock, on both sides of each."""

from collections.abc import Iterator

import pytest

from catalog.limits import model_import as limits
from catalog.limits.endpoint import Breach

KEY = "arn:aws:kms:us-west-2:111122223333:key/0a1b2c3d-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "breaches",
    [
        limits.name("a" * limits.LONGEST_NAME),
        limits.name("a-b-0"),
        *(limits.body(body) for body in limits.BODIES),
        limits.region("us-east-1"),
        limits.keep_versions(1),
        limits.keep_versions(limits.MOST_VERSIONS),
        limits.tag("a:b", "c d"),
        limits.prefix(""),
        limits.prefix("a/b/"),
        limits.prefix(f"{'a' * (limits.LONGEST_PREFIX - 1)}/"),
        limits.bucket("abc"),
        limits.bucket("a" * 63),
        limits.account("111122223333"),
        limits.key_arn(KEY, region="us-west-2"),
        limits.source_name("model_name", "a" * 63),
        limits.smoke_text("prompt", None),
        limits.smoke_text("prompt", "x" * limits.MOST_SMOKE_BYTES),
    ],
)
def test_takes_values_up_to_a_limit(breaches: Iterator[Breach]) -> None:
    assert list(breaches) == []


@pytest.mark.parametrize(
    ("breaches", "subject"),
    [
        (limits.name("a" * (limits.LONGEST_NAME + 1)), "model_name"),
        (limits.name("a--b"), "model_name"),
        (limits.name(""), "model_name"),
        (limits.body("chats"), "body"),
        (limits.region("eu-west-1"), "region"),
        (limits.keep_versions(0), "keep_versions"),
        (limits.keep_versions(True), "keep_versions"),
        (limits.keep_versions(limits.MOST_VERSIONS + 1), "keep_versions"),
        (limits.tag("a", "ü!"), "tags['a']"),
        (limits.tag("!", "a"), "tags['!']"),
        (limits.prefix("/a/"), "prefix"),
        (limits.prefix("a"), "prefix"),
        (limits.prefix("a//"), "prefix"),
        (limits.prefix(f"{'a' * limits.LONGEST_PREFIX}/"), "prefix"),
        (limits.bucket("ab"), "bucket"),
        (limits.bucket("a" * 64), "bucket"),
        (limits.bucket("A-bucket"), "bucket"),
        (limits.bucket("a..b"), "bucket"),
        (limits.bucket("10.0.0.1"), "bucket"),
        (limits.bucket("xn--a"), "bucket"),
        (limits.account("1111"), "account"),
        (limits.key_arn(KEY, region="us-east-1"), "key_arn"),
        (limits.key_arn("alias/own", region="us-west-2"), "key_arn"),
        (limits.source_name("model_name", "a" * 64), "model_name"),
        (limits.source_name("training_job", "a_b"), "training_job"),
        (limits.smoke_text("prompt", " "), "prompt"),
        (limits.smoke_text("prompt", "ü" * (limits.MOST_SMOKE_BYTES // 2 + 1)), "prompt"),
    ],
)
def test_refuses_values_beyond_a_limit(breaches: Iterator[Breach], subject: str) -> None:
    assert [breach.subject for breach in breaches] == [subject]


def test_reads_the_account_of_a_keys_arn() -> None:
    assert limits.key_account(KEY) == "111122223333"
    assert limits.key_account("alias/own") is None


@pytest.mark.parametrize(("kept", "most"), [([1], 2), ([2, 1], 4), ([3, 2, 2], 7)])
def test_counts_the_models_of_an_update_with_all_that_the_others_keep(kept: list[int], most: int) -> None:
    assert limits.models_for_update(kept) == most


def test_only_chats_and_converse_take_messages() -> None:
    assert [body for body in limits.BODIES if limits.takes_messages(body)] == ["chat", "converse"]


def test_has_the_figures_of_awss_documentation() -> None:
    assert (limits.MOST_TEXT_BYTES, limits.MOST_MULTIMODAL_BYTES) == (200 * 10**9, 100 * 10**9)
    assert (limits.MODELS_QUOTA, limits.MODELS_QUOTA_CODE) == (3, "L-45B04988")
