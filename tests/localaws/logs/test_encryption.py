"""A log group takes a key only where the key's policy lets CloudWatch Logs use it for that group."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.support.local_aws import ClientFactory as Aws

ACCOUNT = "123456789012"
LOGS = "logs.us-east-1.amazonaws.com"
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]


def _key(aws: Aws, *, service: str = LOGS, actions: list[str] = USE, groups: str | None = None) -> str:
    use: dict[str, Any] = {"Effect": "Allow", "Principal": {"Service": service}, "Action": actions, "Resource": "*"}
    if groups:
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{groups}"
        use["Condition"] = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}}
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = [{"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}, use]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return str(aws("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"])


def _name() -> str:
    return f"group-{uuid4().hex[:12]}"


def test_a_key_that_names_the_group_encrypts_it(aws: Aws) -> None:
    name = _name()
    aws("logs").create_log_group(logGroupName=name, kmsKeyId=_key(aws, groups=f"{name}*"))


@pytest.mark.parametrize(
    "policy",
    [
        {"groups": "another-*"},
        {"service": "logs.amazonaws.com"},
        {"service": "logs.us-west-2.amazonaws.com"},
        {"service": "logs.us-east-1.amazonaws.com.cn"},
        {"actions": ["kms:Decrypt"]},
    ],
    ids=lambda policy: " ".join(f"{name}={value}" for name, value in policy.items()),
)
def test_a_key_that_does_not_is_refused_in_awss_words(aws: Aws, policy: dict[str, Any]) -> None:
    name = _name()
    with pytest.raises(ClientError, match=f"not allowed to be used with LogGroup .*:log-group:{name}'"):
        aws("logs").create_log_group(logGroupName=name, kmsKeyId=_key(aws, **policy))
    assert aws("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def test_a_key_without_a_policy_for_it_is_refused(aws: Aws) -> None:
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(ClientError, match="not allowed to be used"):
        aws("logs").create_log_group(logGroupName=_name(), kmsKeyId=key)


def test_a_group_that_exists_takes_a_key_that_names_it_and_no_other(aws: Aws) -> None:
    logs, name = aws("logs"), _name()
    logs.create_log_group(logGroupName=name)
    own = _key(aws, groups=name)

    with pytest.raises(ClientError, match="not allowed to be used"):
        logs.associate_kms_key(logGroupName=name, kmsKeyId=_key(aws, groups="another-*"))
    logs.associate_kms_key(logGroupName=name, kmsKeyId=own)

    [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["kmsKeyId"] == own
    logs.disassociate_kms_key(logGroupName=name)
    assert "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
