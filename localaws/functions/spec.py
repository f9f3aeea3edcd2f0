"""One state of a deployed function, and the environment and command of its processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moto.sts.models import sts_backends

from localaws import settings

RESERVED_VARIABLES: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""Variables that a function's configuration may not set (Lambda documentation, "Defined runtime environment
variables")."""

WRAPPER_VARIABLE: Final = "AWS_LAMBDA_EXEC_WRAPPER"
"""Names a file of the package that starts the runtime (Lambda documentation, "Modifying the runtime environment")."""

_TASK_ROOT: Final = "/var/task/"
# What Lambda starts for Python where there is a wrapper: the file, or the end that Lambda puts to a function without
# it. "$0" is the file, "$1" its name to the function.
_START_WRAPPER: Final = """
name=$1; shift
[ -f "$0" ] || { echo "$name: does not exist"; exit 127; }
[ -x "$0" ] || { echo "$name: is not an executable"; exit 126; }
exec "$0" "$@"
"""
_STANDARD_RUNTIME: Final = "/var/runtime/bootstrap.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """One state of a deployed function's code and configuration; warm workers serve only the state they started with.

    Attributes:
        name: The function's name.
        arn: Its ARN, without a version.
        version: `$LATEST` or a number.
        region: Its region.
        runtime: Lambda's name of the runtime, e.g. `python3.13`.
        handler: The handler, e.g. `package.module.function`.
        role: The ARN of its execution role.
        memory_mb: Its memory in MiB.
        timeout_seconds: Time for an invocation.
        variables: The environment variables of its configuration.
        code_sha256: What identifies its code.
        log_group: The CloudWatch log group of its output.
        log_format: `Text` or `JSON`.
        log_level: The level from which a function with JSON logs writes, e.g. `INFO`.
    """

    name: str
    arn: str
    version: str
    region: str
    runtime: str
    handler: str
    role: str
    memory_mb: int
    timeout_seconds: int
    variables: tuple[tuple[str, str], ...]
    code_sha256: str
    log_group: str
    log_format: str
    log_level: str

    @classmethod
    def of(cls, function: Any) -> FunctionSpec:
        """Read the present state of moto's `function`."""
        logging_config: Mapping[str, str] = function.logging_config
        return cls(
            name=function.function_name,
            arn=function.function_arn,
            version=str(function.version),
            region=function.region,
            runtime=function.run_time,
            handler=function.handler,
            role=function.role,
            memory_mb=int(function.memory_size),
            timeout_seconds=int(function.timeout),
            variables=tuple(sorted((function.environment_vars or {}).items())),
            code_sha256=function.code_sha_256,
            log_group=logging_config.get("LogGroup", f"/aws/lambda/{function.function_name}"),
            log_format=logging_config.get("LogFormat", "Text"),
            log_level=logging_config.get("ApplicationLogLevel", "INFO"),
        )

    @property
    def is_python(self) -> bool:
        """True for a function in Python, False for one in Node."""
        return self.runtime.startswith("python")

    @property
    def wrapper(self) -> str | None:
        """The file that starts the runtime in Lambda's place, if there is one."""
        return dict(self.variables).get(WRAPPER_VARIABLE) or None


def environment_of(spec: FunctionSpec, *, code: Path, log_stream: str) -> dict[str, str]:
    """Return the whole environment of a worker: nothing of this process's own but the search path.

    The credentials are those of a session of the function's role, so that its policies bind the function.
    """
    process = settings.current()
    session = sts_backends[settings.ACCOUNT]["aws"].assume_role(
        region_name=spec.region,
        role_session_name=spec.name,
        role_arn=spec.role,
        policy="",
        duration=12 * 3600,
        external_id="",
    )
    environment = {
        "PATH": os.pathsep.join([str(Path(process.python).parent), os.environ.get("PATH", os.defpath)]),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **dict(spec.variables),
        "AWS_ENDPOINT_URL": process.url,
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_ACCESS_KEY_ID": session.access_key_id,
        "AWS_SECRET_ACCESS_KEY": session.secret_access_key,
        "AWS_SESSION_TOKEN": session.session_token,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_LOG_FORMAT": spec.log_format,
        "LAMBDA_TASK_ROOT": str(code),
        "_HANDLER": spec.handler,
    }
    if spec.log_format == "JSON":
        # Lambda filters by level only what it logs as JSON.
        environment["AWS_LAMBDA_LOG_LEVEL"] = spec.log_level
    if not spec.is_python:
        environment["NODE_PATH"] = str(process.node_modules)
        environment["LOCALAWS_PORT"] = str(process.port)
    return environment


def command_of(spec: FunctionSpec, *, code: Path) -> list[str]:
    """Return the command that runs a worker of the function.

    A wrapper is found in the function's package only (`/var/task`), and gets the interpreter and the path of Lambda's
    runtime as its arguments, of which there is none here: the wrapper has to bring its own.

    Args:
        spec: The function.
        code: The folder with its files.

    Raises:
        FileNotFoundError: If the function needs Node and none is on the search path or beside the interpreter.
    """
    folder = Path(__file__).parent
    python = settings.current().python
    if spec.wrapper is not None:
        inside = spec.wrapper.startswith(_TASK_ROOT)
        file = str(code / spec.wrapper.removeprefix(_TASK_ROOT)) if inside else ""
        return ["/bin/sh", "-c", _START_WRAPPER, file, spec.wrapper, python, _STANDARD_RUNTIME]
    if spec.is_python:
        # -P and -s keep this folder and the user's own packages away from what the function can import.
        return [python, "-P", "-s", str(folder / "python_runtime.py")]
    search_path = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])
    node = shutil.which("node", path=search_path)
    if node is None:
        raise FileNotFoundError(f"no node on {search_path}: {spec.name} needs it for {spec.runtime}")
    return [node, str(folder / "node_runtime.js")]
