"""Bodies of requests that are compressed."""

import gzip
import json
import zlib

import pytest

from invoke_shim.errors import ApiError
from invoke_shim.http import proxy
from invoke_shim.http.encodings import unpacked
from tests.invoke_shim.client import MODEL_NAME, Shim

BODY = json.dumps(
    {"model": MODEL_NAME, "messages": [{"role": "user", "content": "Grüße"}]}, ensure_ascii=False
).encode()
RAW = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY),
    "GZIP": gzip.compress(BODY[:20]) + gzip.compress(BODY[20:]),
    "deflate": zlib.compress(BODY),
    "Deflate": RAW.compress(BODY) + RAW.flush(),
    "gzip, identity": gzip.compress(BODY),
    "deflate, gzip": gzip.compress(zlib.compress(BODY)),
    "identity": BODY,
}


@pytest.mark.parametrize(("encoding", "body"), PACKED.items(), ids=PACKED)
def test_a_compressed_chat_is_answered(encoding: str, body: bytes, shim: Shim) -> None:
    assert shim.request("POST", "/v1/chat/completions", body, {"Content-Encoding": encoding}).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_api_gateway_unpacked_is_as_it_is(encoding: str, shim: Shim) -> None:
    answer = shim.request("POST", "/v1/chat/completions", BODY.decode(), {"Content-Encoding": encoding})
    assert answer.status == 200


def test_a_body_that_was_taken_for_text_on_its_way_is_refused(shim: Shim) -> None:
    body = gzip.compress(BODY).decode(errors="replace")
    answer = shim.request("POST", "/v1/chat/completions", body, {"Content-Encoding": "gzip"})
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "identity")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br"])
def test_an_encoding_that_is_not_taken_is_refused_with_those_that_are(encoding: str, shim: Shim) -> None:
    answer = shim.request("POST", "/v1/chat/completions", BODY, {"Content-Encoding": encoding})
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip, deflate, identity")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY)[:-9]),
        ("gzip", gzip.compress(BODY) + b"more"),
        ("gzip", b"\x1f\x8b nonsense"),
        ("deflate", zlib.compress(BODY)[:-1]),
        ("deflate", b"\xffnonsense"),
    ],
    ids=["cut off", "more after it", "gzip that is none", "deflate cut off", "deflate that is none"],
)
def test_a_broken_body_is_a_client_error(encoding: str, body: bytes, shim: Shim) -> None:
    answer = shim.request("POST", "/v1/chat/completions", body, {"Content-Encoding": encoding})
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert "content-encoding" in answer.error["message"]


@pytest.mark.parametrize(
    "packed", [gzip.compress(bytes(50_000_000)), zlib.compress(bytes(50_000_000))], ids=["gzip", "deflate"]
)
def test_a_bomb_is_unpacked_no_further_than_what_is_allowed(packed: bytes, shim: Shim) -> None:
    encoding = "gzip" if packed.startswith(b"\x1f") else "deflate"
    answer = shim.request("POST", "/v1/chat/completions", packed, {"Content-Encoding": encoding})
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert f"at most {proxy.MAX_BODY_BYTES} are allowed" in answer.error["message"]


def test_members_together_may_not_be_too_large_either() -> None:
    with pytest.raises(ApiError, match="more than 25 bytes"):
        unpacked(gzip.compress(b"a" * 20) * 2, "gzip", most=25)
    assert unpacked(gzip.compress(b"a" * 20) * 2, "gzip", most=40) == b"a" * 40


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(b"") * 1000), ("deflate", b"\x03\x00" * 1000), ("gzip, gzip, gzip", BODY)],
    ids=["members of gzip", "members of deflate", "encodings"],
)
def test_work_does_not_grow_with_empty_members_or_encodings(encoding: str, packed: bytes) -> None:
    with pytest.raises(ApiError) as error:
        unpacked(packed, encoding, most=100)
    assert error.value.status in (400, 415)
