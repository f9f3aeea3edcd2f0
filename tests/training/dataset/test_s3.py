"""Reading from S3 with boto3's own client, over HTTP to a stand-in that drops connections as real ones do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import boto3
import pytest
from botocore.config import Config

from tests.training.dataset.dataset_pieces import good, jsonl
from training.dataset import DEFAULT, Options, S3Prefix, SourceError, check

RECORDS = [{"instruction": f"Say {number}.", "context": "", "response": str(number)} for number in range(3000)]
RAW = jsonl(*RECORDS)


@dataclass
class Bucket:
    """A bucket as far as ListObjectsV2 and GetObject go.

    Attributes:
        objects: Content by key.
        cuts: Bytes after which the next answers end too early; None lets an answer be.
        page: Keys of one page of a listing.
        asked: Ranges that were asked for, in turn.
        etag: Of all objects.
        denied: Whether every request is refused.
    """

    objects: dict[str, bytes]
    cuts: list[int | None] = field(default_factory=list)
    page: int = 1000
    asked: list[str | None] = field(default_factory=list)
    etag: str = '"one"'
    denied: bool = False


def _handler(bucket: Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            key = unquote(url.path).removeprefix("/data-bucket").lstrip("/")
            if bucket.denied:
                self._error(403, "AccessDenied")
            elif key:
                self._object(key)
            else:
                self._listing(parse_qs(url.query))

        def _listing(self, query: dict[str, list[str]]) -> None:
            prefix, start = query.get("prefix", [""])[0], int(query.get("continuation-token", ["0"])[0])
            keys = sorted(key for key in bucket.objects if key.startswith(prefix))
            rows = "".join(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(bucket.objects[key])}</Size><ETag>{bucket.etag}</ETag>"
                "</Contents>"
                for key in keys[start : start + bucket.page]
            )
            more = start + bucket.page < len(keys)
            token = f"<NextContinuationToken>{start + bucket.page}</NextContinuationToken>" if more else ""
            body = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{rows}{token}</ListBucketResult>"
            self._answer(200, body.encode())

        def _object(self, key: str) -> None:
            bucket.asked.append(self.headers["Range"])
            if self.headers["If-Match"] != bucket.etag:
                self._error(412, "PreconditionFailed")
                return
            start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            cut = bucket.cuts.pop(0) if bucket.cuts else None
            self._answer(206 if start else 200, bucket.objects[key][start:], cut)

        def _error(self, status: int, code: str) -> None:
            self._answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())

        def _answer(self, status: int, body: bytes, cut: int | None = None) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if cut is None else body[:cut])
            if cut is not None:
                self.close_connection = True

    return Handler


@contextmanager
def serving(bucket: Bucket) -> Iterator[Any]:
    """boto3's client for the bucket."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bucket))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    client = boto3.client(
        "s3",
        region_name="us-west-2",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    try:
        yield client
    finally:
        client.close()
        server.shutdown()
        server.server_close()


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
