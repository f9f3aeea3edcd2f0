"""Tags that prove whose an imported model is: an earlier version's role may set them on any model, today's may not."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from model_import.contract import SOURCE_TAG, TAG
from tests.app.state_machine_calls import text
from tests.support.bedrock_models import ACCOUNT, REGION, Bedrock, llama, make_role, name, prepared
from tests.support.templates import listed
from tests.upgrade.record import STACKS
from tests.upgrade.recorded import Assembly

pytestmark = pytest.mark.xdist_group("upgrade")

_ACTIONS = {"bedrock:CreateModelImportJob", "bedrock:TagResource"}
_OWN = STACKS["imported model"].replace("/", "-")


@pytest.fixture(scope="module")
def bedrock(local_aws: str, aws: Callable[..., Any]) -> Iterator[Bedrock]:
    made = prepared(local_aws, aws)
    yield made
    made.clean()


def _caller(bedrock: Bedrock, assembly: Assembly) -> Any:
    """Return a client of Bedrock with the rights that the importing role of an assembly has in it."""
    template = assembly.templates()[STACKS["imported model"]]
    granted = [
        {**statement, "Resource": [re.sub("<[^>]*>", "*", text(arn)) for arn in listed(statement["Resource"])]}
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::Policy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if _ACTIONS & set(listed(statement["Action"]))
    ]
    granted.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": bedrock.role_arn})
    trusts = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
    role = make_role(bedrock.clients("iam"), {"Version": "2012-10-17", "Statement": granted}, trusts=trusts)
    session = bedrock.clients("sts").assume_role(RoleArn=role, RoleSessionName="importer")["Credentials"]
    return boto3.session.Session().client(
        "bedrock",
        region_name=REGION,
        endpoint_url=bedrock.url,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


def _import(bedrock: Bedrock, client: Any, job_tags: dict[str, str], model_tags: dict[str, str]) -> None:
    made = client.create_model_import_job(
        jobName=name("job"),
        importedModelName=name("model"),
        roleArn=bedrock.role_arn,
        modelDataSource={"s3DataSource": {"s3Uri": bedrock.upload(llama())}},
        jobTags=_tags(job_tags),
        importedModelTags=_tags(model_tags),
    )
    job = bedrock.ended(made["jobArn"])
    bedrock.control.delete_imported_model(modelIdentifier=job["importedModelArn"])


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


@pytest.fixture(scope="module")
def before(bedrock: Bedrock, old: Assembly) -> Any:
    return _caller(bedrock, old)


@pytest.fixture(scope="module")
def today(bedrock: Bedrock, new: Assembly) -> Any:
    return _caller(bedrock, new)


def test_marks_its_own_models_as_it_imports_them(bedrock: Bedrock, today: Any) -> None:
    _import(bedrock, today, {TAG: _OWN}, {TAG: _OWN, SOURCE_TAG: "s3"})


def test_marks_no_model_of_another_as_its_own(bedrock: Bedrock, before: Any, today: Any, version: str) -> None:
    anothers = bedrock.import_model(importedModelTags=_tags({TAG: "prod-another"}))

    with pytest.raises(ClientError, match="not authorized to perform: bedrock:TagResource"):
        today.tag_resource(resourceARN=anothers, tags=_tags({TAG: _OWN}))
    if version == "0.0.0":
        before.tag_resource(resourceARN=anothers, tags=_tags({TAG: _OWN}))
    bedrock.control.delete_imported_model(modelIdentifier=anothers)


@pytest.mark.parametrize(
    ("job_tags", "model_tags"),
    [
        ({TAG: _OWN}, {TAG: "prod-another"}),
        ({TAG: "prod-another"}, {TAG: _OWN}),
        ({TAG: _OWN}, {}),
        ({TAG: _OWN}, {TAG: _OWN, "aws-backup": "yes"}),
    ],
)
def test_imports_nothing_in_anothers_name(
    bedrock: Bedrock, today: Any, job_tags: dict[str, str], model_tags: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: bedrock:CreateModelImportJob"):
        _import(bedrock, today, job_tags, model_tags)


def test_an_earlier_version_could_import_in_anothers_name(bedrock: Bedrock, before: Any, version: str) -> None:
    if version == "0.0.0":
        _import(bedrock, before, {TAG: _OWN}, {TAG: "prod-another"})
