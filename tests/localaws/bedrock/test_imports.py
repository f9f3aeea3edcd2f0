"""Bedrock's control plane: import jobs and imported models, with the real clients."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.bedrock_models import (
    ACCOUNT,
    REGION,
    Bedrock,
    llama,
    make_role,
    name,
    prepared,
    read_policy,
    trust,
)


@pytest.fixture(scope="module")
def module_bedrock(local_aws: str, aws: Callable[..., Any]) -> Bedrock:
    return prepared(local_aws, aws)


@pytest.fixture
def bedrock(module_bedrock: Bedrock) -> Iterator[Bedrock]:
    module_bedrock.behave(import_seconds=0)
    yield module_bedrock
    module_bedrock.behave(max_imported_models=3, max_concurrent_imports=1, role_propagation_seconds=0, import_seconds=0)
    module_bedrock.clean()


@pytest.fixture
def caller(bedrock: Bedrock, local_aws: str, aws: Callable[..., Any]) -> Callable[[list[dict[str, Any]]], Any]:
    """Give a client that is held to a policy."""

    def make(statements: list[dict[str, Any]]) -> Any:
        trusts = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}]}
        arn = make_role(aws("iam"), {"Version": "2012-10-17", "Statement": statements}, trusts=trusts)
        session = aws("sts").assume_role(RoleArn=arn, RoleSessionName="caller")["Credentials"]
        return boto3.session.Session().client(
            "bedrock",
            region_name=REGION,
            endpoint_url=local_aws,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    return make


class TestImport:
    def test_is_in_progress_then_completed_and_names_its_model(self, bedrock: Bedrock) -> None:
        bedrock.behave(import_seconds=0.3)
        uri = bedrock.upload(llama())
        arn = bedrock.start(uri, jobName="first-job.1", importedModelName="first_model-1")
        job = bedrock.control.get_model_import_job(jobIdentifier=arn)
        assert job["status"] == "InProgress"
        assert "importedModelArn" not in job
        assert "endTime" not in job
        job = bedrock.ended("first-job.1")
        assert job["status"] == "Completed"
        assert job["jobArn"] == arn
        assert job["roleArn"] == bedrock.role_arn
        assert job["modelDataSource"] == {"s3DataSource": {"s3Uri": uri}}
        assert job["creationTime"] < job["endTime"]
        model = bedrock.control.get_imported_model(modelIdentifier="first_model-1")
        assert model["modelArn"] == job["importedModelArn"]
        assert model["jobArn"] == arn
        assert model["modelArchitecture"] == "llama"
        assert model["instructSupported"] is True
        assert model["customModelUnits"]["customModelUnitsPerModelCopy"] >= 1

    def test_of_a_model_without_a_chat_template_supports_no_instructions(self, bedrock: Bedrock) -> None:
        files = llama()
        files["tokenizer_config.json"] = json.dumps({"tokenizer_class": "LlamaTokenizer"}).encode()
        arn = bedrock.import_model(files)
        assert bedrock.control.get_imported_model(modelIdentifier=arn)["instructSupported"] is False

    def test_takes_a_chat_template_in_a_file_of_its_own_beside_another(self, bedrock: Bedrock) -> None:
        files = llama()
        files["chat_template.jinja"] = b"{{ another }}"
        arn = bedrock.import_model(files)
        assert bedrock.control.get_imported_model(modelIdentifier=arn)["instructSupported"] is True

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("jobName", "under_score"),
            ("importedModelName", "dotted.name"),
            ("importedModelName", "two--dashes"),
            ("jobName", "x" * 64),
            ("clientRequestToken", "-begins-with-a-dash"),
            ("roleArn", "my-role"),
        ],
    )
    def test_is_refused_for_a_name_that_the_patterns_do_not_allow(
        self, bedrock: Bedrock, field: str, value: str
    ) -> None:
        with pytest.raises(bedrock.control.exceptions.ValidationException, match=f"at '{field}' failed"):
            bedrock.start("s3://bucket/prefix/", **{field: value})

    @pytest.mark.parametrize("uri", ["s3://bucket/with space/", "https://bucket/prefix", "s3://BUCKET/prefix"])
    def test_is_refused_for_a_place_that_the_pattern_does_not_allow(self, bedrock: Bedrock, uri: str) -> None:
        with pytest.raises(bedrock.control.exceptions.ValidationException, match="s3Uri' failed to satisfy"):
            bedrock.start(uri)

    def test_is_refused_outside_of_the_supported_regions(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        elsewhere = aws("bedrock", region="eu-west-1")
        with pytest.raises(elsewhere.exceptions.ValidationException, match="not supported in eu-west-1"):
            elsewhere.create_model_import_job(
                jobName="job",
                importedModelName="model",
                roleArn=bedrock.role_arn,
                modelDataSource={"s3DataSource": {"s3Uri": "s3://bucket/prefix/"}},
            )

    def test_with_the_same_token_is_the_same_job(self, bedrock: Bedrock) -> None:
        uri = bedrock.upload(llama())
        token, job_name = name("token"), name("job")
        first = bedrock.start(uri, jobName=job_name, clientRequestToken=token)
        assert bedrock.start(uri, jobName=job_name, clientRequestToken=token) == first
        bedrock.ended(first)
        assert bedrock.start(uri, jobName=job_name, clientRequestToken=token) == first
        assert len(bedrock.control.list_imported_models()["modelSummaries"]) == 1

    def test_needs_names_that_are_not_in_use(self, bedrock: Bedrock) -> None:
        uri = bedrock.upload(llama())
        job = bedrock.ended(bedrock.start(uri))
        with pytest.raises(bedrock.control.exceptions.ConflictException, match="job name"):
            bedrock.start(uri, jobName=job["jobName"])
        with pytest.raises(bedrock.control.exceptions.ConflictException, match="model name"):
            bedrock.start(uri, importedModelName=job["importedModelName"])


class TestQuotas:
    def test_one_import_runs_at_a_time(self, bedrock: Bedrock) -> None:
        bedrock.behave(import_seconds=0.3)
        uri = bedrock.upload(llama())
        running = bedrock.start(uri)
        with pytest.raises(
            bedrock.control.exceptions.ServiceQuotaExceededException, match="Concurrent model import jobs"
        ):
            bedrock.start(uri)
        bedrock.ended(running)
        bedrock.ended(bedrock.start(uri))

    def test_there_are_three_models_at_most(self, bedrock: Bedrock) -> None:
        models = [bedrock.import_model() for _ in range(3)]
        uri = bedrock.upload(llama())
        with pytest.raises(bedrock.control.exceptions.ServiceQuotaExceededException, match="Imported models per"):
            bedrock.start(uri)
        bedrock.control.delete_imported_model(modelIdentifier=models[0])
        bedrock.ended(bedrock.start(uri))

    def test_are_told_by_service_quotas_as_they_are_held_to(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        quotas = aws("service-quotas", region=REGION)
        bedrock.behave(max_imported_models=5)
        models = quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-45B04988")["Quota"]
        assert (models["QuotaName"], models["Value"], models["Adjustable"]) == ("Imported models per account", 5, True)
        jobs = quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-5F098EFA")["Quota"]
        assert (jobs["Value"], jobs["Adjustable"]) == (1, False)
        with pytest.raises(quotas.exceptions.NoSuchResourceException):
            quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-0")

    def test_an_import_that_runs_ends_when_it_is_told_to_take_no_longer(self, bedrock: Bedrock) -> None:
        bedrock.behave(import_seconds=3600)
        running = bedrock.start(bedrock.upload(llama()))
        assert bedrock.control.get_model_import_job(jobIdentifier=running)["status"] == "InProgress"
        bedrock.behave(import_seconds=0)
        assert bedrock.ended(running)["status"] == "Completed"

    def test_as_many_imports_fail_as_asked_for(self, bedrock: Bedrock) -> None:
        bedrock.behave(import_faults=["An internal error occurred."])
        assert bedrock.failure(llama()) == "An internal error occurred."
        assert bedrock.import_model()


class TestRole:
    def test_that_does_not_exist_is_invalid(self, bedrock: Bedrock) -> None:
        with pytest.raises(bedrock.control.exceptions.ValidationException, match="The provided role ARN is invalid"):
            bedrock.start("s3://bucket/prefix/", roleArn=f"arn:aws:iam::{ACCOUNT}:role/nobody")

    def test_that_trusts_another_account_is_invalid(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        arn = make_role(aws("iam"), read_policy(bedrock.bucket), trusts=trust(account="999999999999"))
        with pytest.raises(bedrock.control.exceptions.ValidationException, match="The provided role ARN is invalid"):
            bedrock.start("s3://bucket/prefix/", roleArn=arn)

    def test_that_is_new_is_invalid_for_a_while(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        bedrock.behave(role_propagation_seconds=3600)
        arn = make_role(aws("iam"), read_policy(bedrock.bucket))
        with pytest.raises(bedrock.control.exceptions.ValidationException, match="The provided role ARN is invalid"):
            bedrock.start("s3://bucket/prefix/", roleArn=arn)

    def test_that_may_not_list_the_bucket_fails_the_job(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        arn = make_role(aws("iam"), read_policy(bedrock.bucket, "s3:GetObject"))
        assert f"could not list s3://{bedrock.bucket}/" in bedrock.failure(llama(), roleArn=arn)

    def test_that_may_not_read_the_objects_fails_the_job(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        arn = make_role(aws("iam"), read_policy(bedrock.bucket, "s3:ListBucket"))
        failure = bedrock.failure(llama(), roleArn=arn)
        assert "could not read" in failure
        assert "AccessDenied" in failure

    def test_that_may_not_decrypt_the_objects_fails_the_job(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        key = aws("kms", region=REGION).create_key()["KeyMetadata"]["Arn"]
        uri = bedrock.upload(llama(), ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        job = bedrock.ended(bedrock.start(uri))
        assert job["status"] == "Failed"
        assert f"kms:Decrypt on {key}" in job["failureMessage"]
        policy = read_policy(bedrock.bucket)
        policy["Statement"].append({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key})
        job = bedrock.ended(bedrock.start(uri, roleArn=make_role(aws("iam"), policy)))
        assert job["status"] == "Completed"

    def test_that_may_not_use_the_network_fails_a_job_in_a_vpc(self, bedrock: Bedrock) -> None:
        network = {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]}
        assert "ec2:CreateNetworkInterface" in bedrock.failure(llama(), vpcConfig=network)


class TestKey:
    def test_encrypts_the_model_and_is_told_of_it(self, bedrock: Bedrock, aws: Callable[..., Any]) -> None:
        key = aws("kms", region=REGION).create_key()["KeyMetadata"]
        arn = bedrock.import_model(importedModelKmsKeyId=key["KeyId"])
        model = bedrock.control.get_imported_model(modelIdentifier=arn)
        assert model["modelKmsKeyArn"] == key["Arn"]
        assert (
            bedrock.control.get_model_import_job(jobIdentifier=model["jobArn"])["importedModelKmsKeyArn"] == key["Arn"]
        )

    def test_that_does_not_exist_is_refused(self, bedrock: Bedrock) -> None:
        with pytest.raises(bedrock.control.exceptions.ValidationException, match="KMS key"):
            bedrock.start("s3://bucket/prefix/", importedModelKmsKeyId="alias/nothing")


class TestPermissions:
    def test_starting_an_import_needs_to_pass_the_role_to_bedrock(
        self, bedrock: Bedrock, caller: Callable[[list[dict[str, Any]]], Any]
    ) -> None:
        create = {"Effect": "Allow", "Action": "bedrock:CreateModelImportJob", "Resource": "*"}
        pass_role = {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": bedrock.role_arn,
            "Condition": {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
        }
        parameters = {
            "importedModelName": name("model"),
            "roleArn": bedrock.role_arn,
            "modelDataSource": {"s3DataSource": {"s3Uri": bedrock.upload(llama())}},
        }
        with pytest.raises(ClientError, match="not authorized to perform: bedrock:CreateModelImportJob"):
            caller([pass_role]).create_model_import_job(jobName=name("job"), **parameters)
        with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole"):
            caller([create]).create_model_import_job(jobName=name("job"), **parameters)
        arn = caller([create, pass_role]).create_model_import_job(jobName=name("job"), **parameters)["jobArn"]
        assert bedrock.ended(arn)["status"] == "Completed"

    def test_models_are_permitted_one_by_one(
        self, bedrock: Bedrock, caller: Callable[[list[dict[str, Any]]], Any]
    ) -> None:
        mine, other = bedrock.import_model(), bedrock.import_model()
        actions = ["bedrock:GetImportedModel", "bedrock:DeleteImportedModel"]
        client = caller([{"Effect": "Allow", "Action": actions, "Resource": mine}])
        assert client.get_imported_model(modelIdentifier=mine)["modelArn"] == mine
        with pytest.raises(ClientError, match=f"bedrock:DeleteImportedModel on resource: {other}"):
            client.delete_imported_model(modelIdentifier=other)
        with pytest.raises(ClientError, match="not authorized to perform: bedrock:ListImportedModels"):
            client.list_imported_models()
        client.delete_imported_model(modelIdentifier=mine)


class TestLists:
    def test_of_jobs_are_filtered_by_status_name_and_time(self, bedrock: Bedrock) -> None:
        job = bedrock.ended(bedrock.start(bedrock.upload(llama()), jobName=name("listed")))
        control = bedrock.control

        def names(**filters: Any) -> list[str]:
            return [item["jobName"] for item in control.list_model_import_jobs(**filters)["modelImportJobSummaries"]]

        an_hour = timedelta(hours=1)
        assert names(nameContains=job["jobName"], statusEquals="Completed") == [job["jobName"]]
        assert job["jobName"] not in names(statusEquals="Failed")
        assert job["jobName"] not in names(creationTimeAfter=datetime.now(UTC) + an_hour)
        assert job["jobName"] in names(creationTimeAfter=datetime.now(UTC) - an_hour)
        assert job["jobName"] not in names(creationTimeBefore=datetime.now(UTC) - an_hour)

    def test_come_in_pages_the_newest_first(self, bedrock: Bedrock) -> None:
        arns = [bedrock.import_model() for _ in range(3)]
        pages = list(bedrock.control.get_paginator("list_imported_models").paginate(PaginationConfig={"PageSize": 2}))
        assert [len(page["modelSummaries"]) for page in pages] == [2, 1]
        assert [model["modelArn"] for page in pages for model in page["modelSummaries"]] == arns[::-1]
        oldest = bedrock.control.list_imported_models(sortOrder="Ascending", maxResults=1)["modelSummaries"]
        assert [model["modelArn"] for model in oldest] == arns[:1]


class TestDeletion:
    def test_leaves_the_job_and_no_model(self, bedrock: Bedrock) -> None:
        arn = bedrock.import_model()
        job_arn = bedrock.control.get_imported_model(modelIdentifier=arn)["jobArn"]
        bedrock.control.delete_imported_model(modelIdentifier=arn)
        with pytest.raises(bedrock.control.exceptions.ResourceNotFoundException):
            bedrock.control.get_imported_model(modelIdentifier=arn)
        with pytest.raises(bedrock.control.exceptions.ResourceNotFoundException):
            bedrock.control.delete_imported_model(modelIdentifier=arn)
        assert bedrock.control.get_model_import_job(jobIdentifier=job_arn)["status"] == "Completed"

    def test_of_a_job_that_is_not_known_is_not_found(self, bedrock: Bedrock) -> None:
        with pytest.raises(bedrock.control.exceptions.ResourceNotFoundException):
            bedrock.control.get_model_import_job(jobIdentifier="nothing")


class TestTags:
    def test_of_jobs_and_models_are_set_at_the_start_and_later(self, bedrock: Bedrock) -> None:
        arn = bedrock.import_model(
            jobTags=[{"key": "of", "value": "job"}], importedModelTags=[{"key": "of", "value": "model"}]
        )
        control = bedrock.control
        job_arn = control.get_imported_model(modelIdentifier=arn)["jobArn"]
        assert control.list_tags_for_resource(resourceARN=job_arn)["tags"] == [{"key": "of", "value": "job"}]
        control.tag_resource(resourceARN=arn, tags=[{"key": "stage", "value": "dev"}])
        control.untag_resource(resourceARN=arn, tagKeys=["of"])
        assert control.list_tags_for_resource(resourceARN=arn)["tags"] == [{"key": "stage", "value": "dev"}]


class TestControlPath:
    def test_says_all_that_is_wrong_with_a_change(self, bedrock: Bedrock) -> None:
        with pytest.raises(urllib.error.HTTPError, match="400") as refused:
            bedrock.behave(idle_seconds=-1, patience=3, faults=[{"code": "Nothing"}], import_faults=[1])
        problems = json.load(refused.value)["error"].splitlines()
        assert [problem.partition(":")[0] for problem in problems] == [
            "patience is not allowed",
            "import_faults[0] is 1",
            "idle_seconds is -1",
            "faults[0].code is 'Nothing'",
        ]
        assert problems[2] == "idle_seconds is -1: a number of at least 0"

    def test_tells_and_resets_the_behaviour(self, bedrock: Bedrock) -> None:
        before = bedrock.steer("GET")
        bedrock.behave(idle_seconds=7)
        assert bedrock.steer("GET") == {**before, "idle_seconds": 7}
        assert bedrock.steer("DELETE")["idle_seconds"] == 300
        bedrock.behave(**before)
