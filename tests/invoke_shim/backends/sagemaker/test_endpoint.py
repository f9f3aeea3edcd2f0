"""The SageMaker backend over real HTTP, with botocore's own decoding of real event streams."""

import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoke_shim.backends import connections
from invoke_shim.backends.base import Backend
from invoke_shim.backends.sagemaker.endpoint import SageMakerEndpoint
from invoke_shim.generation.cut import cut_stream
from invoke_shim.generation.messages import Message
from invoke_shim.generation.types import Generation, GenerationRequest, Usage, collect
from tests.invoke_shim.backend_stub import (
    ENDPOINT_NAME,
    Reply,
    Stub,
    backend,
    cut_up,
    fails,
    failure,
    model_fails,
    part,
    prompt_request,
    soon,
    stream,
    texts,
    whole,
)
from tests.invoke_shim.container_writers import PROMPT_TOKENS, WRITERS, Writer, tgi_events, tgi_stream, tgi_whole


def question(writer: Writer, **generation: Any) -> GenerationRequest:
    messages = (Message("user", "Hi"),) if writer.chat else ()
    asked = Generation(**{"max_tokens": 256, **generation})
    return GenerationRequest(prompt=None if writer.chat else "Once", messages=messages, generation=asked)


# ------------------------------------------------------------------ answers


def test_is_a_backend(endpoint: SageMakerEndpoint) -> None:
    checked: Backend = endpoint
    assert checked.takes_messages is False
    assert checked.rules.max_stop == 4
    assert [problem.param for problem in checked.native_problems({"inputs": "x", "parameters": {"top_p": 1}})] == [
        "parameters.top_p"
    ]
    assert backend("vllm").takes_messages is True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writer=st.sampled_from(list(WRITERS.values())),
    tokens=st.lists(texts, max_size=5),
    part_places=st.lists(st.integers(0, 10_000), max_size=12),
    chunk_places=st.lists(st.integers(0, 100_000), max_size=12),
)
def test_any_text_comes_through_any_split_of_the_event_stream(
    stub: Stub, writer: Writer, tokens: list[str], part_places: list[int], chunk_places: list[int]
) -> None:
    parts = cut_up(writer.stream(tokens), part_places)
    reply = stream(parts)
    # The events are split over the HTTP chunks once more.
    reply.body = [chunk for chunk in cut_up(b"".join(reply.body), chunk_places) if chunk]  # type: ignore[arg-type]
    stub.replies = [reply]
    made = backend(writer.container)
    answer = collect(made.stream(question(writer), soon()))
    made.close()
    assert answer.completions[0].text == "".join(tokens)
    assert answer.usage == Usage(PROMPT_TOKENS if writer.counts_prompt else None, len(tokens) + 1)


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_an_answer_at_once(stub: Stub, writer: Writer) -> None:
    stub.replies = [whole(writer.whole(["Hé", " \U0001f642"]))]
    made = backend(writer.container)
    answer = made.complete(question(writer), soon())
    made.close()
    assert answer.completions[0].text == "Hé \U0001f642"
    assert stub.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations"]
    assert stub.headers[0]["content-type"] == stub.headers[0]["accept"] == "application/json"
    assert "stream" not in stub.payload


def test_a_stream_is_asked_for_at_its_own_operation(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [stream([tgi_stream(["Hi"])])]
    pieces = endpoint.stream(prompt_request(), soon())
    assert stub.paths == []
    assert [piece.text for piece in pieces] == ["Hi", ""]
    assert stub.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations-response-stream"]
    assert stub.payload["stream"] is True


def test_the_first_token_does_not_wait_for_the_rest(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    events = tgi_events(["One", " two"])
    stub.replies = [stream([f"data:{json.dumps(events[0])}\n\n".encode()], hang=True)]
    pieces = endpoint.stream(prompt_request(), soon())
    assert next(pieces).text == "One"
    pieces.close()  # type: ignore[attr-defined]  # a generator


def test_an_answer_is_gathered_from_the_stream_where_the_settings_say_so(stub: Stub) -> None:
    stub.replies = [stream([tgi_stream(["One", " two"])])]
    made = backend(gather_stream=True)
    answer = made.complete(prompt_request(), soon())
    made.close()
    assert (answer.completions[0].text, answer.usage) == ("One two", Usage(PROMPT_TOKENS, 3))
    assert stub.paths == [f"/endpoints/{ENDPOINT_NAME}/invocations-response-stream"]


def test_a_payload_of_the_containers_own_goes_through_untouched(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    body, answer = b'{"inputs":  "x"}', b"[ 1, \xff ]"
    stub.replies = [whole(answer, "text/x-odd")]
    reply = endpoint.invoke(body, soon())
    assert (reply.body, reply.content_type) == (answer, "text/x-odd")
    assert stub.bodies == [body]


def test_a_stream_of_the_containers_own_goes_through_untouched(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [stream([b"a\xff", b"", b"b\n"], content_type="application/jsonlines")]
    native = endpoint.invoke_stream(b"{}", soon())
    assert native.content_type == "application/jsonlines"
    assert list(native.chunks) == [b"a\xff", b"b\n"]


def test_the_endpoint_is_the_one_that_the_parameter_names(stub: Stub) -> None:
    parameter = {"Parameter": {"Name": "p", "Type": "String", "Value": "blue"}}
    stub.replies = [whole(parameter), whole(tgi_whole(["Hi"]))]
    made = backend(endpoint_name=None, target_parameter="p")
    assert made.complete(prompt_request(), soon()).completions[0].text == "Hi"
    made.close()
    assert stub.paths == ["/", "/endpoints/blue/invocations"]


GONE = fails("ValidationError", 400, Message="Endpoint blue of account 123456789012 not found.")


def named(endpoint_name: str) -> Reply:
    return whole({"Parameter": {"Name": "p", "Type": "String", "Value": endpoint_name}})


@pytest.mark.parametrize("streamed", [False, True])
def test_an_endpoint_that_was_replaced_is_not_asked_for_ten_more_seconds(stub: Stub, streamed: bool) -> None:
    answer = stream([tgi_stream(["Hi"])]) if streamed else whole(tgi_whole(["Hi"]))
    stub.replies = [named("blue"), GONE, named("green"), answer]
    made = backend(endpoint_name=None, target_parameter="p", gather_stream=streamed)
    assert made.complete(prompt_request(), soon()).completions[0].text == "Hi"
    made.close()
    operation = "invocations-response-stream" if streamed else "invocations"
    assert stub.paths == ["/", f"/endpoints/blue/{operation}", "/", f"/endpoints/green/{operation}"]


def test_an_endpoint_that_is_gone_without_a_successor_is_an_error(stub: Stub) -> None:
    stub.replies = [named("blue"), GONE, named("blue")]
    made = backend(endpoint_name=None, target_parameter="p")
    assert "the endpoint blue does not exist" in failure(lambda: made.complete(prompt_request(), soon())).message
    made.close()
    assert len(stub.paths) == 3


def test_a_backend_needs_a_container() -> None:
    with pytest.raises(ValueError, match="no container"):
        backend(None)  # type: ignore[arg-type]  # what is tested


# ------------------------------------------------------------------ connections


def test_reuses_its_connection(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [whole(tgi_whole(["a"])), stream([tgi_stream(["b"])]), whole(tgi_whole(["c"]))]
    endpoint.complete(prompt_request(), soon())
    list(endpoint.stream(prompt_request(), soon()))
    endpoint.complete(prompt_request(), soon())
    assert stub.connections == 1


def test_opens_a_new_connection_after_a_pause(
    endpoint: SageMakerEndpoint, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.replies = [whole(tgi_whole(["a"]))]
    endpoint.complete(prompt_request(), soon())
    monkeypatch.setattr(connections, "MAX_IDLE_SECONDS", -1)
    endpoint.complete(prompt_request(), soon())
    assert stub.connections == 2


def endless() -> Reply:
    """A stream that goes on for longer than any socket's buffer is long."""
    event = json.dumps(tgi_events(["x" * 1000])[0])
    reply = stream([])
    reply.body = [part(f"data:{event}\n\n".encode())] * 20_000
    return reply


def test_a_stream_that_nobody_wants_any_more_is_closed(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [endless()]
    pieces = endpoint.stream(prompt_request(), soon())
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert stub.closed_early.wait(5)


def test_a_stop_string_ends_the_containers_work(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [endless()]
    pieces = list(cut_stream(endpoint.stream(prompt_request(), soon()), ["xxx"]))
    assert [(piece.text, piece.finish_reason) for piece in pieces] == [("", "stop")]
    assert stub.closed_early.wait(5)


def test_a_native_stream_that_is_never_read_is_closed(endpoint: SageMakerEndpoint, stub: Stub) -> None:
    stub.replies = [endless()]
    native = endpoint.invoke_stream(b"{}", soon())
    native.chunks.close()  # type: ignore[attr-defined]  # a generator
    assert stub.closed_early.wait(5)


# ------------------------------------------------------------------ cold models

COLD = {
    "not ready": fails("ModelNotReadyException", 429, Message="try later"),
    "unavailable": fails("ServiceUnavailable", 503, Message="try later"),
    "a gateway's 503": Reply(status=503, body=b"<html>"),
    "scaled to zero": fails("ValidationError", 400, Message="Inference Component ic has no capacity to process this"),
    "the container is not ready": model_fails(503, "no worker is available to serve request"),
}


@pytest.mark.parametrize("cold", COLD.values(), ids=COLD)
def test_a_cold_model_is_waited_for(endpoint: SageMakerEndpoint, stub: Stub, cold: Reply) -> None:
    stub.replies = [cold, cold, whole(tgi_whole(["Hi"]))]
    deadline = soon()
    assert endpoint.complete(prompt_request(), deadline).completions[0].text == "Hi"
    assert len(stub.bodies) == 3
    assert 0 < deadline.cold_wait.seconds < 1


@pytest.mark.parametrize("cold", COLD.values(), ids=COLD)
def test_a_cold_model_is_waited_for_before_a_stream(endpoint: SageMakerEndpoint, stub: Stub, cold: Reply) -> None:
    stub.replies = [cold, cold, stream([tgi_stream(["Hi"])])]
    assert collect(endpoint.stream(prompt_request(), soon())).completions[0].text == "Hi"
    assert len(stub.bodies) == 3


@pytest.mark.parametrize("call", ["invoke", "invoke_stream"])
def test_the_containers_own_payloads_wait_as_well(endpoint: SageMakerEndpoint, stub: Stub, call: str) -> None:
    reply = whole(b"[]") if call == "invoke" else stream([b"x"])
    stub.replies = [COLD["not ready"], reply]
    native = getattr(endpoint, call)(b"{}", soon())
    if call == "invoke_stream":
        assert list(native.chunks) == [b"x"]
    assert len(stub.bodies) == 2


WAITS = {"scaled to zero": "60"}


@pytest.mark.parametrize("name", COLD)
def test_a_model_that_stays_cold_is_unavailable(endpoint: SageMakerEndpoint, stub: Stub, name: str) -> None:
    stub.replies = [COLD[name]]
    for call in (endpoint.complete, lambda *args: next(endpoint.stream(*args))):
        stub.bodies.clear()
        error = failure(lambda call=call: call(prompt_request(), soon(0)))
        assert (error.status, error.type) == (503, "server_error")
        assert error.headers == {"retry-after": WAITS.get(name, "10")}
        assert len(stub.bodies) == 1


def test_no_connection_at_all_is_waited_for(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", closed)
    made = backend()
    # Time for a first try, however busy the machine is, beside the 2 s that are reserved for an answer.
    deadline = soon(2.6)
    error = failure(lambda: next(made.stream(prompt_request(), deadline)))
    assert (error.status, error.headers["retry-after"]) == (503, "10")
    assert "cannot be reached" in error.message
    assert deadline.cold_wait.seconds > 0


NOT_REPEATED = {
    "throttled": fails("ThrottlingException", 400, Message=None),
    "internal": fails("InternalFailure", 500, Message="x"),
    "generation": model_fails(424, '{"error": "x", "error_type": "generation"}'),
    "overloaded": model_fails(429, '{"error": "x", "error_type": "overloaded"}'),
    "lost": Reply(drop=True),
    "broken off": Reply(body=b"[{", headers={"content-length": "100"}, cut=True),
}


@pytest.mark.parametrize("reply", NOT_REPEATED.values(), ids=NOT_REPEATED)
def test_what_the_model_may_have_seen_is_never_sent_twice(
    endpoint: SageMakerEndpoint, stub: Stub, reply: Reply
) -> None:
    stub.replies = [reply, whole(tgi_whole(["Hi"]))]
    failure(lambda: endpoint.complete(prompt_request(), soon()))
    assert len(stub.bodies) == 1
