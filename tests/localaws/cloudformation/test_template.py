"""Templates are read as CloudFormation reads them, and what is not understood is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.cloudformation.dependencies import creation_order
from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.template import Template, parse

KEY = {"Type": "AWS::KMS::Key"}


def template(**resources: Any) -> Template:
    return parse(json.dumps({"Resources": resources}))


def test_reads_the_short_forms_of_yaml() -> None:
    parsed = parse(
        """
        Resources:
          Alias:
            Type: AWS::KMS::Alias
            Condition: Wanted
            Properties:
              AliasName: !Sub alias/${AWS::StackName}
              TargetKeyId: !GetAtt Key.Arn
              Date: 2012-10-17
          Key: {Type: AWS::KMS::Key}
        Conditions:
          Wanted: !Not [!Equals [!Ref AWS::Region, eu-west-1]]
        """
    )

    assert parsed.resources["Alias"].properties == {
        "AliasName": {"Fn::Sub": "alias/${AWS::StackName}"},
        "TargetKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
        "Date": "2012-10-17",
    }
    assert parsed.conditions == {"Wanted": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}]}}


def test_names_every_problem_of_a_template_at_once() -> None:
    body = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "A-B": KEY,
            "Bad": {**KEY, "CreationPolicy": {}, "DependsOn": "Nobody", "DeletionPolicy": "Snapshot"},
            "Typeless": {},
        },
        "Outputs": {"Empty": {}},
    }

    with pytest.raises(TemplateError) as refusal:
        parse(json.dumps(body))

    for problem in ("Transform", "A-B", "CreationPolicy", "Nobody", "Snapshot", "Typeless", "Empty"):
        assert problem in str(refusal.value)


@pytest.mark.parametrize("body", ["{}", '{"Resources": {}}', "just text", "a: [unclosed"])
def test_refuses_a_template_without_resources(body: str) -> None:
    with pytest.raises(TemplateError, match="Template format error"):
        parse(body)


def test_creates_a_resource_after_those_it_refers_to() -> None:
    parsed = template(
        Third={**KEY, "DependsOn": "Second"},
        Second={**KEY, "Properties": {"Description": {"Fn::Sub": "${First.Arn} of ${AWS::Region}"}}},
        First=KEY,
    )

    assert creation_order(parsed, list(parsed.resources)) == ["First", "Second", "Third"]


def test_does_not_wait_for_a_resource_whose_condition_does_not_hold() -> None:
    parsed = template(Here={**KEY, "DependsOn": "Absent"}, Absent=KEY)

    assert creation_order(parsed, ["Here"]) == ["Here"]


def test_refuses_resources_that_depend_on_each_other() -> None:
    parsed = template(A={**KEY, "Properties": {"Description": {"Ref": "B"}}}, B={**KEY, "DependsOn": ["A"]})

    with pytest.raises(TemplateError, match="Circular dependency between resources"):
        creation_order(parsed, list(parsed.resources))
