"""Token buckets, as API Gateway throttles keys and methods.

Source: API Gateway documentation, "Throttle requests to your REST APIs": a bucket of `burst` tokens fills at the rate,
a request takes one, and the limits of a usage plan come before those of a stage's methods. API Gateway applies both on
a best-effort basis; here they are exact. The account's own limit is not among them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

from localaws.gateway.deployed import Method, Stage
from localaws.gateway.errors import GatewayError


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(slots=True)
class Buckets:
    """Token buckets by their names.

    Attributes:
        now: The time in seconds since 1970.
    """

    now: Callable[[], float] = time.time
    _buckets: dict[Hashable, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: Hashable, *, rate: float, burst: int) -> bool:
        """Take a token and return True, or return False where there is none.

        Args:
            name: The bucket's; a new one is full.
            rate: Tokens that come a second.
            burst: Most tokens in the bucket.
        """
        with self._lock:
            now = self.now()
            bucket = self._buckets.setdefault(name, _Bucket(tokens=burst, filled=now))
            bucket.tokens = min(float(burst), bucket.tokens + (now - bucket.filled) * rate)
            bucket.filled = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True


METHODS: Final = Buckets()
"""The buckets of all stages' methods."""


def admit(stage: Stage, method: Method, *, buckets: Buckets = METHODS) -> None:
    """Count a request against the throttle of its method, where the stage declares one for all methods.

    Raises:
        GatewayError: If it comes too fast.
    """
    if stage.throttle is None:
        return
    name = (stage.region, stage.api_id, stage.name, method.resource_id, method.http_method)
    if not buckets.take(name, rate=stage.throttle.rate, burst=stage.throttle.burst):
        raise GatewayError("THROTTLED", "Too Many Requests")
