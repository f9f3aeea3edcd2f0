"""A container that a test writes, in place of an endpoint."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from invoke_shim.backends.base import JSON, NativeReply, Payload
from invoke_shim.deadline import ColdWait, Deadline
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

MODEL_NAME = "the-model"


def texts_of(longest: int) -> st.SearchStrategy[str]:
    """Texts of any characters of Unicode, at least one; surrogates are none."""
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=longest)


class Scripted:
    """Answers with what a function makes of the JSON of each request.

    Attributes:
        payloads: The requests.
    """

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer
        self.payloads: list[Payload] = []

    def send(self, payload: Payload, _deadline: Deadline) -> NativeReply:
        self.payloads.append(payload)
        return NativeReply(json.dumps(self._answer(json.loads(payload.body))).encode(), JSON)


def settings(**changes: Any) -> Settings:
    """The settings of a function."""
    known: dict[str, Any] = {"container": "other", "endpoint_name": "an-endpoint", **changes}
    return Settings(model_name=MODEL_NAME, invoke_timeout_seconds=29, **known)


def log() -> RequestLog:
    """The log of a request."""
    return RequestLog(
        model=MODEL_NAME, request_id="a-request", method="POST", trace_id=None, cold_wait=ColdWait(), log_prompts=False
    )
