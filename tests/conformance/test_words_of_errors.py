"""The words with which SageMaker, Bedrock, S3 and Service Quotas refuse, by which the code tells errors apart."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.conformance.conftest import Observe
from tests.conformance.made import Made
from tests.conformance.target import Target, error_of

pytestmark = pytest.mark.xdist_group("conformance")

_MODELS = {"ServiceCode": "bedrock", "QuotaCode": "L-45B04988"}
_JOBS = {"ServiceCode": "bedrock", "QuotaCode": "L-5F098EFA"}


@pytest.mark.belief("endpoint-missing-message")
def test_an_endpoint_that_does_not_exist(target: Target, observe: Observe) -> None:
    error = error_of(target.client("sagemaker-runtime").invoke_endpoint, EndpointName=target.run, Body=b"{}")
    observe(error)
    assert error == ("ValidationError", f"Endpoint {target.run} of account {target.account} not found.")


@pytest.mark.belief("import-missing-sagemaker-model")
def test_a_sagemaker_model_that_does_not_exist(target: Target, observe: Observe) -> None:
    error = error_of(target.client("sagemaker").describe_model, ModelName=target.run)
    observe(error)
    assert error[0] == "ValidationException"
    assert error[1].startswith("Could not find model")


@pytest.mark.belief("training-missing-job-message")
def test_a_training_job_that_does_not_exist(target: Target, observe: Observe) -> None:
    error = error_of(target.client("sagemaker").describe_training_job, TrainingJobName=target.run)
    observe(error)
    assert error == ("ValidationException", "Requested resource not found.")


# An account that takes the role would start an import, which nothing can stop.
@pytest.mark.belief("import-role-is-invalid-at-first", local_only=True)
def test_an_import_with_a_role_that_bedrock_cannot_assume(made: Made, target: Target, observe: Observe) -> None:
    error = error_of(
        target.client("bedrock").create_model_import_job,
        jobName=target.name(),
        importedModelName=target.name(),
        roleArn=made.role("lambda.amazonaws.com"),
        modelDataSource={"s3DataSource": {"s3Uri": f"s3://{target.run}/model/"}},
    )
    observe(error)
    assert error[0] == "ValidationException"
    assert "role ARN is invalid" in error[1]


@pytest.mark.belief("import-one-at-a-time")
@pytest.mark.parametrize(("quota", "value", "adjustable"), [(_MODELS, 3, True), (_JOBS, 1, False)])
def test_the_default_quotas_of_imports(
    target: Target, observe: Observe, quota: dict[str, str], value: float, adjustable: bool
) -> None:
    found = target.client("service-quotas").get_aws_default_service_quota(**quota)["Quota"]
    observe(f"{found['QuotaName']}: {found['Value']}, adjustable {found['Adjustable']}")
    assert (found["Value"], found["Adjustable"]) == (value, adjustable)


@pytest.mark.belief("quotas-default-value")
def test_a_quota_without_an_applied_value_has_a_default(target: Target, observe: Observe) -> None:
    quotas = target.client("service-quotas")
    unknown = {"ServiceCode": "bedrock", "QuotaCode": "L-00000000"}
    refused = (
        error_of(quotas.get_service_quota, **unknown)[0],
        error_of(quotas.get_aws_default_service_quota, **unknown)[0],
    )
    applied = {}
    for name, quota in {"models": _MODELS, "jobs": _JOBS}.items():
        # Either an account has a value of its own, or exactly this refusal and a default.
        error = error_of(quotas.get_service_quota, **quota)[0]
        applied[name] = error or "applied"
        assert quotas.get_aws_default_service_quota(**quota)["Quota"]["Value"] > 0
    observe(f"unknown: {refused}; {applied}")
    assert refused == ("NoSuchResourceException", "NoSuchResourceException")
    assert set(applied.values()) <= {"applied", "NoSuchResourceException"}


@pytest.mark.belief("s3-head-bucket-region")
@pytest.mark.parametrize(("owner", "status"), [(None, 200), ("000000000000", 403)])
def test_a_buckets_region(target: Target, observe: Observe, owner: str | None, status: int) -> None:
    whose = {"ExpectedBucketOwner": owner} if owner else {}
    try:
        answer = target.client("s3").head_bucket(Bucket=f"jumpstart-cache-prod-{target.region}", **whose)
    except ClientError as error:
        answer = error.response
    metadata = answer["ResponseMetadata"]
    region = answer.get("BucketRegion") or metadata["HTTPHeaders"].get("x-amz-bucket-region")
    observe(f"{metadata['HTTPStatusCode']}: {region}")
    assert (metadata["HTTPStatusCode"], region) == (status, target.region)


@pytest.mark.belief("s3-expected-bucket-owner")
def test_a_bucket_of_another_owner(target: Target, observe: Observe) -> None:
    bucket = f"jumpstart-cache-prod-{target.region}"
    error = error_of(target.client("s3").head_bucket, Bucket=bucket, ExpectedBucketOwner="000000000000")
    observe(error)
    assert error[0] == "403"


@pytest.mark.belief("jumpstart-unsigned-if-none-match")
def test_a_document_that_has_not_changed(target: Target, observe: Observe) -> None:
    s3, where = target.client("s3"), {"Bucket": f"jumpstart-cache-prod-{target.region}", "Key": "models_manifest.json"}
    tag = s3.head_object(**where)["ETag"]
    error = error_of(s3.get_object, **where, IfNoneMatch=tag)
    observe(error)
    assert error[0] == "304"
