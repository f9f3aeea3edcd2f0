"""Amazon API Gateway: who may call an API, and under which name: authorizers, usage plans, domain names."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any, Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources import tls
from localaws.resources.apigateway import TAGGING, replace, set_tags
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    lower_camel,
    without,
)

# The patch paths of UpdateAuthorizer, and what a removed property goes back to (CreateAuthorizer).
_AUTHORIZER_PATHS: Final = {
    "AuthType": ("/authType", ""),
    "AuthorizerCredentials": ("/authorizerCredentials", ""),
    "AuthorizerResultTtlInSeconds": ("/authorizerResultTtlInSeconds", 300),
    "AuthorizerUri": ("/authorizerUri", ""),
    "IdentitySource": ("/identitySource", ""),
    "IdentityValidationExpression": ("/identityValidationExpression", ""),
    "Name": ("/name", ""),
    "Type": ("/type", ""),
}
# CreateAuthorizer, authorizerResultTtlInSeconds.
_LONGEST_TTL_SECONDS: Final = 3600
_QUOTA_PERIODS: Final = ("DAY", "WEEK", "MONTH")


def _invalid(message: str) -> ResourceError:
    return ResourceError(
        f'Resource handler returned message: "{message} (Service: ApiGateway, Status Code: 400)" '
        "(HandlerErrorCode: InvalidRequest)"
    )


class Authorizer(Handler):
    """`AWS::ApiGateway::Authorizer`: a Lambda authorizer, `TOKEN` or `REQUEST`."""

    type_name = "AWS::ApiGateway::Authorizer"
    applied = frozenset({"RestApiId", *_AUTHORIZER_PATHS})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the authorizer."""
        self._check(properties)
        gateway, rest_api = context.client("apigateway"), properties["RestApiId"]
        made = call(gateway, "create_authorizer", **{**lower_camel(properties), "restApiId": rest_api})
        context.physical_id = made["id"]
        if "IdentityValidationExpression" in properties:
            # moto's CreateAuthorizer loses it.
            self._patch(gateway, context, properties, {"IdentityValidationExpression"})
        return {"AuthorizerId": made["id"]}

    def _check(self, properties: Properties) -> None:
        if properties["Type"] not in ("TOKEN", "REQUEST"):
            raise ResourceError(f"Type {properties['Type']} is not supported here; allowed are TOKEN, REQUEST")
        ttl = int(properties.get("AuthorizerResultTtlInSeconds", 300))
        if not 0 <= ttl <= _LONGEST_TTL_SECONDS:
            raise _invalid(f"Authorizer result TTL must be between 0 and {_LONGEST_TTL_SECONDS}, inclusive")
        if properties["Type"] == "TOKEN" and not properties.get("IdentitySource"):
            raise _invalid("Identity source is required for a TOKEN authorizer")
        try:
            re.compile(properties.get("IdentityValidationExpression", ""))
        except re.error as error:
            raise _invalid(f"Invalid identity validation expression: {error}") from error

    def _patch(self, gateway: Any, context: Context, properties: Properties, names: set[str]) -> None:
        gateway.update_authorizer(
            restApiId=properties["RestApiId"],
            authorizerId=context.physical_id,
            patchOperations=[
                replace(path, properties.get(name, default))
                for name, (path, default) in _AUTHORIZER_PATHS.items()
                if name in names
            ],
        )

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set what changed."""
        self._check(new)
        changed = {name for name in _AUTHORIZER_PATHS if old.get(name) != new.get(name)}
        self._patch(context.client("apigateway"), context, new, changed)
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the authorizer."""
        context.client("apigateway").delete_authorizer(
            restApiId=properties["RestApiId"], authorizerId=context.physical_id
        )


class UsagePlan(Handler):
    """`AWS::ApiGateway::UsagePlan`; its keys are added to it by whoever makes them."""

    type_name = "AWS::ApiGateway::UsagePlan"
    applied = frozenset({"ApiStages", "Description", "Quota", "Tags", "Throttle", "UsagePlanName"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the plan."""
        self._check(context, properties)
        made = call(
            context.client("apigateway"),
            "create_usage_plan",
            name=properties.get("UsagePlanName") or context.generated_name(),
            description=properties.get("Description"),
            apiStages=[lower_camel(stage) for stage in properties.get("ApiStages", ())],
            throttle=lower_camel(properties.get("Throttle")),
            quota=lower_camel(properties.get("Quota")),
            tags=TAGGING.given(properties),
        )
        context.physical_id = made["id"]
        return {"Id": made["id"]}

    def _check(self, context: Context, properties: Properties) -> None:
        """Refuse what API Gateway refuses and moto takes."""
        quota = properties.get("Quota")
        if quota is not None and quota.get("Period") not in _QUOTA_PERIODS:
            raise _invalid(f"Invalid quota period: {quota.get('Period')}. Must be one of {', '.join(_QUOTA_PERIODS)}")
        if quota is not None and int(quota.get("Limit", 0)) < 1:
            raise _invalid("Usage Plan quota limit must be greater than 0")
        for stage in properties.get("ApiStages", ()):
            if stage.get("Throttle"):
                raise ResourceError("ApiStages/Throttle (by method) is not supported here")
            stages = context.client("apigateway").get_stages(restApiId=stage["ApiId"])["item"]
            if stage["Stage"] not in {one["stageName"] for one in stages}:
                raise _invalid(f"API Stage not found: {stage['ApiId']}:{stage['Stage']}")

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set name, description, stages, throttle, quota and tags."""
        self._check(context, new)
        operations = []
        if old.get("UsagePlanName") != new.get("UsagePlanName") and "UsagePlanName" in new:
            operations.append(replace("/name", new["UsagePlanName"]))
        if old.get("Description") != new.get("Description"):
            operations.append(replace("/description", new.get("Description", "")))
        for name in ("Throttle", "Quota"):
            path = f"/{name.lower()}"
            if name in new:
                operations += [replace(f"{path}/{key}", value) for key, value in lower_camel(new[name]).items()]
            elif name in old:
                operations.append({"op": "remove", "path": path})
        before, after = (
            {f"{stage['ApiId']}:{stage['Stage']}" for stage in properties.get("ApiStages", ())}
            for properties in (old, new)
        )
        operations += [{"op": "remove", "path": "/apiStages", "value": stage} for stage in sorted(before - after)]
        operations += [{"op": "add", "path": "/apiStages", "value": stage} for stage in sorted(after - before)]
        context.client("apigateway").update_usage_plan(usagePlanId=context.physical_id, patchOperations=operations)
        set_tags(context, f"/usageplans/{context.physical_id}", old, new)
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the plan; its keys stay, and open nothing any more."""
        context.client("apigateway").delete_usage_plan(usagePlanId=context.physical_id)


class DomainName(Handler):
    """`AWS::ApiGateway::DomainName`, regional."""

    type_name = "AWS::ApiGateway::DomainName"
    applied = frozenset({"DomainName", "EndpointConfiguration", "RegionalCertificateArn", "SecurityPolicy", "Tags"})
    without_effect = MappingProxyType({"EndpointAccessMode": tls.NO_TLS})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the domain name; the certificate must be of the region, whether it exists is not looked up."""
        tls.check(properties)
        certificate = properties.get("RegionalCertificateArn", "")
        if not re.match(rf"arn:[a-z-]+:acm:{context.region}:", certificate):
            raise _invalid(f"Invalid certificate ARN: {certificate}. Certificate must be in '{context.region}'.")
        gateway, name = context.client("apigateway"), properties["DomainName"]
        if name in {one["domainName"] for one in gateway.get_domain_names()["items"]}:
            raise ResourceError(
                'Resource handler returned message: "The domain name you provided already exists. (Service: '
                'ApiGateway, Status Code: 400)" (HandlerErrorCode: AlreadyExists)'
            )
        parameters = lower_camel(without(properties, "Tags", *self.without_effect))
        made = call(gateway, "create_domain_name", **parameters, tags=TAGGING.given(properties))
        context.physical_id = name
        return {
            "DistributionDomainName": made["distributionDomainName"],
            "DistributionHostedZoneId": made["distributionHostedZoneId"],
            "DomainNameArn": f"arn:aws:apigateway:{context.region}::/domainnames/{name}",
            "RegionalDomainName": made["regionalDomainName"],
            "RegionalHostedZoneId": made["regionalHostedZoneId"],
        }

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Refuse all but tags and the TLS policy: moto has no UpdateDomainName."""
        tls.check(new)
        kept = {"Tags", "SecurityPolicy", *self.without_effect}
        changed = sorted(name for name in {*old, *new} - kept if old.get(name) != new.get(name))
        if changed:
            raise ResourceError(f"{', '.join(changed)} of a domain name cannot be changed in place here")
        set_tags(context, f"/domainnames/{context.physical_id}", old, new)
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the domain name."""
        context.client("apigateway").delete_domain_name(domainName=context.physical_id)


class BasePathMapping(Handler):
    """`AWS::ApiGateway::BasePathMapping`: which stage answers under a domain name."""

    type_name = "AWS::ApiGateway::BasePathMapping"
    applied = frozenset({"BasePath", "DomainName", "RestApiId", "Stage"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the mapping."""
        call(context.client("apigateway"), "create_base_path_mapping", **lower_camel(properties))
        context.physical_id = f"{properties['DomainName']}|{properties.get('BasePath', '(none)')}"
        return {}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Point the mapping to another API or stage."""
        self.delete(context, old)
        return self.create(context, new)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the mapping."""
        context.client("apigateway").delete_base_path_mapping(
            domainName=properties["DomainName"], basePath=properties.get("BasePath") or "(none)"
        )


HANDLERS = (Authorizer(), UsagePlan(), DomainName(), BasePathMapping())
