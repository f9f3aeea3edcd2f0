"""The app with one model in dev, in variants with one thing changed each.

`python3 tests/e2e/endpoint_app.py FOLDER NAME...`: each variant has an assembly in a folder of its own, all written by
one process, since to start CDK takes as long as to synthesize.
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
from stacks.environments import DEV as DECLARED_DEV
from stacks.environments import ApiKeys, Cors, FrontDoor, Quota, Throttle
from stacks.models import MISTRAL_7B_INSTRUCT

# One key asks all that the tests ask, one request after the other, as fast as this machine is.
_FAST = Throttle(requests_per_second=1000, burst=100)
_PAGES = Cors(origins=("https://chat.example.com", "http://localhost:3000"))
DEV = replace(
    DECLARED_DEV,
    front_door=replace(DECLARED_DEV.front_door, api_keys=ApiKeys(throttle=_FAST), throttle=_FAST, cors=_PAGES),
)
TWO_INSTANCES, THREE_INSTANCES = (replace(MISTRAL_7B_INSTRUCT, instance_count=count) for count in (2, 3))
FRUGAL = replace(DEV, front_door=FrontDoor(api_keys=ApiKeys(throttle=None, quota=Quota(requests=2)), cors=_PAGES))


def _as_declared(stack: cdk.Stack) -> None:
    """Change nothing."""


def _break(stack: cdk.Stack) -> None:
    """Take a name that is taken, once the endpoint has been updated, so that there is something to roll back."""
    alias = f"alias/{DEV.name}/{MISTRAL_7B_INSTRUCT.name}"
    key = cast("kms.Key", stack.node.find_child("Key"))
    taken = kms.CfnAlias(stack, "Taken", alias_name=alias, target_key_id=key.key_id)
    taken.node.add_dependency(stack.node.find_child("Endpoint"))


def _add_unknown_type(stack: cdk.Stack) -> None:
    """Add a resource of a type that the local AWS does not have."""
    cdk.CfnResource(stack, "Unknown", type="AWS::SageMaker::Space", properties={"DomainId": "d", "SpaceName": "s"})


def _take_grant(stack: cdk.Stack) -> None:
    """Take the permission to invoke the endpoint from the shim."""
    role = stack.node.find_child("Api").node.find_child("Function").node.find_child("Role")
    policy = role.node.find_child("DefaultPolicy")
    document = cast("iam.Policy", policy).document.to_json()
    statements = [found for found in document["Statement"] if "sagemaker:InvokeEndpoint" not in str(found)]
    resource = cast("cdk.CfnResource", policy.node.default_child)
    resource.add_property_override("PolicyDocument.Statement", statements)


# Environment, model, and what is done to the stack.
VARIANTS = {
    "declared": (DEV, MISTRAL_7B_INSTRUCT, _as_declared),
    "two-instances": (DEV, TWO_INSTANCES, _as_declared),
    "limited": (FRUGAL, MISTRAL_7B_INSTRUCT, _as_declared),
    "breaks": (DEV, THREE_INSTANCES, _break),
    "unknown-type": (DEV, MISTRAL_7B_INSTRUCT, _add_unknown_type),
    "no-grant": (DEV, MISTRAL_7B_INSTRUCT, _take_grant),
    "iam": (replace(DEV, front_door=FrontDoor()), MISTRAL_7B_INSTRUCT, _as_declared),
}


def main(folder: Path, *variants: str) -> None:
    """Synthesize variants into `cdk.out-NAME`."""
    for name in variants:
        environment, model, change = VARIANTS[name]
        built = app.build([(environment, [model])], outdir=str(folder / f"cdk.out-{name}"))
        change(cast("cdk.Stack", built.node.find_child("dev").node.find_child(model.name)))
        built.synth()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
