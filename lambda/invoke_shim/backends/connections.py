"""Clients of AWS's services, some of which have to be asked in a hurry, over connections that may be old."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

import botocore
from botocore.config import Config
from botocore.session import Session

from invoke_shim.settings import CONNECT_TIMEOUT_SECONDS

MAX_IDLE_SECONDS = 20
"""How long an unused connection is trusted.

While Lambda has the function frozen, the other side may close its connection unseen. Nothing that may have been
answered is sent again, so the next request would fail on it; after a pause a new one is opened.
"""

LEAST_STREAM_TIMEOUT_SECONDS = 5
"""The shortest silence that ends a stream: the deadline is for its beginning, the socket's timeout for all of it."""

USER_AGENT = f"JumpStack Botocore/{botocore.__version__}"
"""Said in place of botocore's own, which is put together anew for each request, at 0.03 ms of CPU."""


@cache
def session() -> Session:
    """The session that all clients share.

    botocore's own: boto3 around it has its resources to load, 16 ms and 3 MB of a cold start for nothing that is
    used here, and its clients are botocore's.
    """
    return Session()


def create_client(service: str, config: Config) -> Any:
    """A client of a service, for the region and with the credentials that Lambda's environment names.

    Args:
        service: AWS's name of it in the SDKs.
        config: its timeouts and retries.
    """
    return session().create_client(service, config=config)


def create_model_client(service: str, read_timeout: int, *, checks: bool = True) -> Any:
    """A client of a service that runs models: it never sends again what it has sent.

    botocore would repeat what timed out or broke off, which may have been answered, and a generation is paid for each
    time. What is safe to repeat, `retry.when_ready` does.

    Args:
        service: AWS's name of it in the SDKs.
        read_timeout: seconds for the next byte.
        checks: whether botocore holds each request to the service's model; for requests that callers make up.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        user_agent=USER_AGENT,
        parameter_validation=checks,
        disable_request_compression=True,
        # Never a second attempt, for which the older mode keeps no accounts.
        retries={"total_max_attempts": 1, "mode": "legacy"},
    )
    return create_client(service, config)


class Client(Protocol):
    """What keeps connections."""

    def close(self) -> None:
        """Close those that are not in use; the next request opens new ones."""


C = TypeVar("C", bound=Client)


class Connections(Generic[C]):
    """The connections to a service.

    Args:
        create: makes a client that waits so many seconds for a byte.
        read_timeout: seconds that it usually has for the next byte.
    """

    def __init__(self, create: Callable[[int], C], *, read_timeout: int) -> None:
        self._create = create
        self._timeout = read_timeout
        self._client = create(read_timeout)
        self._hasty: tuple[int, C] | None = None
        self._last_used = 0.0

    def client(self, seconds: float, *, stream: bool = False) -> C:
        """A client that waits no longer than so many seconds for a byte, or than for a stream is sensible.

        The usual one, unless less time is left than it waits: the caller has less patience, or a cold model took
        of it. A timeout belongs to a client; another one of the same service costs about 2 ms.
        """
        self._drop_old_connections()
        whole = max(LEAST_STREAM_TIMEOUT_SECONDS if stream else 1, int(seconds))
        if whole >= self._timeout:
            return self._client
        if self._hasty is None or self._hasty[0] != whole:
            if self._hasty is not None:
                self._hasty[1].close()
            self._hasty = (whole, self._create(whole))
        return self._hasty[1]

    def used(self) -> None:
        """Note that something came over a connection just now."""
        # Wall-clock time: a monotonic clock may stand still while the function is frozen.
        self._last_used = time.time()

    def close(self) -> None:
        """Close all connections that are not in use; the next request opens new ones."""
        self._client.close()
        if self._hasty is not None:
            self._hasty[1].close()

    def _drop_old_connections(self) -> None:
        if time.time() - self._last_used > MAX_IDLE_SECONDS:
            self.close()
        self.used()
