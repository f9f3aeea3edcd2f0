"""State machines really run: their states, data, errors and history, as Step Functions documents them."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest

from tests.localaws.stepfunctions.faulty_function import FAULTY, invoke
from tests.support.local_aws import steer
from tests.support.state_machine_driver import StateMachines, allow

Aws = Callable[..., Any]


class TestData:
    def test_goes_from_state_to_state(self, machines: StateMachines) -> None:
        states = {
            "First": {"Type": "Pass", "Result": {"b": 2}, "ResultPath": "$.first", "Next": "Second"},
            "Second": {
                "Type": "Pass",
                "InputPath": "$.first",
                "Parameters": {"taken.$": "$.b", "fixed": [1]},
                "OutputPath": "$.second",
                "ResultPath": "$.second",
                "End": True,
            },
        }
        execution = machines.run(states, {"a": 1})
        assert (execution["status"], execution["output"]) == ("SUCCEEDED", {"taken": 2, "fixed": [1]})
        assert execution["startDate"] <= execution["stopDate"]

    def test_a_null_result_path_keeps_the_input(self, machines: StateMachines) -> None:
        assert machines.output({"Type": "Pass", "Result": 5, "ResultPath": None}, {"a": 1}) == {"a": 1}

    def test_paths_reach_into_lists_and_odd_names(self, machines: StateMachines) -> None:
        state = {
            "Type": "Pass",
            "Parameters": {
                "last.$": "$.l[-1]",
                "odd.$": "$['an odd name'].x",
                "all.$": "$.l[*].n",
                "cut.$": "$.l[0:1]",
            },
        }
        data = {"l": [{"n": 1}, {"n": 2}], "an odd name": {"x": 3}}
        assert machines.output(state, data) == {"last": {"n": 2}, "odd": 3, "all": [1, 2], "cut": [{"n": 1}]}

    def test_the_context_object_names_execution_and_state_machine(self, machines: StateMachines) -> None:
        fields = {
            "id.$": "$$.Execution.Id",
            "name.$": "$$.Execution.Name",
            "start.$": "$$.Execution.StartTime",
            "machine.$": "$$.StateMachine.Id",
            "state.$": "$$.State.Name",
            "given.$": "$$.Execution.Input.x",
        }
        machine = machines.create({"Here": {"Type": "Pass", "Parameters": fields, "End": True}})
        execution = machines.ended(machines.start(machine, {"x": 7}, name="named"))
        output = execution["output"]
        assert output["id"] == execution["executionArn"] == f"{machine.replace('stateMachine', 'execution')}:named"
        assert (output["name"], output["machine"], output["state"], output["given"]) == ("named", machine, "Here", 7)
        assert output["start"].startswith(execution["startDate"].strftime("%Y-%m-%dT"))
        assert output["start"].endswith("Z")

    @pytest.mark.parametrize(
        ("call", "result"),
        [
            ("States.Format('{}-{} \\{\\}', $.name, $.list)", "it's-[3,1,3] {}"),
            ("States.Format('it\\'s {}', $.name)", "it's it's"),
            ("States.StringToJson('{\"a\":[1]}')", {"a": [1]}),
            ("States.JsonToString($.list)", "[3,1,3]"),
            ("States.Array(1, 'a', true, null, $.list)", [1, "a", True, None, [3, 1, 3]]),
            ("States.ArrayPartition($.list, 2)", [[3, 1], [3]]),
            ("States.ArrayContains($.list, 1)", True),
            ("States.ArrayRange(1, 9, 4)", [1, 5, 9]),
            ("States.ArrayGetItem($.list, 1)", 1),
            ("States.ArrayLength($.list)", 3),
            ("States.ArrayUnique($.list)", [3, 1]),
            ("States.Base64Decode(States.Base64Encode('text'))", "text"),
            ("States.Hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
            ("States.JsonMerge($.one, $.two, false)", {"a": 2, "b": 1}),
            ("States.MathAdd($.list[0], -1)", 2),
            ("States.MathRandom(4, 5)", 4),
            ("States.StringSplit('a/b-c', '/-')", ["a", "b", "c"]),
        ],
    )
    def test_intrinsic_functions(self, machines: StateMachines, call: str, result: Any) -> None:
        data = {"name": "it's", "list": [3, 1, 3], "one": {"a": 1, "b": 1}, "two": {"a": 2}}
        assert machines.output({"Type": "Pass", "Parameters": {"r.$": call}}, data) == {"r": result}

    def test_more_than_256_kib_end_the_execution_and_cannot_be_caught(self, machines: StateMachines) -> None:
        function = machines.function("def handler(event, context):\n    return 'x' * 300_000")
        catch = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
        states = {"Big": invoke(function, Catch=catch, Next="Done"), "Done": {"Type": "Succeed"}}
        execution = machines.run(states, {}, allow("lambda:InvokeFunction"))
        assert (execution["status"], execution["error"]) == ("FAILED", "States.DataLimitExceeded")


class TestChoice:
    RULES = (
        {"Variable": "$.missing", "IsPresent": True, "Next": "Present"},
        {
            "And": [{"Variable": "$.n", "NumericGreaterThan": 5}, {"Variable": "$.s", "StringMatches": "a*"}],
            "Next": "Both",
        },
        {"Not": {"Variable": "$.n", "NumericLessThanEqualsPath": "$.limit"}, "Next": "Above"},
        {"Variable": "$.s", "StringEquals": "exact", "Next": "Exact"},
        {"Variable": "$.t", "TimestampLessThan": "2020-01-01T00:00:00Z", "Next": "Old"},
    )

    @pytest.mark.parametrize(
        ("changes", "chosen"),
        [
            ({"missing": None}, "Present"),
            ({"n": 6, "s": "abc"}, "Both"),
            ({"n": 4}, "Above"),
            ({"s": "exact"}, "Exact"),
            ({"t": "2019-12-31T23:59:59Z"}, "Old"),
            ({}, "Default"),
        ],
    )
    def test_takes_the_first_rule_that_holds(self, machines: StateMachines, changes: Any, chosen: str) -> None:
        names = ["Present", "Both", "Above", "Exact", "Old", "Default"]
        states = {
            "Choose": {"Type": "Choice", "Choices": list(self.RULES), "Default": "Default"},
            **{name: {"Type": "Pass", "Result": name, "End": True} for name in names},
        }
        data = {"n": 1, "limit": 3, "s": "x", "t": "2021-01-01T00:00:00Z", **changes}
        assert machines.run(states, data)["output"] == chosen

    def test_fails_without_a_rule_or_a_default(self, machines: StateMachines) -> None:
        states = {
            "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "End"}]},
            "End": {"Type": "Succeed"},
        }
        assert machines.run(states, {"a": 1})["error"] == "States.NoChoiceMatched"


class TestErrors:
    def test_an_exception_s_class_names_the_error_and_its_report_is_the_cause(self, machines: StateMachines) -> None:
        function = machines.function(FAULTY)
        execution = machines.run({"Call": invoke(function, End=True)}, {"fault": "bad"}, allow("lambda:InvokeFunction"))
        assert (execution["status"], execution["error"]) == ("FAILED", "DataError")
        cause = json.loads(execution["cause"])
        assert (cause["errorType"], cause["errorMessage"]) == ("DataError", "bad")

    def test_a_catcher_puts_the_error_into_the_input(self, machines: StateMachines) -> None:
        function = machines.function(FAULTY)
        catch = [{"ErrorEquals": ["DataError"], "ResultPath": "$.failure", "Next": "Told"}]
        states = {
            "Call": invoke(function, Catch=catch, End=True),
            "Told": {
                "Type": "Fail",
                "ErrorPath": "$.failure.Error",
                "CausePath": "States.Format('because {}', $.fault)",
            },
        }
        execution = machines.run(states, {"fault": "bad"}, allow("lambda:InvokeFunction"))
        assert (execution["error"], execution["cause"]) == ("DataError", "because bad")

    def test_retries_as_often_as_the_retrier_says(self, machines: StateMachines) -> None:
        function = machines.function(FAULTY)
        retry = [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 2, "BackoffRate": 3}]
        machine = machines.create({"Call": invoke(function, Retry=retry, End=True)}, allow("lambda:InvokeFunction"))
        execution = machines.start(machine, {"fault": "bad"})
        assert machines.ended(execution)["status"] == "FAILED"
        assert [event["type"] for event in machines.events(execution)].count("TaskFailed") == 3

    def test_a_role_that_may_not_call_fails_with_the_service_s_error(self, machines: StateMachines) -> None:
        function = machines.function(FAULTY)
        execution = machines.run({"Call": invoke(function, End=True)}, {"number": 1})
        assert execution["error"] == "Lambda.AWSLambdaException"
        assert "is not authorized to perform: lambda:InvokeFunction" in execution["cause"]

    def test_a_task_that_takes_too_long_times_out(self, machines: StateMachines) -> None:
        function = machines.function("import time\ndef handler(event, context):\n    time.sleep(2.5)")
        state = invoke(function, TimeoutSeconds=1, End=True)
        execution = machines.run({"Call": state}, {}, allow("lambda:InvokeFunction"))
        assert (execution["status"], execution["error"]) == ("FAILED", "States.Timeout")
        assert execution.get("cause", "") == ""

    def test_an_execution_that_takes_too_long_times_out(self, machines: StateMachines) -> None:
        machines.scale_waits(1)
        states = {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}
        assert machines.run(states, {}, TimeoutSeconds=1)["status"] == "TIMED_OUT"

    def test_a_path_that_leads_nowhere_fails(self, machines: StateMachines) -> None:
        execution = machines.run({"Only": {"Type": "Pass", "Parameters": {"a.$": "$.none"}, "End": True}}, {})
        assert execution["error"] == "States.ParameterPathFailure"


class TestServices:
    def test_sdk_calls_have_capital_letters_and_text_for_times(self, machines: StateMachines) -> None:
        state = {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:describeStateMachine",
            "Parameters": {"StateMachineArn.$": "$$.StateMachine.Id"},
            "End": True,
        }
        execution = machines.run({"Ask": state}, {}, allow("states:DescribeStateMachine"))
        assert execution["output"]["StateMachineArn"] == execution["stateMachineArn"]
        assert execution["output"]["CreationDate"].endswith("Z")
        assert "ResponseMetadata" not in execution["output"]

    @pytest.mark.parametrize(
        ("action", "parameters", "error"),
        [
            ("ssm:getParameter", {"Name": "/no/such"}, "Ssm.ParameterNotFoundException"),
            ("sagemaker:describeEndpoint", {"EndpointName": "none"}, "SageMaker.SageMakerException"),
            ("s3:getObject", {"Bucket": "no-such-bucket-here", "Key": "k"}, "S3.NoSuchBucketException"),
        ],
    )
    def test_sdk_errors_are_named_as_in_the_sdk_for_java(
        self, machines: StateMachines, action: str, parameters: Any, error: str
    ) -> None:
        state = {
            "Type": "Task",
            "Resource": f"arn:aws:states:::aws-sdk:{action}",
            "Parameters": parameters,
            "End": True,
        }
        execution = machines.run({"Ask": state}, {}, allow("ssm:*", "sagemaker:*", "s3:*"))
        assert execution["error"] == error
        assert "(Service: " in execution["cause"]
        assert "Status Code: 4" in execution["cause"]

    def test_a_topic_that_the_role_may_not_publish_to_fails_with_its_own_error(self, machines: StateMachines) -> None:
        topic = machines.aws("sns").create_topic(Name="not-told")["TopicArn"]
        parameters = {"TopicArn": topic, "Message": "m"}
        state = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": parameters, "End": True}
        other = allow("sns:Publish", resource=f"{topic}-other")
        execution = machines.run({"Tell": state}, {}, other)
        assert execution["error"] == "SNS.AuthorizationErrorException"
        assert f"sns:Publish on resource: {topic} because" in execution["cause"]

    def test_topics_get_messages_and_buses_get_events(self, machines: StateMachines) -> None:
        topic = machines.aws("sns").create_topic(Name="told")["TopicArn"]
        states = {
            "Tell": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sns:publish",
                "Parameters": {"TopicArn": topic, "Message": {"a.$": "$.a"}},
                "ResultPath": "$.published",
                "Next": "Announce",
            },
            "Announce": {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Parameters": {"Entries": [{"Source": "own", "DetailType": "end", "Detail": {"a.$": "$.a"}}]},
                "ResultPath": "$.announced",
                "End": True,
            },
        }
        output = machines.run(states, {"a": 1}, allow("sns:Publish"), allow("events:PutEvents"))["output"]
        assert output["published"]["MessageId"]
        assert output["announced"]["FailedEntryCount"] == 0
        assert output["announced"]["Entries"][0]["EventId"]


class TestBeside:
    def test_branches_and_items_run_with_their_own_data(self, machines: StateMachines) -> None:
        double = {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, $.n)"}, "End": True}
        branch = {"StartAt": "Double", "States": {"Double": double}}
        states = {
            "Both": {"Type": "Parallel", "Branches": [branch, branch], "ResultPath": "$.both", "Next": "Each"},
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.both",
                "ItemSelector": {"n.$": "$$.Map.Item.Value.n", "index.$": "$$.Map.Item.Index"},
                "ItemProcessor": {"StartAt": "Double", "States": {"Double": double}},
                "End": True,
            },
        }
        assert machines.run(states, {"n": 2})["output"] == [{"n": 8}, {"n": 8}]


def test_the_scale_of_waits_must_be_a_number(local_aws: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        steer(local_aws, "stepfunctions", {"wait_scale": -1})
    assert "wait_scale is -1: a number of at least 0" in caught.value.read().decode()
    caught.value.close()
