"""Wrong and right declarations for the preflight's tests, made of few words."""

from dataclasses import replace
from typing import Any

from stacks.declarations import FineTunedModel, JumpStartModel, Model
from stacks.environments import DEV, Cors, Domain, Environment, FrontDoor, Network
from stacks.models import FALCON_7B, MISTRAL_7B_INSTRUCT

Case = tuple[str, Environment, list[Model], str]
"""Class of mistake, the environment, its models, and the line."""

ACL = "arn:aws:wafv2:us-west-2:111122223333:regional/webacl/some/12ab"
CERTIFICATE = "arn:aws:acm:us-west-2:111122223333:certificate/12ab-34cd"
SUBNET, GROUP = "subnet-0123abcd", "sg-0123abcd"
LARGE = "ml.p4d.24xlarge"
REASON = "tried by hand"


def model(base: JumpStartModel = MISTRAL_7B_INSTRUCT, **changes: Any) -> JumpStartModel:
    return replace(base, name=changes.pop("name", "m"), **changes)


def tuned(**changes: Any) -> FineTunedModel:
    declared: dict[str, Any] = {
        "name": "m",
        "model_id": FALCON_7B.model_id,
        "version": FALCON_7B.version,
        "method": "domain",
        "prompt_format": "none",
        "training_instance_type": "ml.g5.12xlarge",
        **changes,
    }
    return FineTunedModel(**declared)


def env(**changes: Any) -> Environment:
    return replace(DEV, **changes)


def door(**changes: Any) -> Environment:
    return replace(DEV, front_door=FrontDoor(**changes))


def cors(*origins: str) -> Environment:
    return door(cors=Cors(origins=origins))


def domain(**changes: Any) -> Domain:
    return Domain(**{"name": "models.example.com", "certificates": {"us-west-2": CERTIFICATE}, **changes})


def vpc(subnets: list[str], groups: list[str], free: int | None = None) -> Network:
    return Network(subnet_ids=subnets, security_group_ids=groups, free_addresses=free)
