"""What the functions of the project are made of: a role, a log under the stack's key, Python on arm64, a trace."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

NO_RESOURCE_FOR_TRACES = "xray:PutTraceSegments and xray:PutTelemetryRecords exist in IAM without a resource"
"""Why the policy of a traced function's role has `*` as a resource, for rule packs."""

_LAMBDA_FOLDER = Path(__file__).resolve().parent.parent / "lambda"


def package_code(package: str) -> lambda_.AssetCode:
    """One package of `lambda/` and nothing beside it, so that the asset's hash moves with this package only."""
    return lambda_.Code.from_asset(
        str(_LAMBDA_FOLDER), exclude=["/*", f"!/{package}/", "__pycache__/"], ignore_mode=IgnoreMode.GIT
    )


def logged_function(
    scope: Construct,
    *,
    code: lambda_.Code,
    handler: str,
    description: str,
    settings: Mapping[str, str],
    encryption_key: kms.IKey,
    memory_size: int,
    timeout: Duration,
    log_retention: logs.RetentionDays,
    removal_policy: RemovalPolicy,
    role_description: str | None = None,
    reserved_concurrency: int | None = None,
) -> tuple[lambda_.Function, iam.Role]:
    """Make a construct's main function, `Resource`, with its `Role` and its `Logs`.

    The role may write the log and read the environment variables; the caller grants the rest, and acknowledges
    what rule packs find about the whole.

    Args:
        scope: The construct that the function is the main resource of.
        code: What runs.
        handler: Such as `training.prepare.handler`.
        description: What the function is for, in Lambda's console.
        settings: Environment variables.
        encryption_key: Key of the log group and of the environment variables.
        memory_size: In MiB; Lambda gives CPU by memory.
        timeout: How long the function may run, at most 900 s.
        log_retention: How long the log group keeps its events.
        removal_policy: What becomes of the log group when it leaves the stack.
        role_description: What the role is for; the function's description by default.
        reserved_concurrency: Most invocations at a time; the account's shared pool by default.
    """
    log_group = logs.LogGroup(
        scope, "Logs", encryption_key=encryption_key, retention=log_retention, removal_policy=removal_policy
    )
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description=role_description or description,
    )
    log_group.grant_write(role)
    encryption_key.grant_decrypt(role)
    function = lambda_.Function(
        scope,
        "Resource",
        description=description,
        runtime=lambda_.Runtime.PYTHON_3_14,
        architecture=lambda_.Architecture.ARM_64,
        handler=handler,
        code=code,
        role=role,
        memory_size=memory_size,
        timeout=timeout,
        tracing=lambda_.Tracing.ACTIVE,
        environment=dict(settings),
        environment_encryption=encryption_key,
        log_group=log_group,
        logging_format=lambda_.LoggingFormat.JSON,
        reserved_concurrent_executions=reserved_concurrency,
    )
    return function, role
