"""The AWS that the commands address: an account, or a local AWS."""

import os
import socket
import sys
from urllib.parse import urlsplit

from tools import local

CREDENTIALS_HINT = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for the local AWS: ./jumpstack local start"
)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_CONNECT_SECONDS = 2.0


class NotRunningError(RuntimeError):
    """The local AWS that this shell addresses does not answer."""


def endpoint_url() -> str | None:
    """Return the address that this shell sends AWS's clients to; None for AWS itself."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def apis_url() -> str | None:
    """Return the address that this shell reaches deployed APIs at; None for their own."""
    return os.environ.get(local.APIS_VARIABLE) or endpoint_url()


def named() -> str:
    """Name the AWS that is addressed, such as `AWS (profile dev)` or `the local AWS at http://127.0.0.1:4566`."""
    url = endpoint_url()
    if url is not None:
        return f"the local AWS at {url}" if _is_local(url) else f"AWS at {url}"
    if os.environ.get("AWS_ACCESS_KEY_ID") and not os.environ.get("AWS_PROFILE"):
        return "AWS (credentials of this shell)"
    return f"AWS (profile {os.environ.get('AWS_PROFILE') or 'default'})"


def address() -> None:
    """Say on stderr which AWS is addressed.

    Raises:
        NotRunningError: If it is a local AWS that does not answer.
    """
    url = endpoint_url()
    if url is not None and _is_local(url) and not _answers(url):
        running = local.find()
        if running is None:
            raise NotRunningError(f"the local AWS at {url} (AWS_ENDPOINT_URL) does not answer: ./jumpstack local start")
        raise NotRunningError(
            f"the local AWS at {url} (AWS_ENDPOINT_URL) does not answer, but one runs at {running.url}: "
            'eval "$(./jumpstack local env)"'
        )
    print(f"addresses {named()}", file=sys.stderr)


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
