"""Executions: their names, ends, lists and histories."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.localaws.stepfunctions.faulty_function import FAULTY, invoke
from tests.support.state_machine_driver import StateMachines, allow


class TestExecutions:
    def test_the_history_tells_every_step(self, machines: StateMachines) -> None:
        function = machines.function(FAULTY)
        machine = machines.create({"Call": invoke(function, End=True)}, allow("lambda:InvokeFunction"))
        execution = machines.start(machine, {"number": 2})
        assert machines.ended(execution)["output"]["Payload"] == {"doubled": 4}
        events = machines.events(execution)
        assert [event["type"] for event in events] == [
            *("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded"),
            *("TaskStateExited", "ExecutionSucceeded"),
        ]
        assert [event["id"] for event in events] == list(range(1, 8))
        assert json.loads(events[2]["taskScheduledEventDetails"]["parameters"])["FunctionName"] == function

    def test_a_name_is_taken_once(self, machines: StateMachines) -> None:
        machines.scale_waits(1)
        machine = machines.create({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
        first = machines.start(machine, {"a": 1}, name="same")
        assert machines.start(machine, {"a": 1}, name="same") == first
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            machines.start(machine, {"a": 2}, name="same")

    def test_stopping_ends_a_wait_and_lists_follow_the_status(self, machines: StateMachines) -> None:
        machines.scale_waits(1)
        machine = machines.create({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
        execution = machines.start(machine)
        listed = machines.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
        assert [entry["executionArn"] for entry in listed] == [execution]
        machines.states.stop_execution(executionArn=execution, error="Enough", cause="no more")
        ended = machines.ended(execution)
        assert (ended["status"], ended["error"], ended["cause"]) == ("ABORTED", "Enough", "no more")
        assert machines.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"] == []

    def test_a_state_machine_goes_when_its_executions_have_ended(self, machines: StateMachines) -> None:
        machines.scale_waits(1)
        machine = machines.create({"Wait": {"Type": "Wait", "Seconds": 60, "Next": "End"}, "End": {"Type": "Succeed"}})
        execution = machines.start(machine)
        machines.wait_for_event(execution, "WaitStateEntered")
        machines.states.delete_state_machine(stateMachineArn=machine)
        assert machines.states.describe_state_machine(stateMachineArn=machine)["status"] == "DELETING"
        with pytest.raises(ClientError, match="StateMachineDeleting"):
            machines.start(machine)
        machines.states.stop_execution(executionArn=execution)
        machines.wait_until_gone(machine)

    def test_input_that_is_no_json_is_refused(self, machines: StateMachines) -> None:
        machine = machines.create({"Only": {"Type": "Succeed"}})
        with pytest.raises(ClientError, match="InvalidExecutionInput"):
            machines.states.start_execution(stateMachineArn=machine, input="{")
