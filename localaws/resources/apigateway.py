"""Amazon API Gateway: REST APIs, their resources and methods."""

from __future__ import annotations

from typing import Any, Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    is_true,
    lower_camel,
    policy_text,
    removed_tags,
    renamed,
    tag_map,
    without,
)

# The patch paths of UpdateRestApi that moto knows, and what a removed property goes back to.
_PATCHABLE: Final = {
    "ApiKeySourceType": ("/apiKeySource", "HEADER"),
    "Description": ("/description", ""),
    "DisableExecuteApiEndpoint": ("/disableExecuteApiEndpoint", False),
    "Name": ("/name", ""),
    "Policy": ("/policy", ""),
}

_INTEGRATION_NAMES: Final = {
    "ConnectionType": "connectionType",
    "ContentHandling": "contentHandling",
    "Credentials": "credentials",
    "IntegrationHttpMethod": "integrationHttpMethod",
    "IntegrationResponses": "integrationResponses",
    "PassthroughBehavior": "passthroughBehavior",
    "RequestParameters": "requestParameters",
    "RequestTemplates": "requestTemplates",
    "ResponseTransferMode": "responseTransferMode",
    "TimeoutInMillis": "timeoutInMillis",
    "Type": "type",
    "Uri": "uri",
}


def replace(path: str, value: Any) -> dict[str, str]:
    """Return the patch operation that sets the value at a path."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"op": "replace", "path": path, "value": text}


def set_tags(context: Context, path: str, old: Properties, new: Properties) -> None:
    """Set the tags of the resource at a path of the API, e.g. ``/restapis/abc``."""
    arn = f"arn:aws:apigateway:{context.region}::{path}"
    if gone := removed_tags(old, new):
        context.client("apigateway").untag_resource(resourceArn=arn, tagKeys=gone)
    if tags := tag_map(new):
        context.client("apigateway").tag_resource(resourceArn=arn, tags=tags)


class RestApi(Handler):
    """``AWS::ApiGateway::RestApi``, its resources and methods declared one by one (no OpenAPI body)."""

    type_name = "AWS::ApiGateway::RestApi"
    applied = frozenset(
        {
            "ApiKeySourceType",
            "Description",
            "DisableExecuteApiEndpoint",
            "EndpointConfiguration",
            "MinimumCompressionSize",
            "Name",
            "Policy",
            "Tags",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the API with its root resource."""
        if "Name" not in properties:
            raise ResourceError('Resource handler returned message: "Name must be specified" (InvalidRequest)')
        made = call(
            context.client("apigateway"),
            "create_rest_api",
            name=properties["Name"],
            description=properties.get("Description"),
            apiKeySource=properties.get("ApiKeySourceType"),
            disableExecuteApiEndpoint=properties.get("DisableExecuteApiEndpoint"),
            endpointConfiguration=lower_camel(properties.get("EndpointConfiguration")),
            minimumCompressionSize=properties.get("MinimumCompressionSize"),
            policy=policy_text(properties["Policy"]) if "Policy" in properties else None,
            tags=tag_map(properties) or None,
        )
        context.physical_id = made["id"]
        return {"RestApiId": made["id"], "RootResourceId": made["rootResourceId"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set what UpdateRestApi can set."""
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)} - {"Tags"}
        if unsupported := sorted(changed - _PATCHABLE.keys()):
            raise ResourceError(f"{', '.join(unsupported)} of an API cannot be changed in place here")
        operations = []
        for name in sorted(changed):
            path, default = _PATCHABLE[name]
            value = new.get(name, default)
            operations.append(replace(path, policy_text(value) if name == "Policy" else value))
        gateway = context.client("apigateway")
        gateway.update_rest_api(restApiId=context.physical_id, patchOperations=operations)
        set_tags(context, f"/restapis/{context.physical_id}", old, new)
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the API."""
        context.client("apigateway").delete_rest_api(restApiId=context.physical_id)


class Resource(Handler):
    """``AWS::ApiGateway::Resource``: one part of a path."""

    type_name = "AWS::ApiGateway::Resource"
    applied = frozenset({"ParentId", "PathPart", "RestApiId"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the resource."""
        made = call(context.client("apigateway"), "create_resource", **lower_camel(properties))
        context.physical_id = made["id"]
        return {"ResourceId": made["id"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Change nothing: every property takes a new resource."""
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the resource."""
        context.client("apigateway").delete_resource(restApiId=properties["RestApiId"], resourceId=context.physical_id)


class Method(Handler):
    """``AWS::ApiGateway::Method`` with its integration and responses."""

    type_name = "AWS::ApiGateway::Method"
    applied = frozenset(
        {
            "ApiKeyRequired",
            "AuthorizationScopes",
            "AuthorizationType",
            "AuthorizerId",
            "HttpMethod",
            "Integration",
            "MethodResponses",
            "OperationName",
            "RequestModels",
            "RequestParameters",
            "RequestValidatorId",
            "ResourceId",
            "RestApiId",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Put the method, then its integration and responses."""
        gateway = context.client("apigateway")
        where = _method_address(properties)
        parameters = lower_camel(
            without(properties, "Integration", "MethodResponses", "RequestModels", "RequestParameters")
        )
        call(
            gateway,
            "put_method",
            **{"authorizationType": "NONE", **parameters},
            requestModels=properties.get("RequestModels"),
            requestParameters=properties.get("RequestParameters"),
        )
        context.physical_id = context.generated_name()
        for response in properties.get("MethodResponses", ()):
            call(
                gateway,
                "put_method_response",
                **where,
                **renamed(
                    response,
                    {
                        "ResponseModels": "responseModels",
                        "ResponseParameters": "responseParameters",
                        "StatusCode": "statusCode",
                    },
                    where="MethodResponses",
                ),
            )
        if "Integration" in properties:
            self._put_integration(gateway, where, properties["Integration"])
        return {}

    def _put_integration(self, gateway: Any, where: dict[str, str], integration: Properties) -> None:
        parameters = renamed(integration, _INTEGRATION_NAMES, where="Integration")
        responses = parameters.pop("integrationResponses", [])
        call(gateway, "put_integration", **where, **parameters)
        for response in responses:
            call(
                gateway,
                "put_integration_response",
                **where,
                **renamed(
                    response,
                    {
                        "ContentHandling": "contentHandling",
                        "ResponseParameters": "responseParameters",
                        "ResponseTemplates": "responseTemplates",
                        "SelectionPattern": "selectionPattern",
                        "StatusCode": "statusCode",
                    },
                    where="Integration/IntegrationResponses",
                ),
            )

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Put the method anew: moto has no UpdateMethod."""
        physical_id = context.physical_id
        context.client("apigateway").delete_method(**_method_address(old))
        attributes = self.create(context, new)
        context.physical_id = physical_id
        return attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the method."""
        context.client("apigateway").delete_method(**_method_address(properties))


def _method_address(properties: Properties) -> dict[str, str]:
    return {
        "restApiId": properties["RestApiId"],
        "resourceId": properties["ResourceId"],
        "httpMethod": properties["HttpMethod"],
    }


class GatewayResponse(Handler):
    """``AWS::ApiGateway::GatewayResponse``: what API Gateway itself answers in one kind of error."""

    type_name = "AWS::ApiGateway::GatewayResponse"
    applied = frozenset({"ResponseParameters", "ResponseTemplates", "ResponseType", "RestApiId", "StatusCode"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Put the response."""
        call(
            context.client("apigateway"),
            "put_gateway_response",
            restApiId=properties["RestApiId"],
            responseType=properties["ResponseType"],
            statusCode=properties.get("StatusCode"),
            responseParameters=properties.get("ResponseParameters"),
            responseTemplates=properties.get("ResponseTemplates"),
        )
        context.physical_id = context.physical_id or context.generated_name()
        return {"Id": context.physical_id}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Put the response anew."""
        return self.create(context, new)

    def delete(self, context: Context, properties: Properties) -> None:
        """Go back to API Gateway's own response."""
        context.client("apigateway").delete_gateway_response(
            restApiId=properties["RestApiId"], responseType=properties["ResponseType"]
        )


class RequestValidator(Handler):
    """``AWS::ApiGateway::RequestValidator``."""

    type_name = "AWS::ApiGateway::RequestValidator"
    applied = frozenset({"Name", "RestApiId", "ValidateRequestBody", "ValidateRequestParameters"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the validator."""
        made = call(context.client("apigateway"), "create_request_validator", **lower_camel(properties))
        context.physical_id = made["id"]
        return {"RequestValidatorId": made["id"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set what is validated."""
        context.client("apigateway").update_request_validator(
            restApiId=new["RestApiId"],
            requestValidatorId=context.physical_id,
            patchOperations=[
                replace("/validateRequestBody", is_true(new.get("ValidateRequestBody", False))),
                replace("/validateRequestParameters", is_true(new.get("ValidateRequestParameters", False))),
            ],
        )
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the validator."""
        context.client("apigateway").delete_request_validator(
            restApiId=properties["RestApiId"], requestValidatorId=context.physical_id
        )


HANDLERS = (RestApi(), Resource(), Method(), GatewayResponse(), RequestValidator())
