"""Intrinsic functions give what CloudFormation documents."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.cloudformation import parameters
from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.intrinsics import UNKNOWN, Evaluator, attributes_used, references
from localaws.cloudformation.template import ResourceDeclaration, Template


class Deployed:
    """A stack with one bucket, an export and an SSM parameter."""

    def reference(self, logical_id: str) -> Any:
        return {"Bucket": "my-bucket", "Planned": UNKNOWN}[logical_id]

    def attribute(self, logical_id: str, name: str) -> Any:
        return {"Bucket": {"Arn": "arn:aws:s3:::my-bucket"}}[logical_id][name]

    def imported(self, export_name: str) -> str:
        return {"shared-key": "key-1"}[export_name]

    def ssm_parameter(self, name: str) -> str:
        return {"/version": "33"}[name]


def evaluator(**values: Any) -> Evaluator:
    template = Template(
        resources={"Bucket": ResourceDeclaration(logical_id="Bucket", type="AWS::S3::Bucket", properties={})},
        mappings={"Sizes": {"us-east-1": {"small": 1}}},
        conditions={
            "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "IsDev": {"Fn::Not": [{"Condition": "IsProd"}]},
            "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]},
            "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]},
        },
    )
    return Evaluator(
        template=template,
        pseudo_parameters={"AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"},
        parameters={"Stage": "prod", "Names": ["a", "b"], **values},
        surroundings=Deployed(),
    )


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Stage"}, "prod"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Ref": "Bucket"}, "my-bucket"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::my-bucket"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "arn:aws:s3:::my-bucket"),
        ({"Fn::Sub": "${Bucket.Arn}/${Stage}/${!Literal}"}, "arn:aws:s3:::my-bucket/prod/${Literal}"),
        ({"Fn::Sub": ["${A}-${Bucket}", {"A": {"Ref": "Stage"}}]}, "prod-my-bucket"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 1, True]]}, "a-prod-1-true"),
        ({"Fn::Join": [",", {"Ref": "Names"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Fn::Split": ["/", "a/b/c"]}]}, "b"),
        ({"Fn::If": ["IsProd", 1, 2]}, 1),
        ({"Fn::If": ["Both", 1, 2]}, 2),
        ({"Fn::If": ["Either", 1, 2]}, 1),
        ({"Fn::ImportValue": "shared-key"}, "key-1"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, 1),
        ({"Fn::Base64": "hi"}, "aGk="),
        ("v{{resolve:ssm:/version}}", "v33"),
        ({"plain": {"nested": [1, "two", True]}}, {"plain": {"nested": [1, "two", True]}}),
        ([1, {"Ref": "AWS::NoValue"}, {"Key": {"Fn::If": ["IsDev", 1, {"Ref": "AWS::NoValue"}]}}], [1, {}]),
    ],
)
def test_evaluates(node: Any, value: Any) -> None:
    assert evaluator().evaluate(node) == value


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        ({"Ref": "Nobody"}, r"Unresolved resource dependencies \[Nobody\]"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, r"Unresolved resource dependencies \[Nobody\]"),
        ({"Fn::GetAZs": ""}, "unsupported intrinsic function Fn::GetAZs"),
        ({"Fn::Select": [3, ["a"]]}, "cannot select 3 of 1"),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "small"]}, "unable to get mapping for Sizes::eu-west-1::small"),
        ({"Fn::If": ["Nothing", 1, 2]}, "unresolved condition dependency Nothing"),
        ({"Fn::Join": ["-", "text"]}, "Fn::Join needs a list"),
        ({"Fn::Sub": "${Names}"}, "is not text"),
        ("{{resolve:secretsmanager:mine}}", "unsupported dynamic reference to secretsmanager"),
    ],
)
def test_refuses(node: Any, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        evaluator().evaluate(node)


@pytest.mark.parametrize("delimiter", ["/", ":"])
def test_keeps_what_is_only_known_after_the_deployment_apart(delimiter: str) -> None:
    part_of_planned = {"Fn::Select": [1, {"Fn::Split": [delimiter, {"Ref": "Planned"}]}]}

    assert evaluator().evaluate(part_of_planned) == UNKNOWN


def test_finds_every_reference() -> None:
    node = [
        {"Ref": "A"},
        {"x": {"Fn::GetAtt": ["B", "Arn"]}},
        {"Fn::Sub": ["${C.Arn}${D}${e}${!F}", {"e": {"Ref": "G"}}]},
    ]

    assert references(node) == {"A", "B", "C", "D", "G"}
    assert attributes_used(node) == {("B", "Arn"), ("C", "Arn")}


PARAMETERS: dict[str, dict[str, Any]] = {
    "Size": {"Type": "Number", "Default": 3, "MaxValue": 5},
    "Stage": {"Type": "String", "AllowedValues": ["dev", "prod"]},
    "Subnets": {"Type": "CommaDelimitedList", "Default": "a, b"},
    "Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/version"},
}


def resolve(**given: str) -> dict[str, Any]:
    template = Template(resources={}, parameters=PARAMETERS)
    return parameters.resolve(template=template, given=given, ssm_parameter=Deployed().ssm_parameter)


def test_resolves_parameters_by_their_types() -> None:
    assert resolve(Stage="dev") == {"Size": "3", "Stage": "dev", "Subnets": ["a", "b"], "Version": "33"}


def test_names_every_wrong_parameter_at_once() -> None:
    with pytest.raises(TemplateError) as refusal:
        resolve(Size="9", Extra="x")

    for problem in ("Parameters: [Extra] do not exist", "Parameters: [Stage] must have values", "Parameter Size is 9"):
        assert problem in str(refusal.value)


def test_refuses_a_value_that_is_not_allowed() -> None:
    with pytest.raises(TemplateError, match="Stage must be one of dev, prod, not 'test'"):
        resolve(Stage="test")


@pytest.mark.parametrize(("stage", "refused"), [("prod", False), ("dev", True)])
def test_checks_the_rules_of_a_template(stage: str, refused: bool) -> None:
    rule = {
        "Assertions": [{"Assert": {"Fn::Contains": [["prod"], {"Ref": "Stage"}]}, "AssertDescription": "prod only"}]
    }
    template = Template(resources={}, rules={"OnlyProd": rule})

    if refused:
        with pytest.raises(TemplateError, match="prod only"):
            parameters.check_rules(template=template, evaluator=evaluator(Stage=stage))
    else:
        parameters.check_rules(template=template, evaluator=evaluator(Stage=stage))
