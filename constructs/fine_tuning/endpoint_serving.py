"""What follows a training where an endpoint serves: register, serve, verify, publish, prune."""

from collections.abc import Mapping

from aws_cdk import Duration, Stack
from aws_cdk import aws_stepfunctions as sfn
from constructs.acknowledgements import wildcard_finding
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.endpoint_states import EndpointStates
from constructs.fine_tuning.fine_tuning_functions import EndpointFunctions
from constructs.fine_tuning.fine_tuning_pipeline import Ways
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.served_pointer import ServedPointer

_FUNCTION_TIMEOUT = Duration.minutes(6)


class EndpointServing:
    """Puts a release behind a SageMaker endpoint.

    Data flow: *register* makes model and endpoint config of a release, which is the training's version and a hash of
    what it is served with; *serve* puts it behind the endpoint, blue/green; *verify* asks the endpoint; *publish*
    writes the pointer; *prune* deletes what is neither served nor needed for a rollback. A rollback begins with the
    previous release at *serve*.

    Failures: until *publish* the pointer stays. An update that fails its alarms is rolled back by SageMaker, one that
    fails *verify* by the pipeline.

    Usage::

        serving = EndpointServing(endpoint, pointer=pointer, functions=functions.for_endpoint(endpoint, ...))
    """

    # Longer than prepare (15 minutes), and than an endpoint that is made, updated, returned and watched (4 hours each).
    longest = Duration.hours(14)

    def __init__(
        self,
        endpoint: FineTunedEndpoint,
        *,
        pointer: ServedPointer,
        functions: EndpointFunctions,
        tags: Mapping[str, str] | None = None,
        poll_interval: Duration | None = None,
    ) -> None:
        """Keep what the states are made of.

        Args:
            endpoint: What a release is served with.
            pointer: What names the served release.
            functions: What is run beside services' calls.
            tags: Tags of what the states make.
            poll_interval: How often the endpoint is looked at; 30 s by default.
        """
        self.pointer = pointer
        self._endpoint = endpoint
        self._functions = functions
        self._tags = [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]
        self._poll = poll_interval or Duration.seconds(30)

    @property
    def findings(self) -> Mapping[str, str]:
        """The findings of rule packs about the role's policy, with their reasons."""
        stack = Stack.of(self._endpoint)
        releases = "models and configs of this pipeline: their names end in the hash of a release"
        name = f"{self._endpoint.endpoint_name}-*"
        arns = [
            stack.format_arn(service="sagemaker", resource=kind, resource_name=name)
            for kind in ("endpoint-config", "model")
        ]
        return {
            **{wildcard_finding(self._endpoint, arn): releases for arn in arns},
            "AwsSolutions-IAM5[Resource::*]": (
                "the log delivery of CloudWatch Logs, X-Ray's records and cloudwatch:DescribeAlarms have no "
                "resource in IAM, or none that is known beforehand"
            ),
        }

    def ways(self, states: PipelineStates) -> Ways:
        """Make the states."""
        steps = EndpointStates(states, endpoint=self._endpoint, tags=self._tags, poll_interval=self._poll)
        publish = self._publish(states)
        check = states.tasks.invoke(
            "Verify",
            self._functions.verify,
            {"endpointName": self._endpoint.endpoint_name, "configName.$": "$.serve.name"},
            select={"answer.$": "$.Payload.answer"},
            result_path="$.verified",
            timeout=_FUNCTION_TIMEOUT,
        )
        check.next(publish)
        check.add_catch(steps.back(pointed="$.served.release"), result_path="$.error")
        serve = states.read("Read served release", self.pointer.served, "$.served")
        serve.next(steps.put_into_place(then=check))
        settings = self._endpoint.settings_hash
        trained = states.put(
            "Name the release",
            {
                "release.$": f"States.Format('{{}}-{settings}', $.run.version)",
                "name.$": f"States.Format('{states.name}-{{}}-{settings}', $.run.version)",
            },
            "$.serve",
        )
        trained.next(steps.register(then=serve))
        previous = states.put(
            "Name the previous release",
            {
                "release.$": "$.before.release",
                "name.$": f"States.Format('{states.name}-{{}}', $.before.release)",
            },
            "$.serve",
        )
        previous.next(serve)
        return Ways(trained, previous)

    def _publish(self, states: PipelineStates) -> sfn.IChainable:
        done = states.success(release="$.serve.release", previous="$.served.release")
        pruned = states.tasks.invoke(
            "Prune", self._functions.prune, {"keep.$": "$.serve.release"}, timeout=_FUNCTION_TIMEOUT
        )
        pruned.next(done)
        # What could not be deleted is deleted after the next run; the new release is served all the same.
        pruned.add_catch(done, result_path="$.unpruned")
        pointer = self.pointer
        keep = states.write("Keep the release before", pointer.previous, {"Value.$": "$.served.release"})
        publish = states.write("Publish", pointer.served, {"Value.$": "$.serve.release"})
        open_ = states.write("Point the API to the endpoint", pointer.target, {"Value": self._endpoint.endpoint_name})
        trained = sfn.Choice(
            states.scope, "A new training?", comment="a rollback must not delete what a training registers"
        )
        trained.when(sfn.Condition.is_present("$.run"), pruned)
        trained.otherwise(done)
        keep.next(publish)
        publish.next(open_)
        open_.next(trained)
        new = sfn.Choice(states.scope, "Another release than before?")
        new.when(sfn.Condition.string_equals_json_path("$.served.release", "$.serve.release"), open_)
        new.otherwise(keep)
        return new
