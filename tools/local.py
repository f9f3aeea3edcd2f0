"""The local AWS of this machine: one for the length of a block, or one that stays until it is stopped.

It answers nobody but who holds the credential that it made when it started. That is handed out by
`LocalAws.client_environment` alone; what stays of it on disk only the owner reads.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tools import engine
from tools.processes import ROOT, dies_with_its_parent
from tools.retired import retired

_STATE = ROOT / ".local" / "localaws.json"
# Mode bits: what is kept of a local AWS opens it.
_OWNER_ONLY = 0o600
_OWNERS_FOLDER = 0o700
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_ANSWER_SECONDS = 5.0
# Where the local AWS says its process's id (localaws/application.py), and is steered (localaws/steering.py).
_STEERING = "/_localaws"
# Names of this machine, at which no proxy of a company's network is asked.
_OWN_HOSTS = ("127.0.0.1", "localhost")
# The local AWS has every region, but clients insist on one.
_REGION = "us-west-2"

APIS_VARIABLE = "AWS_ENDPOINT_URL_EXECUTE_API"
"""The environment variable with the address of deployed APIs, named as AWS's clients name those of services."""

DEFAULT_ACCOUNT = "123456789012"
"""The account that a local AWS plays where none is declared."""

OTHER_AWS_VARIABLES = (
    "AWS_ACCOUNT_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
"""Variables that address or identify another AWS. Some clients prefer a profile to the keys of the environment; a token
beside foreign keys makes every signature wrong."""


class LocalAwsError(RuntimeError):
    """The local AWS does not start, does not stop, or refuses to be steered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAws:
    """A running local AWS.

    Attributes:
        url: The address of AWS's services, such as `http://127.0.0.1:4566`.
        apis_url: The address of deployed APIs.
        access_key_id: The access key that it takes.
        secret_access_key: The key's secret, which also opens the paths by which it is steered.
        pid: Its process.
        account: The account that it plays, 12 digits.
    """

    url: str
    apis_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    pid: int
    account: str = DEFAULT_ACCOUNT

    def client_environment(self) -> dict[str, str]:
        """Return the environment variables that send AWS's clients there; `OTHER_AWS_VARIABLES` must not be set."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            APIS_VARIABLE: self.apis_url,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Else a configuration file could send everything to AWS all the same.
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            **reached_directly(os.environ),
        }

    def put_into(self, environment: MutableMapping[str, str]) -> None:
        """Make an environment address this AWS and no other."""
        for name in other_aws_variables(environment):
            del environment[name]
        environment.update({**self.client_environment(), **reached_directly(environment)})

    @property
    def engine(self) -> str:
        """The name of what answers for its models; raises what `steer` raises."""
        return str(self.steer("GET", "")["engine"])

    def steer(self, method: str, path: str, document: Mapping[str, Any] | None = None) -> Any:
        """Send a request to a path that changes how its stand-ins behave, and return the answer.

        Args:
            method: The verb.
            path: The path below `/_localaws/`.
            document: The body.

        Raises:
            LocalAwsError: If it refuses.
            OSError: If it does not answer.
        """
        # Not at the top: all commands import this module, and few of them ask.
        import http.client  # noqa: PLC0415 - see above

        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_ANSWER_SECONDS)
        try:
            body = None if document is None else json.dumps(document)
            headers = {"Authorization": f"Bearer {self.secret_access_key}"}
            connection.request(method, f"{_STEERING}/{path}".rstrip("/"), body=body, headers=headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != http.client.OK:
                raise LocalAwsError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
            return json.loads(answer)
        except (ValueError, http.client.HTTPException) as error:
            raise LocalAwsError(f"{method} {path}: {error}") from error
        finally:
            connection.close()


def other_aws_variables(environment: Mapping[str, str]) -> list[str]:
    """List the variables of an environment by which clients would use another AWS, or another's credentials."""
    return [name for name in environment if name in OTHER_AWS_VARIABLES or name.startswith("AWS_ENDPOINT_URL")]


def reached_directly(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which clients reach this machine without the proxy that an environment may name.

    Args:
        environment: The environment; hosts that it lists already stay listed.
    """
    names = ("no_proxy", "NO_PROXY")
    hosts = [host.strip() for name in names for host in environment.get(name, "").split(",") if host.strip()]
    # Alone it means all hosts; in a list some clients take it for a name.
    listed = "*" if "*" in hosts else ",".join(dict.fromkeys([*hosts, *_OWN_HOSTS]))
    # Clients differ in which of the two they prefer.
    return dict.fromkeys(names, listed)


def _launch(
    arguments: list[str], *, account: str, log: Path, detached: bool
) -> tuple[subprocess.Popen[bytes], LocalAws]:
    command = [sys.executable, "-m", "localaws", "--port", "0", "--account", account, *arguments]
    with tempfile.TemporaryDirectory() as folder:
        ready_file = Path(folder) / "ready"
        log.touch(mode=_OWNER_ONLY)
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [*command, "--ready-file", str(ready_file)],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=detached,
                preexec_fn=None if detached else dies_with_its_parent,  # noqa: PLW1509 - no thread runs yet
            )
        deadline = time.monotonic() + _START_SECONDS
        try:
            while time.monotonic() < deadline and process.poll() is None:
                if ready_file.exists():
                    ready = json.loads(ready_file.read_text(encoding="utf-8"))
                    return process, LocalAws(**ready, pid=process.pid, account=account)
                time.sleep(0.05)
        except KeyboardInterrupt:
            process.kill()
            process.wait()
            raise KeyboardInterrupt("no local AWS was started") from None
        process.kill()
        raise LocalAwsError(f"the local AWS did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


@contextmanager
def running(*, account: str = DEFAULT_ACCOUNT, arguments: Sequence[str] = ()) -> Iterator[LocalAws]:
    """Run a local AWS that ends with the block, and with this process however that ends.

    Args:
        account: The account that it plays, 12 digits.
        arguments: Further arguments of its command line (`tools.engine`).

    Raises:
        LocalAwsError: If it does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        process, local_aws = _launch(
            [*arguments, "--parent-pid", str(os.getpid())],
            account=account,
            log=Path(folder) / "localaws.log",
            detached=False,
        )
        try:
            yield local_aws
        finally:
            process.terminate()
            try:
                process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def start(*, account: str = DEFAULT_ACCOUNT) -> LocalAws:
    """Start a local AWS that stays.

    Args:
        account: The account that it plays, 12 digits.

    Raises:
        EngineError: If the environment asks for an unknown engine.
        LocalAwsError: If it does not start, or one runs already.
    """
    there = find()
    if there is not None:
        raise LocalAwsError(
            f"a local AWS runs already, at {there.url}, with all that is deployed on it: ./jumpstack local stop"
        )
    stop()
    _STATE.parent.mkdir(exist_ok=True)
    # What an earlier version wrote there, others could read.
    _STATE.parent.chmod(_OWNERS_FOLDER)
    _STATE.with_suffix(".log").unlink(missing_ok=True)
    process, local_aws = _launch([*engine.arguments()], account=account, log=_STATE.with_suffix(".log"), detached=True)
    # It outlives this process on purpose, and is waited for by its id: nothing is to warn of a process left behind.
    process.returncode = 0
    _STATE.touch(mode=_OWNER_ONLY)
    _STATE.write_text(json.dumps(asdict(local_aws)), encoding="utf-8")
    return local_aws


def find() -> LocalAws | None:
    """Return the local AWS that was started to stay, where it still runs.

    What is written down of it may be old: the process that has its id by now may be anybody's, and so may the port.
    Only one that answers to its secret and says that id itself counts.
    """
    local_aws = _recorded()
    return local_aws if local_aws is not None and _says_its_id(local_aws) else None


def stop() -> LocalAws | None:
    """Stop the local AWS that was started to stay, and return it; None where none ran.

    The record of one that is gone is removed, which is said on stderr.

    Raises:
        LocalAwsError: If it does not stop.
    """
    recorded = _recorded()
    local_aws = recorded if recorded is not None and _says_its_id(recorded) else None
    if local_aws is not None:
        _end(local_aws.pid)
    elif _STATE.exists():
        which = f"the local AWS at {recorded.url} (process {recorded.pid})" if recorded else "a local AWS"
        print(f"removed the record of {which}, which does not answer; no process was ended", file=sys.stderr)
    _STATE.unlink(missing_ok=True)
    return local_aws


def _recorded() -> LocalAws | None:
    """Return the local AWS that is written down, whether it runs or not; None where nothing usable is."""
    try:
        state = json.loads(_STATE.read_text(encoding="utf-8"))
        texts = ("url", "apis_url", "access_key_id", "secret_access_key")
        account = str(state.get("account", DEFAULT_ACCOUNT))
        return LocalAws(**{name: str(state[name]) for name in texts}, pid=int(state["pid"]), account=account)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def _says_its_id(local_aws: LocalAws) -> bool:
    try:
        return int(local_aws.steer("GET", "")["pid"]) == local_aws.pid
    except (OSError, LocalAwsError, ValueError, KeyError, TypeError, OverflowError):
        return False


def _end(pid: int) -> None:
    """End a process that was just asked for its id, by force where it takes too long.

    Raises:
        LocalAwsError: If it runs on.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            # It has ended, and the id is nobody's, or by now another user's.
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            if not _runs(pid):
                return
            time.sleep(0.05)
    raise LocalAwsError(f"the local AWS (process {pid}) does not end")


def _runs(pid: int) -> bool:
    try:
        # A child of this process stays as a zombie until somebody waits for it.
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(retired("tools.local"))
