"""The app with one model in dev, and one thing changed: `python3 tests/e2e/variant_app.py [VARIANT]`.

The end-to-end tests deploy it with `cdk --app`, so that each deployment takes seconds.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

import app
from stacks.environments import DEV, ApiKeys, FrontDoor, Quota
from stacks.models import MISTRAL_7B_INSTRUCT


def main(variant: str) -> None:
    """Synthesize the variant."""
    model = MISTRAL_7B_INSTRUCT
    if variant in {"two-instances", "breaks"}:
        model = replace(model, instance_count=2)
    environment = DEV
    if variant == "iam":
        environment = replace(DEV, front_door=FrontDoor())
    if variant == "limited":
        environment = replace(DEV, front_door=FrontDoor(api_keys=ApiKeys(throttle=None, quota=Quota(requests=2))))
    built = app.build([(environment, [model])])
    stack = cast("cdk.Stack", built.node.find_child("dev").node.find_child(model.name))
    if variant == "breaks":
        # A name that is taken, asked for when the endpoint has been updated, so that there is something to roll back.
        alias = f"alias/{DEV.name}/{model.name}"
        key = cast("kms.Key", stack.node.find_child("Key"))
        taken = kms.CfnAlias(stack, "Taken", alias_name=alias, target_key_id=key.key_id)
        taken.node.add_dependency(stack.node.find_child("Endpoint"))
    if variant == "unknown-type":
        cdk.CfnResource(stack, "Unknown", type="AWS::SageMaker::Space", properties={"DomainId": "d", "SpaceName": "s"})
    if variant == "no-grant":
        role = stack.node.find_child("Api").node.find_child("Function").node.find_child("Role")
        policy = role.node.find_child("DefaultPolicy")
        document = cast("iam.Policy", policy).document.to_json()
        statements = [found for found in document["Statement"] if "sagemaker:InvokeEndpoint" not in str(found)]
        resource = cast("cdk.CfnResource", policy.node.default_child)
        resource.add_property_override("PolicyDocument.Statement", statements)
    built.synth()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
