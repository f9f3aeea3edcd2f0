"""Rule that stops the training job of an aborted run."""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct


class JobStop(Construct):
    """Stops the training job of a run that is aborted or runs out of time, so that nobody pays for it any longer.

    Defines: an `AWS::Events::Rule`, and the right of EventBridge to invoke the function for it.

    Data flow: Step Functions sends EventBridge an event when an execution ends; the function (`training.stop`) gets the
    ARNs of both, and stops the pipeline's jobs unless another execution is running.

    Failures: EventBridge tries for a day to invoke the function. A job that is not stopped ends by its own longest
    time, or is waited for by the next run of the same data.

    Prerequisites: none.

    Usage::

        JobStop(self, "JobStop", state_machine=machine, function=functions.stop(machine))
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, state_machine: sfn.StateMachine, function: lambda_.Function
    ) -> None:
        """Define the rule.

        Args:
            state_machine: The pipeline's state machine.
            function: Stops the jobs.
        """
        super().__init__(scope, construct_id)
        events.Rule(
            self,
            "Rule",
            description="stops the training job of a run that is aborted or runs out of time",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"status": ["ABORTED", "TIMED_OUT"], "stateMachineArn": [state_machine.state_machine_arn]},
            ),
            targets=[
                targets.LambdaFunction(
                    function,
                    event=events.RuleTargetInput.from_object(
                        {
                            "stateMachine": state_machine.state_machine_arn,
                            "execution": events.EventField.from_path("$.detail.executionArn"),
                        }
                    ),
                )
            ],
        )
