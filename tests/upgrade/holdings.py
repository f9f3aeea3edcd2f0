"""State of an account: resources with their physical ids, values of pointers, keys, endpoints, jobs and executions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from tests.upgrade.differences import STATEFUL, Difference

_STARTS = ("Custom::FineTuning", "Custom::ModelImport")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """State of an account at one time.

    Attributes:
        resources: Physical ids of stateful resources, by stack and logical id.
        pointers: Values of the parameters of the stacks, by their names.
        keys: Values of API Gateway's keys, by their ids.
        endpoints: Creation time and config of SageMaker's endpoints, by their names.
        imported_models: ARNs of Bedrock's imported models.
        training_jobs: Names of SageMaker's training jobs.
        import_jobs: ARNs of Bedrock's import jobs.
        executions: ARNs of executions of all state machines.
        calls: Ids of the stacks' events about the handlers that start trainings and imports.
    """

    resources: Mapping[tuple[str, str], str]
    pointers: Mapping[str, str]
    keys: Mapping[str, str]
    endpoints: Mapping[str, tuple[str, str]]
    imported_models: frozenset[str]
    training_jobs: frozenset[str]
    import_jobs: frozenset[str]
    executions: frozenset[str]
    calls: frozenset[str]


def holdings(stacks: Mapping[str, str], region: str) -> Holdings:
    """Read the state of an account from AWS.

    Args:
        stacks: CloudFormation's names of the stacks, by their paths.
        region: Where they are.
    """

    def client(service: Any) -> Any:
        return boto3.client(service, region_name=region)

    def listed(service: str, operation: str, key: str, member: str, **arguments: str) -> frozenset[str]:
        pages = client(service).get_paginator(operation).paginate(**arguments)
        return frozenset(entry[member] for page in pages for entry in page[key])

    resources: dict[tuple[str, str], str] = {}
    parameters: list[str] = []
    calls: set[str] = set()
    for path, name in stacks.items():
        for resource in client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]:
            if resource["ResourceType"] in STATEFUL:
                resources[path, resource["LogicalResourceId"]] = resource["PhysicalResourceId"]
            if resource["ResourceType"] == "AWS::SSM::Parameter":
                parameters.append(resource["PhysicalResourceId"])
        pages = client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
        events = [event for page in pages for event in page["StackEvents"]]
        calls |= {event["EventId"] for event in events if event["ResourceType"] in _STARTS}
    endpoints = {
        name: client("sagemaker").describe_endpoint(EndpointName=name)
        for name in listed("sagemaker", "list_endpoints", "Endpoints", "EndpointName")
    }
    machines = listed("stepfunctions", "list_state_machines", "stateMachines", "stateMachineArn")
    return Holdings(
        resources=resources,
        pointers={name: client("ssm").get_parameter(Name=name)["Parameter"]["Value"] for name in parameters},
        keys={key["id"]: key["value"] for key in client("apigateway").get_api_keys(includeValues=True)["items"]},
        endpoints={
            name: (str(endpoint["CreationTime"]), endpoint["EndpointConfigName"])
            for name, endpoint in endpoints.items()
        },
        imported_models=listed("bedrock", "list_imported_models", "modelSummaries", "modelArn"),
        training_jobs=listed("sagemaker", "list_training_jobs", "TrainingJobSummaries", "TrainingJobName"),
        import_jobs=listed("bedrock", "list_model_import_jobs", "modelImportJobSummaries", "jobArn"),
        executions=frozenset[str]().union(
            *(_executions(machine, client("stepfunctions")) for machine in sorted(machines))
        ),
        calls=frozenset(calls),
    )


def replaced(before: Holdings, after: Holdings) -> list[Difference]:
    """List the stateful resources that an update has replaced or removed."""
    return [
        Difference(*place, f"was {physical_id}, is {after.resources.get(place, 'gone')}")
        for place, physical_id in before.resources.items()
        if after.resources.get(place) != physical_id
    ]


def _executions(machine: str, states: Any) -> Iterable[str]:
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
    return [execution["executionArn"] for page in pages for execution in page["executions"]]
