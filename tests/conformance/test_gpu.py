"""Mistral 7B on a GPU instance: deployed once, asked, and removed. On an account only with --gpu."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.conformance.conftest import Observe
from tests.conformance.deployment import MODEL, Deployment, NotReadyError
from tests.conformance.ledger import remove_leftovers
from tests.conformance.made import Made
from tests.conformance.target import Answer, Target, error_of
from tools.conformance import PREFIX

pytestmark = [pytest.mark.gpu, pytest.mark.xdist_group("conformance")]


@pytest.fixture(scope="module")
def deployment(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The deployed stack."""
    try:
        return Deployment(made, tmp_path_factory.mktemp("gpu"))
    except NotReadyError as error:
        pytest.exit(f"no stack was made: {error}", returncode=pytest.ExitCode.USAGE_ERROR)


def _ask(target: Target, deployment: Deployment, **more: object) -> Answer:
    url = urlsplit(deployment.outputs["InvokeUrl"])
    messages = [{"role": "user", "content": "What is Amazon SageMaker JumpStart?"}]
    body = json.dumps({"model": MODEL.name, "messages": messages, "max_tokens": 32, **more})
    api_id, path = str(url.hostname).partition(".")[0], f"{url.path.rstrip('/')}/v1/chat/completions"
    headers = {"content-type": "application/json"}
    return target.eventually(
        lambda: target.send(api_id, path, headers=headers, body=body, signs=True), lambda answer: answer.status == 200
    )


@pytest.mark.belief("endpoint-role-needs-no-more")
def test_the_endpoint_is_in_service_with_the_roles_rights(
    deployment: Deployment, target: Target, observe: Observe
) -> None:
    status = target.client("sagemaker").describe_endpoint(EndpointName=deployment.stack_name)["EndpointStatus"]
    observe(status)
    assert status == "InService"


@pytest.mark.belief("container-network-isolation")
def test_the_container_serves_isolated_from_the_network(
    deployment: Deployment, target: Target, observe: Observe
) -> None:
    sagemaker = target.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=deployment.stack_name)["EndpointConfigName"]
    [variant] = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    isolated = sagemaker.describe_model(ModelName=variant["ModelName"])["EnableNetworkIsolation"]
    status = _ask(target, deployment).status
    observe(f"isolated {isolated}, answers {status}")
    assert (isolated, status) == (True, 200)


@pytest.mark.belief("endpoint-signed-post")
def test_the_endpoint_answers_a_chat(deployment: Deployment, target: Target, observe: Observe) -> None:
    answer = _ask(target, deployment)
    observe(f"{answer.status} {answer.body[:200]!r}")
    assert answer.status == 200
    assert answer.document["choices"][0]["message"]["content"]
    assert answer.document["object"] == "chat.completion"


@pytest.mark.belief("lambda-stream-head-by-hand")
def test_the_shim_streams_a_chat(deployment: Deployment, target: Target, observe: Observe) -> None:
    answer = _ask(target, deployment, stream=True)
    events = [line for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    observe(f"{answer.status}, {answer.headers.get('content-type')}, {len(events)} events, the last {events[-1:]}")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.complete, events[-1]) == (True, "data: [DONE]")
    assert len(events) > 2


@pytest.mark.sweep
@pytest.mark.parametrize("killed", [False, True], ids=["interrupted", "killed"])
def test_a_deployment_that_is_broken_off_is_removed(target: Target, tmp_path: Path, killed: bool) -> None:
    other = replace(target, run=f"{PREFIX}-{uuid4().hex[:8]}")
    made, stacks = Made(other, folder=tmp_path), other.client("cloudformation")
    name = f"{other.run}-{MODEL.name}"

    def interrupt() -> None:
        known = [one for one in stacks.list_stacks()["StackSummaries"] if one["StackName"] == name]
        if any(one["StackStatus"].startswith("CREATE_") for one in known):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Deployment(made, tmp_path, while_waiting=interrupt)
    assert stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] != "DELETE_COMPLETE"
    # A run that was killed removes nothing itself: the next one reads its ledger.
    assert (remove_leftovers(other, folder=tmp_path) if killed else made.remove()) == []
    assert error_of(stacks.describe_stacks, StackName=name)[0] == "ValidationError"
    assert error_of(other.client("sagemaker").describe_endpoint, EndpointName=name)[0] == "ValidationException"
    assert list(tmp_path.glob("conformance-*.json")) == []
