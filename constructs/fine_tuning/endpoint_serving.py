"""Steps after training for models served by a SageMaker endpoint: register, serve, verify, publish, prune."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.endpoint_states import EndpointStates
from constructs.fine_tuning.fine_tuning_pipeline import EntryStates
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.served_pointer import ServedPointer
from constructs.values.durations import in_seconds

_FUNCTION_TIMEOUT = Duration.minutes(6)


class EndpointServing:
    """Serves a release by a SageMaker endpoint.

    Data flow: *register* creates model and endpoint config of a release, which is the training's version and a hash of
    the serving settings; *serve* creates or updates the endpoint, blue/green; *verify* sends it a request; *publish*
    writes the pointer; *prune* deletes releases that are neither served nor needed for a rollback. A rollback begins
    with the previous release at *serve*.

    Failures: until *publish* the pointer stays. An update that fails its alarms is rolled back by SageMaker, one that
    fails *verify* by the pipeline.

    Usage::

        serving = EndpointServing(
            endpoint, pointer=pointer, verify=functions.verify(endpoint), prune=functions.prune(pointer)
        )
    """

    # Longer than prepare (15 minutes), and than creating, updating, returning and watching an endpoint (4 hours each).
    longest_seconds = 14 * 3600

    def __init__(
        self,
        endpoint: FineTunedEndpoint,
        *,
        pointer: ServedPointer,
        verify: lambda_.Function,
        prune: lambda_.Function,
        tags: Mapping[str, str] | None = None,
        poll_interval: Duration | None = None,
    ) -> None:
        """Store the collaborators.

        Args:
            endpoint: The endpoint of all releases.
            pointer: Names the served release.
            verify: Sends a new version a request.
            prune: Deletes old releases.
            tags: Tags of models, configs and the endpoint.
            poll_interval: Time between two looks at the endpoint; 30 s by default.
        """
        self.pointer = pointer
        self._endpoint = endpoint
        self._verify = verify
        self._prune = prune
        self._tags = [{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())]
        self._poll_seconds = in_seconds(poll_interval) if poll_interval else 30

    @property
    def wildcards(self) -> Mapping[str, str]:
        """ARNs with a wildcard in the role's policy, with the reasons."""
        return {"*": "the log delivery of CloudWatch Logs and X-Ray's records have no resource in IAM"}

    def before_training(self, _states: PipelineStates, train: sfn.IChainable) -> sfn.IChainable:
        """Return the training: nothing is asked before it."""
        return train

    def entry_states(self, states: PipelineStates) -> EntryStates:
        """Build the states."""
        steps = EndpointStates(states, endpoint=self._endpoint, tags=self._tags, poll_seconds=self._poll_seconds)
        publish = self._publish(states)
        check = states.tasks.invoke(
            "Verify",
            self._verify,
            {"endpointName": self._endpoint.endpoint_name, "configName.$": "$.serve.name"},
            select={"answer.$": "$.Payload.answer"},
            result_path="$.verified",
            timeout=_FUNCTION_TIMEOUT,
        )
        check.next(publish)
        check.add_catch(steps.back(pointed="$.served.release"), result_path="$.error")
        serve = states.read("Read served release", self.pointer.served, "$.served")
        serve.next(steps.serve(then=check))
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
        previous.next(steps.find(then=serve))
        return EntryStates(after_training=trained, rollback=previous)

    def _publish(self, states: PipelineStates) -> sfn.IChainable:
        done = states.success(release="$.serve.release", previous="$.served.release")
        pruned = states.tasks.invoke("Prune", self._prune, {"keep.$": "$.serve.release"}, timeout=_FUNCTION_TIMEOUT)
        pruned.next(done)
        # A deletion that failed is repeated after the next run; the new release is served all the same.
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
