"""The behaviour of an endpoint: what is made to go wrong, how long things may take, how fast its container answers."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from localaws import steering
from localaws.sagemaker.endpoint_behaviour import KINDS, EndpointBehaviour, Fault
from tests.localaws.sagemaker.sagemaker_driver import LMI, SageMakerDriver

HI = {"inputs": "Hi"}


class TestNextFault:
    def test_comes_as_often_as_asked_for_and_in_order(self) -> None:
        behaviour = EndpointBehaviour(faults=[Fault(kind="throttled", times=2), Fault(kind="not_ready", times=1)])
        met = [behaviour.next_fault(streamed=False) for _ in range(4)]
        assert [fault and fault.kind for fault in met] == ["throttled", "throttled", "not_ready", None]
        assert behaviour.invocations == 4

    def test_comes_always_where_no_number_is_given(self) -> None:
        behaviour = EndpointBehaviour()
        behaviour.faults = [Fault(kind="unavailable")]
        assert all(behaviour.next_fault(streamed=True) for _ in range(9))

    def test_of_a_stream_waits_for_one(self) -> None:
        behaviour = EndpointBehaviour()
        behaviour.faults = [Fault(kind="stream_broken", times=1), Fault(kind="throttled", times=1)]
        kinds = [(behaviour.next_fault(streamed=streamed) or Fault(kind="")).kind for streamed in (False, False, True)]
        assert kinds == ["throttled", "", "stream_broken"]


class TestReading:
    def test_refuses_faults_with_all_that_is_wrong(self) -> None:
        documents = [
            {"kind": "tired"},
            {"kind": "throttled", "times": 0, "when": "now"},
            3,
            {"times": 1, "status": 200},
        ]
        with pytest.raises(ValueError, match="tired") as refused:
            steering.read(EndpointBehaviour, {"faults": documents})
        assert str(refused.value).splitlines() == [
            f".faults[0].kind is 'tired': one of {', '.join(KINDS)}",
            ".faults[1].when is not allowed: kind, times, status, message",
            ".faults[1].times is 0: a whole number above 0, or null for all invocations",
            ".faults[2] is 3: an object with kind, times, status, message",
            f".faults[3].kind is None: one of {', '.join(KINDS)}",
            ".faults[3].status is 200: an HTTP status of 400 to 599",
        ]

    @pytest.mark.parametrize("document", [3, {"seconds": 1}, {"stream_seconds": 0}, {"stream_seconds": True}])
    def test_refuses_limits_that_are_none(self, document: Any) -> None:
        with pytest.raises(ValueError, match="limits"):
            steering.read(EndpointBehaviour, {"limits": document})

    @pytest.mark.parametrize("document", [3, {"speed": 1}, {"token_seconds": -1}, {"answer_tokens": 1.5}])
    def test_refuses_a_pace_that_is_none(self, document: Any) -> None:
        with pytest.raises(ValueError, match="pace"):
            steering.read(EndpointBehaviour, {"pace": document})


class TestFaults:
    @pytest.mark.parametrize(
        ("kind", "status", "code", "message"),
        [
            ("throttled", 400, "ThrottlingException", None),
            ("no_capacity", 400, "ValidationError", "Inference Component has no capacity to process this request."),
            ("not_ready", 429, "ModelNotReadyException", "The model is still being provisioned"),
            ("not_in_service", 400, "ValidationError", "Endpoint "),
            ("unavailable", 503, "ServiceUnavailable", "The service is unavailable"),
            ("internal_failure", 500, "InternalFailure", "An internal failure"),
            ("dependency_failure", 530, "InternalDependencyException", "A dependency"),
            ("container_down", 424, "ModelError", "Received server error (0) from primary"),
            ("model_error", 424, "ModelError", 'Received server error (500) from primary with message "as asked for"'),
        ],
    )
    def test_are_met_by_both_operations_until_they_are_used_up(
        self, driver: SageMakerDriver, kind: str, status: int, code: str, message: str | None
    ) -> None:
        endpoint = driver.endpoint()
        driver.behave(endpoint, {"faults": [{"kind": kind, "times": 2}]})
        for ask in (driver.invoke, driver.parts):
            with pytest.raises(ClientError) as failed:
                ask(endpoint, HI)
            response = failed.value.response
            assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, code)
            if message is None:
                assert response["Error"]["Message"] is None
            else:
                assert response["Error"]["Message"].startswith(message)
        assert driver.invoke(endpoint, HI)

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            ("stream_broken", "ModelStreamError"),
            ("stream_timeout", "ModelStreamError"),
            ("stream_failure", "InternalStreamFailure"),
        ],
    )
    def test_of_a_stream_come_after_its_first_part(self, driver: SageMakerDriver, kind: str, code: str) -> None:
        endpoint = driver.endpoint()
        driver.behave(endpoint, {"faults": [{"kind": kind, "times": 1}]})
        assert driver.invoke(endpoint, HI)
        events = driver.events(endpoint, HI)
        assert next(events)["PayloadPart"]["Bytes"]
        with pytest.raises(EventStreamError) as failed:
            next(events)
        assert failed.value.response["Error"]["Code"] == code
        assert driver.parts(endpoint, HI)

    def test_carry_the_containers_status_and_message(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        fault = {"kind": "model_error", "status": 413, "message": '{"error": "too large"}'}
        driver.behave(endpoint, {"faults": [fault]})
        with pytest.raises(driver.runtime.exceptions.ModelError) as failed:
            driver.invoke(endpoint, HI)
        assert failed.value.response["OriginalStatusCode"] == 413
        assert failed.value.response["OriginalMessage"] == fault["message"]


class TestSteering:
    def test_is_shown(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        driver.invoke(endpoint, HI)
        limits = {"container_seconds": 60, "stream_seconds": 480}
        assert driver.behave(endpoint) == (200, {"faults": [], "limits": limits, "pace": None, "invocations": 1})
        driver.behave(endpoint, {"faults": [{"kind": "throttled", "times": 5}]})
        with pytest.raises(ClientError):
            driver.invoke(endpoint, HI)
        [fault] = driver.behave(endpoint)[1]["faults"]
        assert (fault["kind"], fault["times"]) == ("throttled", 4)

    def test_set_the_pace_until_they_are_taken_back(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint(Image=LMI)
        document = {"inputs": "Hi", "parameters": {"max_new_tokens": 500, "details": True}}
        assert driver.behave(endpoint, {"pace": {"answer_tokens": 77}})[1]["pace"] == {"answer_tokens": 77}
        assert driver.invoke(endpoint, document)["details"]["generated_tokens"] == 78
        driver.behave(endpoint, {"faults": [{"kind": "throttled"}]})
        assert driver.behave(endpoint, method="DELETE")[1]["pace"] is None
        assert driver.invoke(endpoint, document)["details"]["generated_tokens"] < 77

    def test_outlive_an_update_and_end_with_the_endpoint(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint(Image=LMI)
        driver.behave(endpoint, {"pace": {"answer_tokens": 3}})
        driver.control.update_endpoint(EndpointName=endpoint, EndpointConfigName=driver.config())
        driver.settled(endpoint)
        [answer] = driver.invoke(endpoint, {"inputs": "Hi", "parameters": {"details": True}})
        assert answer["details"]["generated_tokens"] == 4
        driver.control.delete_endpoint(EndpointName=endpoint)
        assert driver.behave(endpoint)[0] == 404

    def test_refuse_all_that_is_wrong_and_change_nothing(self, driver: SageMakerDriver) -> None:
        endpoint = driver.endpoint()
        before = driver.behave(endpoint)
        document = {"faults": [{"kind": "tired"}], "limits": 1, "pace": {"speed": 2}, "mood": "bad"}
        status, answer = driver.behave(endpoint, document)
        assert status == 400
        assert [line.partition(" ")[0] for line in answer["error"].splitlines()] == [
            "mood",
            "faults[0].kind",
            "limits",
            "pace.speed",
        ]
        assert driver.behave(endpoint) == before
        assert driver.behave(endpoint, [1])[0] == 400
        assert driver.behave(endpoint, method="PATCH")[0] == 405
