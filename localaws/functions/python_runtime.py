"""Run a deployed Python function: the program of its process, which starts in the folder with the function's code.

The runtime is AWS's own, the package `awslambdaric`. It has no wheel for macOS; where it is not installed,
`python_loop.py` beside this file runs instead. Both get invocations from the Runtime API that
`AWS_LAMBDA_RUNTIME_API` names. Standard library only: the function can import nothing of the local AWS.
"""

import importlib.util
import os
import runpy
import sys
import threading
import time
from pathlib import Path

_PARENT_POLL_SECONDS = 1.0


def main() -> None:
    """Run invocations until the local AWS ends this process, or has ended itself."""
    threading.Thread(target=_exit_with_parent, args=(os.getppid(),), daemon=True).start()
    # The compiled part of `awslambdaric`, which its source distribution leaves out on macOS.
    if importlib.util.find_spec("runtime_client") is None:
        runpy.run_path(str(Path(__file__).with_name("python_loop.py")), run_name="__main__")
        return
    from awslambdaric import bootstrap, lambda_runtime_client  # noqa: PLC0415 - it may not be installed

    # Only now: the runtime comes before what the function brings.
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    client = lambda_runtime_client.LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
    bootstrap.run(os.environ["_HANDLER"], client)


def _exit_with_parent(parent: int) -> None:
    """End this process when the local AWS has ended, even in the middle of an invocation."""
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
