"""Differences between two releases of a stack that an update would take state for.

A difference that is wanted stands in `CHANGELOG.md`, above the heading of the release that is upgraded: in a line or
list item that begins with `Upgrade:`, says which command users run, and names the resource's logical id in backticks.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.cloudformation.schemas import resource_type

CHANGELOG = Path(__file__).resolve().parent.parent.parent / "CHANGELOG.md"

HINT = (
    "an update of a deployed stack must keep these. If the change is wanted, add to CHANGELOG.md, under Unreleased, an "
    'item "Upgrade: …" with the command that users run, and the logical ids in backticks'
)

STATEFUL = frozenset(
    {
        "AWS::ApiGateway::ApiKey",
        "AWS::ApiGateway::BasePathMapping",
        "AWS::ApiGateway::DomainName",
        "AWS::ApiGateway::RestApi",
        "AWS::ApiGateway::Stage",
        "AWS::ApiGateway::UsagePlan",
        "AWS::ApiGateway::UsagePlanKey",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SNS::Topic",
        "AWS::SSM::Parameter",
        "AWS::SageMaker::Endpoint",
        "AWS::StepFunctions::StateMachine",
        # Replaced or removed, its handler empties the bucket.
        "Custom::S3AutoDeleteObjects",
        # Replaced or removed, their handlers delete what was trained, imported and served.
        "Custom::FineTuning",
        "Custom::ModelImport",
    }
)
"""Types whose resources hold data, addresses or permissions that callers have, or whose removal deletes such."""

STATELESS = frozenset(
    {
        "AWS::ApiGateway::Account",
        "AWS::ApiGateway::Authorizer",
        "AWS::ApiGateway::Deployment",
        "AWS::ApiGateway::GatewayResponse",
        "AWS::ApiGateway::Method",
        "AWS::ApiGateway::Resource",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Events::Rule",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::TopicPolicy",
        # Models and configs are replaced beside the endpoint, which goes from one to the other without a pause.
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Model",
        "AWS::WAFv2::WebACL",
        "AWS::WAFv2::WebACLAssociation",
    }
)
"""Types that an update may replace unnoticed."""

# A change of any property calls the handler of a custom resource, which trains, imports or cleans up; and writes a
# parameter again, with the template's value in place of the version that a pipeline has published there.
_WRITTEN_AGAIN = ("Custom::", "AWS::SSM::Parameter")


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One thing that an update would lose.

    Attributes:
        stack: Its path, such as `dev/mistral-7b-instruct`.
        logical_id: The resource's or output's id in the older template; empty where the whole stack is concerned.
        text: Sentence about it.
    """

    stack: str
    logical_id: str
    text: str

    def __str__(self) -> str:
        """Name the place and the difference."""
        return f"{self.stack} {self.logical_id}: {self.text}"


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """List what an update from one release's templates to another's would lose, outputs that scripts read included.

    Resources and outputs that only the newer release has are none of them.

    Args:
        old: Templates of the older release, by the stacks' paths.
        new: Those of the newer one.
    """
    found: list[Difference] = []
    for stack, template in old.items():
        if stack not in new:
            found.append(Difference(stack, "", "the stack is not declared any more"))
            continue
        resources = new[stack]["Resources"]
        for logical_id, resource in template["Resources"].items():
            texts = _changes(resource, resources.get(logical_id))
            found += [Difference(stack, logical_id, f"{resource['Type']} {text}") for text in texts]
        gone = template.get("Outputs", {}).keys() - new[stack].get("Outputs", {}).keys()
        found += [Difference(stack, output, "the stack has no such output any more") for output in sorted(gone)]
    return found


def _changes(old: Mapping[str, Any], new: Mapping[str, Any] | None) -> Iterator[str]:
    if old["Type"] not in STATEFUL:
        return
    if new is None:
        yield "has no such logical id any more"
        return
    if new["Type"] != old["Type"]:
        yield f"has become {new['Type']}"
        return
    before, after = old.get("Properties", {}), new.get("Properties", {})
    for name in _losing(old["Type"], before, after):
        values = f"{json.dumps(before.get(name))} became {json.dumps(after.get(name))}"
        yield f"would be replaced or written again, since {name} has changed: {values}"


def _losing(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """List the properties whose change replaces a resource, or writes it again."""
    if type_name.startswith(_WRITTEN_AGAIN):
        return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return resource_type(type_name).replacing(before, after)


def unwanted(found: list[Difference], version: str, changelog: str | None = None) -> list[str]:
    """Leave out the differences that the changelog announces.

    Args:
        found: Differences from a released version.
        version: That version, such as `0.1.0`.
        changelog: The changelog's text; that of `CHANGELOG.md`, which may not be there, by default.

    Returns:
        The others as texts, sorted.
    """
    if changelog is None:
        changelog = CHANGELOG.read_text(encoding="utf-8") if CHANGELOG.exists() else ""
    announced = _announced(changelog, version)
    return sorted(str(each) for each in found if each.logical_id not in announced)


def _announced(changelog: str, version: str) -> set[str]:
    since, _, _ = changelog.partition(f"\n## [{version}]")
    items = re.findall(r"^(?:[-*] )?\**Upgrade:.*(?:\n(?![-*#] )[ \t]*\S.*)*", since, flags=re.MULTILINE)
    return {name for item in items for name in re.findall(r"`([^`\s]+)`", item)}
