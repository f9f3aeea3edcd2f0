"""The HTTP API in front of one model: the invoke shim on Lambda behind API Gateway."""

import json
from typing import cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.acknowledgements import acknowledge
from constructs.invoke_function import LONGEST_TIMEOUT, InvokeFunction
from constructs.sagemaker_endpoint import SageMakerEndpoint

from catalog import limits

_STAGE_NAME = "live"
# What the shim speaks (lambda/invoke_shim/settings.py).
CONTAINERS = ("tgi", "lmi")
PROMPT_FORMATS = (
    "chatml",
    "falcon-chat",
    "falcon-instruct",
    "mistral-instruct",
    "mistral-instruct-v0.3",
    "mixtral-instruct",
    "llama-3-instruct",
    "llama-3.1-instruct",
    "granite-code",
    "template",
    "none",
)
# API Gateway waits 29 s for an integration unless the account's quota L-E5AE38E1 was raised, and at least 50 ms.
_DEFAULT_TIMEOUT = Duration.seconds(29)
# Time for the shim to say in OpenAI's words that the model was too slow, before API Gateway says it in its own.
_FUNCTION_GRACE = Duration.seconds(1)

# What API Gateway answers by itself, said in OpenAI's error shape. The message is a quoted JSON string already.
_GATEWAY_ERROR = (
    '{{"error": {{"message": $context.error.messageString, "type": "{type}", "param": null, '
    '"code": "$context.error.responseType"}}}}'
)
# Response type, OpenAI's error type, and after how many seconds OpenAI's clients may try again.
_GATEWAY_ERRORS: list[tuple[str, apigateway.ResponseType, str, int | None]] = [
    ("ClientError", apigateway.ResponseType.DEFAULT_4_XX, "invalid_request_error", None),
    ("ServerError", apigateway.ResponseType.DEFAULT_5_XX, "server_error", None),
    ("Throttled", apigateway.ResponseType.THROTTLED, "rate_limit_error", 1),
]
# One JSON object a request: who, what, how long and how it ended; nothing of what was said.
_ACCESS_LOG_FIELDS = {
    "requestId": "$context.requestId",
    "xrayTraceId": "$context.xrayTraceId",
    "requestTime": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "userArn": "$context.identity.userArn",
    "httpMethod": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "errorType": "$context.error.responseType",
}


class InvokeApi(Construct):
    """OpenAI's API in front of one endpoint, for callers with IAM credentials.

    Defines: the invoke shim (`InvokeFunction`) behind a regional REST API with one greedy route, IAM
    authorization, an access log, X-Ray tracing, and gateway responses in OpenAI's error shape.

    Data flow: a signed request comes in at `url`, the shim turns it into the container's request, invokes the
    endpoint and turns the answer into OpenAI's. Prompts and answers are not logged.

    Failures: API Gateway gives up after `invoke_timeout`; the shim answers 504 shortly before. A caller without
    `execute-api:Invoke` gets 403. A stage with logs is refused by API Gateway until the region's account
    settings name a role for them (`ApiGatewayAccount`).

    Prerequisites: `ApiGatewayAccount`, once per account and region.

    Usage::

        api = InvokeApi(
            self, "Api", endpoint=endpoint, model_name="mistral-7b-instruct",
            container="tgi", prompt_format="mistral-instruct", encryption_key=key,
        )
        api.grant_invoke(role)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        endpoint: SageMakerEndpoint,
        model_name: str,
        container: str,
        prompt_format: str,
        encryption_key: kms.IKey,
        max_input_tokens: int | None = None,
        max_total_tokens: int | None = None,
        invoke_timeout: Duration | None = None,
        reserved_concurrency: int | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define the API.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            endpoint: The endpoint that answers.
            model_name: The model's name to clients.
            container: How the container speaks: `tgi` or `lmi`.
            prompt_format: Name of the shim's prompt format.
            encryption_key: Key of the log groups and of the function's environment variables.
            max_input_tokens: The container's limit of prompt tokens, where known.
            max_total_tokens: The container's limit of prompt and generated tokens together, where known.
            invoke_timeout: How long API Gateway waits; 29 s by default, more takes a raised account quota.
            reserved_concurrency: Most requests at a time; the account's shared pool by default.
            log_retention: How long both log groups keep their events.
            removal_policy: What becomes of the log groups when they leave the stack.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        timeout = invoke_timeout or _DEFAULT_TIMEOUT
        problems = [
            *_choice_problems("container", container, CONTAINERS),
            *_choice_problems("prompt_format", prompt_format, PROMPT_FORMATS),
        ]
        problems += [
            str(breach)
            for breach in (
                *limits.invoke_timeout(timeout.to_seconds()),
                *limits.reserved_concurrency(reserved_concurrency),
            )
        ]
        if max_input_tokens and max_total_tokens and max_input_tokens >= max_total_tokens:
            problems.append(
                f"max_input_tokens is {max_input_tokens}: allowed is less than max_total_tokens, {max_total_tokens}"
            )
        if problems:
            raise ValueError("\n".join(problems))
        settings = {
            "CONTAINER": container,
            "ENDPOINT_NAME": endpoint.endpoint_name,
            "INVOKE_TIMEOUT_SECONDS": f"{timeout.to_seconds():g}",
            "MAX_INPUT_TOKENS": max_input_tokens,
            "MAX_TOTAL_TOKENS": max_total_tokens,
            "MODEL_NAME": model_name,
            "PROMPT_FORMAT": prompt_format,
        }
        self.function = InvokeFunction(
            self,
            "Function",
            settings={name: str(value) for name, value in settings.items() if value is not None},
            encryption_key=encryption_key,
            timeout=Duration.seconds(min(timeout.plus(_FUNCTION_GRACE).to_seconds(), LONGEST_TIMEOUT.to_seconds())),
            description="OpenAI's API in front of a SageMaker endpoint",
            reserved_concurrency=reserved_concurrency,
            log_retention=log_retention,
            removal_policy=removal_policy,
        ).function
        endpoint.grant_invoke(self.function)
        self.rest_api = self._rest_api(
            model_name,
            timeout,
            logs.LogGroup(
                self,
                "AccessLogs",
                encryption_key=encryption_key,
                retention=log_retention,
                removal_policy=removal_policy,
            ),
        )

    @property
    def url(self) -> str:
        """Where the API answers, ending in a slash; OpenAI's base URL is this and `v1`."""
        return self.rest_api.url

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let the grantee call every route of this API."""
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["execute-api:Invoke"],
            resource_arns=[self.rest_api.arn_for_execute_api("*", "/*", _STAGE_NAME)],
        )

    def _rest_api(self, model_name: str, timeout: Duration, access_logs: logs.LogGroup) -> apigateway.RestApi:
        api = apigateway.RestApi(
            self,
            "RestApi",
            description=f"OpenAI's API in front of {model_name}",
            rest_api_name=Stack.of(self).stack_name,
            endpoint_configuration=apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL]),
            # The role is a setting of the whole account and region: ApiGatewayAccount owns it, no model's stack.
            cloud_watch_role=False,
            default_method_options=apigateway.MethodOptions(authorization_type=apigateway.AuthorizationType.IAM),
            deploy_options=apigateway.StageOptions(
                stage_name=_STAGE_NAME,
                tracing_enabled=True,
                metrics_enabled=True,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                # Data traces would write prompts and answers into the log.
                data_trace_enabled=False,
                access_log_destination=apigateway.LogGroupLogDestination(access_logs),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG_FIELDS)),
            ),
        )
        method = api.root.add_resource("{proxy+}").add_method(
            "ANY", apigateway.LambdaIntegration(self.function, allow_test_invoke=False, timeout=timeout)
        )
        for name, response_type, error_type, retry_after in _GATEWAY_ERRORS:
            headers = {"x-request-id": "context.requestId"}
            if retry_after is not None:
                headers["retry-after"] = f"'{retry_after}'"
            api.add_gateway_response(
                name,
                type=response_type,
                response_headers=headers,
                templates={"application/json": _GATEWAY_ERROR.format(type=error_type)},
            )
        # CDK adds an output of its own for the URL; the stack says it once, under its own name.
        api.node.try_remove_child("Endpoint")
        acknowledge(
            cast("Construct", api.node.default_child),
            {
                "AwsSolutions-APIG2": (
                    "the shim checks every field itself and names all that is wrong, in OpenAI's error shape; a "
                    "validator at the gateway would answer first, with less"
                )
            },
        )
        acknowledge(
            api.deployment_stage,
            {"AwsSolutions-APIG3": ("callers sign with IAM credentials; a web ACL is for an API that strangers reach")},
        )
        acknowledge(
            method,
            {"AwsSolutions-COG4": "callers are services and engineers with IAM credentials, not Cognito users"},
        )
        return api


def _choice_problems(name: str, value: str, allowed: tuple[str, ...]) -> list[str]:
    return [] if value in allowed else [f"{name} is {value!r}: allowed are {', '.join(allowed)}"]
