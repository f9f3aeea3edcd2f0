"""The warm workers of every function, and the limits of how many run at a time."""

from __future__ import annotations

import atexit
import threading
from pathlib import Path
from typing import Any, Final

from localaws.functions.code import folder_of
from localaws.functions.messages import Invocation
from localaws.functions.replies import Reply
from localaws.functions.spec import FunctionSpec
from localaws.functions.worker import Outcome, Worker

MAX_WORKERS: Final = 16
"""Most processes of one function at a time; Lambda's limit is the account's concurrency, 1000. Further
invocations wait for a worker, where Lambda would start one."""


class ThrottledError(Exception):
    """More invocations at a time than the function's reserved concurrency."""


class Concurrency:
    """Counts the invocations of one function that run, whichever of its states they began in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0

    def enter(self, name: str, reserved: int | None) -> None:
        """Count one invocation more.

        Args:
            name: The function's name.
            reserved: Its reserved concurrency; None without one.

        Raises:
            ThrottledError: If as many invocations run as are reserved.
        """
        with self._lock:
            if reserved is not None and self._running >= reserved:
                raise ThrottledError(f"{name} has {reserved} reserved concurrent executions")
            self._running += 1

    def leave(self) -> None:
        """Count one invocation less."""
        with self._lock:
            self._running -= 1


class Pool:
    """The workers of one state of a function.

    Attributes:
        spec: The state.
        concurrency: The function's invocations.
    """

    def __init__(self, spec: FunctionSpec, code: Path, concurrency: Concurrency) -> None:
        self.spec = spec
        self.concurrency = concurrency
        self._code = code
        self._condition = threading.Condition()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()
        self._is_retired = False

    def invoke(
        self, invocation: Invocation, reply: Reply, *, reserved_concurrency: int | None
    ) -> tuple[Outcome, Worker]:
        """Run an invocation on a warm worker, or on a new one if all are busy; the worker is free again then.

        Raises:
            ThrottledError: If as many invocations run as are reserved.
        """
        self.concurrency.enter(self.spec.name, reserved_concurrency)
        worker = None
        try:
            worker = self._take()
            return worker.invoke(invocation, reply), worker
        finally:
            self.concurrency.leave()
            self._give_back(worker)

    def retire(self) -> None:
        """End the idle workers now and the busy ones when they have done."""
        with self._condition:
            self._is_retired = True
            idle, self._idle = self._idle, []
            self._all.difference_update(idle)
        for worker in idle:
            worker.discard()

    def kill(self) -> None:
        """End all workers at once."""
        with self._condition:
            workers = list(self._all)
        for worker in workers:
            worker.kill()

    def _take(self) -> Worker:
        with self._condition:
            while not self._idle and len(self._all) >= MAX_WORKERS:
                self._condition.wait()
            if self._idle:
                return self._idle.pop()
            worker = Worker(self.spec, self._code)
            self._all.add(worker)
            return worker

    def _give_back(self, worker: Worker | None) -> None:
        with self._condition:
            if worker is not None:
                if worker.is_usable and not self._is_retired:
                    self._idle.append(worker)
                else:
                    self._all.discard(worker)
                    worker.discard()
            self._condition.notify()


class Pools:
    """The pools of all functions of this process."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}
        self._lock = threading.Lock()
        atexit.register(self.kill_all)

    def pool_of(self, function: Any) -> Pool:
        """Return the pool of the present state of moto's `function`; workers of an older state are retired."""
        spec = FunctionSpec.of(function)
        with self._lock:
            pool = self._pools.get(spec.arn)
            if pool is not None and pool.spec == spec:
                return pool
            concurrency = Concurrency() if pool is None else pool.concurrency
            self._pools[spec.arn] = Pool(spec, folder_of(function.code_bytes, spec.code_sha256), concurrency)
            current = self._pools[spec.arn]
        if pool is not None:
            pool.retire()
        return current

    def discard(self, arn: str) -> None:
        """Retire the workers of a function that is gone."""
        with self._lock:
            pool = self._pools.pop(arn, None)
        if pool is not None:
            pool.retire()

    def kill_all(self) -> None:
        """End every worker."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.kill()


POOLS: Final = Pools()
