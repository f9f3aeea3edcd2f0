"""The stand-in container as DJL Serving's Large Model Inference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localaws.containers import ContainerSettings
from tests.localaws.containers.container_client import (
    FALCON_PROMPT,
    LMI,
    LMI_18,
    MISTRAL_PROMPT,
    ContainerClient,
    settings,
)

Serve = Callable[[ContainerSettings], ContainerClient]


@pytest.fixture
def lmi(serve: Serve) -> ContainerClient:
    return serve(settings(LMI))


class TestLmi:
    def test_answers_with_an_object(self, lmi: ContainerClient) -> None:
        status, answer = lmi({"inputs": MISTRAL_PROMPT})
        assert status == 200
        assert list(answer) == ["generated_text"]

    def test_answers_with_a_list_when_compatible_with_tgi(self, serve: Serve) -> None:
        post = serve(settings(LMI, OPTION_TGI_COMPAT="true"))
        assert isinstance(post({"inputs": "Hi"})[1], list)

    def test_generates_thirty_tokens_by_default(self, lmi: ContainerClient) -> None:
        _, answer = lmi({"inputs": FALCON_PROMPT, "parameters": {"details": True}})
        assert (answer["details"]["generated_tokens"], answer["details"]["finish_reason"]) == (30, "length")
        assert len(answer["details"]["tokens"]) == 30

    def test_stops_at_stop_and_cuts_it_off(self, lmi: ContainerClient) -> None:
        _, answer = lmi({"inputs": FALCON_PROMPT, "parameters": {"stop": ["\nUser:"], "max_new_tokens": 200}})
        assert answer["generated_text"].endswith("Who wrote Faust?")

    def test_ignores_stop_sequences(self, lmi: ContainerClient) -> None:
        parameters = {"stop_sequences": ["\nUser:"], "max_new_tokens": 200}
        _, answer = lmi({"inputs": FALCON_PROMPT, "parameters": parameters})
        assert "\nUser:" in answer["generated_text"]

    @pytest.mark.parametrize("document", [b"{", {}, {"inputs": 3}, {"inputs": "Hi", "parameters": []}, [1]])
    def test_refuses_what_it_cannot_read(self, lmi: ContainerClient, document: Any) -> None:
        if document == {"inputs": "Hi", "parameters": []}:
            document["parameters"] = ["x"]
        status, answer = lmi(document)
        assert (status, answer["code"]) == (424, 424)
        assert answer["error"].startswith("Input parsing failed")

    def test_fails_under_status_200_for_a_bad_parameter(self, lmi: ContainerClient) -> None:
        status, answer = lmi({"inputs": "Hi", "parameters": {"top_p": 1.5}})
        assert (status, answer["generated_text"], answer["details"]["finish_reason"]) == (200, "", "error")

    @pytest.mark.parametrize("parameters", [{"temperature": "hot"}, {"max_new_tokens": 1.5}, {"stop": [1]}])
    def test_refuses_a_parameter_of_a_wrong_type(self, lmi: ContainerClient, parameters: Any) -> None:
        assert lmi({"inputs": "Hi", "parameters": parameters})[0] == 424

    def test_samples_only_when_asked(self, lmi: ContainerClient) -> None:
        greedy, other, sampled = (
            lmi({"inputs": "Hi", "parameters": {"seed": 7, **parameters}})[1]["generated_text"]
            for parameters in ({}, {"temperature": 1.0}, {"do_sample": True})
        )
        assert greedy == other != sampled


class TestLmiStream:
    def test_is_json_lines_with_the_text_in_the_last(self, lmi: ContainerClient) -> None:
        streamed = lmi.stream({"inputs": MISTRAL_PROMPT, "parameters": {"max_new_tokens": 100}})
        assert streamed.content_type == "application/jsonlines"
        *lines, last = streamed.lines
        assert all(list(line) == ["token"] and list(line["token"]) == ["id", "text", "log_prob"] for line in lines)
        assert list(last) == ["token", "generated_text"]
        assert last["generated_text"] == "".join(line["token"]["text"] for line in [*lines, last])
        assert "data:" not in streamed.text
        assert "[DONE]" not in streamed.text

    def test_tells_details_in_the_last_line_when_asked(self, lmi: ContainerClient) -> None:
        lines = lmi.stream({"inputs": "Hi", "parameters": {"details": True}}).lines
        expected = {"finish_reason": "eos_token", "generated_tokens": len(lines), "inputs": "Hi"}
        assert lines[-1]["details"] == expected

    def test_gives_a_text_later_than_its_token_where_it_may_have_to_stop(self, lmi: ContainerClient) -> None:
        parameters = {"stop": ["\nUser:"], "max_new_tokens": 200}
        lines = lmi.stream({"inputs": FALCON_PROMPT, "parameters": parameters}).lines
        # Of " Stan", the first token, the last five characters may begin the stop sequence.
        assert lines[0]["token"]["text"] == " "
        assert lines[-1]["generated_text"].endswith("Who wrote Faust?")
        assert "".join(line["token"]["text"] for line in lines) == lines[-1]["generated_text"]

    @pytest.mark.parametrize("environment", [{"OPTION_TGI_COMPAT": "True"}, {"OPTION_OUTPUT_FORMATTER": "sse"}])
    def test_is_server_sent_events_when_set_so(self, serve: Serve, environment: dict[str, str]) -> None:
        streamed = serve(settings(LMI, **environment)).stream({"inputs": "Hi"})
        assert streamed.content_type == "text/event-stream"
        assert streamed.events[-1]["generated_text"].startswith(" Stand-in answer")

    def test_has_tgis_names_when_compatible_with_it(self, serve: Serve) -> None:
        events = serve(settings(LMI, OPTION_TGI_COMPAT="true")).stream({"inputs": "Hi"}).events
        assert all("logprob" in event["token"] for event in events)
        assert events[-1]["details"]["generated_tokens"] == len(events)

    def test_streams_unasked_where_the_formatter_says_so(self, serve: Serve) -> None:
        _, text = serve(settings(LMI, OPTION_OUTPUT_FORMATTER="jsonlines"))({"inputs": "Hi"})
        assert text.count("\n") > 3

    @pytest.mark.parametrize("document", [{"inputs": "[[stand-in error=2]]"}, {"inputs": "", "parameters": {"n": 0}}])
    def test_fails_in_a_line_that_does_not_say_why(self, lmi: ContainerClient, document: Any) -> None:
        streamed = lmi.stream(document)
        assert streamed.status == 200
        assert streamed.lines[-1] == {
            "token": {"id": -1, "text": "", "log_prob": -1, "special_token": True},
            "generated_text": "",
            "details": {"finish_reason": "error", "generated_tokens": None, "inputs": None},
        }

    def test_is_refused_with_a_status_when_it_cannot_be_read(self, lmi: ContainerClient) -> None:
        assert lmi({"inputs": 3, "stream": True})[0] == 424
        assert lmi({"inputs": "Hi", "stream": "yes"})[0] == 424


class TestLmiAsync:
    """The mode that LMI 17 made the default."""

    @pytest.fixture
    def lmi(self, serve: Serve) -> ContainerClient:
        return serve(settings(LMI_18))

    def test_tells_details_in_tgis_names(self, lmi: ContainerClient) -> None:
        parameters = {"details": True, "decoder_input_details": True, "max_new_tokens": 100}
        _, answer = lmi({"inputs": MISTRAL_PROMPT, "parameters": parameters})
        details = answer["details"]
        assert list(details) == ["finish_reason", "generated_tokens", "seed", "prefill", "tokens"]
        assert details["generated_tokens"] == len(details["tokens"])
        assert list(details["tokens"][0]) == ["id", "text", "logprob"]

    def test_tells_the_stop_sequence_for_the_finish_reason(self, lmi: ContainerClient) -> None:
        parameters = {"details": True, "stop": "\nUser:", "max_new_tokens": 200}
        _, stopped = lmi({"inputs": FALCON_PROMPT, "parameters": parameters})
        _, ended = lmi({"inputs": "Hi", "parameters": {"details": True}})
        assert [answer["details"]["finish_reason"] for answer in (stopped, ended)] == ["\nUser:", None]

    def test_streams_lines_like_tgis_and_then_blank_ones(self, lmi: ContainerClient) -> None:
        streamed = lmi.stream({"inputs": "Hi", "parameters": {"details": True}})
        assert streamed.content_type == "application/jsonlines"
        assert streamed.text.endswith("}\n\n\n")
        *lines, last = streamed.lines
        assert all((line["generated_text"], line["details"]) == (None, None) for line in lines)
        assert last["generated_text"] == "".join(line["token"]["text"] for line in [*lines, last])
        assert last["details"] == {
            "finish_reason": "stop",
            "seed": None,
            "generated_tokens": len(lines) + 1,
            "input_length": 1,
        }

    def test_refuses_a_bad_parameter_with_a_status(self, lmi: ContainerClient) -> None:
        expected = {"error": "Input parsing failed: top_p must be in (0, 1], got 1.5.", "code": 424}
        assert lmi({"inputs": "Hi", "parameters": {"top_p": 1.5}}) == (424, expected)
        assert lmi({"inputs": "Hi", "parameters": {"top_p": 1.5}, "stream": True}) == (424, expected)

    def test_fails_in_a_line_with_vllms_error(self, lmi: ContainerClient) -> None:
        streamed = lmi.stream({"inputs": "[[stand-in error=1]]"})
        assert (streamed.status, list(streamed.lines[-1])) == (200, ["error"])
        assert lmi({"inputs": "[[stand-in error=1]]"})[0] == 500
