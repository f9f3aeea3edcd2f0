"""The live preflight, against the local AWS; Service Quotas, which knows no SageMaker there, is a stand-in."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from catalog import Deployment, Lock
from catalog.deployment import AdditionalModelData
from stacks.declarations import JumpStartModel
from stacks.environments import Environment, Network
from stacks.models import FALCON_7B
from stacks.placement import Placement
from stacks.preflight import Deployments
from stacks.preflight.findings import Finding, Level
from tools import aws as addressed_aws
from tools import local, preflight
from tools.account import limits as account_limits
from tools.account.access import documents, images, packages
from tools.account.questions import NotAnsweredError, Planned, ask, make_client

# One worker: a local AWS of the module's own loads what the module asks.
pytestmark = pytest.mark.xdist_group("live-preflight")

REGION = "us-west-2"
ENVIRONMENT = Environment(name="try", region=REGION)
GATED = JumpStartModel(
    name="llama",
    model_id="meta-textgeneration-llama-3-1-8b-instruct",
    version="",
    prompt_format="none",
    instance_type="ml.g5.4xlarge",
    accept_eula=True,
)
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}
CODES = account_limits.ENDPOINT_QUOTA_CODES


@dataclass
class Quotas:
    """A stand-in for Service Quotas, with two quotas a page.

    Attributes:
        applied: Value by instance type, where one is applied.
        defaults: Default value by instance type.
        codes: Code by instance type.
        pages: How many pages were asked for.
    """

    applied: dict[str, float] = field(default_factory=dict)
    defaults: dict[str, float] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=lambda: dict(CODES))
    pages: int = 0

    def list_service_quotas(self, **parameters: Any) -> dict[str, Any]:
        return self._page(self.applied, **parameters)

    def list_aws_default_service_quotas(self, **parameters: Any) -> dict[str, Any]:
        return self._page(self.defaults, **parameters)

    def _page(self, values: dict[str, float], **parameters: Any) -> dict[str, Any]:
        start = int(parameters.pop("NextToken", "0"))
        assert parameters == {"ServiceCode": "sagemaker", "MaxResults": 100}
        self.pages += 1
        rows = [
            {"QuotaName": f"{name} for {use} usage", "QuotaCode": code, "Value": value}
            for name, value in values.items()
            for use, code in (("training job", "L-OTHER"), ("endpoint", self.codes.get(name, "L-NEW")))
        ]
        more = {"NextToken": str(start + 2)} if start + 2 < len(rows) else {}
        return {"Quotas": rows[start : start + 2], **more}


@pytest.fixture(scope="module")
def running_aws() -> Iterator[local.LocalAws]:
    with pytest.MonkeyPatch.context() as environment:
        # The tests say themselves what is in JumpStart's buckets, and who may read it.
        environment.setenv("LOCALAWS_JUMPSTART", "none")
        with local.running() as local_aws:
            yield local_aws


Clients = dict[tuple[str, str, bool, str], Any]
"""By service, region, whether they sign, and with whose key."""


@pytest.fixture(scope="module")
def clients() -> Clients:
    """Clients that were made already: to make one anew takes up to a second."""
    return {}


@pytest.fixture
def aws(running_aws: local.LocalAws, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Clients of an empty local AWS, to which this shell's variables lead."""
    for name, value in running_aws.client_environment().items():
        monkeypatch.setenv(name, value)
    headers = {"Authorization": f"Bearer {running_aws.secret_access_key}"}
    request = urllib.request.Request(f"{running_aws.url}/moto-api/reset", method="POST", headers=headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200

    def make(service: str, region: str = REGION) -> Any:
        return make_client(service, region=region)

    return make


@pytest.fixture
def quotas() -> Quotas:
    """Room for two of each instance type of the tests."""
    return Quotas(applied={"ml.c5.large": 9, "ml.g5.2xlarge": 2, "ml.g5.4xlarge": 2})


Check = Callable[..., list[str]]


@pytest.fixture
def check(aws: Callable[..., Any], quotas: Quotas, lock: Lock, clients: Clients) -> Check:
    """Ask about models in one environment; give the findings as they are printed, with their level."""

    def client(service: str, *, region: str, signed: bool = True) -> Any:
        if service == "service-quotas":
            return quotas
        whose = (service, region, signed, os.environ["AWS_ACCESS_KEY_ID"])
        if whose not in clients:
            clients[whose] = make_client(service, region=region, signed=signed)
        return clients[whose]

    def ask(*models: JumpStartModel, environment: Environment = ENVIRONMENT, hints: bool = False) -> list[str]:
        deployments: Deployments = ((environment, models),)
        found: list[Finding] = preflight.live_findings(
            environment.name, deployments=deployments, lock=lock, client=client
        )
        return [f"{one.level}: {one}" for one in found if hints or one.level is not Level.HINT]

    return ask


def gated(lock: Lock) -> JumpStartModel:
    return replace(GATED, version=lock.versions(GATED.model_id)[0])


def deployment_of(model: JumpStartModel, lock: Lock) -> Deployment:
    return lock.model(model.model_id, model.version).resolve(region=REGION, instance_type=model.instance_type)


def publish(aws: Callable[..., Any], deployment: Deployment, *, without: str = "", public: bool = True) -> None:
    """Put what a deployment needs where the catalogue says it is."""
    s3, ecr = aws("s3"), aws("ecr")
    locations = {"artifact": deployment.model_data or "", "licence": deployment.eula or ""}
    for what, location in locations.items():
        if not location:
            continue
        bucket, key = bucket_and_key(location)
        if bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(
                Bucket=bucket,
                CreateBucketConfiguration={"LocationConstraint": REGION},
                ACL="public-read" if public else "private",
            )
        if what != without:
            body_key = f"{key}config.json" if key.endswith("/") else key
            s3.put_object(Bucket=bucket, Key=body_key, Body=b"{}", ACL="public-read" if public else "private")
    repository, _, tag = (deployment.image or "").partition("/")[2].partition(":")
    ecr.create_repository(repositoryName=repository)
    if without != "image":
        ecr.put_image(repositoryName=repository, imageManifest=json.dumps(MANIFEST), imageTag=tag)


def bucket_and_key(location: str) -> tuple[str, str]:
    if location.startswith("s3://"):
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return bucket, key
    host, _, key = location.removeprefix("https://").partition("/")
    return host.partition(".s3.")[0], key


def act_as(
    aws: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    *allowed: str,
) -> None:
    """Take on a role that may do no more than this."""
    iam, sts = aws("iam"), aws("sts")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="narrow", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
    iam.put_role_policy(
        RoleName="narrow",
        PolicyName="narrow",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    session = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", session["SessionToken"])


def test_says_nothing_when_all_is_there(aws: Callable[..., Any], check: Check, lock: Lock) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    assert check(FALCON_7B) == []


def test_adds_up_the_instances_of_a_type_against_its_quota(
    aws: Callable[..., Any], check: Check, quotas: Quotas, lock: Lock
) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    other = replace(FALCON_7B, name="falcon-too", instance_count=2)
    assert check(FALCON_7B, other) == [
        "error: try/falcon-7b, try/falcon-too: quota 'ml.g5.2xlarge for endpoint usage' in us-west-2 is 2: "
        "needed are 3, ask for an increase of L-9614C779"
    ]
    assert quotas.pages > 1


def test_takes_the_default_where_no_quota_is_applied(
    aws: Callable[..., Any], check: Check, quotas: Quotas, lock: Lock
) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    quotas.applied.clear()
    quotas.defaults["ml.g5.2xlarge"] = 0
    assert check(FALCON_7B) == [
        "error: try/falcon-7b: quota 'ml.g5.2xlarge for endpoint usage' in us-west-2 is 0: needed are 1, "
        "ask for an increase of L-9614C779"
    ]


def test_hints_that_a_quota_leaves_no_room_for_a_replacement(
    aws: Callable[..., Any], check: Check, quotas: Quotas, lock: Lock
) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    quotas.applied["ml.g5.2xlarge"] = 1
    hints = [line for line in check(FALCON_7B, hints=True) if "quota" in line]
    assert hints == [
        "hint: try/falcon-7b: quota 'ml.g5.2xlarge for endpoint usage' in us-west-2 is 1: enough for 1, "
        "not for replacing all of them at once"
    ]


def test_warns_when_a_quotas_code_is_not_the_known_one(
    aws: Callable[..., Any], check: Check, quotas: Quotas, lock: Lock
) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    quotas.codes.clear()
    assert check(FALCON_7B) == [
        "warning: try/falcon-7b: quota 'ml.g5.2xlarge for endpoint usage' in us-west-2 has code L-NEW: known is "
        "L-9614C779, so look at it before asking for more"
    ]


def test_says_when_there_is_no_quota_of_that_name(
    aws: Callable[..., Any], check: Check, quotas: Quotas, lock: Lock
) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    quotas.applied.clear()
    assert check(FALCON_7B) == [
        "not checked: try/falcon-7b: service quotas has no quota 'ml.g5.2xlarge for endpoint usage' in us-west-2"
    ]


@pytest.mark.parametrize("missing", ["artifact", "image"])
def test_tells_what_is_not_there(aws: Callable[..., Any], check: Check, lock: Lock, missing: str) -> None:
    deployment = deployment_of(FALCON_7B, lock)
    publish(aws, deployment, without=missing)
    expected = {
        "artifact": f"artifact {deployment.model_data} is not there (404): choose another version, or update the lock",
        "image": f"image {deployment.image} is not in the registry (ImageNotFound): choose another version",
    }
    assert check(FALCON_7B) == [f"error: try/falcon-7b: {expected[missing]}"]


def test_tells_that_a_licence_is_not_there(aws: Callable[..., Any], check: Check, lock: Lock) -> None:
    model = gated(lock)
    deployment = deployment_of(model, lock)
    publish(aws, deployment, without="licence")
    bucket, key = bucket_and_key(deployment.eula or "")
    assert check(model) == [
        f"error: try/llama: licence s3://{bucket}/{key} is not there (404): choose another version, or update the lock"
    ]


def test_asks_once_about_what_several_stacks_share(aws: Callable[..., Any], check: Check, lock: Lock) -> None:
    deployment = deployment_of(FALCON_7B, lock)
    publish(aws, deployment, without="image")
    assert check(FALCON_7B, replace(FALCON_7B, name="twin")) == [
        f"error: try/falcon-7b, try/twin: image {deployment.image} is not in the registry (ImageNotFound): "
        "choose another version"
    ]


def test_finds_everything_at_once(aws: Callable[..., Any], check: Check, quotas: Quotas) -> None:
    quotas.applied["ml.g5.2xlarge"] = 0
    found = check(FALCON_7B, environment=replace(ENVIRONMENT, account="111122223333"))
    assert [line.split(":")[0] for line in found] == ["error"] * 4
    account, quota, artifact, image = found
    assert account == ("error: try/falcon-7b: the credentials belong to account 123456789012: declared is 111122223333")
    assert "is 0: needed are 1" in quota
    assert "is not there (NoSuchBucket)" in artifact or "is not there (404)" in artifact
    assert "RepositoryNotFoundException" in image


def test_reports_missing_permissions_as_not_checked(
    aws: Callable[..., Any], check: Check, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    act_as(aws, monkeypatch, "s3:*")
    image = deployment_of(FALCON_7B, lock).image
    images, capacity, executions = check(FALCON_7B)
    assert images == (
        f"not checked: try/falcon-7b: image {image}: missing permission ecr:BatchGetImage (AccessDeniedException)"
    )
    # The local AWS refuses in JSON, which EC2's client does not read; the next test has EC2's own refusal.
    assert capacity.startswith("not checked: try/falcon-7b: ec2's offerings in us-west-2: ec2:DescribeInstanceType")
    assert executions == (
        "not checked: try/falcon-7b: executions of Lambda in us-west-2: missing permission lambda:GetAccountSettings "
        "(AccessDeniedException)"
    )


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("UnauthorizedOperation", "missing permission ec2:DescribeSubnets (UnauthorizedOperation)"),
        ("RequestExpired", "ec2:DescribeSubnets answers RequestExpired: of old"),
        ("500", "ec2:DescribeSubnets answers 500: of old"),
    ],
)
def test_says_why_a_question_was_not_answered(code: str, text: str) -> None:
    def refuse() -> None:
        raise ClientError({"Error": {"Code": code, "Message": "of\nold\n<!doctype html>\n<html>"}}, "DescribeSubnets")

    with pytest.raises(NotAnsweredError, match=re.escape(text)):
        ask("ec2:DescribeSubnets", refuse)


def test_warns_when_only_these_credentials_may_not_read_a_public_artifact(
    aws: Callable[..., Any], check: Check, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = deployment_of(FALCON_7B, lock)
    publish(aws, deployment)
    act_as(aws, monkeypatch, "ecr:*", "ec2:*", "lambda:*")
    (line,) = check(FALCON_7B)
    assert line.startswith(f"warning: try/falcon-7b: artifact {deployment.model_data} may not be read with these")
    assert line.endswith("but without any it may")


def test_fails_when_no_one_may_read_a_document(
    aws: Callable[..., Any], check: Check, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = gated(lock)
    publish(aws, deployment_of(model, lock), public=False)
    act_as(aws, monkeypatch, "ecr:*", "ec2:*", "lambda:*")
    licence, artifact = check(model)
    assert licence.startswith("error: try/llama: licence s3://jumpstart-cache-prod-us-west-2/")
    assert "may not be read, with these credentials or without any (403): needed is a public one" in licence
    assert artifact.startswith("not checked: ")


def test_does_not_fail_on_a_gated_artifact_that_sagemaker_reads(
    aws: Callable[..., Any], check: Check, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = gated(lock)
    deployment = deployment_of(model, lock)
    publish(aws, deployment)
    act_as(aws, monkeypatch, "ecr:*", "ec2:*", "lambda:*")
    licence, artifact = check(model)
    assert licence.startswith("warning: try/llama: licence s3://jumpstart-cache-prod-us-west-2/")
    assert artifact.startswith(f"not checked: try/llama: gated artifact {deployment.model_data} may not be read")
    assert artifact.endswith("sagemaker reads it once accept_eula is set")


def test_hints_where_ec2_offers_an_instance_type(aws: Callable[..., Any], check: Check, lock: Lock) -> None:
    rare = replace(FALCON_7B, instance_type="ml.p4de.24xlarge", unlisted_instance_type="a test")
    hints = [line for line in check(FALCON_7B, rare, hints=True) if "ec2 offers" in line]
    assert any(
        line.startswith("hint: try/falcon-7b: ec2 offers p4de.24xlarge in us-west-2 in ")
        and line.endswith("; sagemaker's own capacity may differ")
        for line in hints
    )


def test_tells_which_subnets_are_not_there(aws: Callable[..., Any], check: Check, lock: Lock) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    network = Network(subnet_ids=["subnet-0123456789abcdef0"], security_group_ids=["sg-0123456789abcdef0"])
    (line,) = check(FALCON_7B, environment=replace(ENVIRONMENT, network=network))
    assert line.startswith("error: try/falcon-7b: subnets subnet-0123456789abcdef0 in us-west-2: ")
    assert "InvalidSubnetID.NotFound" in line


def test_counts_the_free_addresses_of_subnets(
    aws: Callable[..., Any], check: Check, quotas: Quotas, lock: Lock
) -> None:
    publish(aws, deployment_of(FALCON_7B, lock))
    quotas.applied["ml.g5.2xlarge"] = 100
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")["Subnet"]["SubnetId"]
    network = Network(subnet_ids=[subnet], security_group_ids=["sg-0123456789abcdef0"])
    environment = replace(ENVIRONMENT, network=network, instance_count=20)
    assert check(FALCON_7B, environment=environment) == [
        f"error: try/falcon-7b: subnets {subnet} in us-west-2 have 11 free addresses: needed is one an instance, 20"
    ]


def planned(lock: Lock, **changes: Any) -> Planned:
    place = Placement(environment=ENVIRONMENT, model=FALCON_7B)
    return Planned(place=place, deployment=replace(deployment_of(FALCON_7B, lock), **changes))


def test_asks_the_registry_of_the_image(lock: Lock) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    class Registry:
        def batch_get_image(self, **parameters: Any) -> dict[str, Any]:
            asked.append((region_of[-1], parameters))
            return {"images": [{}], "failures": []}

    region_of: list[str] = []

    def client(service: str, *, region: str, signed: bool = True) -> Any:
        assert (service, signed) == ("ecr", True)
        region_of.append(region)
        return Registry()

    digest = "sha256:" + 64 * "0"
    image = f"763104351884.dkr.ecr.eu-west-1.amazonaws.com/djl-inference@{digest}"
    assert not list(images([planned(lock), planned(lock, image=image)], client))
    tgi = {
        "registryId": "763104351884",
        "repositoryName": "huggingface-pytorch-tgi-inference",
        "imageIds": [{"imageTag": "2.1.1-tgi1.4.0-gpu-py310-cu121-ubuntu20.04"}],
    }
    djl = {"registryId": "763104351884", "repositoryName": "djl-inference", "imageIds": [{"imageDigest": digest}]}
    assert asked == [("us-west-2", tgi), ("eu-west-1", djl)]


def test_looks_for_model_packages(aws: Callable[..., Any], lock: Lock) -> None:
    arn = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/nothing-here"
    packaged = planned(lock, model_package=arn, image=None, model_data=None)
    (finding,) = packages([packaged], make_client)
    assert finding.level is Level.ERROR
    assert f"model package {arn}: sagemaker:DescribeModelPackage answers ValidationException" in finding.message
    assert not list(images([packaged], make_client))


def test_looks_for_additional_model_data(aws: Callable[..., Any], lock: Lock) -> None:
    deployment = deployment_of(FALCON_7B, lock)
    publish(aws, deployment)
    draft = AdditionalModelData(
        channel_name="draft_model",
        uri="s3://jumpstart-cache-prod-us-west-2/draft/v1/",
        data_type="S3Prefix",
        compression="None",
        eula=None,
    )
    (finding,) = documents([planned(lock, additional_model_data=(draft,))], make_client)
    assert finding.level is Level.ERROR
    assert finding.message.startswith(
        "model data draft_model s3://jumpstart-cache-prod-us-west-2/draft/v1/ is not there"
    )


def test_does_not_ask_about_a_model_that_does_not_resolve(aws: Callable[..., Any], check: Check) -> None:
    assert check(replace(FALCON_7B, version="9.9.9")) == [
        "not checked: try/falcon-7b: the account is not asked about a model that does not resolve"
    ]


def test_reports_all_findings_and_fails_on_an_error(
    aws: Callable[..., Any], lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the stand-in: the local AWS's Service Quotas has none of SageMaker's.
    monkeypatch.setattr("tools.aws.is_local", lambda: False)
    publish(aws, deployment_of(FALCON_7B, lock), without="artifact")
    report, passed = preflight.run("try", live=True, deployments=((ENVIRONMENT, (FALCON_7B,)),))
    assert not passed
    lines = report.splitlines()
    assert lines[0].startswith("error: try/falcon-7b: artifact s3://")
    assert any(line.startswith("not checked: try/falcon-7b: endpoint quotas in us-west-2: ") for line in lines)
    assert lines[-1].startswith("try: 1 error")
    assert lines[-1].endswith("from the declarations and the account")


def test_says_of_the_local_aws_what_it_cannot_know_and_calls_none_of_it_an_error(
    aws: Callable[..., Any],
) -> None:
    report, passed = preflight.run("try", live=True, deployments=((ENVIRONMENT, (FALCON_7B,)),))

    assert passed
    where = addressed_aws.named()
    assert where.startswith("the local AWS at http://127.0.0.1:")
    assert report.splitlines() == [
        f"not checked: try: quotas, licences, artifacts, images, packages, subnets and capacity: {where}, which "
        "AWS_ENDPOINT_URL addresses, has none of AWS's",
        "  falcon-7b: completions; usage estimated",
        f"try: 1 not checked, from the declarations and {where}",
    ]


def test_asks_no_one_unless_it_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("the account was asked")

    monkeypatch.setattr(boto3.session, "Session", refuse)
    environment = replace(ENVIRONMENT, log_retention_days=31)
    report, passed = preflight.run("try", live=False, deployments=((environment, (FALCON_7B,)),))
    assert not passed
    assert report.startswith("error: try.log_retention_days is 31")
    assert report.splitlines()[-1] == "try: 1 error, from the declarations"


def test_passes_when_there_is_nothing_to_report() -> None:
    report, passed = preflight.run("try", live=False, deployments=((ENVIRONMENT, (FALCON_7B,)),))
    assert passed
    assert report.splitlines() == [
        "  falcon-7b: completions; usage estimated",
        "try: nothing to report, from the declarations",
    ]


def test_reports_that_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    report, passed = preflight.run("try", live=True, deployments=((ENVIRONMENT, (FALCON_7B,)),))
    assert not passed
    assert "error: try: no AWS credentials: set AWS_PROFILE" in report
    summary = "try: 1 error, from the declarations and this shell's credentials; the account was not asked"
    assert report.splitlines()[-1] == summary


def test_asks_no_account_about_a_declaration_with_a_wrong_type(
    aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def ask(places: list[Any], *_: Any, **__: Any) -> tuple[Finding, ...]:
        asked.extend(places)
        return ()

    monkeypatch.setattr(preflight, "_ask", ask)
    changes: dict[str, Any] = {"name": "wrong", "instance_type": 5}
    wrong = replace(FALCON_7B, **changes)

    report, passed = preflight.run("try", live=True, deployments=((ENVIRONMENT, (FALCON_7B, wrong)),))

    assert not passed
    assert report.startswith("error: try/wrong.instance_type is 5, a whole number; ")
    assert [str(one.place) for one in asked] == ["try/falcon-7b"]


@pytest.mark.parametrize(
    ("count", "summary"),
    [(1, "1 error, 1 warning, 1 hint, 1 not checked"), (2, "2 errors, 2 warnings, 2 hints, 2 not checked")],
)
def test_ends_with_the_number_of_findings_of_each_level(
    aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, count: int, summary: str
) -> None:
    found = [Finding(level=level, place="try/m", message=level.value) for level in Level for _ in range(count)]
    monkeypatch.setattr("tools.aws.is_local", lambda: False)
    monkeypatch.setattr(preflight, "live_findings", lambda *_, **__: found)

    report, passed = preflight.run("try", live=True, deployments=((ENVIRONMENT, (FALCON_7B,)),))

    assert not passed
    assert report.splitlines()[-1] == f"try: {summary}, from the declarations and the account"
