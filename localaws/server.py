"""The server process: its port, its life and its end."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from localaws import settings

_PARENT_POLL_SECONDS = 0.5

# Connections that wait while the threads are busy: the CLI opens dozens at once for assets.
_BACKLOG = 128

# Read by moto and botocore at import, in this process only.
_ENVIRONMENT = {
    # Without it botocore's credential chain may wait for the instance metadata service of a laptop's network.
    "AWS_EC2_METADATA_DISABLED": "true",
    # Its clients call nobody but itself: no profile, no credential and no endpoint of its user's is for them.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    settings.ACCOUNT_VARIABLE: settings.ACCOUNT,
    # moto would let the pages of every site read its answers (flask_cors.CORS around each of its applications).
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    # Path-style S3 only: the bucket is never in the host name.
    "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",
    # Roles attach AWS managed policies such as AWSLambdaBasicExecutionRole; moto loads them only when asked.
    # No model needs an AMI, and each reset would read hundreds.
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
}

# Its clients call nobody but itself, which no proxy reaches. Programs read them in upper and in lower case.
_PROXY_VARIABLES = {"all_proxy", "http_proxy", "https_proxy"}


class PortTakenError(OSError):
    """The port cannot be listened on."""


class EngineMissingError(OSError):
    """The small model that was asked for is not installed."""


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.HOST, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTakenError(
            f"cannot listen on {settings.HOST}:{port} ({error.strerror}); "
            "stop what uses the port, or pass --port 0 for a free one"
        ) from error
    return listener


def _stop(signal_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0 if signal_number in (signal.SIGTERM, signal.SIGINT) else 1)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _follow(parent_pid: int) -> None:
    """Send this process SIGTERM when `parent_pid` has ended.

    A direct parent is watched by the change of our own parent: as a zombie it would still look alive.
    """
    direct = os.getppid() == parent_pid

    def watch() -> None:
        while os.getppid() == parent_pid if direct else _alive(parent_pid):
            time.sleep(_PARENT_POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _forget_accounts() -> None:
    """Remove what addresses or identifies an AWS, or a proxy on the way, from the environment of this process."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower() in _PROXY_VARIABLES]:
        del os.environ[name]


def _announce(ready_file: Path, configured: settings.Settings) -> None:
    """Write what a client needs as JSON, for the owner's eyes, in one step, so that a reader never sees half of it."""
    ready_file.parent.mkdir(parents=True, exist_ok=True)
    partial = ready_file.with_name(f"{ready_file.name}.{os.getpid()}")
    document = {
        "url": configured.url,
        "apis_url": configured.apis_url,
        "access_key_id": configured.credential.access_key_id,
        "secret_access_key": configured.credential.secret_access_key,
    }
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(document), encoding="utf-8")
    partial.replace(ready_file)


def _use(folder: Path) -> None:
    """Let the small model in a folder answer.

    Raises:
        EngineMissingError: If it is not there.
    """
    # Without it nothing of it is needed.
    from localaws.containers.engine import use  # noqa: PLC0415 - see above
    from localaws.engine import SmallModel, missing  # noqa: PLC0415 - see above

    problem = missing(folder)
    if problem is not None:
        raise EngineMissingError(f"the small model is not installed: {problem}")
    use(SmallModel(folder))


def _print_exports(configured: settings.Settings) -> None:
    """Print the commands by which a shell's clients address this process."""
    for name, value in {
        "AWS_ENDPOINT_URL": configured.url,
        "AWS_ENDPOINT_URL_EXECUTE_API": configured.apis_url,
        "AWS_ACCESS_KEY_ID": configured.credential.access_key_id,
        "AWS_SECRET_ACCESS_KEY": configured.credential.secret_access_key,
    }.items():
        print(f"export {name}={value}", flush=True)


def serve(
    *,
    port: int,
    node_modules: Path,
    apis_port: int = 0,
    ready_file: Path | None = None,
    parent_pid: int | None = None,
    engine: Path | None = None,
    verbose: bool = False,
) -> None:
    """Serve on ports of the loopback interface until SIGTERM, SIGINT or the end of `parent_pid`.

    Args:
        port: The port of AWS's services; 0 for a free one.
        node_modules: The folder with the Node packages that deployed Node functions may import.
        apis_port: The port of deployed APIs; 0 for a free one.
        ready_file: The file that receives the addresses and the credential; None prints them.
        parent_pid: The process to end with.
        engine: The folder of the small model that answers; None: texts are made up.
        verbose: Whether every request is logged to standard error.

    Raises:
        EngineMissingError: If the small model is not in its folder.
        PortTakenError: If a port cannot be listened on.
    """
    if engine is not None:
        _use(engine)
    listener, apis_listener = _listen(port), _listen(apis_port)
    _forget_accounts()
    os.environ.update(_ENVIRONMENT)
    configured = settings.Settings(
        port=listener.getsockname()[1],
        apis_port=apis_listener.getsockname()[1],
        node_modules=node_modules,
        verbose=verbose,
    )
    os.environ["MOTO_PORT"] = str(configured.port)
    settings.configure(configured)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    if parent_pid is not None:
        _follow(parent_pid)

    # Registered first, it runs last, when workers and folders are gone; to take an account's state apart takes seconds.
    atexit.register(os._exit, 0)

    # Imported only now: moto reads the environment when it is imported.
    from localaws import application, gateway  # noqa: PLC0415 - see above

    server = application.make_server(application.build(), listener=listener, verbose=verbose)
    apis = application.make_server(gateway.serve, listener=apis_listener, verbose=verbose)
    threading.Thread(target=apis.serve_forever, name="deployed-apis", daemon=True).start()
    print(f"localaws: serving on {configured.url}, deployed APIs on {configured.apis_url}", flush=True)
    if ready_file is not None:
        _announce(ready_file, configured)
    else:
        _print_exports(configured)
    try:
        server.serve_forever()
    finally:
        server.server_close()
        listener.close()
