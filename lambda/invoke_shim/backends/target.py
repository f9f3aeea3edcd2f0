"""The target of requests: an endpoint's name or an imported model's ARN, fixed or looked up.

With a parameter, another version is served by writing its name into the parameter, without a deployment; the
function notices within `CACHED_SECONDS`. CloudFormation writes the template's `none` into it again where a property of
the parameter changes, such as a tag: the version that was written last is served on.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from invoke_shim.backends import connections
from invoke_shim.backends.service_errors import denied
from invoke_shim.contract import NO_TARGET, TARGET_REMOVED
from invoke_shim.errors import NO_RETRY, ApiError, retry_after

CACHED_SECONDS = 10.0
"""Cache lifetime of the pointer parameter."""

NO_VERSION_SECONDS = 30
"""`retry-after` while a deployment brings the first version, which takes minutes."""

T = TypeVar("T")


class TargetGoneError(ApiError):
    """The target does not exist, or may not. It may have been replaced since its name was looked up.

    Args:
        message: Names the target.
        upstream: The backend's own name of the error, for the log only.
        status: The HTTP status if nothing has replaced it.
    """

    def __init__(self, message: str, *, upstream: str, status: int = 503) -> None:
        super().__init__(message, status=status, type="server_error", headers=NO_RETRY, upstream=upstream)


class Target(Protocol):
    """The name of the endpoint or model to send to."""

    def resolve(self) -> str:
        """Return the endpoint's name or the imported model's ARN.

        Raises:
            ApiError: None is served, or it cannot be looked up.
        """

    def expire(self) -> None:
        """Look it up again the next time: the named endpoint or model is gone."""


def send_to(target: Target, send: Callable[[str], T]) -> T:
    """Send to the target; to its successor, if it was replaced meanwhile.

    Args:
        target: The target.
        send: Sends to a name; raises TargetGoneError if nothing has that name.

    Raises:
        ApiError: Raised by `send`, or the name cannot be looked up.
    """
    name = target.resolve()
    try:
        return send(name)
    except TargetGoneError:
        target.expire()
        successor = target.resolve()
        if successor == name:
            raise
    return send(successor)


def create_target(name: str | None, parameter: str | None, *, pipeline: str | None = None) -> Target:
    """Create the target that the settings name.

    Args:
        name: Return the endpoint's name or the imported model's ARN.
        parameter: Instead of `name`, the SSM parameter that holds it.
        pipeline: The ENV/MODEL whose trainings write the parameter; None where a deployment does.

    Raises:
        ValueError: Neither is given.
    """
    if name is not None:
        return FixedTarget(name)
    if parameter is None:
        raise ValueError("neither a target nor a parameter that names one")
    return ParameterTarget(parameter, pipeline=pipeline)


class FixedTarget:
    """One endpoint or model for the function's whole life."""

    def __init__(self, name: str) -> None:
        self._name = name

    def resolve(self) -> str:
        """Return the endpoint's name or the imported model's ARN."""
        return self._name

    def expire(self) -> None:
        """Do nothing: there is nothing to look up."""


def create_client() -> Any:
    """Create the SSM client, only where a parameter is looked up: it takes as long as the backend's client."""
    config = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 3, "mode": "standard"})
    return connections.create_client("ssm", config)


class ParameterTarget:
    """The value of an SSM parameter.

    Args:
        parameter: The parameter's name.
        pipeline: The ENV/MODEL whose trainings write the parameter; None where a deployment does.
        client: Creates the SSM client when it is first needed.
        clock: Returns seconds of wall-clock time: a monotonic clock may stand still while the function is frozen.
    """

    def __init__(
        self,
        parameter: str,
        *,
        pipeline: str | None = None,
        client: Callable[[], Any] = create_client,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._parameter = parameter
        self._pipeline = pipeline
        self._create_client = client
        self._client: Any = None
        self._clock = clock
        self._value: str | None = None
        self._read_at: float | None = None

    def resolve(self) -> str:
        """Return the parameter's value, at most `CACHED_SECONDS` old if SSM answers, otherwise the last one known.

        Raises:
            ApiError: 503, there is no such parameter, its value is "none", or SSM does not answer and never
                did; 500, the function may not read it.
        """
        now = self._clock()
        # A clock that was set back makes the value old, not eternal.
        if self._read_at is None or not 0 <= now - self._read_at < CACHED_SECONDS:
            self._value = self._read()
            self._read_at = now
        if self._value is None:
            raise self._not_served()
        return self._value

    def expire(self) -> None:
        """Look the parameter up again the next time; the value stays the last one known."""
        self._read_at = None

    def _not_served(self) -> ApiError:
        # A first training takes hours, and somebody has to start it: to ask again soon is of no use.
        command = "./jumpstack finetune"
        advice = (
            f": {command} start {self._pipeline} trains a first one, {command} status {self._pipeline} shows those "
            "that run"
            if self._pipeline
            else f"; try again in {NO_VERSION_SECONDS} s"
        )
        return ApiError(
            f"no version of the model is served yet{advice}",
            status=503,
            type="server_error",
            code="model_not_served",
            headers=NO_RETRY if self._pipeline else retry_after(NO_VERSION_SECONDS),
            upstream=f"parameter {self._parameter}",
        )

    def _read(self) -> str | None:
        if self._client is None:
            self._client = self._create_client()
        try:
            value = str(self._client.get_parameter(Name=self._parameter)["Parameter"]["Value"]).strip()
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "ParameterNotFound":
                return None
            if code in ("AccessDeniedException", "AccessDenied"):
                message, parameter = str(error), f"the parameter {self._parameter}"
                raise denied(message, action="ssm:GetParameter", target=parameter, upstream=f"ssm {code}") from None
            return self._last_known(code)
        except BotoCoreError as error:
            return self._last_known(type(error).__name__)
        if value == TARGET_REMOVED:
            return None
        return self._written_last() if _is_none(value) else value

    def _written_last(self) -> str | None:
        """Return the newest value of the parameter's history that is a name and was not removed, or None.

        SSM keeps 100 versions, with the oldest first.
        """
        found: str | None = None
        page: dict[str, str] = {}
        while True:
            try:
                answer = self._client.get_parameter_history(Name=self._parameter, **page)
            except (BotoCoreError, ClientError):
                # A part of the history would name an old version.
                return self._value
            for version in answer["Parameters"]:
                value = str(version["Value"]).strip()
                if value == TARGET_REMOVED:
                    found = None
                elif not _is_none(value):
                    found = value
            if not answer.get("NextToken"):
                return found
            page = {"NextToken": answer["NextToken"]}

    def _last_known(self, upstream: str) -> str:
        """Return the last value: an old one is better than none, as the target changes seldom."""
        if self._value is not None:
            return self._value
        raise ApiError(
            "which version of the model is served cannot be looked up now; try again in 1 s",
            status=503,
            type="server_error",
            headers=retry_after(1),
            upstream=f"ssm {upstream}",
        )


def _is_none(value: str) -> bool:
    return value.lower() in ("", NO_TARGET)
