"""Make the AWS clients of the functions, once a process, with AWS's standard retries."""

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

# `standard` waits up to 20 s in all; longer waits are states of the state machine.
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 5, "mode": "standard"})
# A model that is not loaded must be reported at once: the state machine waits, not the SDK.
_ONE_ATTEMPT = Config(connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 1})


@cache
def client(service: str) -> Any:
    """Return the client of a service, such as `bedrock`, in the function's own region."""
    config = _ONE_ATTEMPT if service == "bedrock-runtime" else _CONFIG
    return boto3.session.Session().client(service, config=config)  # type: ignore[call-overload] # the stubs list every service as a literal
