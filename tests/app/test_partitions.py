"""Stacks of a region in China: ARNs, service principals and hosts are those of its partition."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import app
from stacks.environments import DEV
from stacks.models import MISTRAL_7B_DOLLY, MISTRAL_7B_INSTRUCT
from tests.app.state_machine_calls import text

pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("app")]

_REGION = "cn-north-1"
# In CDK's table of service principals these have the same name in every partition (aws-cdk-lib 2.275.0, region-info).
_EVERYWHERE = {
    *("apigateway.amazonaws.com", "events.amazonaws.com", "lambda.amazonaws.com", "logging.s3.amazonaws.com"),
    *("sagemaker.amazonaws.com", "states.amazonaws.com"),
}
_LOGS = "logs.<AWS::Region>.<AWS::URLSuffix>"


@pytest.fixture(scope="module")
def in_china(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Templates of an endpoint and of a pipeline, and of the account's settings."""
    environment = replace(DEV, region=_REGION)
    built = app.build(
        [(environment, [MISTRAL_7B_INSTRUCT, MISTRAL_7B_DOLLY])], outdir=str(tmp_path_factory.mktemp("out"))
    )
    files = sorted(Path(built.synth().directory).glob("**/*.template.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def _principals(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        principal = node.get("Principal", {})
        if isinstance(principal, str) and principal != "*":
            yield principal
        elif isinstance(principal, dict) and "Service" in principal:
            yield text(principal["Service"])
        for value in node.values():
            yield from _principals(value)
    elif isinstance(node, list):
        for value in node:
            yield from _principals(value)


def test_every_service_principal_is_one_of_the_partition(in_china: list[dict[str, Any]]) -> None:
    assert len(in_china) == 3
    assert {principal for template in in_china for principal in _principals(template)} == {*_EVERYWHERE, _LOGS}


def test_every_arn_is_of_the_partition(in_china: list[dict[str, Any]]) -> None:
    whole = json.dumps(in_china)

    assert "arn:aws-cn:" in whole
    # Integrations and metrics of state machines are named so in every partition.
    assert set(re.findall(r"arn:aws:(?!states:::)[^\"\\ ]*", whole)) == set()


def test_every_image_is_in_a_registry_of_the_partition(in_china: list[dict[str, Any]]) -> None:
    hosts = set(re.findall(r"\d{12}\.dkr\.ecr\.[a-z0-9.-]+", json.dumps(in_china)))

    assert hosts
    assert all(host.endswith(f".{_REGION}.amazonaws.com.cn") for host in hosts)
