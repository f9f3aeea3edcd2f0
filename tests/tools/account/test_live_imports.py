"""The live preflight of imports, against the local AWS; Service Quotas, which has none there, is a stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from catalog import Lock
from stacks.declarations import BedrockImport, ImportedModel, Model, S3Weights, SageMakerWeights
from stacks.environments import Environment
from stacks.models import LLAMA_3_2_3B_10K
from tests.support.bedrock_models import ACCOUNT, REGION, Bedrock, llama, make_role, name, read_policy
from tools import local, preflight
from tools.account.questions import ClientFactory, make_client

# One worker: a local AWS of the module's own loads what the module asks.
pytestmark = pytest.mark.xdist_group("live-imports")

ENVIRONMENT = Environment(name="try", region=REGION)
VERSION = "0123456789ab"
QUOTA = "quota 'Imported models per account' (L-45B04988) in us-west-2"

Check = Callable[..., list[str]]


@dataclass
class Quotas:
    """A stand-in for Service Quotas: an applied value, a default one, both or none of them."""

    applied: float | None = None
    default: float | None = None
    asked: list[str] = field(default_factory=list)

    def get_service_quota(self, **parameters: Any) -> dict[str, Any]:
        return self._answer("applied", self.applied, parameters)

    def get_aws_default_service_quota(self, **parameters: Any) -> dict[str, Any]:
        return self._answer("default", self.default, parameters)

    def _answer(self, what: str, value: float | None, parameters: dict[str, Any]) -> dict[str, Any]:
        assert parameters == {"ServiceCode": "bedrock", "QuotaCode": "L-45B04988"}
        self.asked.append(what)
        if value is None:
            raise ClientError({"Error": {"Code": "NoSuchResourceException", "Message": "no such quota"}}, "Get")
        return {"Quota": {"Value": value}}


@cache
def _client(service: str, region: str = REGION) -> Any:
    return make_client(service, region=region)


@pytest.fixture(scope="module")
def bedrock() -> Iterator[Bedrock]:
    """Bedrock of a local AWS of its own, to which this module's variables lead."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LOCALAWS_JUMPSTART", "none")
        with local.running() as local_aws:
            for variable, value in local_aws.client_environment().items():
                environment.setenv(variable, value)
            bucket = name("weights")
            _client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            role_arn = make_role(_client("iam"), read_policy(bucket))
            ready = Bedrock(url=local_aws.url, clients=_client, bucket=bucket, role_arn=role_arn)
            ready.behave(import_seconds=0)
            yield ready


@pytest.fixture
def account(bedrock: Bedrock) -> Iterator[Bedrock]:
    """The same, with no models and no imports."""
    yield bedrock
    bedrock.behave(import_seconds=0, max_imported_models=3)
    bedrock.clean()


@pytest.fixture
def quotas() -> Quotas:
    return Quotas(applied=3)


@pytest.fixture
def check(account: Bedrock, quotas: Quotas, lock: Lock) -> Check:
    """Ask about models in one environment; give the findings as they are printed, with their level."""

    def client(service: str, *, region: str, signed: bool = True) -> Any:
        if service == "service-quotas":
            return quotas
        return _client(service, region) if signed else make_client(service, region=region, signed=False)

    def ask(*models: Model, environment: Environment = ENVIRONMENT, client: ClientFactory = client) -> list[str]:
        found = preflight.live_findings(
            environment.name, deployments=((environment, models),), lock=lock, client=client
        )
        return [f"{one.level}: {one}" for one in found]

    return ask


def model(uri: str, **changes: Any) -> ImportedModel:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    declared: dict[str, Any] = {"name": "m", "weights": S3Weights(bucket=bucket, prefix=prefix), **changes}
    return ImportedModel(**declared)


@pytest.fixture
def weights(bedrock: Bedrock) -> str:
    """The prefix of a tiny, valid model."""
    return bedrock.upload(llama())


def test_says_nothing_when_the_weights_are_there_and_have_room(check: Check, weights: str) -> None:
    assert check(model(weights)) == []


def test_asks_nothing_of_endpoints_about_a_tuned_model_but_for_its_licence_and_its_recipe(check: Check) -> None:
    licence, recipe = check(replace(LLAMA_3_2_3B_10K, name="t"))

    assert licence.startswith("error: try/t: licence s3://jumpstart-cache-prod-us-west-2/fmhMetadata/eula/llama3_2Eula")
    assert recipe.startswith(
        "not checked: try/t: training recipe: s3:GetObject on s3://jumpstart-cache-prod-us-west-2/"
    )


def test_counts_what_others_have_imported_against_the_quota(
    check: Check, account: Bedrock, weights: str, quotas: Quotas
) -> None:
    account.import_model(importedModelName="other")
    account.import_model(importedModelName=f"try-m-{VERSION}")

    assert check(model(weights)) == []
    quotas.applied = 2
    assert check(model(weights, bedrock=BedrockImport(keep_versions=1)), environment=env(2)) == [
        f"warning: try/m: {QUOTA} is 2: enough for a version of each, not for an update, which may take 2, beside 1 of "
        "others (other)"
    ]
    quotas.applied = 1
    assert check(model(weights), environment=env(1)) == [
        f"error: try/m: {QUOTA} is 1: needed are 1, beside 1 of others (other), ask for an increase, or delete what "
        "nobody needs"
    ]


def env(imported_models: int) -> Environment:
    return replace(ENVIRONMENT, imported_models=imported_models)


def test_two_models_are_counted_together(check: Check, weights: str) -> None:
    two = [model(weights), model(weights, name="n")]

    assert check(*two) == [
        f"warning: try/m, try/n: {QUOTA} is 3: enough for a version of each, not for an update, which may take 4"
    ]


def test_tells_that_the_quota_is_less_than_declared(check: Check, weights: str) -> None:
    assert check(model(weights), environment=env(5)) == [
        "warning: try: imported_models is 5: the quota 'Imported models per account' (L-45B04988) in us-west-2 is 3"
    ]


@pytest.mark.parametrize(("default", "quota"), [(2.0, 2), (None, 3)])
def test_takes_the_default_where_no_quota_of_models_is_applied(
    check: Check, weights: str, quotas: Quotas, default: float | None, quota: int
) -> None:
    quotas.applied, quotas.default = None, default

    assert [line.rpartition(" ")[2] for line in check(model(weights), environment=env(9))] == [str(quota)]
    assert quotas.asked == ["applied", "default"]


def test_hints_at_models_that_were_left_behind(check: Check, account: Bedrock, weights: str) -> None:
    account.import_model(importedModelName=f"try-old-{VERSION}")

    assert check(model(weights)) == [
        f"hint: try: imported model try-old-{VERSION} in us-west-2 is of no model that is declared, and costs storage"
    ]


def test_hints_at_an_import_that_others_would_wait_for(check: Check, account: Bedrock, weights: str) -> None:
    account.behave(import_seconds=3600)
    account.start(weights, jobName="first-job")

    assert check(model(weights)) == [
        "hint: try/m: import first-job is under way in us-west-2: others wait for it, one at a time an account"
    ]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "there are no files below it"),
        ({"README.md": b""}, "there is no config.json and no *.safetensors directly below it"),
        ({"config.json": b"{}"}, "there is no *.safetensors directly below it"),
        ({"inner/config.json": b"{}"}, "there are no files below it"),
        (
            {"model.tar.gz": b""},
            "model.tar.gz is packed: unpack it, and declare where the files are",
        ),
    ],
)
def test_tells_what_is_missing_among_the_weights(
    check: Check, bedrock: Bedrock, files: dict[str, bytes], problem: str
) -> None:
    uri = bedrock.upload(files)

    assert check(model(uri)) == [f"error: try/m: weights {uri}: {problem}"]


def test_tells_that_a_bucket_is_not_there(check: Check) -> None:
    weights = S3Weights(bucket="sagemaker-{region}-{account}", prefix="llama/")

    assert check(model("s3://b/", weights=weights)) == [
        f"error: try/m: weights s3://sagemaker-us-west-2-{ACCOUNT}/llama/: the bucket is not there"
    ]


def test_tells_that_a_bucket_is_in_another_region(check: Check, bedrock: Bedrock) -> None:
    options = {"CreateBucketConfiguration": {"LocationConstraint": "us-east-2"}}
    bedrock.clients("s3", region="us-east-2").create_bucket(Bucket="models-far-away", **options)

    assert check(model("s3://models-far-away/llama/")) == [
        "error: try/m: weights s3://models-far-away/llama/: the bucket is in us-east-2, needed is one in us-west-2"
    ]


@pytest.mark.parametrize("what", ["model_name", "training_job"])
def test_tells_that_a_source_in_sagemaker_is_not_there(check: Check, what: str) -> None:
    source: Any = {what: "nothing-here"}
    weights = SageMakerWeights(bucket="models", prefix="out/", **source)
    (line,) = check(model("s3://b/", weights=weights))

    kind = {"model_name": "SageMaker model", "training_job": "training job"}[what]
    assert line.startswith(f"error: try/m: weights: there is no {kind} nothing-here: ")


def test_follows_a_sagemaker_model_to_its_weights(check: Check, bedrock: Bedrock) -> None:
    uri = bedrock.upload({"config.json": b"{}"})
    principal = {"Service": "sagemaker.amazonaws.com"}
    trusts = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
    }
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "ecr:*"], "Resource": "*"}]}
    source = {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
    bedrock.clients("sagemaker").create_model(
        ModelName="llama-3b",
        ExecutionRoleArn=make_role(bedrock.clients("iam"), policy, trusts=trusts),
        PrimaryContainer={
            "Image": f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/x:1",
            "ModelDataSource": {"S3DataSource": source},
        },
    )
    inside = SageMakerWeights(bucket=bedrock.bucket, prefix="", model_name="llama-3b")
    outside = replace(inside, prefix="elsewhere/")

    assert check(model("s3://b/", weights=inside)) == [
        f"error: try/m: weights {uri}: there is no *.safetensors directly below it"
    ]
    (line,) = check(model("s3://b/", weights=outside))
    assert f"at {uri}, outside of what the import's roles may read; allowed: s3://{bedrock.bucket}/elsewhere/" in line


class Silent:
    """A client whose every operation is denied."""

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        def deny(**_parameters: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Any")

        return deny


def test_what_the_account_does_not_answer_is_not_checked(check: Check, weights: str) -> None:
    assert check(model(weights), client=lambda _service, *, region: Silent()) == [
        "not checked: try/m: executions of Lambda in us-west-2: missing permission lambda:GetAccountSettings "
        "(AccessDeniedException)",
        f"not checked: try/m: {QUOTA}: missing permission servicequotas:GetServiceQuota (AccessDeniedException)",
        "not checked: try/m: imports in us-west-2: missing permission bedrock:ListModelImportJobs "
        "(AccessDeniedException)",
        "not checked: try/m: weights: missing permission sts:GetCallerIdentity (AccessDeniedException)",
    ]


def test_says_which_of_the_questions_were_not_answered(check: Check, weights: str) -> None:
    answering = {"service-quotas": Quotas(applied=3), "sts": _client("sts")}

    assert check(model(weights), client=lambda service, *, region: answering.get(service, Silent())) == [
        "not checked: try/m: executions of Lambda in us-west-2: missing permission lambda:GetAccountSettings "
        "(AccessDeniedException)",
        "not checked: try/m: imported models in us-west-2: missing permission bedrock:ListImportedModels "
        "(AccessDeniedException)",
        "not checked: try/m: imports in us-west-2: missing permission bedrock:ListModelImportJobs "
        "(AccessDeniedException)",
        f"not checked: try/m: weights {weights}: missing permission s3:ListBucket (AccessDeniedException), or the "
        f"bucket is not of account {ACCOUNT}",
    ]
