"""A request without a limit of tokens gets what fits, by what the container says of its lengths."""

import json

import pytest

from invoke_shim.backends.containers.lengths import fitted, is_too_long, room_in
from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import Function, Message, Tools
from invoke_shim.generation.types import Generation, GenerationRequest, collect
from tests.invoke_shim.backend_stub import Stub, backend, failure, model_fails, prompt_request, soon, stream, whole
from tests.invoke_shim.container_writers import tgi_stream, tgi_whole

TGI = (
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8192. "
    "Given: 6100 `inputs` tokens and 4096 `max_new_tokens`"
)
REFUSALS = {
    "TGI": (TGI, 2092),
    "TGI without a tokenizer": ("Input validation error: `max_new_tokens` must be <= 512. Given: 4096", 512),
    "TGI: the prompt": ("Input validation error: `inputs` must have less than 4096 tokens. Given: 6100", None),
    "vLLM": (
        "This model's maximum context length is 4096 tokens. However, you requested 4356 tokens (4100 in the messages, "
        "256 in the completion). Please reduce the length of the messages or completion.",
        -4,
    ),
    "vLLM 0.9": (
        "'max_tokens' or 'max_completion_tokens' is too large: 8000. This model's maximum context length is 4096 "
        "tokens and your request has 2778 input tokens (8000 > 4096 - 2778).",
        1318,
    ),
    "vLLM, the prompt": (
        "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please "
        "reduce the length of the input messages.",
        None,
    ),
    "vLLM's engine": (
        "The prompt (total length 5000) is too long to fit into the model (context length 4096). Make sure that "
        "`max_model_len` is no smaller than the number of text tokens.",
        None,
    ),
    "vLLM's engine, newer": ("The decoder prompt (length 5000) is longer than the maximum model length of 4096.", None),
}


@pytest.mark.parametrize(("message", "room"), REFUSALS.values(), ids=REFUSALS)
def test_reads_a_refusal_for_a_length(message: str, room: int | None) -> None:
    assert is_too_long(message)
    assert room_in(message) == room


@pytest.mark.parametrize("message", ["`top_p` must be > 0.0 and < 1.0", "`best_of` must be > 0 and <= 2. Given: 3", ""])
def test_other_refusals_are_not_about_a_length(message: str) -> None:
    assert not is_too_long(message)


@pytest.mark.parametrize("container", ["tgi", "lmi", "vllm"])
def test_a_prompt_that_is_too_long_has_openais_code(container: str, stub: Stub) -> None:
    status = 424 if container == "lmi" else 422
    stub.replies = [model_fails(status, json.dumps({"error": REFUSALS["vLLM, the prompt"][0], "code": 400}))]
    error = failure(lambda: backend(container).complete(prompt_request(max_tokens=None), soon()))
    assert (error.status, error.code) == (400, "context_length_exceeded")
    assert len(stub.bodies) == 1


def new_tokens(stub: Stub) -> list[int | None]:
    return [json.loads(body)["parameters"]["max_new_tokens"] for body in stub.bodies]


def test_an_old_tgi_is_asked_once_more_for_exactly_what_fits(stub: Stub) -> None:
    made = backend("tgi", container_version=(1, 1, 0), max_total_tokens=8192)
    request = prompt_request("1" * 6000, max_tokens=None)
    stub.replies = [model_fails(422, json.dumps({"error": TGI, "error_type": "validation"})), whole(tgi_whole(["Hi"]))]
    assert made.complete(request, soon()).completions[0].text == "Hi"
    assert new_tokens(stub) == [8192 - 24, 2092]


def test_a_stream_that_is_refused_within_is_asked_once_more(stub: Stub) -> None:
    refusal = f"data:{json.dumps({'error': TGI, 'error_type': 'validation'})}\n\n".encode()
    stub.replies = [stream([refusal]), stream([tgi_stream(["Hi"])])]
    made = backend("tgi", container_version=(1, 1, 0))
    assert collect(made.stream(prompt_request(max_tokens=None), soon())).completions[0].text == "Hi"
    assert new_tokens(stub) == [1_000_000, 2092]


def test_a_limit_of_the_clients_is_never_changed(stub: Stub) -> None:
    stub.replies = [model_fails(422, json.dumps({"error": TGI, "error_type": "validation"}))]
    error = failure(lambda: backend("tgi").complete(prompt_request(max_tokens=4096), soon()))
    assert (error.code, len(stub.bodies)) == ("context_length_exceeded", 1)


def test_a_second_refusal_is_the_clients(stub: Stub) -> None:
    stub.replies = [model_fails(422, json.dumps({"error": TGI, "error_type": "validation"}))]
    made = backend("tgi", container_version=(1, 1, 0), max_total_tokens=8192)
    for call in (made.complete, lambda *args: next(made.stream(*args))):
        stub.bodies.clear()
        assert failure(lambda call=call: call(prompt_request(max_tokens=None), soon())).status == 400
        assert len(stub.bodies) == 2


def test_newer_ones_fill_the_context_by_themselves(stub: Stub) -> None:
    stub.replies = [whole(tgi_whole(["Hi"]))]
    backend("tgi", container_version=(1, 4, 0)).complete(prompt_request(max_tokens=None), soon())
    assert new_tokens(stub) == [None]


def test_no_room_is_no_request() -> None:
    error = ApiError(REFUSALS["vLLM"][0], status=400, type="invalid_request_error", code="context_length_exceeded")
    assert fitted(prompt_request(max_tokens=None), error) is None


def test_an_answer_with_tools_comes_whole_where_streams_lose_a_part(stub: Stub) -> None:
    made = backend("tgi", container_version=(3, 2, 3), prompt_format="container", gather_stream=True)
    call = {"id": "0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    choice = {"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "stop"}
    stub.replies = [whole({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})]
    request = GenerationRequest(
        messages=(Message("user", "Hi"),), generation=Generation(None, tools=Tools((Function("f"),)))
    )
    for answer in (made.complete(request, soon()), collect(made.stream(request, soon()))):
        assert answer.completions[0].tool_calls[0].arguments == '{"a":1}'
        assert answer.usage.completion_tokens == 2
    assert all("stream" not in json.loads(body) for body in stub.bodies)
