"""Amazon API Gateway: REST APIs, their resources and methods."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources import tls
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    lower_camel,
    policy_text,
    renamed,
    without,
)
from localaws.resources.declared import Declared, Operation
from localaws.resources.tags import Tagging

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


TAGGING: Final = Tagging(service="apigateway", resource="resourceArn", members=None)


def replace(path: str, value: Any) -> dict[str, str]:
    """Return the patch operation that sets the value at a path."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"op": "replace", "path": path, "value": text}


def set_tags(context: Context, path: str, old: Properties, new: Properties) -> None:
    """Set the tags of the resource at a path of the API, e.g. `/restapis/abc`."""
    TAGGING.change(context, f"arn:aws:apigateway:{context.region}::{path}", old, new)


class RestApi(Handler):
    """`AWS::ApiGateway::RestApi`, its resources and methods declared one by one (no OpenAPI body)."""

    type_name = "AWS::ApiGateway::RestApi"
    applied = frozenset(
        {
            "ApiKeySourceType",
            "BinaryMediaTypes",
            "Description",
            "DisableExecuteApiEndpoint",
            "EndpointConfiguration",
            "MinimumCompressionSize",
            "Name",
            "Policy",
            "Tags",
        }
    )
    without_effect = MappingProxyType({"EndpointAccessMode": tls.NO_TLS, "SecurityPolicy": tls.NO_TLS})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the API with its root resource."""
        tls.check(properties)
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
            tags=TAGGING.given(properties),
        )
        context.physical_id = made["id"]
        # moto takes them by a patch alone.
        if added := _media_types((), properties.get("BinaryMediaTypes", ())):
            context.client("apigateway").update_rest_api(restApiId=made["id"], patchOperations=added)
        return {"RestApiId": made["id"], "RootResourceId": made["rootResourceId"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set what UpdateRestApi can set."""
        tls.check(new)
        apart = {"BinaryMediaTypes", "Tags", *self.without_effect}
        changed = {name for name in {*old, *new} if old.get(name) != new.get(name)} - apart
        if unsupported := sorted(changed - _PATCHABLE.keys()):
            raise ResourceError(f"{', '.join(unsupported)} of an API cannot be changed in place here")
        operations = _media_types(old.get("BinaryMediaTypes", ()), new.get("BinaryMediaTypes", ()))
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


def _media_types(old: Sequence[str], new: Sequence[str]) -> list[dict[str, str]]:
    """Return the patch operations that change the binary media types (UpdateRestApi; moto reads the value)."""
    changes = [("remove", kind) for kind in old if kind not in new] + [("add", kind) for kind in new if kind not in old]
    return [
        {"op": operation, "path": f"/binaryMediaTypes/{kind.replace('/', '~1')}", "value": kind}
        for operation, kind in changes
    ]


class Method(Handler):
    """`AWS::ApiGateway::Method` with its integration and responses."""

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
            "ResourceId",
            "RestApiId",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Put the method, then its integration and responses."""
        gateway = context.client("apigateway")
        where = _method_address(properties)
        parameters = lower_camel(without(properties, "Integration", "MethodResponses"))
        call(gateway, "put_method", **{"authorizationType": "NONE", **parameters})
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


_RESOURCE: Final = Declared(
    "AWS::ApiGateway::Resource",
    service="apigateway",
    applied={"ParentId", "PathPart", "RestApiId"},
    create=Operation("create_resource", lambda _, properties: lower_camel(properties)),
    delete=Operation(
        "delete_resource",
        lambda resource, properties: {"restApiId": properties["RestApiId"], "resourceId": resource},
    ),
    answered="id",
    attribute="ResourceId",
)

_PUT_GATEWAY_RESPONSE: Final = Operation(
    "put_gateway_response",
    lambda _, properties: {name[0].lower() + name[1:]: value for name, value in properties.items()},
)

_GATEWAY_RESPONSE: Final = Declared(
    "AWS::ApiGateway::GatewayResponse",
    service="apigateway",
    applied={"ResponseParameters", "ResponseTemplates", "ResponseType", "RestApiId", "StatusCode"},
    create=_PUT_GATEWAY_RESPONSE,
    update=_PUT_GATEWAY_RESPONSE,
    delete=Operation(
        "delete_gateway_response",
        lambda _, properties: {"restApiId": properties["RestApiId"], "responseType": properties["ResponseType"]},
    ),
    attribute="Id",
)

HANDLERS = (RestApi(), _RESOURCE, Method(), _GATEWAY_RESPONSE)
