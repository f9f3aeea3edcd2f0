"""Retry while a model is not ready: a cold import, an endpoint scaled to zero, a full queue.

A backend raises `NotReadyError` for a request that surely never reached the model, and sends through `when_ready`,
which tries again with jitter while the deadline leaves time. botocore's own retries are off: they do not know
ModelNotReadyException, give up after a tenth of a second, and repeat what may have been computed.

    answer = when_ready(lambda: self._send(body), deadline, reserve=answer_seconds(deadline))

The time that a request waited is added to `deadline.cold_wait.seconds`.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError, retry_after

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 2.0
PART_OF_WAIT = 1 / 60
"""The pauses are drawn from the upper halves of 0.5, 1, then always 2 s, or a 60th of the time waited so far.

So the answer to a model that gets ready begins at most 2 s later, or a 60th of the wait where that is more than two
minutes, and there are at most 123 tries in the first two minutes and 360 in the longest wait of 15.

Jitter, after the AWS Architecture Blog's "Exponential Backoff And Jitter": of many callers that wait for one cold
model, no two ask in step. Half of each pause is fixed ("equal jitter"), which bounds the tries.
"""

LEAST_RESERVE_SECONDS = 2.0
"""With less than this left there is no further try: a stream's first token takes about so long."""

MOST_RESERVE_SECONDS = 60.0
"""A container has 60 s for an answer that is not streamed (InvokeEndpoint's API reference)."""

T = TypeVar("T")


class NotReadyError(ApiError):
    """The model is not ready: 503 and `retry-after`. It never saw the request, so that it may be sent again.

    Args:
        message: What the model is doing, without a full stop: the time of the next try is added.
        seconds: `retry-after` for the client, once the shim has given up.
        upstream: The backend's own name of the error, for the log only.
    """

    def __init__(self, message: str, *, seconds: int, upstream: str | None = None) -> None:
        super().__init__(
            f"{message}; try again in {seconds} s",
            status=503,
            type="server_error",
            headers=retry_after(seconds),
            upstream=upstream,
        )


def answer_seconds(deadline: Deadline) -> float:
    """Return the seconds of a deadline to reserve for an answer that is not streamed.

    Half of the time that is left. A model that gets ready when none is left for the answer would generate for
    nobody.
    """
    return max(LEAST_RESERVE_SECONDS, min(MOST_RESERVE_SECONDS, deadline.remaining() / 2))


def when_ready(
    send: Callable[[], T],
    deadline: Deadline,
    *,
    reserve: float = LEAST_RESERVE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    uniform: Callable[[float, float], float] = random.uniform,
) -> T:
    """Send, and send again while the model is not ready.

    Args:
        send: Sends the request once; raises NotReadyError only if the model did not see it.
        deadline: Ends the waiting; the time waited is added to it.
        reserve: Seconds that an answer needs; no try begins with less left, except the first.
        sleep: Waits for so many seconds.
        uniform: Returns a random number between two others, drawn anew for each pause.

    Returns:
        What `send` returns.

    Raises:
        ApiError: What `send` raised; NotReadyError only when the time is over.
    """
    longest = FIRST_PAUSE_SECONDS
    waited = 0.0
    while True:
        try:
            return send()
        except NotReadyError:
            left = deadline.remaining() - reserve
            if left <= 0:
                raise
        # Outside of the clause: while waiting, nothing holds the error with its frames.
        pause = min(uniform(longest / 2, longest), left)
        sleep(pause)
        waited += pause
        deadline.cold_wait.seconds += pause
        longest = max(min(2 * longest, LONGEST_PAUSE_SECONDS), waited * PART_OF_WAIT)
