"""Rule that has the job of an aborted run stopped."""

import json

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs.fine_tuning.job_stop import JobStop

from tests.app.state_machine_calls import text
from tests.constructs.fine_tuning.pipeline_parts import make
from tests.support.templates import resources
from training.contract import STOP


def test_an_aborted_run_and_one_out_of_time_have_their_job_stopped(stack: cdk.Stack) -> None:
    machine = make(stack).pipeline.state_machine
    function = lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler="a.b",
        code=lambda_.Code.from_inline("def b(): pass"),
    )
    JobStop(stack, "JobStop", state_machine=machine, function=function)

    [(name, rule)] = resources(stack, "AWS::Events::Rule").items()
    arn = stack.resolve(machine.state_machine_arn)
    # A run that fails leaves its job to the next one.
    assert rule["EventPattern"]["detail"] == {"status": ["ABORTED", "TIMED_OUT"], "stateMachineArn": [arn]}
    [target] = rule["Targets"]
    sent = text(target["InputTransformer"]["InputTemplate"])
    assert sent == f'{{"stateMachine":"<{arn["Ref"]}>","execution":<detail-executionArn>}}'
    assert tuple(json.loads(sent.replace("<detail-executionArn>", "0"))) == STOP.inputs
    [permission] = resources(stack, "AWS::Lambda::Permission").values()
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": [name, "Arn"]}
