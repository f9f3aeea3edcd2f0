"""The head of a streamed response."""

from __future__ import annotations

import json

DELIMITER = "\0" * 8

HEAD = json.dumps({"statusCode": 201, "headers": {"X-From": "function", "Content-Type": "text/plain"}}) + DELIMITER
