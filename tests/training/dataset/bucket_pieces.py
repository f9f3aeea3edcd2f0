"""A bucket over HTTP, as far as a data set's files are listed and read, which drops connections as real ones do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import boto3
from botocore.config import Config


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
def served(bucket: Bucket) -> Iterator[str]:
    """Yield the address of a server of the bucket."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(bucket))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serving(bucket: Bucket) -> Iterator[Any]:
    """Yield boto3's client for the bucket."""
    with served(bucket) as url:
        client = boto3.client(
            "s3",
            region_name="us-west-2",
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )
        try:
            yield client
        finally:
            client.close()
