"""Amazon API Gateway: deployments, stages and the account's logging role."""

from __future__ import annotations

import json
from typing import Any, Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources.apigateway import TAGGING, replace, set_tags
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    is_true,
    lower_camel,
    renamed,
)

_PRINCIPAL: Final = "apigateway.amazonaws.com"

# The ends of the patch paths of UpdateStage (API Gateway API reference, "Patch operations").
_METHOD_SETTING_PATHS: Final = {
    "DataTraceEnabled": "logging/dataTrace",
    "HttpMethod": "",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "ResourcePath": "",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}


class Deployment(Handler):
    """`AWS::ApiGateway::Deployment`; stages are declared apart from it."""

    type_name = "AWS::ApiGateway::Deployment"
    applied = frozenset({"Description", "RestApiId"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Deploy the API's methods as they are now."""
        made = call(context.client("apigateway"), "create_deployment", **lower_camel(properties))
        context.physical_id = made["id"]
        return {"DeploymentId": made["id"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Refuse: a description alone is nothing that the CDK changes."""
        raise ResourceError("the Description of a deployment cannot be changed in place here")

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the deployment."""
        context.client("apigateway").delete_deployment(
            restApiId=properties["RestApiId"], deploymentId=context.physical_id
        )


class Stage(Handler):
    """`AWS::ApiGateway::Stage` with access logs, method settings and tracing."""

    type_name = "AWS::ApiGateway::Stage"
    applied = frozenset(
        {
            "AccessLogSetting",
            "DeploymentId",
            "Description",
            "MethodSettings",
            "RestApiId",
            "StageName",
            "Tags",
            "TracingEnabled",
            "Variables",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the stage, then set its logging and method settings."""
        gateway = context.client("apigateway")
        _require_logging_role(gateway, properties)
        operations = _stage_operations(properties)
        call(
            gateway,
            "create_stage",
            restApiId=properties["RestApiId"],
            stageName=properties["StageName"],
            deploymentId=properties["DeploymentId"],
            description=properties.get("Description"),
            variables=properties.get("Variables"),
            tracingEnabled=properties.get("TracingEnabled"),
            tags=TAGGING.given(properties),
        )
        context.physical_id = properties["StageName"]
        if operations:
            self._patch(gateway, context, properties, operations)
        return {}

    def _patch(self, gateway: Any, context: Context, properties: Properties, operations: list[dict[str, str]]) -> None:
        gateway.update_stage(
            restApiId=properties["RestApiId"], stageName=context.physical_id, patchOperations=operations
        )

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set the deployment, variables, logging, method settings and tags."""
        gateway = context.client("apigateway")
        _require_logging_role(gateway, new)
        gone = {(setting["ResourcePath"], setting["HttpMethod"]) for setting in old.get("MethodSettings", ())} - {
            (setting["ResourcePath"], setting["HttpMethod"]) for setting in new.get("MethodSettings", ())
        }
        if gone:
            raise ResourceError(f"the MethodSettings of {sorted(gone)} cannot be removed in place here")
        operations = [
            replace("/deploymentId", new["DeploymentId"]),
            replace("/description", new.get("Description", "")),
            replace("/tracingEnabled", is_true(new.get("TracingEnabled", False))),
            *(
                {"op": "remove", "path": f"/variables/{name}"}
                for name in old.get("Variables", {})
                if name not in new.get("Variables", {})
            ),
            *(replace(f"/variables/{name}", value) for name, value in new.get("Variables", {}).items()),
            *_stage_operations(new),
        ]
        if "AccessLogSetting" in old and "AccessLogSetting" not in new:
            operations.append({"op": "remove", "path": "/accessLogSettings"})
        self._patch(gateway, context, new, operations)
        set_tags(context, f"/restapis/{new['RestApiId']}/stages/{context.physical_id}", old, new)
        return {}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the stage."""
        context.client("apigateway").delete_stage(restApiId=properties["RestApiId"], stageName=context.physical_id)


def _stage_operations(properties: Properties) -> list[dict[str, str]]:
    """Return the patch operations for access logs and method settings."""
    operations = []
    if "AccessLogSetting" in properties:
        setting = renamed(
            properties["AccessLogSetting"],
            {"DestinationArn": "destinationArn", "Format": "format"},
            where="AccessLogSetting",
        )
        # API Gateway drops the ":*" that a log group's ARN may end with.
        setting["destinationArn"] = setting["destinationArn"].removesuffix(":*")
        operations += [replace(f"/accessLogSettings/{name}", value) for name, value in setting.items()]
    for setting in properties.get("MethodSettings", ()):
        paths = {path: setting[name] for name, path in _METHOD_SETTING_PATHS.items() if name in setting}
        renamed(setting, _METHOD_SETTING_PATHS, where="MethodSettings")
        resource = setting["ResourcePath"].removeprefix("/") if setting["ResourcePath"] == "/*" else None
        # "~1" stands for the slash inside a JSON pointer's element (RFC 6901, section 3).
        prefix = f"/{resource or setting['ResourcePath'].replace('/', '~1')}/{setting['HttpMethod']}"
        operations += [replace(f"{prefix}/{path}", value) for path, value in paths.items() if path]
    return operations


def _require_logging_role(gateway: Any, properties: Properties) -> None:
    """Refuse logging where the region's account settings have no role, as API Gateway does."""
    levels = [setting.get("LoggingLevel", "OFF") for setting in properties.get("MethodSettings", ())]
    logs = "AccessLogSetting" in properties or any(level != "OFF" for level in levels)
    if logs and not gateway.get_account().get("cloudwatchRoleArn"):
        raise ResourceError(
            'Resource handler returned message: "CloudWatch Logs role ARN must be set in account settings to enable '
            'logging (Service: ApiGateway, Status Code: 400)" (HandlerErrorCode: InvalidRequest)'
        )


class Account(Handler):
    """`AWS::ApiGateway::Account`: the role with which API Gateway writes logs in the region."""

    type_name = "AWS::ApiGateway::Account"
    applied = frozenset({"CloudWatchRoleArn"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Set the role."""
        self._set_role(context, properties)
        context.physical_id = context.generated_name()
        return {"Id": context.physical_id}

    def _set_role(self, context: Context, properties: Properties) -> None:
        role = properties.get("CloudWatchRoleArn", "")
        if role and not _trusts_api_gateway(context, role):
            raise ResourceError(
                'Resource handler returned message: "The role ARN does not have required permissions configured. '
                'Please grant trust permission for API Gateway and add the required role policy." '
                "(HandlerErrorCode: InvalidRequest)"
            )
        context.client("apigateway").update_account(patchOperations=[replace("/cloudwatchRoleArn", role)])

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set the role."""
        self._set_role(context, new)
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Leave the region's setting as it is: it belongs to all APIs, and CloudFormation leaves it too."""


def _trusts_api_gateway(context: Context, role_arn: str) -> bool:
    role = context.client("iam").get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    return _PRINCIPAL in json.dumps(role["AssumeRolePolicyDocument"])


HANDLERS = (Deployment(), Stage(), Account())
