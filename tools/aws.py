"""The AWS that the commands address: an account, or a local AWS."""

import os
import socket
import sys
from urllib.parse import urlsplit

from tools import local

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_CONNECT_SECONDS = 2.0
_REGION = "us-west-2"


class NotRunningError(RuntimeError):
    """The local AWS that this shell addresses does not answer."""


def endpoint_url() -> str | None:
    """Return the address that this shell sends AWS's clients to; None for AWS itself."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def apis_url() -> str | None:
    """Return the address that this shell reaches deployed APIs at; None for their own."""
    return os.environ.get(local.APIS_VARIABLE) or endpoint_url()


def named(profile: str | None = None) -> str:
    """Name the AWS that is addressed, such as `AWS (profile dev)` or `the local AWS at http://127.0.0.1:4566`.

    Args:
        profile: The profile that an option names, if one does.
    """
    url = endpoint_url()
    if url is not None:
        return f"the local AWS at {url}" if _is_local(url) else f"AWS at {url}"
    if profile is not None:
        return f"AWS (profile {profile})"
    if os.environ.get("AWS_ACCESS_KEY_ID") and not os.environ.get("AWS_PROFILE"):
        return "AWS (credentials of this shell)"
    return f"AWS (profile {os.environ.get('AWS_PROFILE') or 'default'})"


def address() -> None:
    """Say on stderr which AWS is addressed.

    Raises:
        NotRunningError: If it is a local AWS that does not answer.
    """
    if is_local():
        os.environ.update(local.reached_directly(os.environ))
    missing = absence()
    if missing:
        raise NotRunningError(missing)
    print(f"addresses {named()}", file=sys.stderr)


def absence() -> str | None:
    """Say that this shell addresses a local AWS that does not answer; None where it does, or where AWS is addressed."""
    url = endpoint_url()
    if url is None or not _is_local(url) or _answers(url):
        return None
    running = local.find()
    other = f", but one runs at {running.url}" if running else ""
    return f"the local AWS at {url} (AWS_ENDPOINT_URL) does not answer{other}: {_local_hint(running)}"


def credentials_hint() -> str:
    """Return what to do where there are no credentials: set some, or address the local AWS."""
    return (
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
        f"for the local AWS: {_local_hint(local.find())}"
    )


def account(profile: str | None = None) -> str:
    """Return the number of the account that the credentials are of, as STS says it.

    Args:
        profile: The profile of the credentials; those of this shell by default.

    Raises:
        botocore.exceptions.BotoCoreError: If there are no credentials, or STS does not answer.
        botocore.exceptions.ClientError: If STS refuses them.
    """
    # Not at the top: all commands import this module, and few of them ask.
    import boto3  # noqa: PLC0415 - see above

    session = boto3.session.Session(profile_name=profile)
    # STS answers in each region; a shell may name none.
    return str(session.client("sts", region_name=session.region_name or _REGION).get_caller_identity()["Account"])


def require_credentials() -> None:
    """Check that this shell has credentials, without asking AWS.

    Raises:
        botocore.exceptions.BotoCoreError: If it has none.
    """
    import boto3  # noqa: PLC0415 - see `account`
    from botocore.exceptions import NoCredentialsError  # noqa: PLC0415 - likewise

    if boto3.session.Session().get_credentials() is None:
        raise NoCredentialsError


def proxies() -> list[str]:
    """List the variables of this shell that name a proxy."""
    return [name for name in _PROXY_VARIABLES if os.environ.get(name)]


def _local_hint(running: local.LocalAws | None) -> str:
    return 'eval "$(./jumpstack local env)"' if running else "./jumpstack local start"


def is_local() -> bool:
    """Return whether this shell addresses a local AWS."""
    url = endpoint_url()
    return url is not None and _is_local(url)


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
