"""Reading from S3 with boto3's own client, over HTTP to a stand-in that drops connections as real ones do."""

from typing import Any

import pytest

from tests.training.dataset.bucket_pieces import Bucket, serving
from tests.training.dataset.dataset_pieces import good, jsonl
from training.dataset import DEFAULT, Options, S3Prefix, SourceError, check

RECORDS = [{"instruction": f"Say {number}.", "context": "", "response": str(number)} for number in range(3000)]
RAW = jsonl(*RECORDS)


def _source(client: Any, waits: list[float] | None = None) -> S3Prefix:
    taken: list[float] = [] if waits is None else waits
    return S3Prefix(client, "s3://data-bucket/tuning/data", sleep=taken.append)


def test_reads_what_is_below_the_prefix_and_nothing_beside_it() -> None:
    objects = {"tuning/data/train.jsonl": RAW, "tuning/data/": b"", "tuning/database/other.jsonl": good()}
    with serving(Bucket(objects)) as client:
        source = _source(client)
        report = check(source, Options())

    assert source.uri == "s3://data-bucket/tuning/data/"
    assert report.ok
    assert report.train.count == len(RECORDS)
    assert report.template == DEFAULT


def test_lists_more_objects_than_one_page_holds() -> None:
    objects = {f"tuning/data/{number}.jsonl": jsonl(record) for number, record in enumerate(RECORDS[:7])}
    with serving(Bucket(objects, page=2)) as client:
        assert check(_source(client), Options()).train.count == 7


def test_takes_a_dropped_connection_up_where_it_ended() -> None:
    bucket = Bucket({"tuning/data/train.jsonl": RAW}, cuts=[1000, 0, 50_000])
    waits: list[float] = []
    with serving(bucket) as client:
        report = check(_source(client, waits), Options())

    assert report.train.count == len(RECORDS)
    assert bucket.asked == [None, "bytes=1000-", "bytes=1000-", "bytes=51000-"]
    assert len(waits) == 3


def test_gives_up_when_nothing_more_comes() -> None:
    bucket = Bucket({"tuning/data/train.jsonl": RAW}, cuts=[1000, *[0] * 20])
    with serving(bucket) as client, pytest.raises(SourceError, match="cannot be read beyond byte 1000 of"):
        check(_source(client), Options())

    assert len(bucket.asked) == 6


def test_goes_on_as_long_as_each_attempt_brings_something() -> None:
    bucket = Bucket({"tuning/data/train.jsonl": RAW}, cuts=[100] * 20)
    with serving(bucket) as client:
        assert check(_source(client), Options()).train.count == len(RECORDS)


def test_refuses_an_object_that_is_replaced_while_it_is_read() -> None:
    bucket = Bucket({"tuning/data/train.jsonl": RAW}, cuts=[1000])
    with serving(bucket) as client:
        source = _source(client)
        (file,) = source.files()
        chunks = source.chunks(file)
        next(chunks)
        bucket.etag = '"two"'
        with pytest.raises(SourceError, match="was replaced while it was read"):
            list(chunks)


def test_says_what_it_may_not_read() -> None:
    with (
        serving(Bucket({}, denied=True)) as client,
        pytest.raises(SourceError, match=r"cannot be listed.*AccessDenied"),
    ):
        check(_source(client), Options())


@pytest.mark.parametrize("uri", ["data", "s3://", "https://bucket/data", "s3:///data"])
def test_refuses_what_is_no_folder_in_s3(uri: str) -> None:
    with pytest.raises(SourceError, match="allowed: s3://<bucket>/<prefix>/"):
        S3Prefix(None, uri)


def test_a_bucket_may_be_the_folder() -> None:
    assert S3Prefix(None, "s3://bucket").uri == "s3://bucket/"
