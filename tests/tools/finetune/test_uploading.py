"""Uploading training data: checked first, encrypted with the stack's key, and never beside old data."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tools.finetune.conftest import Pipeline
from tools.finetune import FineTuningError, upload
from tools.finetune.uploading import checked
from training.dataset import DataError

_SAMPLES = Path(__file__).resolve().parents[3] / "tools" / "samples" / "dolly"


@pytest.fixture
def s3(pipeline: Pipeline) -> Any:
    client = pipeline.machines.aws("s3")
    bucket = f"up-{pipeline.stack.stack_name}"
    client.create_bucket(Bucket=bucket)
    key = pipeline.machines.aws("kms").create_key()["KeyMetadata"]["Arn"]
    pipeline.outputs |= {"BucketName": bucket, "KeyArn": key, "DataPrefix": f"s3://{bucket}/training/data/"}
    return client


def _keys(s3: Any, pipeline: Pipeline) -> list[str]:
    listed = s3.list_objects_v2(Bucket=pipeline.outputs["BucketName"]).get("Contents", [])
    return [one["Key"] for one in listed]


def _quiet(_name: str, _sent: int, _size: int) -> None:
    pass


def test_uploads_all_files_with_the_stacks_key_and_says_how_far_it_is(pipeline: Pipeline, s3: Any) -> None:
    told: dict[str, list[int]] = {}

    prefix = upload(pipeline.stack, _SAMPLES, report=lambda name, sent, _size: told.setdefault(name, []).append(sent))

    assert prefix == pipeline.outputs["DataPrefix"]
    assert _keys(s3, pipeline) == ["training/data/template.json", "training/data/train.jsonl"]
    found = s3.head_object(Bucket=pipeline.outputs["BucketName"], Key="training/data/train.jsonl")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", pipeline.outputs["KeyArn"])
    assert found["ContentLength"] == told["train.jsonl"][-1] == (_SAMPLES / "train.jsonl").stat().st_size


def test_leaves_the_encryption_of_another_bucket_to_that_bucket(pipeline: Pipeline, s3: Any) -> None:
    pipeline.outputs["BucketName"] = "the-stacks-own"

    upload(pipeline.stack, _SAMPLES, report=_quiet)

    bucket = f"up-{pipeline.stack.stack_name}"
    found = s3.head_object(Bucket=bucket, Key="training/data/train.jsonl")
    assert found.get("SSEKMSKeyId") != pipeline.outputs["KeyArn"]


def test_refuses_to_upload_beside_old_data_and_replaces_it_when_told(
    pipeline: Pipeline, s3: Any, tmp_path: Path
) -> None:
    bucket = pipeline.outputs["BucketName"]
    for key in ("training/data/old.jsonl", "training/data/train.jsonl", "training/runs/kept"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"old")

    with pytest.raises(FineTuningError) as refused:
        upload(pipeline.stack, _SAMPLES, report=_quiet)
    assert "holds data already, which the next training would read: old.jsonl of 20" in str(refused.value)
    assert str(refused.value).endswith("--replace deletes it once the new data is there")
    assert s3.get_object(Bucket=bucket, Key="training/data/train.jsonl")["Body"].read() == b"old"

    upload(pipeline.stack, _SAMPLES, replace=True, report=_quiet)
    assert _keys(s3, pipeline) == ["training/data/template.json", "training/data/train.jsonl", "training/runs/kept"]
    assert s3.get_object(Bucket=bucket, Key="training/data/train.jsonl")["Body"].read() != b"old"


@pytest.mark.parametrize(("count", "end"), [(5, "; --replace"), (6, " and 1 more; --replace")])
def test_names_five_of_the_files_that_are_there(pipeline: Pipeline, s3: Any, count: int, end: str) -> None:
    for number in range(count):
        s3.put_object(Bucket=pipeline.outputs["BucketName"], Key=f"training/data/{number}.jsonl", Body=b"old")

    with pytest.raises(FineTuningError) as refused:
        upload(pipeline.stack, _SAMPLES, report=_quiet)
    assert str(refused.value).count(".jsonl of 20") == 5
    assert end in str(refused.value)


def test_never_empties_a_whole_bucket(pipeline: Pipeline, s3: Any) -> None:
    bucket = pipeline.outputs["BucketName"]
    pipeline.outputs["DataPrefix"] = f"s3://{bucket}/"
    s3.put_object(Bucket=bucket, Key="reports/2026.csv", Body=b"old")

    with pytest.raises(FineTuningError, match=f"would delete all of the bucket {bucket}"):
        upload(pipeline.stack, _SAMPLES, replace=True, report=_quiet)
    assert _keys(s3, pipeline) == ["reports/2026.csv"]


def test_checks_the_data_against_the_declaration(pipeline: Pipeline, tmp_path: Path) -> None:
    assert checked(pipeline.stack, _SAMPLES).train.count > 0

    shutil.copytree(_SAMPLES, tmp_path / "data")
    (tmp_path / "data" / "template.json").write_text('{"prompt": "{instruction}", "completion": "{response}"}')
    with pytest.raises(DataError, match="differs from the declared one"):
        checked(pipeline.stack, tmp_path / "data")
