from typing import Any

import aws_cdk as cdk

from tests.app.state_machine_calls import allowed
from tests.constructs.fine_tuning.pipeline_parts import make

MEMBERS = {
    *("AlgorithmSpecification", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"),
    *("EnableNetworkIsolation", "Environment", "HyperParameters", "InputDataConfig", "OutputDataConfig"),
    *("ResourceConfig", "RoleArn", "StoppingCondition", "Tags"),
}


def _train(stack: cdk.Stack, **props: Any) -> dict[str, Any]:
    state: dict[str, Any] = make(stack, job=props).states()["Train"]
    return state


def _role(template: dict[str, Any], described: str) -> str:
    [role] = [
        str(name)
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role" and resource["Properties"].get("Description", "").startswith(described)
    ]
    return role


def test_takes_every_member_of_the_prepared_request(stack: cdk.Stack) -> None:
    parameters = _train(stack)["Parameters"]

    assert parameters.pop("TrainingJobName.$") == "$.run.jobName"
    assert parameters == {f"{member}.$": f"$.run.request.{member}" for member in MEMBERS}


def test_takes_checkpoints_with_spot_instances_only(stack: cdk.Stack) -> None:
    assert "CheckpointConfig.$" in _train(stack, max_wait=cdk.Duration.hours(48))["Parameters"]


def test_takes_a_network_in_a_vpc_only(stack: cdk.Stack) -> None:
    assert "VpcConfig.$" in _train(stack, in_vpc=True)["Parameters"]


def test_waits_for_instances_longer_than_the_job_may_train(stack: cdk.Stack) -> None:
    assert _train(stack)["TimeoutSeconds"] == 26 * 3600


def test_tells_a_failed_job_and_tries_none_again_under_the_same_name(stack: cdk.Stack) -> None:
    state = _train(stack)

    [catch] = state["Catch"]
    assert (catch["ErrorEquals"], catch["ResultPath"]) == (["States.ALL"], "$.error")
    [retry] = state["Retry"]
    assert "States.TaskFailed" not in retry["ErrorEquals"]
    assert "SageMaker.ResourceLimitExceededException" in retry["ErrorEquals"]


def test_jobs_read_their_data_and_recipe_and_write_their_runs_and_touch_no_other_object(stack: cdk.Stack) -> None:
    template = make(stack).template()
    rights = allowed(template, _role(template, "trains huggingface-llm-mistral-7b"))

    objects: dict[str, set[str]] = {}
    for action, arn in rights:
        if action.startswith("s3:"):
            objects.setdefault(action, set()).add(arn.rpartition(":::")[2] or arn)
    [bucket] = [arn for arn in objects["s3:ListBucket"] if arn.startswith("<")]
    cache = "jumpstart-cache-prod-us-west-2"
    assert objects["s3:ListBucket"] == {cache, bucket}
    assert objects["s3:PutObject"] == {f"{bucket}/training/runs/*"}
    assert objects["s3:GetObject"] == {
        f"{bucket}/training/data/*",
        f"{bucket}/training/runs/*",
        f"{cache}/source-directory-tarballs/*",
        f"{cache}/*-training/*train-huggingface-llm-mistral-7b*",
    }


def test_jobs_pull_the_training_image_of_the_regions_registry_only(stack: cdk.Stack) -> None:
    template = make(stack).template()
    rights = allowed(template, _role(template, "trains huggingface-llm-mistral-7b"))

    assert {arn for action, arn in rights if action == "ecr:BatchGetImage"} == {
        "arn:aws:ecr:us-west-2:763104351884:repository/huggingface-pytorch-training"
    }


def test_jobs_make_grants_on_the_key_only_where_their_volumes_have_it(stack: cdk.Stack) -> None:
    template = make(stack).template()
    rights = allowed(template, _role(template, "trains huggingface-llm-mistral-7b"))

    assert "kms:CreateGrant" not in {action for action, _ in rights}


def test_jobs_make_grants_on_the_key_for_volumes(stack: cdk.Stack) -> None:
    template = make(stack, job={"volume_key": True}).template()
    rights = allowed(template, _role(template, "trains huggingface-llm-mistral-7b"))

    assert "kms:CreateGrant" in {action for action, _ in rights}
