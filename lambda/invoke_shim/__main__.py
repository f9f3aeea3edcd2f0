"""Entry point of the runtime's process: `bootstrap` runs `python -m invoke_shim` in the function's folder."""

import os
import sys

from invoke_shim.runtime import loop


def _complete_path() -> None:
    """Complete the import path as Lambda's own runtime for Python does: layers first, then boto3.

    The function's folder is at the front already, as the working directory of `python -m`.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    layers = [f"/opt/python/lib/python{version}/site-packages", "/opt/python"]
    sys.path[1:1] = [folder for folder in layers if os.path.isdir(folder) and folder not in sys.path]
    managed = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
    if os.path.isdir(managed) and managed not in sys.path:
        sys.path.append(managed)


if __name__ == "__main__":
    # Lambda freezes the process between invocations and kills it at a timeout: no line may wait in a buffer.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # it is no other than Python's own here
    _complete_path()
    sys.exit(loop.main(os.environ))
