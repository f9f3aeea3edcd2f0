"""Starting a training: data that is not in S3, not readable or not there is refused before a run begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.tools.finetune.conftest import Pipeline
from tools.finetune import FineTuningError, data, start


@pytest.fixture
def bucket(pipeline: Pipeline) -> str:
    """A bucket with data below `training/data/`, which the pipeline's roles may read."""
    name = f"data-{pipeline.stack.stack_name}"
    s3 = pipeline.machines.aws("s3")
    s3.create_bucket(Bucket=name)
    for key in ("training/data/train.jsonl", "training/data/v2/train.jsonl", "training/data/empty/", "other/x"):
        s3.put_object(Bucket=name, Key=key, Body=b"")
    pipeline.outputs["DataPrefix"] = f"s3://{name}/training/data/"
    pipeline.create({"Prepare": {"Type": "Succeed"}})
    return name


def _refused(pipeline: Pipeline, prefix: str | None) -> str:
    with pytest.raises(FineTuningError) as refused:
        start(pipeline.stack, data_prefix=prefix)
    return str(refused.value)


def test_refuses_what_is_not_in_s3_without_asking_aws(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "client", None)
    (tmp_path / "train.jsonl").touch()
    allowed = "allowed is a prefix in S3, s3://BUCKET/PREFIX/; ./jumpstack finetune upload"

    path = pipeline.stack.path
    assert _refused(pipeline, "./foo") == f"--data is './foo': {allowed} {path} DIR uploads a folder"
    for local in (tmp_path, tmp_path / "train.jsonl"):
        assert _refused(pipeline, str(local)).endswith(f"{allowed} {path} {tmp_path} uploads a folder")
    for given in ("s3://", "s3:///data/", "s3://Bucket/data/", "https://b.s3.amazonaws.com/data/"):
        assert f"--data is {given!r}: allowed is" in _refused(pipeline, given)


@pytest.mark.parametrize("prefix", ["other/", "training/dat/", "", "training/", "training/database/"])
def test_refuses_a_prefix_that_the_roles_may_not_read_and_names_those_that_they_may(
    pipeline: Pipeline, bucket: str, prefix: str
) -> None:
    said = _refused(pipeline, f"s3://{bucket}/{prefix}")

    assert "the pipeline's roles may not read it" in said
    assert f"allowed: s3://{bucket}/training/data/, and prefixes below" in said
    assert pipeline.inputs() == []


def test_refuses_a_prefix_without_data_and_a_file(pipeline: Pipeline, bucket: str) -> None:
    below = f"s3://{bucket}/training/data"

    assert _refused(pipeline, f"{below}/v3/").startswith(f"{below}/v3/ holds no data: ./jumpstack finetune upload dev/")
    assert _refused(pipeline, f"{below}/empty").startswith(f"{below}/empty/ holds no data")
    assert _refused(pipeline, f"{below}/v2/train.jsonl") == (
        f"{below}/v2/train.jsonl is a file: allowed is the prefix of a folder, {below}/v2/"
    )
    assert pipeline.inputs() == []


def test_refuses_to_train_on_declared_data_that_is_not_there(pipeline: Pipeline, bucket: str) -> None:
    pipeline.outputs["DataPrefix"] = f"s3://{bucket}/none/"
    assert "holds no data" in _refused(pipeline, None)
    pipeline.outputs["DataPrefix"] = f"s3://no-{bucket}/none/"
    assert _refused(pipeline, None).endswith(f"there is no bucket no-{bucket}")


@pytest.mark.parametrize("given", [None, "v2", "v2/", "v2//"])
def test_starts_with_data_that_is_there_with_one_slash_at_its_end(
    pipeline: Pipeline, bucket: str, given: str | None
) -> None:
    below = f"s3://{bucket}/training/data/"

    start(pipeline.stack, data_prefix=given and f"{below}{given}")

    assert pipeline.inputs() == [{"dataPrefix": f"{below}v2/"} if given else {}]


def test_leaves_it_to_the_run_where_the_caller_may_not_look(
    pipeline: Pipeline, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> bool:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")

    monkeypatch.setattr(data, "_holds", refuse)
    start(pipeline.stack)

    assert pipeline.inputs() == [{}]
