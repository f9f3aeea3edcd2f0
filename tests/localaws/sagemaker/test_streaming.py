"""InvokeEndpointWithResponseStream, read by boto3's own client; the limits of both operations."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EventStreamError
from hypothesis import given
from hypothesis import strategies as st

from localaws.sagemaker.parts import PartCutter
from tests.localaws.sagemaker.sagemaker_driver import ACCOUNT, LMI, REGION, VLLM, SageMakerDriver, invoke, set_policy


def texts(parts: list[bytes]) -> list[str]:
    """The token texts of TGI's events in a stream."""
    lines = b"".join(parts).decode().split("\n\n")
    return [json.loads(line.removeprefix("data:"))["token"]["text"] for line in lines if line.startswith("data:")]


class TestParts:
    @given(data=st.lists(st.binary(min_size=1, max_size=3000), max_size=5))
    def test_lose_nothing_and_are_never_empty(self, data: list[bytes]) -> None:
        cutter = PartCutter()
        parts = [part for piece in data for part in cutter.cut(piece)]
        assert b"".join(parts) == b"".join(data)
        assert all(parts)

    def test_are_the_same_for_the_same_bytes(self) -> None:
        data = b"data: {}\n\n" * 500
        assert list(PartCutter().cut(data)) == list(PartCutter().cut(data))

    def test_end_within_events_and_hold_several(self) -> None:
        parts = list(PartCutter().cut(b'data:{"token":{"text":" a"}}\n\n' * 200))
        assert any(not part.endswith(b"\n\n") for part in parts)
        assert any(part.count(b"data:") > 2 for part in parts)

    def test_end_within_characters(self) -> None:
        broken = 0
        for part in PartCutter().cut("日本語".encode() * 500):
            try:
                part.decode()
            except UnicodeDecodeError:
                broken += 1
        assert broken > 5


class TestStream:
    def test_brings_the_containers_bytes(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        document = {"inputs": "Wie heißt 東京 🙂?", "parameters": {"max_new_tokens": 200}}
        parts = driver.parts(endpoint, document)
        [whole] = driver.invoke(endpoint, document)
        assert "".join(texts(parts)).removesuffix("</s>") == whole["generated_text"]
        assert "東京 🙂?" in whole["generated_text"]

    def test_says_what_it_is_and_who_answers(self, driver: SageMakerDriver) -> None:
        answer = driver.runtime.invoke_endpoint_with_response_stream(
            EndpointName=driver.endpoint(Image=LMI),
            ContentType="application/json",
            Body=json.dumps({"inputs": "Hi", "stream": True}),
        )
        with closing(answer["Body"]):
            assert answer["ContentType"] == "application/jsonlines"
            assert answer["InvokedProductionVariant"] == "AllTraffic"
            assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/vnd.amazon.eventstream"

    def test_does_not_keep_to_the_boundaries_of_events(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        document = {"inputs": "日本語を話しますか", "parameters": {"max_new_tokens": 1000}}
        driver.behave(endpoint, {"pace": {"answer_tokens": 400}})
        parts = driver.parts(endpoint, document)
        assert len(texts(parts)) == 401
        assert any(part.count(b"data:") > 1 for part in parts)
        assert any(not part.endswith(b"\n\n") for part in parts)

    def test_brings_what_there_is_while_the_rest_is_produced(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        events = driver.events(endpoint, {"inputs": "[[stand-in stall=3]]"})
        arrived = b""
        while arrived.count(b"data:") < 3 or not arrived.endswith(b"\n\n"):
            arrived += next(events)["PayloadPart"]["Bytes"]
        assert arrived.count(b"data:") == 3
        events.close()

    def test_is_one_of_a_whole_answer_too(self, driver: SageMakerDriver) -> None:
        body = json.dumps({"inputs": "Hi"})
        answer = driver.runtime.invoke_endpoint_with_response_stream(EndpointName=driver.endpoint(), Body=body)
        parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
        assert isinstance(json.loads(b"".join(parts)), list)

    def test_of_vllm_is_openais(self, driver: SageMakerDriver) -> None:
        messages = [{"role": "user", "content": "Who wrote Faust?"}]
        parts = driver.parts(driver.endpoint(Image=VLLM), {"messages": messages})
        assert b"".join(parts).endswith(b"data: [DONE]\n\n")

    def test_that_is_not_asked_for_comes_as_a_whole(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        body = json.dumps({"inputs": "Hi", "stream": True})
        answer = driver.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
        assert answer["ContentType"] == "text/event-stream"
        assert answer["Body"].read().startswith(b"data:")


class TestErrors:
    def test_before_the_stream_have_a_status(self, driver: SageMakerDriver) -> None:
        with pytest.raises(driver.runtime.exceptions.ModelError, match=r"Received client error \(422\)") as failed:
            driver.parts(driver.endpoint(), {"inputs": 3})
        assert failed.value.response["OriginalStatusCode"] == 422
        with pytest.raises(driver.runtime.exceptions.ValidationError, match="Endpoint none of account"):
            driver.parts("none", {"inputs": "Hi"})
        with pytest.raises(driver.runtime.exceptions.ValidationError, match="length less than or equal to 6291456"):
            driver.parts(driver.endpoint(), {"inputs": "x" * 6_291_456})

    def test_of_the_container_may_be_in_the_stream(self, driver: SageMakerDriver) -> None:
        parts = driver.parts(driver.endpoint(), {"inputs": "Hi", "parameters": {"top_p": 1.0}})
        assert json.loads(b"".join(parts).removeprefix(b"data:"))["error_type"] == "validation"

    def test_a_container_that_breaks_off_breaks_the_stream(self, driver: SageMakerDriver) -> None:
        events = driver.events(driver.endpoint(), {"inputs": "[[stand-in break=2]]"})
        parts: list[bytes] = []
        with pytest.raises(EventStreamError, match="TCP connection") as broken:
            parts.extend(event["PayloadPart"]["Bytes"] for event in events)
        assert len(texts(parts)) == 2
        assert broken.value.response["Error"]["Code"] == "ModelStreamError"

    def test_a_container_that_breaks_off_at_once_has_failed(self, driver: SageMakerDriver) -> None:
        with pytest.raises(driver.runtime.exceptions.ModelError, match="the model process exited") as failed:
            driver.invoke(driver.endpoint(), {"inputs": "[[stand-in break=0]]"})
        assert failed.value.response["OriginalStatusCode"] == 0

    def test_a_stream_may_not_take_longer_than_its_limit(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        driver.behave(endpoint, {"limits": {"stream_seconds": 0.3}})
        parts: list[bytes] = []
        with pytest.raises(
            EventStreamError, match="did not complete sending the inference response in the allotted time"
        ) as timed_out:
            parts.extend(
                event["PayloadPart"]["Bytes"] for event in driver.events(endpoint, {"inputs": "[[stand-in stall=1]]"})
            )
        assert len(texts(parts)) == 1
        assert timed_out.value.response["Error"]["Code"] == "ModelStreamError"

    @pytest.mark.parametrize("marker", ["[[stand-in stall=1]]", "[[stand-in delay=1]]"])
    def test_an_answer_may_not_take_longer_than_its_limit(self, driver: SageMakerDriver, marker: str) -> None:
        endpoint = driver.endpoint()
        driver.behave(endpoint, {"limits": {"container_seconds": 0.3}})
        for ask in (driver.invoke, driver.parts) if "delay" in marker else (driver.invoke,):
            with pytest.raises(driver.runtime.exceptions.ModelError, match="invocation timed out") as timed_out:
                ask(endpoint, {"inputs": marker})
            assert timed_out.value.response["OriginalStatusCode"] == 0


class TestPermission:
    @pytest.fixture
    def caller(self, aws: Callable[..., Any], local_aws: str, driver: SageMakerDriver) -> Callable[..., Any]:
        """Make a client whose role may do `actions` at an endpoint."""

        def make(endpoint: str, *actions: str) -> Any:
            role = driver.role()
            arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{endpoint}"
            set_policy(aws("iam"), role, [{"Effect": "Allow", "Action": list(actions), "Resource": arn}])
            session = aws("sts").assume_role(RoleArn=role, RoleSessionName="caller")["Credentials"]
            return boto3.client(
                "sagemaker-runtime",
                region_name=REGION,
                endpoint_url=local_aws,
                aws_access_key_id=session["AccessKeyId"],
                aws_secret_access_key=session["SecretAccessKey"],
                aws_session_token=session["SessionToken"],
            )

        return make

    def test_to_invoke_is_not_one_to_stream(self, driver: SageMakerDriver, caller: Callable[..., Any]) -> None:
        endpoint = driver.endpoint()
        client = caller(endpoint, "sagemaker:InvokeEndpoint")
        assert invoke(client, endpoint, {"inputs": "Hi"})
        with pytest.raises(ClientError, match="perform: sagemaker:InvokeEndpointWithResponseStream on") as refused:
            client.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=b"{}")
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"

    def test_to_stream_needs_both_actions(self, driver: SageMakerDriver, caller: Callable[..., Any]) -> None:
        endpoint = driver.endpoint()
        actions = ["sagemaker:InvokeEndpointWithResponseStream", "sagemaker:InvokeEndpoint"]
        client = caller(endpoint, *actions)
        body = json.dumps({"inputs": "Hi", "stream": True})
        assert list(client.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=body)["Body"])
        only = caller(endpoint, actions[0])
        with pytest.raises(ClientError, match="perform: sagemaker:InvokeEndpoint on"):
            only.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=body)
