"""OpenAI's parameters, and what becomes of them in the container's payload."""

import pytest

from tests.invoke_shim.shim_client import Deploy, Runtime, Shim

FALCON_STOP = ["\nUser:", " User:", "###", "<|endoftext|>"]
ALWAYS = {"details": True, "return_full_text": False, "max_new_tokens": 256}

MAPPED = {
    "nothing asked: sampling as OpenAI does, and never the container's own length": (
        {},
        {**ALWAYS, "do_sample": True},
    ),
    "max_tokens": ({"max_tokens": 7}, {**ALWAYS, "max_new_tokens": 7, "do_sample": True}),
    "temperature": ({"temperature": 0.6}, {**ALWAYS, "do_sample": True, "temperature": 0.6}),
    "temperature 1 needs do_sample to have an effect": (
        {"temperature": 1},
        {**ALWAYS, "do_sample": True, "temperature": 1},
    ),
    "temperature 0 is greedy, which a top_p would undo": (
        {"temperature": 0, "top_p": 0.9},
        {**ALWAYS, "do_sample": False},
    ),
    "top_p": ({"top_p": 0.9}, {**ALWAYS, "do_sample": True, "top_p": 0.9}),
    "top_p 1 says nothing, and TGI refuses it": ({"top_p": 1.0}, {**ALWAYS, "do_sample": True}),
    "top_p 0 leaves only the likeliest token": ({"top_p": 0}, {**ALWAYS, "do_sample": False}),
    "one stop string": ({"stop": "END"}, {**ALWAYS, "do_sample": True, "stop": ["END"]}),
    "stop strings": ({"stop": ["a", "b"]}, {**ALWAYS, "do_sample": True, "stop": ["a", "b"]}),
    "seed": ({"seed": 42}, {**ALWAYS, "do_sample": True, "seed": 42}),
    "penalties of 0 ask for nothing": (
        {"presence_penalty": 0, "frequency_penalty": 0.0},
        {**ALWAYS, "do_sample": True},
    ),
    "details of the prompt": (
        {"decoder_input_details": True},
        {**ALWAYS, "do_sample": True, "decoder_input_details": True},
    ),
    "null is as good as absent": (
        {"max_tokens": None, "temperature": None, "top_p": None, "stop": None, "seed": None, "n": None},
        {**ALWAYS, "do_sample": True},
    ),
}


@pytest.mark.parametrize(("asked", "sent"), MAPPED.values(), ids=MAPPED)
def test_maps_openai_parameters_to_the_containers(
    asked: dict[str, object], sent: dict[str, object], shim: Shim, runtime: Runtime
) -> None:
    answer = shim.complete(**asked)
    assert answer.status == 200, answer.text
    assert runtime.payload["parameters"] == sent


def test_sends_the_source_examples_parameters(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(CONTAINER="lmi", PROMPT_FORMAT="chatml")
    runtime.answers({"generated_text": "x"})
    shim.chat(("user", "JSON?"), temperature=0.1, top_p=0.95, max_tokens=512)
    assert runtime.payload["parameters"] == {
        **ALWAYS,
        "max_new_tokens": 512,
        "do_sample": True,
        "temperature": 0.1,
        "top_p": 0.95,
        "stop": ["<|im_end|>"],
    }


def test_takes_max_completion_tokens_in_a_chat(shim: Shim, runtime: Runtime) -> None:
    shim.chat(("user", "Hi"), max_completion_tokens=9)
    assert runtime.payload["parameters"]["max_new_tokens"] == 9


def test_refuses_two_different_limits(shim: Shim) -> None:
    answer = shim.chat(("user", "Hi"), max_completion_tokens=9, max_tokens=10)
    assert answer.status == 400
    assert "max_tokens and max_completion_tokens differ" in answer.error["message"]


def test_sends_lmi_penalties_and_all_stop_strings(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(CONTAINER="lmi")
    answer = shim.chat(("user", "Hi"), presence_penalty=1, frequency_penalty=-2, stop=["a", "b"])
    assert answer.status == 200, answer.text
    parameters = runtime.payload["parameters"]
    assert (parameters["presence_penalty"], parameters["frequency_penalty"]) == (1, -2)
    assert parameters["stop"] == ["a", "b", *FALCON_STOP]


def test_refuses_penalties_that_tgi_would_ignore(shim: Shim, runtime: Runtime) -> None:
    answer = shim.complete(presence_penalty=0.5)
    assert (answer.status, answer.error["param"]) == (400, "presence_penalty")
    assert "presence_penalty is 0.5, but this model's container knows no such penalty" in answer.error["message"]
    assert not runtime.bodies


def test_sends_the_formats_stop_strings_with_a_chat(shim: Shim, runtime: Runtime) -> None:
    shim.chat(("user", "Hi"))
    assert runtime.payload["parameters"]["stop"] == FALCON_STOP


def test_sends_tgi_four_stop_strings_the_clients_first(shim: Shim, runtime: Runtime) -> None:
    shim.chat(("user", "Hi"), stop=["a", "b", "c"])
    assert runtime.payload["parameters"]["stop"] == ["a", "b", "c", "\nUser:"]


def test_ends_the_text_at_stop_strings_that_tgi_was_not_sent(shim: Shim, runtime: Runtime) -> None:
    runtime.answers([{"generated_text": " Fine. User: and then", "details": {"finish_reason": "length"}}])
    answer = shim.chat(("user", "Hi"), stop=["a1", "b1", "c1", "d1"])
    assert runtime.payload["parameters"]["stop"] == ["a1", "b1", "c1", "d1"]
    choice = answer.json["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Fine.", "stop")


def test_sends_no_stop_strings_of_a_format_with_a_completion(shim: Shim, runtime: Runtime) -> None:
    shim.complete("User: Hi\nFalcon:")
    assert runtime.payload["inputs"] == "User: Hi\nFalcon:"
    assert "stop" not in runtime.payload["parameters"]


def test_takes_a_prompt_in_a_list_of_one(shim: Shim, runtime: Runtime) -> None:
    assert shim.complete(["Once"]).status == 200
    assert runtime.payload["inputs"] == "Once"


@pytest.mark.parametrize("prompt", [None, "", [], [""], ["a", "b"], [1, 2], {"a": 1}, 5, "\udc00"])
def test_refuses_a_prompt_that_is_not_one_text(prompt: object, shim: Shim) -> None:
    answer = shim.complete(prompt)
    assert (answer.status, answer.error["param"]) == (400, "prompt")


@pytest.mark.parametrize(("total", "sent"), [("8192", 256), ("300", 150), (None, 256)])
def test_the_default_length_leaves_room_for_a_prompt(
    total: str | None, sent: int, deploy: Deploy, runtime: Runtime
) -> None:
    deploy(MAX_TOTAL_TOKENS=total).complete()
    assert runtime.payload["parameters"]["max_new_tokens"] == sent


def test_refuses_more_tokens_than_the_model_takes(deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(MAX_INPUT_TOKENS="8191", MAX_TOTAL_TOKENS="8192")
    assert shim.complete(max_tokens=8191).status == 200
    answer = shim.complete(max_tokens=8192)
    assert (answer.status, answer.error["param"]) == (400, "max_tokens")
    assert "max_tokens is 8192, but this model takes 8192 tokens" in answer.error["message"]
    assert "at most 8191 for the prompt" in answer.error["message"]
    assert len(runtime.bodies) == 1


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_tokens", 0, "max_tokens is 0, expected an integer of at least 1"),
        ("max_tokens", 5.0, "max_tokens is 5.0, expected an integer"),
        ("max_tokens", True, "max_tokens is true, expected an integer"),
        ("max_tokens", "5", "max_tokens is '5', expected an integer"),
        ("temperature", -0.1, "temperature is -0.1, expected a number from 0 to 2"),
        ("temperature", 2.1, "temperature is 2.1, expected a number from 0 to 2"),
        ("temperature", True, "temperature is true, expected a number"),
        ("temperature", 10**400, "temperature is an enormous integer, expected"),
        ("top_p", 1.01, "top_p is 1.01, expected a number from 0 to 1"),
        ("top_p", [0.5], "top_p is a list, expected a number"),
        ("seed", -1, "seed is -1, expected an integer from 0 to 9223372036854775807"),
        ("seed", 2**63, "seed is 9223372036854775808, expected"),
        ("seed", 1.5, "seed is 1.5, expected an integer"),
        ("presence_penalty", 2.5, "presence_penalty is 2.5, expected a number from -2 to 2"),
        ("stop", "", "stop is '', expected a non-empty string, or a list of at most 4"),
        ("stop", ["a"] * 5, "stop is a list, expected"),
        ("stop", ["a", 1], "stop is a list, expected"),
        ("stop", {"a": 1}, "stop is an object, expected"),
        ("stop", "\ud800", "stop holds a lone surrogate"),
        ("decoder_input_details", 1, "decoder_input_details is 1, expected true or false"),
        ("stream", True, "stream is true, but this API does not stream yet: leave stream out or send false"),
        ("stream", 1, "stream is not supported"),
        ("n", 2, "n is not supported by this model: leave it out"),
        ("n", True, "n is not supported"),
        ("logit_bias", {"50256": -100}, "logit_bias is not supported"),
        ("stream_options", {"include_usage": True}, "stream_options is not supported"),
        ("top_k", 50, "unknown parameter 'top_k' (a container's own parameters are for /invocations)"),
    ],
)
@pytest.mark.parametrize("route", ["chat", "completions"])
def test_refuses_a_parameter_by_name_value_and_what_is_allowed(
    route: str, name: str, value: object, expected: str, shim: Shim, runtime: Runtime
) -> None:
    parameters = {name: value}
    answer = shim.chat(("user", "Hi"), **parameters) if route == "chat" else shim.complete(**parameters)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"] == name
    assert expected in answer.error["message"]
    assert not runtime.bodies


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logprobs", True),
        ("top_logprobs", 2),
        ("response_format", {"type": "json_object"}),
        ("tools", [{"type": "function"}]),
        ("tool_choice", "required"),
        ("functions", [{"name": "f"}]),
        ("modalities", ["text", "audio"]),
        ("reasoning_effort", "high"),
        ("prompt", "Hi"),
    ],
)
def test_refuses_in_a_chat_what_no_container_here_can_do(name: str, value: object, shim: Shim) -> None:
    answer = shim.chat(("user", "Hi"), **{name: value})
    assert (answer.status, answer.error["param"]) == (400, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("logprobs", 0), ("echo", True), ("best_of", 2), ("suffix", "."), ("max_completion_tokens", 5)],
)
def test_refuses_in_a_completion_what_no_container_here_can_do(name: str, value: object, shim: Shim) -> None:
    answer = shim.complete(**{name: value})
    assert (answer.status, answer.error["param"]) == (400, name)


def test_takes_what_openai_clients_send_routinely(shim: Shim, runtime: Runtime) -> None:
    routine: dict[str, object] = {
        "user": "ann",
        "store": False,
        "metadata": {"run": "1"},
        "service_tier": "auto",
        "safety_identifier": "x",
        "prompt_cache_key": "y",
        "parallel_tool_calls": True,
        "n": 1,
        "stream": False,
        "stream_options": None,
        "logprobs": False,
        "logit_bias": {},
        "tools": [],
        "tool_choice": "auto",
        "response_format": {"type": "text"},
        "modalities": ["text"],
    }
    answer = shim.chat(("user", "Hi"), **routine)
    assert answer.status == 200, answer.text
    assert set(runtime.payload["parameters"]) == {*ALWAYS, "do_sample", "stop"}


def test_names_every_problem_of_a_request_at_once(shim: Shim) -> None:
    answer = shim.chat(("tool", "Hi"), temperature=3, stream=True, top_k=5, stop=7)
    message = answer.error["message"]
    for text in ("stream is true", "'top_k'", "temperature is 3", "stop is 7", "messages[0] (the last)"):
        assert text in message
    assert message.count("; ") >= 4


@pytest.mark.parametrize("route", ["/v1/chat/completions", "/v1/completions"])
def test_serves_one_model_and_says_which(route: str, shim: Shim) -> None:
    wrong = shim.post(route, {"model": "gpt-4o", "messages": [], "prompt": "x"})
    assert (wrong.status, wrong.error["code"], wrong.error["param"]) == (404, "model_not_found", "model")
    assert "there is no model 'gpt-4o' here, only 'the-model'" in wrong.error["message"]
    missing = shim.post(route, {"temperature": 7})
    assert (missing.status, missing.error["param"]) == (400, "model")
    assert "model is null, expected 'the-model'" in missing.error["message"]
    assert "temperature is 7" in missing.error["message"]
