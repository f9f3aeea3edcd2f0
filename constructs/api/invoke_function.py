"""The Lambda function that speaks OpenAI's API: the invoke shim with its role and its log."""

import re
from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Token
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy
from constructs.logged_function import NO_RESOURCE_FOR_TRACES, logged_function, package_code

from catalog.limits import endpoint as limits

LONGEST_TIMEOUT = Duration.seconds(900)
"""The longest that a function may run (Lambda quotas)."""
# Lambda quotas: all environment variables together.
_MOST_ENVIRONMENT_BYTES = 4096
# Lambda starts this file of the package in place of its runtime for Python, which cannot stream.
_WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/invoke_shim/bootstrap"}
# API CreateFunction, Environment: what a variable may be named.
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")


class InvokeFunction(Construct):
    """The invoke shim as a function, in front of whatever model its settings name.

    Defines: an `AWS::Lambda::Function` with its own role and log group, X-Ray tracing (the service; no X-Ray SDK,
    whose successor is OpenTelemetry), and environment variables under the given key. It runs under the shim's own
    runtime, which streams every answer.

    Data flow: the function reads its settings from the environment, takes API Gateway's proxy events and answers
    in OpenAI's terms, as status, headers and bytes for an integration with the response transfer mode STREAM.
    Prompts and answers are not logged.

    Failures: a setting that the shim does not accept fails the function's start, with its reason in the log.

    Prerequisites: none. What the function may invoke is granted by the caller, to `function`.

    Usage::

        shim = InvokeFunction(self, "Function", settings={"MODEL_NAME": "mistral-7b"}, encryption_key=key, timeout=...)
        endpoint.grant_invoke(shim.function)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Mapping[str, str],
        encryption_key: kms.IKey,
        timeout: Duration,
        description: str = "OpenAI's API in front of a model",
        reserved_concurrency: int | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define the function.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            settings: The shim's settings, which become environment variables (lambda/invoke_shim/settings.py).
            encryption_key: Key of the log group and of the environment variables.
            timeout: How long the function may run, 1 to 900 s.
            description: What the function is for, in Lambda's console.
            reserved_concurrency: Most requests at a time; the account's shared pool by default.
            log_retention: How long the log group keeps its events.
            removal_policy: What becomes of the log group when it leaves the stack.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        problems = [
            *_timeout_problems(timeout),
            *_settings_problems(settings),
            *(str(breach) for breach in limits.reserved_concurrency(reserved_concurrency)),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        self.function, self.role = logged_function(
            self,
            code=package_code("invoke_shim"),
            handler="invoke_shim.handler.handle",
            description=description,
            settings={**_WRAPPER, **settings},
            encryption_key=encryption_key,
            # boto3's import and TLS are CPU time, and Lambda gives CPU by memory.
            memory_size=512,
            timeout=timeout,
            log_retention=log_retention,
            removal_policy=removal_policy,
            role_description="invokes one model and writes the invoke shim's logs",
            reserved_concurrency=reserved_concurrency,
        )
        acknowledge_in_policy(self.role, {"AwsSolutions-IAM5[Resource::*]": NO_RESOURCE_FOR_TRACES})


def _timeout_problems(timeout: Duration) -> list[str]:
    seconds = timeout.to_seconds()
    longest = LONGEST_TIMEOUT.to_seconds()
    return [] if 1 <= seconds <= longest else [f"timeout is {seconds:g} s: allowed are 1 to {longest:g} s"]


def _settings_problems(settings: Mapping[str, str]) -> list[str]:
    problems = [f"settings[{name!r}] is the construct's own" for name in settings if name in _WRAPPER]
    for name, value in settings.items():
        if not _VARIABLE.fullmatch(name):
            problems.append(
                f"settings[{name!r}] has a name that is not allowed: allowed are letters, digits and underscores, "
                "two or more, a letter first"
            )
        if not isinstance(value, str):
            problems.append(f"settings[{name!r}] is {value!r}: allowed is text")
    texts = [text for item in {**_WRAPPER, **settings}.items() for text in item]
    # What is known only when the stack is deployed is not counted.
    size = sum(len(text.encode()) for text in texts if isinstance(text, str) and not Token.is_unresolved(text))
    if size > _MOST_ENVIRONMENT_BYTES:
        problems.append(f"settings take {size} bytes with their names: allowed are {_MOST_ENVIRONMENT_BYTES}")
    return problems
