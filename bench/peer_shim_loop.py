"""Calls a handler in its own process, for `bench.shim`; run by each venv's Python, and imports nothing of ours.

Arguments: the handler's `module.function`, how often. The event comes by standard input. Prints JSON: seconds of CPU
and bytes resident after the import, and seconds of CPU a request.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

BLOCKS = 10
"""Some of them include other work of the machine; the least one counts."""


class _Context:
    aws_request_id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    function_name = invoked_function_arn = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds that are left."""
        return 60_000


def main() -> None:
    """Import, then answer the event again and again."""
    started = time.process_time()
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    imported = time.process_time()
    with open("/proc/self/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    count, event = int(sys.argv[2]), json.load(sys.stdin)
    output, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115 - its log, until the process ends
    for _ in range(min(count, 20)):
        _answer(handler, event)
    blocks = [_block(handler, event, count // BLOCKS) for _ in range(BLOCKS)] if count else [0.0]
    each = min(blocks)
    # What Python itself takes to start is part of a function's start.
    print(
        json.dumps({"start": imported, "import": imported - started, "resident": resident, "each": each}), file=output
    )


def _block(handler: Any, event: Any, count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        _answer(handler, event)
    return (time.process_time() - started) / count


def _answer(handler: Any, event: dict[str, Any]) -> None:
    answer = handler(event, _Context())
    status = answer["statusCode"] if isinstance(answer, dict) else answer.status
    if status != 200:
        raise SystemExit(f"answered with {status}")
    # A response that is not encoded yet is no answer yet.
    if not isinstance(answer, dict):
        answer.encoded_body()


if __name__ == "__main__":
    main()
