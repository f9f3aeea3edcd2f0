"""Rule for the two numbers of a throttle, which belong together."""

from constructs.values.tokens import is_token

from catalog.limits import gateway as limits


def throttle_problems(requests_per_second: float | None, burst: int | None) -> list[str]:
    """Return what is wrong with a throttle; nothing where there is none.

    Args:
        requests_per_second: Steady rate.
        burst: Most requests at once.
    """
    if (requests_per_second is None) is not (burst is None):
        return [
            f"requests_per_second is {requests_per_second} and burst is {burst}: allowed are both, or neither of them"
        ]
    if requests_per_second is None or burst is None or is_token(requests_per_second):
        return []
    return [str(breach) for breach in limits.throttle(requests_per_second, burst)]
