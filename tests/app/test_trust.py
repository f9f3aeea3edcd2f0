"""Each role trusts a service for its own account only, where AWS documents that the service says whom it works for."""

from __future__ import annotations

from typing import Any

from tests.app.state_machine_calls import text

# No document of AWS has these services' roles with a condition: see docs/beliefs/iam-and-kms.toml, iam-trust-without.
_UNCONDITIONAL = {"apigateway.amazonaws.com", "events.amazonaws.com", "lambda.amazonaws.com"}
# The ends of the ARNs that the services' guides have in the trust policies of such roles.
_SOURCES = {
    "bedrock.amazonaws.com": {"model-import-job/*"},
    "sagemaker.amazonaws.com": {"*", "training-job/*"},
    "states.amazonaws.com": {"stateMachine:*"},
}


def _trusts(templates: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        statement
        for template in templates.values()
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IAM::Role"
        for statement in resource["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    ]


def test_a_role_is_assumed_for_the_documented_sources_of_its_account_only(
    templates: dict[str, dict[str, Any]],
) -> None:
    found: dict[str, set[str]] = {}
    for statement in _trusts(templates):
        service = statement["Principal"]["Service"]
        if service in _UNCONDITIONAL:
            continue
        conditions = {key: value for keys in statement["Condition"].values() for key, value in keys.items()}
        prefix, _, end = text(conditions["aws:SourceArn"]).partition("<AWS::AccountId>:")
        found.setdefault(service, set()).add(end)
        assert prefix.startswith(f"arn:aws:{service.partition('.')[0]}:us-")

    assert found == _SOURCES


def test_no_condition_is_on_a_role_whose_service_documents_none(templates: dict[str, dict[str, Any]]) -> None:
    conditional = [
        statement
        for statement in _trusts(templates)
        if statement["Principal"]["Service"] in _UNCONDITIONAL and "Condition" in statement
    ]

    assert conditional == []
