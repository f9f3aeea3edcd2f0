"""API in front of a model, with its environment's keys, domain and web ACL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Stack
from constructs import IDependable
from constructs.api.answer_options import AnswerOptions
from constructs.api.api_domain import ApiDomain
from constructs.api.api_keys import ApiKeys
from constructs.api.invoke_api import InvokeApi
from constructs.api.invoke_target import InvokeTarget
from constructs.api.web_acl import WebAcl
from constructs.model_key import ModelKey
from constructs.values.durations import seconds

from stacks.declarations import FineTunedModel, Model
from stacks.environments import ApiKeys as ApiKeysDeclaration
from stacks.environments import Domain
from stacks.environments import WebAcl as WebAclDeclaration
from stacks.placed_stack import PlacedStack
from stacks.placement import AnyPlacement

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelApi:
    """The API in front of one model.

    Attributes:
        api: The API.
        parts: All that must work before the model is worth its money: the API's stage, and the callers' keys, the
            domain and the web ACL where there are any.
    """

    api: InvokeApi
    parts: Sequence[IDependable]


def front_door(
    stack: PlacedStack,
    placement: AnyPlacement,
    *,
    target: InvokeTarget,
    prompt_format: str | None,
    encryption_key: ModelKey,
) -> ModelApi:
    """Define the API in front of a model, with the environment's keys, domain and web ACL, and its outputs.

    Args:
        stack: The model's stack.
        placement: The model and its environment.
        target: The endpoint or imported model that answers.
        prompt_format: Format in which the shim writes a chat's prompt; None where the model's side does it.
        encryption_key: The stack's key.

    Raises:
        ValueError: If the declaration is wrong; the message lists every problem.
    """
    model, environment = placement.model, placement.environment
    door = environment.front_door
    keys = _api_keys(stack, door.api_keys, encryption_key) if door.api_keys else None
    domain = _api_domain(stack, door.domain, model) if door.domain else None
    api = InvokeApi(
        stack,
        "Api",
        target=target,
        model_name=model.name,
        prompt_format=prompt_format,
        prompt_template=model.prompt_template,
        answers=AnswerOptions(
            max_tokens=model.max_tokens,
            system_messages=model.system_messages,
            usage=model.usage,
            tokenizer=None if model.tokenizer is None else _ROOT / model.tokenizer,
        ),
        pipeline=placement.path if isinstance(model, FineTunedModel) else None,
        storage=stack.storage(encryption_key),
        api_keys=keys,
        web_acl_arn=_web_acl_arn(stack, door.web_acl) if door.web_acl else None,
        domain=domain,
        log_prompts=environment.log_prompts,
        generations_per_request=door.generations_per_request,
        cors_origins=tuple(door.cors.origins) if door.cors else (),
        invoke_timeout=seconds(model.invoke_timeout_seconds),
        reserved_concurrency=environment.reserved_concurrency,
        requests_per_second=door.throttle.requests_per_second if door.throttle else None,
        burst=door.throttle.burst if door.throttle else None,
    )
    stack.add_outputs(_outputs(api, domain))
    parts = (api.rest_api.deployment_stage, keys, domain, api.web_acl_association)
    return ModelApi(api=api, parts=[part for part in parts if part is not None])


def _api_keys(stack: PlacedStack, declared: ApiKeysDeclaration, key: ModelKey) -> ApiKeys:
    throttle, quota = declared.throttle, declared.quota
    return ApiKeys(
        stack,
        "Keys",
        storage=stack.storage(key),
        requests_per_second=throttle.requests_per_second if throttle else None,
        burst=throttle.burst if throttle else None,
        quota=quota.requests if quota else None,
        quota_period=quota.per if quota else "MONTH",
        reserved_concurrency=declared.authorizer_concurrency,
    )


def _web_acl_arn(stack: Stack, declared: WebAclDeclaration | Mapping[str, str]) -> str:
    """Define a web ACL, or return the ARN of the region's existing one."""
    if not isinstance(declared, WebAclDeclaration):
        return declared[stack.region]
    return WebAcl(
        stack,
        "WebAcl",
        managed_rule_groups=declared.managed_rule_groups,
        requests_per_address=declared.requests_per_address,
    ).web_acl_arn


def _api_domain(stack: Stack, declared: Domain, model: Model) -> ApiDomain:
    return ApiDomain(
        stack,
        "Domain",
        domain_name=f"{model.name}.{declared.name}",
        certificate_arn=declared.certificates[stack.region],
        hosted_zone_id=declared.hosted_zone_id,
    )


def _outputs(api: InvokeApi, domain: ApiDomain | None) -> Mapping[str, tuple[str, str]]:
    """Return the outputs that callers, keys and DNS need: value and description by name."""
    outputs = {"InvokeUrl": (api.url, "where the API answers; OpenAI's base URL is this and v1")}
    if api.usage_plan:
        plan = api.usage_plan.usage_plan_id
        outputs["UsagePlanId"] = (plan, "the usage plan that the keys of the API's callers belong to")
    if domain:
        target = domain.regional_domain_name
        outputs["DomainTarget"] = (target, "what the DNS record of the model's name points to")
    return outputs
