"""Faults of the local AWS: for each belief that it holds, one rule taken out, which the belief's test must find.

A fault replaces texts of one module, of the local AWS or of moto below it (`bench/faulty_aws.py`).
"""

from __future__ import annotations

from bench.faulty_aws import Fault


def _one(belief: str, module: str, old: str, new: str) -> Fault:
    return Fault(belief, module, ((old, new),))


_GATEWAY = "localaws.gateway"
_STATES = "localaws.stepfunctions"

FAULTS = (
    _one("gateway-usage-identifier-key", f"{_GATEWAY}.execution", '"apiKeyId": key_id}', '"apiKeyId": None}'),
    _one(
        "gateway-response-status-and-headers",
        f"{_GATEWAY}.errors",
        "status=response.status or error.status",
        "status=error.status",
    ),
    _one(
        "gateway-response-status-and-headers",
        f"{_GATEWAY}.errors",
        'if value.startswith("context."):',
        'if value.startswith("$context."):',
    ),
    _one(
        "gateway-error-variables",
        f"{_GATEWAY}.errors",
        'variables = {**context, "error": error.details}',
        "variables = context",
    ),
    _one("gateway-token-validation", f"{_GATEWAY}.authorizer", "if is_token and expression and", "if False and"),
    _one(
        "gateway-authorizer-failure-type",
        f"{_GATEWAY}.authorizer",
        'raise GatewayError("AUTHORIZER_FAILURE", _INTERNAL_ERROR)\n\n',
        'raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR", _INTERNAL_ERROR)\n\n',
    ),
    _one(
        "gateway-authorizer-failure-type",
        f"{_GATEWAY}.authorizer",
        "if match is None or not may_invoke(match.group(1), region=call.stage.region, source_arn=source_arn):",
        "if match is None:",
    ),
    _one(
        "gateway-missing-token-type",
        f"{_GATEWAY}.execution",
        'GatewayError("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")',
        'GatewayError("ACCESS_DENIED", "Forbidden")',
    ),
    Fault(
        "gateway-key-checked-at-each-request",
        f"{_GATEWAY}.usage_plans",
        (
            (
                "    keys: list[Any] = [",
                '    if value in backend.__dict__.setdefault("seen", {}):\n'
                "        return backend.seen[value]\n"
                "    keys = [",
            ),
            ("return str(key.id)", "return backend.seen.setdefault(value, str(key.id))"),
        ),
    ),
    _one(
        "gateway-request-id-by-clients",
        f"{_GATEWAY}.execution",
        '"requestId": _request_id(request),',
        '"requestId": str(uuid.uuid4()),',
    ),
    _one(
        "gateway-request-id-by-clients",
        f"{_GATEWAY}.execution",
        '"extendedRequestId": base64.b64encode(secrets.token_bytes(11)).decode(),',
        '"extendedRequestId": request.header("x-amz-apigw-id"),',
    ),
    _one("gateway-usage-items", f"{_GATEWAY}.usage_plans", "{key.value: meter.usage(", "{key.id: meter.usage("),
    _one(
        "gateway-plan-with-keys-is-deleted",
        "moto.apigateway.models",
        "        self.usage_plans.pop(usage_plan_id)\n",
        "        if self.usage_plan_keys.get(usage_plan_id):\n"
        '            raise BadRequestException("it has keys")\n'
        "        self.usage_plans.pop(usage_plan_id)\n",
    ),
    _one(
        "gateway-stream-prelude",
        f"{_GATEWAY}.streaming",
        "_MAX_HEAD_BYTES: Final = 16_384",
        "_MAX_HEAD_BYTES: Final = 1 << 20",
    ),
    _one("gateway-stream-prelude", f"{_GATEWAY}.proxy", 'others=("cookies",)', 'others=("cookies", "isBase64Encoded")'),
    _one(
        "gateway-stream-prelude",
        f"{_GATEWAY}.proxy",
        "headers=[*response.headers, *cookies]",
        "headers=response.headers",
    ),
    _one(
        "gateway-stream-malformed",
        f"{_GATEWAY}.streaming",
        "raise GatewayError(None, _INTERNAL_ERROR, status=500) from error",
        "raise GatewayError(None, _INTERNAL_ERROR, status=502) from error",
    ),
    _one("gateway-stream-broken-off", f"{_GATEWAY}.streaming", "    if reply.error is not None:\n", "    if False:\n"),
    _one(
        "gateway-stream-timeout",
        f"{_GATEWAY}.transfer_mode",
        "_MAX_STREAM_MS: Final = 900_000",
        "_MAX_STREAM_MS: Final = 899_999",
    ),
    _one(
        "gateway-keeps-unknown-headers",
        f"{_GATEWAY}.proxy",
        '"headers": dict(request.headers),',
        '"headers": {name: value for name, value in request.headers if not name.lower().startswith("x-")},',
    ),
    _one(
        "gateway-body-of-6-mib",
        f"{_GATEWAY}.integration",
        "MAX_EVENT_BYTES: Final = 6_291_456",
        "MAX_EVENT_BYTES: Final = 6_000_000",
    ),
    _one(
        "gateway-stream-permission",
        f"{_GATEWAY}.integration",
        "if not may_invoke(function_arn, region=stage.region, source_arn=source_arn):",
        "if False:",
    ),
    _one(
        "lambda-wrapper-gets-interpreter",
        "localaws.functions.spec",
        "file, spec.wrapper, python, _STANDARD_RUNTIME]",
        "file, spec.wrapper, '/usr/bin/env', python]",
    ),
    _one(
        "lambda-boto3-without-bootstrap",
        "localaws.functions.spec",
        "    process = settings.current()\n    session =",
        "    process = settings.current()\n    (code / 'boto3.py').write_text('raise ImportError')\n    session =",
    ),
    _one(
        "kms-logs-context",
        "localaws.logs.encryption",
        "evaluate(statements, Request(action=action, principal=principal, context=context)) is Decision.ALLOWED",
        "statements",
    ),
    _one(
        "endpoint-trust-source-arn",
        "localaws.sagemaker.models",
        "if iam.can_be_assumed_by(role_arn, _SERVICE, context=context):",
        "if iam.can_be_assumed_by(role_arn, _SERVICE):",
    ),
    _one(
        "iam-states-trust-source",
        f"{_STATES}.machines",
        "if not iam.can_be_assumed_by(role_arn, _SERVICE, context=source):",
        "if False:",
    ),
    _one("states-log-group-policy", "localaws.logs.delivery", "if matches(_VENDED, log_group_arn):", "if False:"),
    _one(
        "states-log-group-policy", "localaws.logs.delivery", "    if matches(_VENDED, log_group_arn):", "    if True:"
    ),
    _one("states-sdk-error-names", f"{_STATES}.resources", 'general = f"{prefix}Exception"', "general = code"),
    _one(
        "states-optimized-sagemaker-error-name",
        f"{_STATES}.resources",
        '("SageMaker", "AmazonSageMakerException", ',
        '("SageMaker", "SageMakerException", ',
    ),
    _one(
        "states-modelled-names",
        f"{_STATES}.resources",
        'if name.endswith("Exception") else f"{prefix}.{name}Exception"',
        'if name.endswith("Exception") else f"{prefix}.{name}"',
    ),
    _one(
        "states-sfn-integration",
        f"{_STATES}.resources",
        "word[0].upper() + word[1:].lower()",
        "word[0].upper() + word[1:]",
    ),
    _one(
        "states-nested-fields",
        f"{_STATES}.tasks",
        "        answer: dict[str, Any] = getattr(client, method)(**parameters)\n",
        '        if "CompressionType" in str(parameters):\n'
        '            raise TypeError("CompressionType")\n'
        "        answer: dict[str, Any] = getattr(client, method)(**parameters)\n",
    ),
    _one(
        "states-nested-fields",
        f"{_STATES}.tasks",
        'raise StateFailure(RUNTIME, f"The parameters of',
        'raise StateFailure(TASK_FAILED, f"The parameters of',
    ),
    _one(
        "states-all-misses-runtime",
        f"{_STATES}.failures",
        "UNCAUGHT_BY_ALL: Final = frozenset({DATA_LIMIT, RUNTIME})",
        "UNCAUGHT_BY_ALL: Final = frozenset({DATA_LIMIT})",
    ),
    _one(
        "states-start-is-idempotent",
        f"{_STATES}.executions",
        'existing.status != "RUNNING" or existing.input != text',
        'existing.status != "RUNNING"',
    ),
    _one(
        "states-timeout-has-no-cause",
        f"{_STATES}.tasks",
        'raise StateFailure(TIMEOUT, "")',
        'raise StateFailure(TIMEOUT, "The task took too long.")',
    ),
    _one(
        "events-text-keeps-quotes",
        "localaws.events.inputs",
        "return _PLACEHOLDER.sub(fill, template)",
        "return _PLACEHOLDER.sub(fill, template).strip('\"')",
    ),
    _one(
        "events-execution-status",
        f"{_STATES}.store",
        '        "status": execution.status,\n',
        '        "status": execution.status.replace("TIMED_OUT", "FAILED"),\n',
    ),
    _one(
        "operations-tags-on-dashboards",
        "localaws.resources.patches",
        '    replace(CloudWatchBackend, "tag_resource", _tag_in_cloudwatch)\n',
        "",
    ),
    _one(
        "endpoint-missing-message",
        "localaws.sagemaker.runtime_errors",
        "{settings.ACCOUNT} not found.",
        "{settings.ACCOUNT}: none.",
    ),
    _one(
        "import-missing-sagemaker-model",
        "moto.sagemaker.models",
        '        arn = arn_formatter("model", model_name, self.account_id, self.region_name)\n'
        "        raise ValidationError(message=f\"Could not find model '{arn}'.\")\n\n"
        "    def list_models(",
        '        raise ValidationError(message="Requested resource not found.")\n\n    def list_models(',
    ),
    _one(
        "training-missing-job-message", "localaws.sagemaker.training", "Requested resource not found.", "No such job."
    ),
    _one(
        "import-role-is-invalid-at-first",
        "localaws.bedrock.imports",
        "if not roles.can_be_assumed(role_arn, job_arn=job_arn, propagation_seconds=rules.role_propagation_seconds):",
        "if False:",
    ),
    _one("import-one-at-a-time", "localaws.bedrock.quotas", '"max_imported_models", 3)', '"max_imported_models", 5)'),
    _one(
        "quotas-default-value",
        "localaws.bedrock.quotas",
        '        if (service_code, quota_code) == ("bedrock", code):\n',
        '        if service_code == "bedrock":\n',
    ),
    _one(
        "s3-expected-bucket-owner",
        "localaws.resources.patches",
        "!= owner and owner is not None:",
        "!= owner and False:",
    ),
    _one("s3-head-bucket-region", "localaws.resources.patches", '{"x-amz-bucket-region": region}', "{}"),
    _one(
        "jumpstart-unsigned-if-none-match",
        "moto.s3.responses",
        "if if_none_match and key.etag in [if_none_match, f'\"{if_none_match}\"']:\n            not_modified",
        "if False:\n            not_modified",
    ),
)


def name(fault: Fault) -> str:
    """Return a fault's name: its belief, with a number where that has several."""
    own = [one for one in FAULTS if one.belief == fault.belief]
    return fault.belief if len(own) == 1 else f"{fault.belief}-{own.index(fault) + 1}"
