"""Lambda function that speaks OpenAI's API: the invoke shim with its role and its log."""

import re
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration
from constructs import Construct
from constructs.functions.package_function import NO_RESOURCE_FOR_TRACES, PackageFunction
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.values.durations import in_seconds
from constructs.values.storage import Storage
from constructs.values.tokens import is_token

from catalog.limits import endpoint as limits
from invoke_shim.contract import HANDLER, WRAPPER, WRAPPER_VARIABLE

LONGEST_TIMEOUT_SECONDS = 900
"""Longest run of a function (Lambda quotas)."""
# Lambda quotas: all environment variables together.
_MOST_ENVIRONMENT_BYTES = 4096
# A vocabulary of 256,000 tokens takes 210 MiB and 0.8 s of one core to load, a text of a million tokens 140 MiB more
# (tokenizers 0.23.3, a BPE file of 21 MB, x86-64).
_MEMORY_WITH_TOKENIZER = 1024
# Lambda starts this file of the package instead of its runtime for Python, which cannot stream.
_WRAPPER = {WRAPPER_VARIABLE: WRAPPER}
# API CreateFunction, Environment: names of variables.
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")


class InvokeFunction(PackageFunction):
    """The invoke shim as a function, in front of whatever model its settings name.

    Defines: a `PackageFunction` under the shim's own runtime, which streams every answer. Tracing is X-Ray's service
    without its SDK, whose successor is OpenTelemetry.

    Data flow: the function reads its settings from the environment, takes API Gateway's proxy events and answers
    as OpenAI's API does, with status, headers and bytes for an integration with the response transfer mode STREAM.
    Prompts and answers are not logged.

    Failures: a setting that the shim does not accept fails the function's start, with its reason in the log.

    Prerequisites: none. The caller grants `function` what it may invoke.

    Usage::

        shim = InvokeFunction(self, "Function", settings={"MODEL_NAME": "mistral-7b"}, storage=..., timeout=...)
        endpoint.grant_invoke(shim.function)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Mapping[str, str],
        storage: Storage,
        timeout: Duration,
        description: str = "OpenAI's API in front of a model",
        reserved_concurrency: int | None = None,
        tokenizer: Path | None = None,
    ) -> None:
        """Define the function.

        Args:
            settings: The shim's settings, which become environment variables (`invoke_shim.contract`).
            storage: Key of the environment variables, and settings of the log group.
            timeout: 1 to 900 s.
            description: Purpose of the function, for Lambda's console.
            reserved_concurrency: Most concurrent requests; the account's shared pool by default.
            tokenizer: The model's `tokenizer.json`, packed to count tokens; none by default.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        problems = [
            *_timeout_problems(timeout),
            *_settings_problems(settings),
            *(str(breach) for breach in limits.reserved_concurrency(reserved_concurrency)),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        super().__init__(
            scope,
            construct_id,
            handler=HANDLER,
            description=description,
            settings={**_WRAPPER, **settings},
            storage=storage,
            # boto3's import and TLS are CPU time, and Lambda gives CPU by memory.
            memory_size=512 if tokenizer is None else _MEMORY_WITH_TOKENIZER,
            timeout=timeout,
            role_description="invokes one model and writes the invoke shim's logs",
            reserved_concurrency=reserved_concurrency,
            tokenizer=tokenizer,
        )
        acknowledge_wildcards(self.role, {"*": NO_RESOURCE_FOR_TRACES})


def _timeout_problems(timeout: Duration) -> list[str]:
    seconds = in_seconds(timeout)
    if 1 <= seconds <= LONGEST_TIMEOUT_SECONDS:
        return []
    return [f"timeout is {seconds:g} s: allowed are 1 to {LONGEST_TIMEOUT_SECONDS} s"]


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
    # Tokens, which only a deployment knows, are not counted.
    size = sum(len(text.encode()) for text in texts if isinstance(text, str) and not is_token(text))
    if size > _MOST_ENVIRONMENT_BYTES:
        problems.append(f"settings take {size} bytes with their names: allowed are {_MOST_ENVIRONMENT_BYTES}")
    return problems
