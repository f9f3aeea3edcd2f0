"""Clients of a service that may have to be asked in a hurry, and whose connections may be old."""

import time
from functools import cache
from typing import Any

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


class Connections:
    """The connections to a service.

    Its clients never retry by themselves: botocore repeats what timed out or broke off, which may have been
    answered, and a generation is paid for each time. What is safe to repeat, `retry.when_ready` does.

    Args:
        service: its name in the SDKs.
        read_timeout: seconds that it usually has for the next byte.
        checks: whether botocore holds each request to the service's model; for requests that callers make up.
    """

    def __init__(self, service: str, *, read_timeout: int, checks: bool = True) -> None:
        self._service = service
        self._checks = checks
        self._timeout = read_timeout
        self._client = self._create(read_timeout)
        self._hasty: tuple[int, Any] | None = None
        self._last_used = 0.0

    def client(self, seconds: float, *, stream: bool = False) -> Any:
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

    def _create(self, read_timeout: int) -> Any:
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=read_timeout,
            user_agent=USER_AGENT,
            parameter_validation=self._checks,
            disable_request_compression=True,
            # Never a second attempt, for which the older mode keeps no accounts.
            retries={"total_max_attempts": 1, "mode": "legacy"},
        )
        return create_client(self._service, config)

    def _drop_old_connections(self) -> None:
        if time.time() - self._last_used > MAX_IDLE_SECONDS:
            self.close()
        self.used()
