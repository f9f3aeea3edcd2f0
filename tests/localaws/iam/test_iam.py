"""IAM: the evaluation of policies, and calls of roles that are held to theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localaws.iam.actions import action_of, bucket_resource, resource_of
from localaws.iam.policy import (
    Decision,
    Principal,
    Request,
    UnsupportedConditionError,
    evaluate,
    matches,
    statements_of,
)

ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/one"
INVOKE = Request(action="sagemaker:InvokeEndpoint", resource=ENDPOINT)

ClientOf = Callable[[str], Any]


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "sagemaker:InvokeEndpoint", "Resource": ENDPOINT, **elements}


class TestPolicy:
    def test_denies_what_nothing_allows(self) -> None:
        assert evaluate([], INVOKE) is Decision.IMPLICIT_DENY

    @pytest.mark.parametrize(
        "elements",
        [
            {},
            {"Action": ["s3:GetObject", "sagemaker:invoke*"]},
            {"Action": "*"},
            {"Resource": "*"},
            {"Resource": ["arn:aws:s3:::b", "arn:aws:sagemaker:*:*:endpoint/o?e"]},
        ],
    )
    def test_allows_by_action_and_resource(self, elements: Mapping[str, Any]) -> None:
        assert evaluate([statement(**elements)], INVOKE) is Decision.ALLOWED

    @pytest.mark.parametrize(
        "elements",
        [
            {"Action": "sagemaker:InvokeEndpointAsync"},
            {"Resource": ENDPOINT + "-more"},
            {"Resource": "arn:aws:sagemaker:us-east-2:123456789012:endpoint/one"},
            {"Resource": ENDPOINT.upper()},
            {"Action": "sagemaker:InvokeEndpoint?"},
        ],
    )
    def test_does_not_allow_another_action_or_resource(self, elements: Mapping[str, Any]) -> None:
        assert evaluate([statement(**elements)], INVOKE) is Decision.IMPLICIT_DENY

    def test_lets_a_denial_outweigh_every_permission(self) -> None:
        assert evaluate([statement(), statement("Deny"), statement()], INVOKE) is Decision.EXPLICIT_DENY

    def test_understands_the_elements_that_exclude(self) -> None:
        allow_all_but = {"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:sagemaker:*:*:endpoint/two"}
        assert evaluate([allow_all_but], INVOKE) is Decision.ALLOWED
        assert evaluate([{**allow_all_but, "NotAction": "sagemaker:*"}], INVOKE) is Decision.IMPLICIT_DENY
        assert evaluate([{**allow_all_but, "NotResource": "*"}], INVOKE) is Decision.IMPLICIT_DENY

    def test_decides_by_the_action_alone_where_the_resource_is_not_known(self) -> None:
        assert evaluate([statement()], Request(action="sagemaker:InvokeEndpoint")) is Decision.ALLOWED

    @pytest.mark.parametrize(
        ("condition", "is_met"),
        [
            ({"StringEquals": {"aws:SourceAccount": "1"}}, True),
            ({"StringEquals": {"AWS:SOURCEACCOUNT": ["2", "1"]}}, True),
            ({"StringEquals": {"aws:SourceAccount": "2"}}, False),
            ({"StringNotEquals": {"aws:SourceAccount": "2"}}, True),
            ({"StringNotEquals": {"aws:SourceAccount": ["1", "2"]}}, False),
            ({"StringLike": {"aws:SourceArn": "arn:*:api/*/POST/v1"}}, True),
            ({"ArnLike": {"aws:SourceArn": "arn:aws:execute-api:*:1:api/prod/POST/*"}}, True),
            ({"ArnLike": {"aws:SourceArn": "arn:aws:execute-api:*:1:api/test/*"}}, False),
            ({"ArnNotLike": {"aws:SourceArn": "arn:aws:execute-api:*:1:api/test/*"}}, True),
            ({"StringEquals": {"kms:ViaService": "s3"}}, False),
            ({"StringNotEquals": {"kms:ViaService": "s3"}}, True),
            ({"StringEqualsIfExists": {"kms:ViaService": "s3"}}, True),
            ({"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}, True),
            ({"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}, False),
            ({"ForAllValues:StringEquals": {"events:source": ["a", "b", "c"]}}, True),
            ({"ForAllValues:StringEquals": {"events:source": "a"}}, False),
            ({"ForAnyValue:StringEquals": {"events:source": "a"}}, True),
            ({"ForAnyValue:StringEquals": {"events:source": "c"}}, False),
            ({"ForAllValues:StringNotEquals": {"events:source": "a"}}, False),
            ({"ForAnyValue:StringNotEquals": {"events:source": "a"}}, True),
            ({"ForAllValues:StringNotEquals": {"events:source": "c"}}, True),
            ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": "a"}}, False),
            ({"Null": {"aws:TagKeys": "true"}}, True),
            ({"Null": {"aws:SourceArn": "false"}}, True),
            ({"Null": {"aws:SourceArn": True}}, False),
            ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, False),
            ({"NumericLessThan": {"s3:TlsVersion": 1.4}}, True),
            ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.3"}}, True),
            ({"NumericNotEquals": {"s3:TlsVersion": "1.3"}}, False),
            ({"NumericLessThan": {"s3:max-keys": "10"}}, False),
            ({"Bool": {"aws:SecureTransport": "false"}}, False),
            ({"Bool": {"aws:SecureTransport": True}}, True),
            ({"StringEquals": {"aws:SourceAccount": "1"}, "Bool": {"aws:SecureTransport": "false"}}, False),
        ],
    )
    def test_evaluates_conditions(self, condition: Mapping[str, Any], is_met: bool) -> None:
        context = {
            "aws:SourceAccount": "1",
            "aws:SourceArn": "arn:aws:execute-api:us-east-1:1:api/prod/POST/v1",
            "events:source": ["a", "b"],
            "aws:TagKeys": [],
        }
        request = Request(action="sagemaker:InvokeEndpoint", resource=ENDPOINT, context=context)
        decision = evaluate([statement(Condition=condition)], request)
        assert decision is (Decision.ALLOWED if is_met else Decision.IMPLICIT_DENY)

    def test_refuses_to_guess_at_a_condition_that_it_does_not_know(self) -> None:
        unknown = statement(Condition={"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}})
        with pytest.raises(UnsupportedConditionError, match="'DateLessThan' is not evaluated here: StringEquals"):
            evaluate([unknown], INVOKE)

    def test_refuses_to_guess_at_one_value_of_several(self) -> None:
        one = statement(Condition={"StringEquals": {"aws:TagKeys": "a"}})
        with pytest.raises(UnsupportedConditionError, match="'StringEquals' is about one value, and the request has"):
            evaluate([one], replace(INVOKE, context={"aws:TagKeys": ["a", "b"]}))

    @pytest.mark.parametrize(
        ("element", "is_named"),
        [
            ("*", True),
            ({"Service": "lambda.amazonaws.com"}, True),
            ({"Service": ["a.amazonaws.com", "lambda.amazonaws.com"]}, True),
            ({"Service": "sagemaker.amazonaws.com"}, False),
            ({"AWS": "*"}, False),
        ],
    )
    def test_compares_principals_in_policies_of_resources(self, element: Any, is_named: bool) -> None:
        principal = Principal(kind="Service", names=("lambda.amazonaws.com",))
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": element}
        decision = evaluate([trust], Request(action="sts:AssumeRole", principal=principal))
        assert (decision is Decision.ALLOWED) == is_named

    def test_takes_one_statement_for_a_list_of_one(self) -> None:
        assert statements_of(json.dumps({"Statement": {"Effect": "Allow"}})) == [{"Effect": "Allow"}]

    def test_takes_only_asterisk_and_question_mark_for_wildcards(self) -> None:
        assert matches("a.[b]*", "a.[b]/c:d")
        assert not matches("a.b", "axb")


class TestActions:
    def test_have_the_names_of_the_permissions(self) -> None:
        assert action_of("lambda", "Invoke") == "lambda:InvokeFunction"
        assert action_of("s3", "HeadObject") == "s3:GetObject"
        assert action_of("kms", "Decrypt") == "kms:Decrypt"

    @pytest.mark.parametrize(
        ("service", "path", "parameters", "arn"),
        [
            ("sagemaker", "/", {"EndpointName": "one"}, ENDPOINT),
            ("lambda", "/2015-03-31/functions/f/invocations", {}, "arn:aws:lambda:us-east-1:123456789012:function:f"),
            ("lambda", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations", {}, "arn:aws:lambda"),
            ("kms", "/", {"KeyId": "k"}, "arn:aws:kms:us-east-1:123456789012:key/k"),
            ("kms", "/", {"KeyId": "alias/a"}, None),
            (
                "logs",
                "/",
                {"logGroupName": "g", "logStreamName": "s"},
                "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:s",
            ),
            ("ssm", "/", {"Name": "/a/b"}, "arn:aws:ssm:us-east-1:123456789012:parameter/a/b"),
            ("bedrock", "/", {"modelId": "m"}, None),
        ],
    )
    def test_are_about_a_resource(self, service: str, path: str, parameters: Any, arn: str | None) -> None:
        found = resource_of(service, region="us-east-1", account="123456789012", path=path, parameters=parameters)
        assert found == arn

    def test_are_about_a_bucket_its_objects_or_one_object(self) -> None:
        assert bucket_resource(action="s3:ListBucket", bucket="b", key=None) == "arn:aws:s3:::b"
        assert bucket_resource(action="s3:DeleteObject", bucket="b", key=None) == "arn:aws:s3:::b/*"
        assert bucket_resource(action="s3:GetObject", bucket="b", key="k/l") == "arn:aws:s3:::b/k/l"


class TestEnforcement:
    """Calls with the credentials of a session of a role, to the running server."""

    @pytest.fixture
    def bucket(self, aws: Callable[..., Any]) -> Iterator[str]:
        name = f"iam-{uuid4().hex}"
        s3 = aws("s3")
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="read/me", Body=b"text")
        yield name
        s3.delete_object(Bucket=name, Key="read/me")
        s3.delete_bucket(Bucket=name)

    @pytest.fixture
    def as_role(self, aws: Callable[..., Any], local_aws: str) -> Iterator[Callable[..., ClientOf]]:
        made: list[str] = []

        def assume(*statements: Mapping[str, Any], prefix: str = "role") -> ClientOf:
            name = f"{prefix}-{uuid4().hex}"
            trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
            role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
            made.append(name)
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            if statements:
                aws("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
            session = aws("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="me")["Credentials"]

            def client(service: str) -> Any:
                return boto3.session.Session().client(
                    service,  # type: ignore[call-overload] # the stubs list every service as a literal
                    region_name="us-east-1",
                    endpoint_url=local_aws,
                    aws_access_key_id=session["AccessKeyId"],
                    aws_secret_access_key=session["SecretAccessKey"],
                    aws_session_token=session["SessionToken"],
                    config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
                )

            return client

        yield assume
        for name in made:
            for policy in aws("iam").list_role_policies(RoleName=name)["PolicyNames"]:
                aws("iam").delete_role_policy(RoleName=name, PolicyName=policy)
            aws("iam").delete_role(RoleName=name)

    def test_refuses_a_call_without_permission_in_the_words_of_aws(self, as_role: Callable[..., ClientOf]) -> None:
        with pytest.raises(ClientError) as refused:
            as_role()("sagemaker").describe_endpoint(EndpointName="one")
        error = refused.value.response["Error"]
        assert error["Code"] == "AccessDeniedException"
        assert error["Message"].startswith("User: arn:aws:sts::123456789012:assumed-role/role-")
        assert error["Message"].endswith(
            "/me is not authorized to perform: sagemaker:DescribeEndpoint on resource: "
            f"{ENDPOINT} because no identity-based policy allows the sagemaker:DescribeEndpoint action"
        )

    def test_refuses_a_call_that_is_denied(self, as_role: Callable[..., ClientOf]) -> None:
        denial = {"Effect": "Deny", "Action": "kms:ListKeys", "Resource": "*"}
        with pytest.raises(ClientError, match="with an explicit deny in an identity-based policy"):
            as_role({"Effect": "Allow", "Action": "*", "Resource": "*"}, denial)("kms").list_keys()

    def test_holds_events_to_their_source_and_type(self, as_role: Callable[..., ClientOf]) -> None:
        condition = {"ForAllValues:StringEquals": {"events:source": "mine", "events:detail-type": ["Begun", "Ended"]}}
        allowed = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*", "Condition": condition}
        events = as_role(allowed)("events")

        def put(*kinds: tuple[str, str]) -> int:
            entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source, kind in kinds]
            return int(events.put_events(Entries=entries)["FailedEntryCount"])

        assert put(("mine", "Begun"), ("mine", "Ended")) == 0
        for foreign in (("another", "Begun"), ("mine", "Deleted")):
            with pytest.raises(ClientError, match="not authorized to perform: events:PutEvents"):
                put(("mine", "Begun"), foreign)

    def test_allows_a_call_on_the_permitted_resource_only(self, as_role: Callable[..., ClientOf], bucket: str) -> None:
        s3 = as_role({"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/read/*"})("s3")
        assert s3.get_object(Bucket=bucket, Key="read/me")["Body"].read() == b"text"
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=bucket, Key="other")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=bucket, Key="read/me", Body=b"")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket=bucket)

    def test_lets_the_policy_of_a_bucket_permit_too(
        self, aws: Callable[..., Any], as_role: Callable[..., ClientOf], bucket: str
    ) -> None:
        client = as_role()
        arn = client("sts").get_caller_identity()["Arn"]
        role_arn = f"arn:aws:iam::123456789012:role/{arn.split('/')[1]}"
        permission = {
            "Effect": "Allow",
            "Principal": {"AWS": role_arn},
            "Action": "s3:List*",
            "Resource": f"arn:aws:s3:::{bucket}",
        }
        aws("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [permission]}))
        assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1

    def test_does_not_take_the_demand_for_tls_for_a_denial(self, aws: Callable[..., Any], bucket: str) -> None:
        denial = {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        }
        tls_only = {**denial, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        aws("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [tls_only]}))
        aws("s3").put_object(Bucket=bucket, Key="read/me", Body=b"again")
        aws("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [denial]}))
        with pytest.raises(ClientError):
            aws("s3").put_object(Bucket=bucket, Key="read/me", Body=b"never")
        aws("s3").delete_bucket_policy(Bucket=bucket)

    def test_names_all_resources_where_a_call_names_none(self, as_role: Callable[..., ClientOf]) -> None:
        with pytest.raises(ClientError, match=r"not authorized to perform: sagemaker:ListEndpoints on resource: \* "):
            as_role()("sagemaker").list_endpoints()

    def test_lets_the_roles_of_the_cdk_cli_do_anything(self, as_role: Callable[..., ClientOf]) -> None:
        assert as_role(prefix="cdk-deploy")("sagemaker").list_endpoints(NameContains="of-nobody")["Endpoints"] == []

    def test_tells_every_caller_who_it_is(self, as_role: Callable[..., ClientOf]) -> None:
        assert ":assumed-role/role-" in as_role()("sts").get_caller_identity()["Arn"]

    def test_answers_in_the_protocol_of_the_service(self, as_role: Callable[..., ClientOf]) -> None:
        with pytest.raises(ClientError) as refused:
            as_role()("iam").list_roles()
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
        assert "is not authorized to perform: iam:ListRoles" in refused.value.response["Error"]["Message"]
