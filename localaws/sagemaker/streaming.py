"""InvokeEndpointWithResponseStream: the container's bytes as events, as they are produced.

Source: the API reference of InvokeEndpointWithResponseStream and of its ResponseStream: parts of the payload, then
nothing, or one of two exceptions that end the stream. The sentence of a stream that took too long is the one that
users report (aws/sagemaker-python-sdk issue 1119); the API reference has other words for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Final

from localaws import eventstream
from localaws.sagemaker.endpoint_behaviour import Fault
from localaws.sagemaker.exchange import Exchange
from localaws.sagemaker.parts import PartCutter

_READ_BYTES: Final = 65_536

_TIMEOUT: Final = eventstream.exception(
    "ModelStreamError",
    {
        "ErrorCode": "ModelInvocationTimeExceeded",
        "Message": "Your model primary did not complete sending the inference response in the allotted time.",
    },
)
_BROKEN: Final = eventstream.exception(
    "ModelStreamError",
    {
        "ErrorCode": "StreamBroken",
        "Message": "The TCP connection between the client and the model was reset or closed.",
    },
)
_FAILURE: Final = eventstream.exception(
    "InternalStreamFailure", {"Message": "The stream processing failed because of an unknown error."}
)
_BY_FAULT: Final = {"stream_timeout": _TIMEOUT, "stream_broken": _BROKEN, "stream_failure": _FAILURE}


def events(exchange: Exchange, *, seconds: float, fault: Fault | None) -> Iterator[bytes]:
    """Yield the encoded events of a stream, as many together as there are at once.

    Args:
        exchange: The exchange with the container, which has begun to answer; it is closed in any case.
        seconds: Time for the stream.
        fault: The fault that happens after the first part.
    """
    cutter = PartCutter()
    deadline = time.monotonic() + seconds
    try:
        while data := exchange.read(_READ_BYTES, deadline=deadline):
            parts = list(cutter.cut(data))
            if fault is not None:
                yield _part(parts[0]) + _BY_FAULT[fault.kind]
                return
            yield b"".join(map(_part, parts))
    except TimeoutError:
        yield _TIMEOUT
    except (HTTPException, ConnectionError):
        yield _BROKEN
    finally:
        exchange.close()


def _part(data: bytes) -> bytes:
    return eventstream.event("PayloadPart", data, content_type="application/octet-stream")
