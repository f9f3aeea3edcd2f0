"""HTTP API in front of one model: the invoke shim on Lambda behind API Gateway."""

import json
from collections.abc import Sequence
from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct
from constructs.api.answer_options import AnswerOptions
from constructs.api.api_domain import ApiDomain
from constructs.api.api_keys import ApiKeys
from constructs.api.gateway_responses import add_gateway_responses
from constructs.api.invoke_function import LONGEST_TIMEOUT_SECONDS, InvokeFunction
from constructs.api.invoke_target import InvokeTarget
from constructs.api.media_types import BINARY_MEDIA_TYPES
from constructs.api.preflight import add_preflight, origin_headers
from constructs.api.throttles import throttle_problems
from constructs.permissions.acknowledgements import acknowledge, acknowledge_wildcards
from constructs.values.arns import place_of
from constructs.values.durations import in_seconds, seconds
from constructs.values.storage import Storage
from constructs.values.tokens import is_token

from catalog.limits import answers as answer_limits
from catalog.limits import endpoint as limits
from catalog.limits import gateway as gateway_limits
from invoke_shim.contract import DEFAULT_GENERATIONS, PROMPT_FORMATS

_STAGE_NAME = "live"
# The longest idle time of a regional API's stream (API Gateway documentation, "Stream the integration response"),
# which bounds an answer that is not streamed.
_DEFAULT_TIMEOUT = Duration.seconds(300)
# Time for the shim to report in OpenAI's error shape that the model was too slow, before API Gateway gives up.
_FUNCTION_GRACE_SECONDS = 1
# TLS 1.2 or newer with forward secrecy. `BASIC` is the first of the guide's two steps for an API that has callers (API
# Gateway developer guide, "Security policies for REST APIs in API Gateway"). `STRICT` also refuses a TLS host that is
# not the request's, which protects no caller with a key or a signature.
_TLS_POLICY = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
_ACCESS_MODE = "BASIC"
# The access log of a request: caller, time and outcome, and nothing of its content. Callers can choose the request's
# id, and not the extended one.
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "xrayTraceId": "$context.xrayTraceId",
    "requestTime": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "userArn": "$context.identity.userArn",
    "httpMethod": "$context.httpMethod",
    "path": "$context.path",
    "tlsVersion": "$context.tlsVersion",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    # Of a stream, the latency is that of the whole answer: these say how long its first byte took.
    "transferMode": "$context.integration.responseTransferMode",
    "timeToAllHeaders": "$context.integration.timeToAllHeaders",
    "timeToFirstContent": "$context.integration.timeToFirstContent",
    "errorType": "$context.error.responseType",
}
# The id of the key that was used; never the key itself, which is `$context.identity.apiKey`.
_ACCESS_LOG_WITH_KEYS = {"apiKeyId": "$context.identity.apiKeyId", "authorizerLatency": "$context.authorizer.latency"}
_ACCESS_LOG_WITH_WEB_ACL = {"webAclResponse": "$context.wafResponseCode"}


class InvokeApi(Construct):
    """OpenAI's API in front of one model, for callers with IAM credentials or with keys.

    Defines: the invoke shim (`InvokeFunction`) behind a regional REST API with one greedy route that streams its
    answers, an access log, X-Ray tracing, and gateway responses in OpenAI's error shape. Callers sign their
    requests, unless there are `ApiKeys`.

    Data flow: a request arrives at `url`, the shim turns it into the target's request, invokes it and turns the answer
    into OpenAI's, as it streams. Prompts and answers are not logged.

    Failures: API Gateway gives up after `invoke_timeout`, and after 5 minutes without a byte; the shim answers 504
    shortly before. More requests at a time than `reserved_concurrency` get 503, faster ones than `requests_per_second`
    429. A caller without the right gets 401 or 403. A stage with logs is refused by API Gateway until the
    region's account settings name a role for them (`ApiGatewayAccount`).

    Prerequisites: `ApiGatewayAccount`, once per account and region.

    Usage::

        api = InvokeApi(
            self, "Api", target=EndpointTarget(endpoint, container="tgi"), model_name="mistral-7b-instruct",
            prompt_format="mistral-instruct", storage=Storage(encryption_key=key),
        )
        api.grant_invoke(role)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        target: InvokeTarget,
        model_name: str,
        storage: Storage,
        prompt_format: str | None = None,
        prompt_template: str | None = None,
        answers: AnswerOptions | None = None,
        pipeline: str | None = None,
        api_keys: ApiKeys | None = None,
        web_acl_arn: str | None = None,
        domain: ApiDomain | None = None,
        log_prompts: bool = False,
        generations_per_request: int = DEFAULT_GENERATIONS,
        cors_origins: Sequence[str] = (),
        invoke_timeout: Duration | None = None,
        reserved_concurrency: int | None = None,
        requests_per_second: float | None = None,
        burst: int | None = None,
    ) -> None:
        """Define the API.

        Args:
            target: The endpoint or imported model that answers.
            model_name: The model's name to clients.
            storage: Key of the function's environment variables, and settings of both log groups.
            prompt_format: Name of the shim's prompt format; optional where the target takes messages.
            prompt_template: The template of the prompt format `template`.
            answers: Other options of chats and completions; the shim's defaults by default.
            pipeline: The ENV/MODEL whose trainings make what a pointer names: the answer before a first one says how to
                start one. None where a deployment makes it.
            api_keys: The callers' keys; callers sign their requests with IAM credentials by default.
            web_acl_arn: A web ACL of AWS WAF in front of the API; none by default.
            domain: The API's domain name, which replaces API Gateway's address; that address by default.
            log_prompts: Log prompts and answers.
            generations_per_request: Most generations of one request: its prompts times `n`, 1 to 128.
            cors_origins: Origins of pages that may call the API from a browser, or `*` alone; none by default.
            invoke_timeout: Longest wait of API Gateway, and longest stream of an answer; 300 s by default.
            reserved_concurrency: Most concurrent requests; the account's shared pool by default.
            requests_per_second: Steady rate of all callers together; with `burst`, or neither.
            burst: Most requests at once.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        timeout = invoke_timeout or _DEFAULT_TIMEOUT
        timeout_seconds = in_seconds(timeout)
        options = answers or AnswerOptions()
        problems = [] if prompt_format is None else _choice_problems("prompt_format", prompt_format, PROMPT_FORMATS)
        problems += [
            str(breach)
            for breach in (
                *limits.invoke_timeout(timeout_seconds),
                *limits.reserved_concurrency(reserved_concurrency),
                *gateway_limits.generations_per_request(generations_per_request),
                *(answer_limits.origins(cors_origins) if cors_origins else ()),
            )
        ]
        problems += _template_problems(prompt_format, prompt_template)
        problems += options.problems
        problems += throttle_problems(requests_per_second, burst)
        if problems:
            raise ValueError("\n".join(problems))
        settings = {
            **target.settings,
            **options.settings,
            "CORS_ORIGINS": ",".join(cors_origins) or None,
            "INVOKE_TIMEOUT_SECONDS": f"{timeout_seconds:g}",
            "LOG_PROMPTS": "true" if log_prompts else None,
            "MAX_GENERATIONS": None if generations_per_request == DEFAULT_GENERATIONS else generations_per_request,
            "MODEL_NAME": model_name,
            "PIPELINE": pipeline,
            "STACK_NAME": place_of(scope).stack_name,
            "PROMPT_FORMAT": prompt_format,
            "PROMPT_TEMPLATE": prompt_template,
        }
        shim = InvokeFunction(
            self,
            "Function",
            settings={name: str(value) for name, value in sorted(settings.items()) if value is not None},
            storage=storage,
            timeout=seconds(min(timeout_seconds + _FUNCTION_GRACE_SECONDS, LONGEST_TIMEOUT_SECONDS)),
            description=f"OpenAI's API in front of {target.described}",
            reserved_concurrency=reserved_concurrency,
            tokenizer=options.tokenizer,
        )
        self.function = shim.function
        target.grant_invoke(self.function)
        if target.invoke_wildcards:
            acknowledge_wildcards(shim.role, target.invoke_wildcards)
        access_logs = storage.log_group(self, "AccessLogs")
        self.rest_api = apigateway.RestApi(
            self,
            "RestApi",
            description=f"OpenAI's API in front of {model_name}",
            rest_api_name=place_of(scope).stack_name,
            # A model of text takes JSON alone.
            binary_media_types=list(BINARY_MEDIA_TYPES) if target.settings.get("TASK") else None,
            endpoint_configuration=apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL]),
            disable_execute_api_endpoint=True if domain else None,
            api_key_source_type=apigateway.ApiKeySourceType.AUTHORIZER if api_keys else None,
            # The role is a setting of the whole account and region: ApiGatewayAccount owns it, no model's stack.
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=_STAGE_NAME,
                tracing_enabled=True,
                metrics_enabled=True,
                # Execution logs are in a group that no stack owns, without a key and for ever; data traces would write
                # prompts and answers into it.
                logging_level=apigateway.MethodLoggingLevel.OFF,
                data_trace_enabled=False,
                throttling_rate_limit=requests_per_second,
                throttling_burst_limit=burst,
                access_log_destination=apigateway.LogGroupLogDestination(access_logs),
                access_log_format=_access_log_format(keys=api_keys is not None, web_acl=web_acl_arn is not None),
            ),
        )
        cfn_api = cast("apigateway.CfnRestApi", self.rest_api.node.default_child)
        cfn_api.security_policy, cfn_api.endpoint_access_mode = _TLS_POLICY, _ACCESS_MODE
        # CDK adds an output of its own for the URL; the stack says it once, under its own name.
        self.rest_api.node.try_remove_child("Endpoint")
        method = self._method(timeout, api_keys)
        if cors_origins:
            add_preflight(method.resource, cors_origins)
        add_gateway_responses(
            self.rest_api,
            keys=api_keys is not None,
            web_acl=web_acl_arn is not None,
            files=bool(target.settings.get("TASK")),
            origin_headers=origin_headers(cors_origins),
        )
        self.usage_plan = api_keys.meter(self.rest_api) if api_keys else None
        self._domain = domain
        if domain:
            domain.serve(self.rest_api)
            # API Gateway switches its own address off with a deployment, not before.
            cast("apigateway.Deployment", self.rest_api.latest_deployment).add_to_logical_id("no own address")
        self.web_acl_association = (
            wafv2.CfnWebACLAssociation(
                self, "WebAcl", resource_arn=self.rest_api.deployment_stage.stage_arn, web_acl_arn=web_acl_arn
            )
            if web_acl_arn
            else None
        )
        self._acknowledge(method, keys=api_keys is not None, web_acl=web_acl_arn is not None)

    @property
    def url(self) -> str:
        """URL of the API, ending in a slash; OpenAI's base URL is this and `v1`."""
        return self._domain.url if self._domain else self.rest_api.url

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant calling every route of this API, which callers need where they have no keys."""
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["execute-api:Invoke"],
            resource_arns=[self.rest_api.arn_for_execute_api("*", "/*", _STAGE_NAME)],
        )

    def _method(self, timeout: Duration, api_keys: ApiKeys | None) -> apigateway.Method:
        integration = apigateway.LambdaIntegration(
            self.function,
            allow_test_invoke=False,
            timeout=timeout,
            response_transfer_mode=apigateway.ResponseTransferMode.STREAM,
        )
        resource = self.rest_api.root.add_resource("{proxy+}")
        if api_keys is None:
            return resource.add_method("ANY", integration, authorization_type=apigateway.AuthorizationType.IAM)
        return resource.add_method("ANY", integration, authorizer=api_keys.authorizer, api_key_required=True)

    def _acknowledge(self, method: apigateway.Method, *, keys: bool, web_acl: bool) -> None:
        acknowledge(
            cast("Construct", self.rest_api.node.default_child),
            {
                "AwsSolutions-APIG2": (
                    "the shim checks every field itself and names all that is wrong, in OpenAI's error shape; a "
                    "validator at the gateway would answer first, with less"
                )
            },
        )
        acknowledge(
            self.rest_api.deployment_stage,
            {
                "AwsSolutions-APIG6": (
                    "the access log says who called and how each request ended, and the shim's line why; API Gateway "
                    "would write an execution log into a group of its own, without the model's key and without an end"
                )
            },
        )
        callers = "callers have keys of a usage plan" if keys else "callers sign with IAM credentials"
        if not web_acl:
            acknowledge(
                self.rest_api.deployment_stage,
                {"AwsSolutions-APIG3": f"{callers}; a web ACL is the environment's choice (FrontDoor.web_acl)"},
            )
        acknowledge(
            method,
            {
                "AwsSolutions-COG4": (
                    "callers are OpenAI's clients, which send keys that a Lambda authorizer passes to the usage plan"
                    if keys
                    else "callers are services and engineers with IAM credentials, not Cognito users"
                )
            },
        )


def _access_log_format(*, keys: bool, web_acl: bool) -> apigateway.AccessLogFormat:
    """Return the format of the access log: one JSON object a request."""
    with_keys = _ACCESS_LOG_WITH_KEYS if keys else {}
    with_web_acl = _ACCESS_LOG_WITH_WEB_ACL if web_acl else {}
    return apigateway.AccessLogFormat.custom(json.dumps({**_ACCESS_LOG, **with_keys, **with_web_acl}))


def _choice_problems(name: str, value: str, allowed: tuple[str, ...]) -> list[str]:
    return [] if value in allowed else [f"{name} is {value!r}: allowed are {', '.join(allowed)}"]


def _template_problems(prompt_format: str | None, prompt_template: str | None) -> list[str]:
    if (prompt_format == "template") is not (prompt_template is not None):
        value = "None" if prompt_template is None else "a template"
        return [f"prompt_template is {value}: allowed is a template with the prompt format template, and with no other"]
    if prompt_template is None or is_token(prompt_template):
        return []
    return [str(breach) for breach in limits.prompt_template(prompt_template)]
