"""A Lambda function of the model import: the package `model_import` with one of its handlers."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.logged_function import logged_function, package_code
from constructs.statements import allow


class ImportFunction(Construct):
    """One handler of `lambda/model_import` as a function.

    Defines: an `AWS::Lambda::Function` with its own role and log group, X-Ray tracing, and environment variables under
    the given key. Its package is `lambda/model_import` alone.

    Data flow: the settings come from the environment (lambda/model_import/configuration.py), the rest from the
    invocation.

    Failures: a setting that is missing or wrong fails every invocation, with its name.

    Prerequisites: none. What the function may do is granted with `allow`; findings of rule packs about its role are
    acknowledged by whoever grants.

    Usage::

        steps = ImportFunction(self, "Steps", handler="model_import.steps.handler", settings={...}, ...)
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
        encryption_key: kms.IKey,
        timeout: Duration,
        memory_size: int = 256,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define the function.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            handler: Such as `model_import.steps.handler`.
            description: What the function is for, in Lambda's console.
            settings: Environment variables.
            encryption_key: Key of the log group and of the environment variables.
            timeout: How long the function may run, at most 900 s.
            memory_size: In MiB.
            log_retention: How long the log group keeps its events.
            removal_policy: What becomes of the log group when it leaves the stack.
        """
        super().__init__(scope, construct_id)
        self.function, self.role = logged_function(
            self,
            code=package_code("model_import"),
            handler=handler,
            description=description,
            settings=settings,
            encryption_key=encryption_key,
            memory_size=memory_size,
            timeout=timeout,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )

    def allow(self, sid: str, actions: Sequence[str], *resources: str, **conditions: Mapping[str, Any]) -> None:
        """Let the function do something.

        Args:
            sid: The statement's id, which says what for.
            actions: IAM actions.
            resources: ARNs.
            conditions: Operator to condition keys and values.
        """
        allow(self.role, sid, actions, *resources, **conditions)
