"""Streamed answers: their head, their parts, and the mode that asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from localaws.functions.replies import StreamedReply
from localaws.gateway.errors import GatewayError
from localaws.gateway.proxy import MalformedResponseError, streamed_response_of
from localaws.gateway.streaming import BrokenOffError, open_stream
from tests.localaws.gateway.stream_head import HEAD


def reply_of(*parts: bytes, error: Mapping[str, Any] | None = None, is_over: bool = True) -> StreamedReply:
    reply = StreamedReply()
    for part in parts:
        reply.write(part)
    if is_over:
        reply.end(error)
    return reply


def open_(reply: StreamedReply, *, seconds: float = 5, idle_seconds: float = 5) -> Any:
    return open_stream(reply, seconds=seconds, idle_seconds=idle_seconds)


class TestTheHead:
    @pytest.mark.parametrize("size", [1, 3, 7, 1000])
    def test_is_found_however_it_is_split(self, size: int) -> None:
        whole = HEAD.encode() + "bödy\0".encode()
        response = open_(reply_of(*(whole[start : start + size] for start in range(0, len(whole), size))))
        assert response.status == 201
        assert response.headers == [("X-From", "function"), ("Content-Type", "text/plain")]
        assert b"".join(response.chunks) == "bödy\0".encode()

    def test_may_have_cookies_and_many_values(self) -> None:
        response = streamed_response_of(
            {"statusCode": 200, "multiValueHeaders": {"A": ["1", "2"]}, "cookies": ["a=b", "c=d"]}
        )
        assert response.headers == [
            ("A", "1"),
            ("A", "2"),
            ("Content-Type", "application/json"),
            ("Set-Cookie", "a=b"),
            ("Set-Cookie", "c=d"),
        ]

    def test_says_all_that_is_malformed(self) -> None:
        with pytest.raises(MalformedResponseError) as malformed:
            streamed_response_of({"statusCode": 999, "headers": [], "cookies": "a", "body": ""})
        assert str(malformed.value) == (
            "it has fields of other names: body; statusCode 999 is no HTTP status; headers is not an object; "
            "cookies is not a list of strings"
        )

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"no delimiter",
            b"{" + bytes(8),
            b"[]" + bytes(8),
            b"{}" + bytes(8),
            b'{"statusCode": 200}' + bytes(7),
            json.dumps({"statusCode": 200, "headers": {"a": "x" * 17_000}}).encode() + bytes(8),
        ],
    )
    def test_that_is_malformed_is_500(self, answer: bytes) -> None:
        with pytest.raises(GatewayError) as error:
            open_(reply_of(answer))
        assert error.value.status == 500

    def test_that_does_not_come_is_504(self) -> None:
        for limits in ({"seconds": 0.01}, {"idle_seconds": 0.01}):
            with pytest.raises(GatewayError) as error:
                open_(reply_of(b"{", is_over=False), **limits)
            assert error.value.response_type == "INTEGRATION_TIMEOUT"


class TestTheBody:
    def test_breaks_off_when_the_function_fails(self) -> None:
        chunks = open_(reply_of(HEAD.encode(), b"a", error={"errorType": "Function.Gone"})).chunks
        assert [next(chunks), next(chunks)] == [b"", b"a"]
        with pytest.raises(BrokenOffError, match=r"Function\.Gone"):
            next(chunks)

    @pytest.mark.parametrize("limits", [{"seconds": 0.05}, {"idle_seconds": 0.05}])
    def test_breaks_off_when_it_takes_too_long(self, limits: dict[str, float]) -> None:
        chunks = open_(reply_of(HEAD.encode(), is_over=False), **limits).chunks
        assert next(chunks) == b""
        with pytest.raises(BrokenOffError, match="took too long"):
            next(chunks)
