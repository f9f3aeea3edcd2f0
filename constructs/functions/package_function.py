"""Lambda function of a package of `lambda/`: own role, encrypted log group, Python on arm64, X-Ray."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct
from constructs.functions.packages import package_code
from constructs.permissions.statements import allow, service_principal
from constructs.values.storage import Storage

NO_RESOURCE_FOR_TRACES = "xray:PutTraceSegments and xray:PutTelemetryRecords exist in IAM without a resource"
"""Reason for `*` as a resource in the policy of a traced function's role, for rule packs."""

RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64


class PackageFunction(Construct):
    """One handler of a package of `lambda/` as a function.

    Defines: an `AWS::Lambda::Function` with its own role and log group, X-Ray tracing, and encrypted environment
    variables. Its asset is the package and those modules of `catalog` that the package imports, so that the asset's
    hash changes with one of them and with nothing else.

    Data flow: settings come from environment variables, everything else from the invocation.

    Failures: a handler that the package lacks, and a setting that is missing or wrong, fail the invocation, not the
    deployment.

    Prerequisites: none. The caller grants rights with `allow`, and acknowledges what rule packs find about the role.

    Usage::

        steps = PackageFunction(self, "Steps", handler="model_import.steps.handler", settings={...}, ...)
        steps.allow("ListModels", ["bedrock:ListImportedModels"], "*")
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        description: str,
        settings: Mapping[str, str],
        storage: Storage,
        timeout: Duration,
        memory_size: int = 256,
        role_description: str | None = None,
        reserved_concurrency: int | None = None,
        tokenizer: Path | None = None,
    ) -> None:
        """Define the function.

        Args:
            handler: Such as `training.prepare.handler`; its first part is the package.
            description: Purpose of the function, for Lambda's console.
            settings: Environment variables.
            storage: Key of the environment variables, and settings of the log group.
            timeout: At most 900 s.
            memory_size: In MiB; Lambda gives CPU and network by memory.
            role_description: Purpose of the role; the function's description by default.
            reserved_concurrency: Most concurrent invocations; the account's shared pool by default.
            tokenizer: A model's `tokenizer.json`, packed beside the package with the library that reads it.
        """
        super().__init__(scope, construct_id)
        log_group = storage.log_group(self)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=service_principal("lambda.amazonaws.com"),
            description=role_description or description,
        )
        log_group.grant_write(self.role)
        storage.encryption_key.grant_decrypt(self.role)
        self.function = lambda_.Function(
            self,
            "Resource",
            description=description,
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            handler=handler,
            code=package_code(handler.partition(".")[0], tokenizer),
            role=self.role,
            memory_size=memory_size,
            timeout=timeout,
            tracing=lambda_.Tracing.ACTIVE,
            environment=dict(settings),
            environment_encryption=storage.encryption_key,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            reserved_concurrent_executions=reserved_concurrency,
        )

    def allow(self, sid: str, actions: Sequence[str], *resources: str, **conditions: Mapping[str, Any]) -> None:
        """Grant actions to the function, as `constructs.permissions.statements.allow` does."""
        allow(self.role, sid, actions, *resources, **conditions)
