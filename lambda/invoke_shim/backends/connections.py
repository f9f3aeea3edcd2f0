"""Clients of AWS's services: sessions, timeouts by the time that is left, connections that may be stale."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

import botocore
from botocore.config import Config
from botocore.session import Session

from invoke_shim.settings import CONNECT_TIMEOUT_SECONDS

MAX_IDLE_SECONDS = 20
"""The longest pause after which a connection is used again.

While Lambda has the function frozen, the other side may close its connection unseen. Nothing that may have been
answered is sent again, so the next request would fail on it; after a pause a new one is opened.
"""

LEAST_STREAM_TIMEOUT_SECONDS = 5
"""The shortest silence that ends a stream: the deadline is for its beginning, the socket's timeout for all of it."""

USER_AGENT = f"JumpStack Botocore/{botocore.__version__}"
"""Replaces botocore's own, which is put together anew for each request, at 0.03 ms of CPU."""


@cache
def session() -> Session:
    """Return the session that all clients share.

    botocore's own: boto3 around it has its resources to load, 16 ms and 3 MB of a cold start for nothing that is
    used here, and its clients are botocore's.
    """
    return Session()


def create_client(service: str, config: Config) -> Any:
    """Create a client of a service, with the region and credentials of Lambda's environment.

    Args:
        service: The service's name in the SDKs.
        config: Timeouts and retries.
    """
    return session().create_client(service, config=config)


def create_model_client(service: str, read_timeout: int, *, checks: bool = True) -> Any:
    """Create a client of a service that runs models, which sends each request once.

    botocore would repeat a request that timed out or broke off; it may have been answered, and each generation is paid
    for. `retry.when_ready` repeats those that are safe to repeat.

    Args:
        service: The service's name in the SDKs.
        read_timeout: Seconds to wait for the next byte.
        checks: Whether botocore validates each request by the service's model; for requests that callers make up.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        user_agent=USER_AGENT,
        parameter_validation=checks,
        disable_request_compression=True,
        # Never a second attempt; the older mode does no accounting for one.
        retries={"total_max_attempts": 1, "mode": "legacy"},
    )
    return create_client(service, config)


class Client(Protocol):
    """A client with connections to close."""

    def close(self) -> None:
        """Close the connections that are not in use; the next request opens new ones."""


C = TypeVar("C", bound=Client)


class Connections(Generic[C]):
    """The connections to a service.

    Args:
        create: Creates a client with a read timeout in seconds.
        read_timeout: The usual read timeout in seconds.
    """

    def __init__(self, create: Callable[[int], C], *, read_timeout: int) -> None:
        self._create = create
        self._timeout = read_timeout
        self._client = create(read_timeout)
        self._hasty: tuple[int, C] | None = None
        self._last_used = 0.0

    def client(self, seconds: float, *, stream: bool = False) -> C:
        """Return a client whose read timeout is at most so many seconds, but for a stream at least 5.

        The usual client, unless less time is left than its timeout: the caller's timeout is shorter, or a cold model
        took part of it. A timeout belongs to a client; another one of the same service costs about 2 ms.
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
        """Record that a connection was used just now."""
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
