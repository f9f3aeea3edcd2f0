"""One way of saying errors: a line on stderr with the value, the place, what is allowed and the next command.

A library's exceptions are recognized only where its module is loaded, so that nothing is imported for an error. What
is not known here is a bug and keeps its traceback.
"""

import sys
from collections.abc import Iterator
from typing import Any

import click

from tools import aws

_NOT_THERE = (click.NoSuchOption, click.exceptions.NoSuchCommand)
# Packages of this project whose exceptions carry a text for people.
_OURS = {"catalog", "model_import", "stacks", "tools", "training"}
# The codes with which AWS's services refuse credentials.
_REFUSED = {
    *(
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
    ),
    *("SignatureDoesNotMatch", "UnrecognizedClientException"),
}
# botocore's errors where credentials are taken from a sign-in that is over, or from a program that fails.
_SIGNED_OUT = (
    *("CredentialRetrievalError", "LoginError", "NoAuthTokenError", "SSOError"),
    *("SSOTokenLoadError", "TokenRetrievalError", "UnauthorizedSSOTokenError"),
)


def usage_text(error: click.UsageError) -> str:
    """Return what is wrong with a command line, and the help to read; for a bare group of commands its help itself."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    program = error.ctx.command_path if error.ctx else "./jumpstack"
    message = error.message if isinstance(error, _NOT_THERE) else error.format_message()
    message = message.rstrip(".")
    if message[1:2].islower():
        message = f"{message[0].lower()}{message[1:]}"
    if isinstance(error, _NOT_THERE) and error.possibilities:
        message = f"{message}: did you mean {', '.join(error.possibilities)}?"
    return f"error: {message}{'' if message.endswith('?') else ';'} {program} --help says what is allowed"


def error_lines(error: Exception, *, place: str = "") -> list[str]:
    """Return an error's lines.

    Args:
        error: What a command raised.
        place: The ENV/MODEL that the command is about; empty where there is none.

    Returns:
        One line a problem, each with `error: ` before it; none for a bug.
    """
    problems = getattr(error, "problems", None)
    if _is_ours(error) and problems:
        return [f"error: {problem}" for problem in problems]
    said = next(_said(error), None)
    if said is None:
        return []
    where = f"{place}: " if place and place not in said else ""
    return f"error: {where}{said}".splitlines()


def _is_ours(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in _OURS


def _said(error: Exception) -> Iterator[str]:
    if _is_ours(error):
        cause = error.__cause__
        botocore = sys.modules.get("botocore.exceptions")
        if botocore is not None and isinstance(cause, botocore.NoCredentialsError | botocore.PartialCredentialsError):
            yield from _said_by_aws(cause, botocore)
        yield str(error)
    if isinstance(error, OSError) and error.filename is not None:
        yield f"{error.filename}: {error.strerror[:1].lower()}{error.strerror[1:]}" if error.strerror else str(error)
    if (botocore := sys.modules.get("botocore.exceptions")) is not None:
        yield from _said_by_aws(error, botocore)
    if (openai := sys.modules.get("openai")) is not None and isinstance(error, openai.OpenAIError):
        yield from _said_by_the_api(error, openai)
    if (httpx2 := sys.modules.get("httpx2")) is not None and isinstance(error, httpx2.HTTPError):
        yield aws.absence() or f"the API cannot be reached: {error}"


def _said_by_aws(error: Exception, botocore: Any) -> Iterator[str]:
    if isinstance(error, botocore.ClientError):
        code = error.response["Error"]["Code"]
        message = error.response["Error"].get("Message") or "no message"
        if code in _REFUSED and aws.is_local():
            yield f'{aws.named()} does not take this shell\'s credentials ({code}): eval "$(./jumpstack local env)"'
        if code in _REFUSED:
            yield f"AWS refuses these credentials ({code}): sign in again, or {aws.credentials_hint()}"
        yield f"{aws.named()} answers {error.operation_name} with {code}: {message}"
    elif isinstance(error, botocore.NoCredentialsError | botocore.PartialCredentialsError):
        yield f"no AWS credentials: {aws.credentials_hint()}"
    elif isinstance(error, botocore.NoRegionError):
        yield "no AWS region: set AWS_REGION, such as us-west-2"
    elif isinstance(error, botocore.ProfileNotFound):
        yield f"{str(error)[:1].lower()}{str(error)[1:]}: {aws.credentials_hint()}"
    elif isinstance(error, tuple(getattr(botocore, name) for name in _SIGNED_OUT if hasattr(botocore, name))):
        yield f"AWS gives no credentials ({str(error).rstrip('.')}): sign in again, or {aws.credentials_hint()}"
    elif isinstance(error, botocore.BotoCoreError):
        yield from _said_of_no_answer(error, botocore)


def _said_of_no_answer(error: Exception, botocore: Any) -> Iterator[str]:
    absent = aws.absence()
    if absent:
        yield absent
    proxies = aws.proxies() if isinstance(error, botocore.ProxyConnectionError) else []
    named = f"; {', '.join(proxies)} {'name' if proxies[1:] else 'names'} it" if proxies else ""
    yield f"{aws.named()} cannot be asked: {' '.join(str(error).split()).rstrip('.')}{named}"


def _said_by_the_api(error: Any, openai: Any) -> Iterator[str]:
    if isinstance(error, openai.APIStatusError):
        body = error.body if isinstance(error.body, dict) else {}
        yield f"the API answers {error.status_code}: {body.get('message') or error.message}"
    elif isinstance(error, openai.APIConnectionError):
        yield aws.absence() or f"the API cannot be reached: {error.__cause__ or error}"
    else:
        yield str(error)
