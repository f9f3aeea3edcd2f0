"""The process that serves: `GET /_localaws` returns its id, so that nobody takes another process for it.

No part of AWS: the commands that start and stop a local AWS ask for it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATH: Final = "/_localaws"


def handle(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Answer `GET /_localaws`; None for every other request."""
    if environ.get("PATH_INFO") != PATH:
        return None
    body = json.dumps({"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
