"""The check of a model in S3, with moto's S3, and with botocore's stubber for errors."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from moto import mock_aws

from model_import.artifacts.findings import ArtifactError
from model_import.artifacts.folder import MAX_FILES, FolderError
from model_import.artifacts.report import check
from model_import.artifacts.s3 import S3Folder
from model_import.check import check_uri, handler
from tests.model_import.artifacts.artifact_models import Model, llama

# One worker loads moto in process.
pytestmark = pytest.mark.xdist_group("moto")

BUCKET = "weights-bucket"
URI = f"s3://{BUCKET}/models/llama/"
REGION = "us-west-2"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield client


def upload(s3: Any, model: Model, prefix: str = "models/llama/", **options: Any) -> None:
    for path in model.folder.rglob("*"):
        if path.is_file():
            key = prefix + path.relative_to(model.folder).as_posix()
            s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes(), **options)


@pytest.mark.parametrize("uri", [URI, URI.rstrip("/")])
def test_accepts_a_valid_model_in_s3(s3: Any, model: Model, uri: str) -> None:
    model.shard(3)
    upload(s3, model)
    report = check_uri(uri, region=REGION)
    assert not report.errors
    assert report.place == URI


def test_answers_the_report_as_json(s3: Any, model: Model) -> None:
    model.edit("tokenizer_config.json", chat_template=None)
    upload(s3, model)
    report = handler({"weights": URI, "region": REGION}, None)
    assert report["weights"] == URI
    assert report["errors"] == []
    assert report["warnings"][0]["rule"] == "chat-template"
    assert report["architecture"] == "LlamaForCausalLM"
    assert set(report["version"]) <= set("0123456789abcdef")
    assert len(report["version"]) == 12


def test_fails_with_all_errors(s3: Any, model: Model) -> None:
    model.edit("config.json", architectures=["FalconForCausalLM"])
    model.edit("tokenizer_config.json", tokenizer_class="GemmaTokenizer")
    upload(s3, model)
    with pytest.raises(ArtifactError, match=r"2 errors:\n- \[architecture\] .*\n- \[tokenizer-class\] "):
        handler({"weights": URI, "region": REGION}, None)


@pytest.mark.parametrize("event", [{}, {"weights": URI}, {"region": REGION}, {"weights": 1, "region": REGION}])
def test_refuses_an_event_without_weights_or_region(event: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="weights and region, both strings"):
        handler(event, None)


def test_takes_the_same_content_for_the_same_version(s3: Any, model: Model) -> None:
    upload(s3, model)
    upload(s3, model, "copy/")
    first, copy = (check_uri(uri, region=None).facts["version"] for uri in (URI, f"s3://{BUCKET}/copy/"))
    assert first == copy


def test_takes_other_weights_under_the_same_header_for_another_version(s3: Any, model: Model) -> None:
    upload(s3, model)
    before = check_uri(URI, region=None).facts["version"]
    body = bytearray(model.weights.read_bytes())
    body[-1] ^= 1
    s3.put_object(Bucket=BUCKET, Key="models/llama/model.safetensors", Body=bytes(body))
    after = check_uri(URI, region=None)
    assert not after.errors
    assert after.facts["version"] != before


@pytest.mark.parametrize(
    "uri",
    [
        "s3://",
        "s3://b",
        "s3://Bucket/models/",
        f"s3://{BUCKET}/a model/",
        f"s3://{BUCKET}//models/",
        f"s3://{BUCKET}/m\u00f6del/",
        f"s3://{BUCKET}/{'a' * 1024}",
        f"https://{BUCKET}.s3.amazonaws.com/models/",
    ],
)
def test_refuses_a_uri_that_bedrock_does_not_take(uri: str) -> None:
    [finding] = check_uri(uri, region=REGION, client=object()).errors
    assert finding.rule == "s3-uri"
    assert "s3://bucket/prefix/ of letters, digits and" in finding.allowed


def test_refuses_the_archive_that_training_writes(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="out/model.tar.gz", Body=b"packed")
    [finding] = check_uri(f"s3://{BUCKET}/out/model.tar.gz", region=REGION).errors
    assert finding.problem == f"s3://{BUCKET}/out/model.tar.gz is a file, not a prefix"


@pytest.mark.parametrize("uri", [f"s3://{BUCKET}/nothing/", "s3://no-such-bucket/models/"])
def test_refuses_a_prefix_without_files(s3: Any, uri: str) -> None:
    assert [finding.rule for finding in check_uri(uri, region=REGION).errors] == ["no-folder"]


def test_takes_the_consoles_folder_for_no_file(s3: Any, model: Model) -> None:
    upload(s3, model)
    s3.put_object(Bucket=BUCKET, Key="models/llama/", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="models/llama/logs/", Body=b"")
    assert set(S3Folder(s3, URI).files()) == {path.name for path in model.folder.iterdir()}


def test_refuses_archived_weights(s3: Any, model: Model) -> None:
    upload(s3, model, StorageClass="DEEP_ARCHIVE")
    errors = check_uri(URI, region=REGION).errors
    assert {finding.rule for finding in errors} == {"archived"}
    assert "model.safetensors: its storage class is DEEP_ARCHIVE" in str(errors[-1])


def test_refuses_files_that_change_meanwhile(s3: Any, model: Model) -> None:
    upload(s3, model)
    folder = S3Folder(s3, URI)
    folder.files()
    s3.put_object(Bucket=BUCKET, Key="models/llama/config.json", Body=b"{}")
    with pytest.raises(FolderError, match="the file changed while it was checked"):
        folder.read("config.json", 0, 2)


def test_lists_no_more_than_one_model_can_have(s3: Any) -> None:
    with Stubber(s3) as stubber:
        for page in range(MAX_FILES // 1000 + 1):
            entries = [{"Key": f"models/llama/{page}-{n}", "Size": 1, "ETag": '"tag"'} for n in range(1000)]
            answer = {"Contents": entries, "IsTruncated": True, "NextContinuationToken": f"after-{page}"}
            stubber.add_response("list_objects_v2", answer)
        [finding] = check(S3Folder(s3, URI)).errors
    assert finding.rule == "too-many-files"


REFUSALS = [
    (
        "AccessDenied",
        "User: arn:aws:sts::123456789012:assumed-role/check/x is not authorized to perform: kms:Decrypt on the "
        "resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action",
        "kms",
        "kms:Decrypt on the key, in its policy and the reader's, and the key enabled",
    ),
    ("KMS.DisabledException", "arn:aws:kms:us-west-2:123456789012:key/1 is disabled.", "kms", "the key enabled"),
    ("AccessDenied", "Access Denied", "access", "s3:GetObject on its objects"),
    ("InvalidObjectState", "The operation is not valid for the object's storage class", "archived", "restore it"),
    ("InternalError", "We encountered an internal error.", "s3", "try again"),
]


@pytest.mark.parametrize(("code", "message", "rule", "allowed"), REFUSALS)
def test_names_what_s3_refuses_to_read(s3: Any, code: str, message: str, rule: str, allowed: str) -> None:
    listed = {"Contents": [{"Key": "models/llama/config.json", "Size": 2, "ETag": '"tag"'}]}
    with Stubber(s3) as stubber:
        stubber.add_response("list_objects_v2", listed)
        stubber.add_client_error("get_object", code, message, 403)
        errors = check(S3Folder(s3, URI)).errors
    [finding] = [finding for finding in errors if finding.place == "config.json"]
    assert finding.rule == rule
    assert message in finding.problem
    assert allowed in finding.allowed


def test_names_what_s3_refuses_to_list(s3: Any) -> None:
    with Stubber(s3) as stubber:
        stubber.add_client_error("list_objects_v2", "AccessDenied", "Access Denied", 403)
        [finding] = check(S3Folder(s3, URI)).errors
    assert finding.rule == "access"
    assert finding.problem == f"s3 refuses to list {URI}: AccessDenied: Access Denied"


def test_asks_for_a_range_of_the_listed_version(s3: Any) -> None:
    listed = {"Contents": [{"Key": "models/llama/config.json", "Size": 500, "ETag": '"tag"'}]}
    expected = {
        "Bucket": BUCKET,
        "Key": "models/llama/config.json",
        "Range": "bytes=100-149",
        "IfMatch": '"tag"',
    }
    with Stubber(s3) as stubber:
        stubber.add_response("list_objects_v2", listed)
        body = StreamingBody(io.BytesIO(b"x" * 50), 50)
        stubber.add_response("get_object", {"Body": body}, expected)
        folder = S3Folder(s3, URI)
        folder.files()
        assert folder.read("config.json", 100, 50) == b"x" * 50


class Unreachable:
    """A client whose service cannot be reached."""

    def get_paginator(self, _name: str) -> Any:
        raise EndpointConnectionError(endpoint_url="https://s3.us-west-2.amazonaws.com")


def test_says_that_s3_cannot_be_reached() -> None:
    [finding] = check(S3Folder(Unreachable(), URI)).errors
    assert finding.rule == "s3"
    assert "Could not connect to the endpoint URL" in finding.problem


def test_reads_little_of_large_weights(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = llama(tmp_path)
    model.put("model.safetensors", model.weights.read_bytes() + b"\0" * 4_000_000)
    upload(s3, model)
    read: list[int] = []
    original = S3Folder.read

    def counted(self: S3Folder, name: str, start: int, length: int) -> bytes:
        body = original(self, name, start, length)
        read.append(len(body))
        return body

    monkeypatch.setattr(S3Folder, "read", counted)
    assert [finding.rule for finding in check_uri(URI, region=REGION).errors] == ["trailing-bytes"]
    assert sum(read) < 200_000


def test_reads_by_the_given_client() -> None:
    pages = SimpleNamespace(paginate=lambda **_: [{}])
    client = SimpleNamespace(get_paginator=lambda _: pages, list_objects_v2=lambda **_: {})
    [finding] = check_uri(URI, region=REGION, client=client).errors
    assert finding.rule == "no-folder"
