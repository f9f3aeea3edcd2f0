"""The stand-in container as Text Generation Inference."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from localaws.containers import ContainerSettings
from localaws.containers.tokens import encode
from tests.localaws.containers.container_client import (
    FALCON_PROMPT,
    MISTRAL_PROMPT,
    TGI_1_1,
    TGI_2_0,
    TGI_2_4,
    ContainerClient,
    settings,
)

Serve = Callable[[ContainerSettings], ContainerClient]


@pytest.fixture
def tgi(serve: Serve) -> ContainerClient:
    return serve(settings())


class TestTgi:
    def test_answers_with_a_list(self, tgi: ContainerClient) -> None:
        status, answer = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"max_new_tokens": 100}})
        assert status == 200
        assert [list(item) for item in answer] == [["generated_text"]]

    def test_counts_generated_tokens_as_the_length_of_their_list(self, tgi: ContainerClient) -> None:
        _, [answer] = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"details": True, "max_new_tokens": 100}})
        details = answer["details"]
        assert details["generated_tokens"] == len(details["tokens"])
        assert (details["finish_reason"], details["prefill"]) == ("eos_token", [])
        visible = "".join(token["text"] for token in details["tokens"] if not token["special"])
        assert answer["generated_text"] == visible

    def test_counts_the_prompt_only_when_asked(self, tgi: ContainerClient) -> None:
        _, [answer] = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"decoder_input_details": True}})
        prefill = answer["details"]["prefill"]
        assert "".join(token["text"] for token in prefill) == MISTRAL_PROMPT
        assert prefill[0]["logprob"] is None

    def test_generates_the_default_number_of_tokens(self, tgi: ContainerClient) -> None:
        _, [answer] = tgi({"inputs": MISTRAL_PROMPT, "parameters": {"details": True}})
        assert (answer["details"]["finish_reason"], answer["details"]["generated_tokens"]) == ("length", 20)

    def test_samples_with_a_seed_only_when_asked_or_without_parameters(self, tgi: ContainerClient) -> None:
        _, [greedy] = tgi({"inputs": "Hi", "parameters": {"details": True}})
        _, [sampled] = tgi({"inputs": "Hi", "parameters": {"details": True, "do_sample": True, "seed": 7}})
        assert (greedy["details"]["seed"], sampled["details"]["seed"]) == (None, 7)
        _, [without] = tgi({"inputs": "Hi"})
        assert without["generated_text"] != greedy["generated_text"]

    def test_keeps_the_stop_sequence_that_was_met(self, tgi: ContainerClient) -> None:
        parameters = {"stop": ["\nUser:"], "details": True, "max_new_tokens": 100}
        _, [answer] = tgi({"inputs": FALCON_PROMPT, "parameters": parameters})
        assert answer["generated_text"].endswith("\nUser:")
        assert answer["details"]["finish_reason"] == "stop_sequence"

    def test_returns_the_prompt_too_when_asked(self, tgi: ContainerClient) -> None:
        _, [answer] = tgi({"inputs": "Hi", "parameters": {"return_full_text": True}})
        assert answer["generated_text"].startswith("Hi")

    def test_ignores_parameters_that_it_does_not_know(self, tgi: ContainerClient) -> None:
        assert tgi({"inputs": "Hi", "parameters": {"max_tokens": 5, "seed": None}})[0] == 200

    @pytest.mark.parametrize(
        ("parameters", "problem"),
        [
            ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
            ({"top_p": 0}, "`top_p` must be > 0.0 and < 1.0"),
            ({"typical_p": 1}, "`typical_p` must be > 0.0 and < 1.0"),
            ({"temperature": 0}, "`temperature` must be strictly positive"),
            ({"top_k": 0}, "`top_k` must be strictly positive"),
            ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
            ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
            ({"best_of": 2}, "you must use sampling when `best_of` is > 1"),
            ({"best_of": 3, "do_sample": True}, "`best_of` must be > 0 and <= 2. Given: 3"),
        ],
    )
    def test_refuses_a_parameter_out_of_its_range(self, tgi: ContainerClient, parameters: Any, problem: str) -> None:
        expected = {"error": f"Input validation error: {problem}", "error_type": "validation"}
        assert tgi({"inputs": "Hi", "parameters": parameters}) == (422, expected)

    def test_refuses_an_empty_prompt(self, tgi: ContainerClient) -> None:
        assert tgi({"inputs": ""})[1]["error"] == "Input validation error: `inputs` cannot be empty"

    def test_refuses_more_tokens_than_it_has_room_for(self, tgi: ContainerClient) -> None:
        status, answer = tgi({"inputs": "a b c", "parameters": {"max_new_tokens": 2046}})
        assert status == 422
        assert answer["error"] == (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048. "
            "Given: 3 `inputs` tokens and 2046 `max_new_tokens`"
        )

    def test_refuses_a_prompt_that_is_too_long_unless_it_may_cut_it(self, tgi: ContainerClient) -> None:
        prompt = "a" + " b" * 1100
        status, answer = tgi({"inputs": prompt, "parameters": {"max_new_tokens": 1}})
        assert (status, answer["error_type"]) == (422, "validation")
        assert "`inputs` must have less than 1024 tokens. Given: 1101" in answer["error"]
        assert tgi({"inputs": prompt, "parameters": {"max_new_tokens": 1, "truncate": 1000}})[0] == 200

    @pytest.mark.parametrize(
        ("document", "status", "problem"),
        [
            (b"{", 400, "Failed to parse the request body as JSON"),
            ({}, 422, "missing field `inputs`"),
            ({"inputs": ["a"]}, 422, "inputs: invalid type"),
            ({"inputs": "Hi", "parameters": {"top_p": "0.5"}}, 422, "parameters.top_p: invalid type"),
            ({"inputs": "Hi", "parameters": {"do_sample": None}}, 422, "parameters.do_sample: invalid type"),
        ],
    )
    def test_refuses_what_it_cannot_read(self, tgi: ContainerClient, document: Any, status: int, problem: str) -> None:
        answered, text = tgi(document)
        assert answered == status
        assert problem in text

    def test_refuses_a_payload_above_its_limit(self, serve: Serve) -> None:
        assert serve(settings())({"inputs": "a" * 2_000_000})[0] == 413
        assert serve(settings(PAYLOAD_LIMIT="20"))({"inputs": "a" * 20})[0] == 413

    def test_refuses_requests_above_its_concurrency(self, serve: Serve) -> None:
        post = serve(settings(MAX_CONCURRENT_REQUESTS="1"))
        with ThreadPoolExecutor() as callers:
            answers = list(callers.map(post, [{"inputs": "[[stand-in delay=0.5]]"}] * 2))
        assert sorted(status for status, _ in answers) == [200, 429]
        assert (429, {"error": "Model is overloaded", "error_type": "overloaded"}) in answers


class TestTgiStream:
    @pytest.fixture
    def tgi(self, serve: Serve) -> ContainerClient:
        return serve(settings(TGI_2_4))

    def test_has_one_event_a_token_and_the_text_in_the_last(self, tgi: ContainerClient) -> None:
        parameters = {"max_new_tokens": 100, "details": True}
        streamed = tgi.stream({"inputs": MISTRAL_PROMPT, "parameters": parameters})
        assert (streamed.status, streamed.content_type) == (200, "text/event-stream")
        *events, last = streamed.events
        assert all(list(event) == ["index", "token", "generated_text", "details"] for event in [*events, last])
        assert all(event["generated_text"] is None and event["details"] is None for event in events)
        assert [event["index"] for event in [*events, last]] == list(range(1, len(events) + 2))
        _, [whole] = tgi({"inputs": MISTRAL_PROMPT, "parameters": parameters})
        assert last["generated_text"] == whole["generated_text"]
        assert [event["token"] for event in [*events, last]] == whole["details"]["tokens"]
        assert last["details"] == {
            "finish_reason": "eos_token",
            "generated_tokens": len(events) + 1,
            "seed": None,
            "input_length": len(encode(MISTRAL_PROMPT)),
        }

    def test_does_not_say_done(self, tgi: ContainerClient) -> None:
        assert "[DONE]" not in tgi.stream({"inputs": "Hi"}).text

    def test_tells_details_only_when_asked(self, tgi: ContainerClient) -> None:
        assert tgi.stream({"inputs": "Hi"}).events[-1]["details"] is None

    def test_keeps_characters_whole_in_the_last_token_of_each(self, tgi: ContainerClient) -> None:
        events = tgi.stream({"inputs": "日本語 🙂", "parameters": {"max_new_tokens": 100}}).events
        assert "🙂" in [event["token"]["text"] for event in events]
        texts = [event["token"]["text"] for event in events if not event["token"]["special"]]
        assert "".join(texts) == events[-1]["generated_text"]

    def test_tells_the_likeliest_tokens_when_asked(self, tgi: ContainerClient) -> None:
        parameters = {"top_n_tokens": 3, "details": True}
        events = tgi.stream({"inputs": "Hi", "parameters": parameters}).events
        assert all(len(event["top_tokens"]) == 3 and event["top_tokens"][0] == event["token"] for event in events)
        _, [whole] = tgi({"inputs": "Hi", "parameters": parameters})
        assert whole["details"]["top_tokens"] == [event["top_tokens"] for event in events]

    @pytest.mark.parametrize(
        ("parameters", "problem"),
        [
            ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
            ({"decoder_input_details": True}, "`decoder_input_details` == true is not supported when streaming tokens"),
            ({"best_of": 2, "do_sample": True}, "`best_of` != 1 is not supported when streaming tokens"),
        ],
    )
    def test_refuses_a_parameter_in_an_event_under_status_200(
        self, tgi: ContainerClient, parameters: Any, problem: str
    ) -> None:
        streamed = tgi.stream({"inputs": "Hi", "parameters": parameters})
        assert streamed.status == 200
        assert streamed.events == [{"error": f"Input validation error: {problem}", "error_type": "validation"}]

    def test_refuses_what_it_cannot_read_with_a_status(self, tgi: ContainerClient) -> None:
        assert tgi.stream({"inputs": "Hi", "parameters": {"top_p": "0.5"}}).status == 422
        assert tgi({"inputs": "Hi", "stream": "yes"})[0] == 422

    def test_fails_in_an_event_after_which_nothing_comes(self, tgi: ContainerClient) -> None:
        *events, last = tgi.stream({"inputs": "[[stand-in error=2]]"}).events
        assert [event["generated_text"] for event in events] == [None, None]
        expected = "Request failed during generation: the prompt asked for it"
        assert last == {"error": expected, "error_type": "generation"}
        assert tgi({"inputs": "[[stand-in error=2]]"}) == (424, last)

    def test_is_overloaded_in_an_event(self, serve: Serve) -> None:
        client = serve(settings(TGI_2_4, MAX_CONCURRENT_REQUESTS="1"))
        pieces = client.pieces({"inputs": "[[stand-in stall=1]]"})
        next(pieces)
        overloaded = {"error": "Model is overloaded", "error_type": "overloaded"}
        assert client.stream({"inputs": "Hi"}).events == [overloaded]
        assert client({"inputs": "Hi"}) == (429, overloaded)
        pieces.close()

    def test_is_kept_alive_by_comments(self, serve: Serve) -> None:
        client = serve(settings(TGI_2_4, LOCALAWS_KEEP_ALIVE_SECONDS="0.01", LOCALAWS_FIRST_TOKEN_SECONDS="0.05"))
        streamed = client.stream({"inputs": "Hi", "parameters": {"max_new_tokens": 2}})
        assert streamed.text.startswith(":\n\n")
        assert len(streamed.events) == 2

    def test_follows_its_version(self, serve: Serve) -> None:
        old, newer, new = (
            serve(settings(image)).stream({"inputs": "Hi", "parameters": {"details": True}})
            for image in (TGI_1_1, TGI_2_0, TGI_2_4)
        )
        assert old.text.startswith('data:{"token":')
        assert newer.text.startswith('data:{"index":1,')
        assert new.text.startswith('data: {"index":1,')
        assert ["input_length" in streamed.events[-1]["details"] for streamed in (old, newer, new)] == [
            False,
            False,
            True,
        ]


class TestTgiGuidance:
    @pytest.fixture
    def tgi(self, serve: Serve) -> ContainerClient:
        return serve(settings(TGI_2_4, LORA_ADAPTERS="law,tax"))

    def test_answers_in_the_grammar_of_a_schema(self, tgi: ContainerClient) -> None:
        grammar = {"type": "json", "value": {"properties": {"city": {"type": "string"}, "people": {"type": "integer"}}}}
        _, [answer] = tgi({"inputs": "Hi", "parameters": {"grammar": grammar, "max_new_tokens": 99}})
        assert json.loads(answer["generated_text"]) == {"city": "stand-in", "people": 1}

    @pytest.mark.parametrize(
        ("grammar", "problem"),
        [
            (
                {"type": "json", "value": {"type": "string"}},
                "grammar is not valid: Grammar must have a 'properties' field",
            ),
            ({"type": "regex", "value": "[0-9"}, "grammar is not valid: unterminated character set at position 0"),
            ({"type": "json", "value": ["a"]}, "grammar is not supported"),
        ],
    )
    def test_refuses_a_grammar(self, tgi: ContainerClient, grammar: Any, problem: str) -> None:
        status, answer = tgi({"inputs": "Hi", "parameters": {"grammar": grammar}})
        assert (status, answer["error"]) == (422, f"Input validation error: {problem}")

    def test_cannot_read_a_grammar_of_no_kind(self, tgi: ContainerClient) -> None:
        assert tgi({"inputs": "Hi", "parameters": {"grammar": {"type": "xml", "value": ""}}})[0] == 422

    def test_knows_the_adapters_that_are_loaded(self, tgi: ContainerClient) -> None:
        assert tgi({"inputs": "Hi", "parameters": {"adapter_id": "tax"}})[0] == 200
        assert tgi({"inputs": "Hi", "parameters": {"adapter_id": "love"}})[0] == 424

    def test_does_not_know_of_grammars_in_an_old_version(self, serve: Serve) -> None:
        assert serve(settings(TGI_1_1))({"inputs": "Hi", "parameters": {"grammar": 3}})[0] == 200
