"""Condition keys that a request fills in by its own parameters.

Source: the Service Authorization Reference, "Condition keys for Amazon SageMaker AI" and "for Amazon EventBridge", and
the keys of each action. Keys of other services and actions are absent from a request, so that a statement that asks for
them allows nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from localaws.iam.policy import Context

# By action: the parameter in which a request gives the value of each key, by its path.
_KEYS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "sagemaker:CreateTrainingJob": {
        "sagemaker:InstanceTypes": ("ResourceConfig", "InstanceType"),
        "sagemaker:MaxRuntimeInSeconds": ("StoppingCondition", "MaxRuntimeInSeconds"),
        "sagemaker:NetworkIsolation": ("EnableNetworkIsolation",),
        "sagemaker:OutputKmsKey": ("OutputDataConfig", "KmsKeyId"),
        "sagemaker:VolumeKmsKey": ("ResourceConfig", "VolumeKmsKeyId"),
    },
    "sagemaker:CreateModel": {"sagemaker:NetworkIsolation": ("EnableNetworkIsolation",)},
}


def context_of(action: str, parameters: Mapping[str, Any], *, region: str, account: str) -> Context:
    """Return the condition keys of a request that its parameters give.

    Args:
        action: The IAM action.
        parameters: The parameters of the request's body or query.
        region: The region of the request.
        account: The twelve-digit account.
    """
    if action == "events:PutEvents":
        entries = parameters.get("Entries") or []
        members = {"events:source": "Source", "events:detail-type": "DetailType"}
        return {key: sorted({str(entry.get(member, "")) for entry in entries}) for key, member in members.items()}
    if action == "sagemaker:CreateEndpointConfig":
        variants = parameters.get("ProductionVariants") or []
        models = {f"arn:aws:sagemaker:{region}:{account}:model/{variant.get('ModelName')}" for variant in variants}
        return {
            "sagemaker:InstanceTypes": sorted({str(variant.get("InstanceType", "")) for variant in variants}),
            "sagemaker:ModelArn": sorted(model.lower() for model in models),
        }
    found = {key: _value(parameters, path) for key, path in _KEYS.get(action, {}).items()}
    return {key: value for key, value in found.items() if value is not None}


def _value(parameters: Any, path: tuple[str, ...]) -> str | None:
    for name in path:
        parameters = (parameters or {}).get(name)
    if parameters is None:
        return None
    return parameters if isinstance(parameters, str) else json.dumps(parameters)
