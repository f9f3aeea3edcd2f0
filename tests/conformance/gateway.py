"""Small REST APIs for the tests, made call by call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.made import Made

STAGE = "live"


class Api:
    """A REST API under construction.

    Attributes:
        id: Its id.
        root: Id of its root resource.
    """

    def __init__(self, made: Made, **settings: Any) -> None:
        self._made, self.client = made, made.target.client("apigateway")
        name = made.target.name()
        known = made.undo_named("apigateway", "delete_rest_api", "restApiId", name)
        answer = self.client.create_rest_api(
            name=name, tags=made.target.tags, endpointConfiguration={"types": ["REGIONAL"]}, **settings
        )
        self.id: str = answer["id"]
        self.root: str = answer["rootResourceId"]
        known(self.id)

    def authorizer(self, function: str, *, permitted: bool = True, form: str = "", **settings: Any) -> str:
        """Add a TOKEN authorizer of the header Authorization, whose tokens have a form; return its id."""
        made: str = self.client.create_authorizer(
            restApiId=self.id,
            name=self._made.target.name(),
            type="TOKEN",
            authorizerUri=self.uri(function),
            identitySource="method.request.header.Authorization",
            **settings,
        )["id"]
        if form:
            # CreateAuthorizer would take it, too; the local AWS's drops it.
            patch = [{"op": "replace", "path": "/identityValidationExpression", "value": form}]
            self.client.update_authorizer(restApiId=self.id, authorizerId=made, patchOperations=patch)
        if permitted:
            self.permit(function, f"authorizers/{made}")
        return made

    def method(self, path: str, function: str, *, verb: str = "POST", authorizer: str | None = None, **how: Any) -> str:
        """Add a method with a proxy integration, which asks for a signature or a key; return the resource's id."""
        resource: str = self.client.create_resource(restApiId=self.id, parentId=self.root, pathPart=path)["id"]
        where = {"restApiId": self.id, "resourceId": resource, "httpMethod": verb}
        callers: dict[str, Any] = {"authorizationType": "AWS_IAM"}
        if authorizer:
            callers = {"authorizationType": "CUSTOM", "authorizerId": authorizer, "apiKeyRequired": True}
        self.client.put_method(**where, **callers)
        uri = self.uri(function, stream=how.get("responseTransferMode") == "STREAM")
        self.client.put_integration(**where, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri, **how)
        return resource

    def uri(self, function: str, *, stream: bool = False) -> str:
        """Return the integration's URI of a function."""
        date, end = ("2021-11-15", "response-streaming-invocations") if stream else ("2015-03-31", "invocations")
        return f"arn:aws:apigateway:{self._made.target.region}:lambda:path/{date}/functions/{function}/{end}"

    def permit(self, function: str, source: str = "*/*/*", *, action: str = "lambda:InvokeFunction") -> str:
        """Permit the API to invoke a function; return the statement's id."""
        statement = self._made.target.name()
        self._made.target.client("lambda").add_permission(
            FunctionName=function,
            StatementId=statement,
            Action=action,
            Principal="apigateway.amazonaws.com",
            SourceArn=self._made.target.arn("execute-api", f"{self.id}/{source}"),
        )
        return statement

    def gateway_response(self, kind: str, body: str, *, status: str, headers: Mapping[str, str] | None = None) -> None:
        """Set the answer to one kind of refused request."""
        self.client.put_gateway_response(
            restApiId=self.id,
            responseType=kind,
            statusCode=status,
            responseTemplates={"application/json": body},
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in (headers or {}).items()},
        )

    def deploy(self) -> None:
        """Deploy it to the stage."""
        self.client.create_deployment(restApiId=self.id, stageName=STAGE)

    def plan(self) -> str:
        """Make a usage plan for the stage; return its id."""
        name = self._made.target.name()
        known = self._made.undo_named("apigateway", "delete_usage_plan", "usagePlanId", name)
        made: str = self.client.create_usage_plan(
            name=name, apiStages=[{"apiId": self.id, "stage": STAGE}], tags=self._made.target.tags
        )["id"]
        known(made)
        return made

    def key(self, plan: str) -> tuple[str, str]:
        """Make a key of a plan; return its id and value."""
        name = self._made.target.name()
        known = self._made.undo_named("apigateway", "delete_api_key", "apiKey", name)
        made = self.client.create_api_key(name=name, enabled=True, tags=self._made.target.tags)
        known(made["id"])
        self.client.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
        return str(made["id"]), str(made["value"])
