"""Headers by which a browser lets a page of another site read an answer (cross-origin resource sharing)."""

from collections.abc import Mapping

ANY_ORIGIN = "*"
"""Stands for pages of any site in CORS_ORIGINS."""

EXPOSED_HEADERS = ("retry-after", "x-request-id", "x-should-retry", "x-usage")
"""Headers that a page may read, beside those that every page may."""


def cors_headers(origins: tuple[str, ...], headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers for an answer; none where no page may call the API.

    API Gateway answers a browser's question before the request, and this the request itself.

    Args:
        origins: The pages' origins, or `*` alone.
        headers: The request's headers, their names in lower case.
    """
    if not origins:
        return {}
    own = {"access-control-expose-headers": ",".join(EXPOSED_HEADERS), "vary": "origin"}
    if ANY_ORIGIN in origins:
        return {**own, "access-control-allow-origin": ANY_ORIGIN}
    origin = headers.get("origin")
    # The answer differs by the origin for caches, even where the page may not read it.
    return {**own, "access-control-allow-origin": origin} if origin in origins else {"vary": "origin"}
