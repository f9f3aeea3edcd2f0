"""APIs in an empty stack, for callers with IAM credentials and for callers with keys."""

from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs.api.api_keys import ApiKeys
from constructs.api.invoke_api import InvokeApi
from constructs.api.invoke_target import EndpointTarget
from constructs.endpoint.sagemaker_endpoint import SageMakerEndpoint
from constructs.model_key import ModelKey
from constructs.values.storage import Storage


def target(stack: cdk.Stack, **options: Any) -> EndpointTarget:
    """Return an endpoint that exists already, with a TGI container."""
    endpoint = SageMakerEndpoint.from_endpoint_name(stack, "Endpoint", "dev-some-model")
    return EndpointTarget(endpoint, **{"container": "tgi", **options})


def make_api(stack: cdk.Stack, **props: Any) -> InvokeApi:
    """Define an API for callers with IAM credentials."""
    key = cast("kms.IKey | None", stack.node.try_find_child("Key")) or ModelKey(stack, "Key", alias="some-model")
    arguments: dict[str, Any] = {
        "target": props.get("target") or target(stack),
        "model_name": "some-model",
        "prompt_format": "mistral-instruct",
        "storage": Storage(encryption_key=key),
        **props,
    }
    return InvokeApi(stack, "Api", **arguments)


def make_keyed_api(stack: cdk.Stack, **props: Any) -> InvokeApi:
    """Define an API for callers with keys."""
    key = ModelKey(stack, "Key", alias="some-model")
    return make_api(stack, api_keys=ApiKeys(stack, "Keys", storage=Storage(encryption_key=key)), **props)
