"""boto3 clients with a role's identity: what a service does on somebody's behalf is held to that role's policies."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config

from localaws import clients, settings

# Creating a client is not thread-safe (boto3 guide, "Multithreading or multiprocessing with clients").
_CREATION = threading.Lock()

# One session reads the services' models once; a session a client takes a fifth of a second and 5 MB each time.
_SESSION = boto3.session.Session()

# A function that a task invokes may run for 900 s.
_READ_TIMEOUT_SECONDS = 910


def role_client(service: str, region: str, role_arn: str, *, session_name: str) -> Any:
    """Return the client of `service` in `region` that acts as a session of a role.

    Whether the service may take on the role is the caller's to find out (`localaws.iam.can_be_assumed_by`).

    Args:
        service: boto3's name of the service.
        region: a region's name.
        role_arn: the role, which must exist.
        session_name: the session's name, of 64 characters at most.
    """
    with _CREATION:
        return _client(service, region, role_arn, session_name[:64], settings.current().url)


@lru_cache(maxsize=256)
def _client(service: str, region: str, role_arn: str, session_name: str, url: str) -> Any:
    credentials = _credentials(role_arn, session_name, url)
    return _SESSION.client(
        service,  # type: ignore[call-overload] # the stubs list every service as a literal; here it is a value
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=_READ_TIMEOUT_SECONDS,
        ),
    )


@lru_cache(maxsize=256)
def _credentials(role_arn: str, session_name: str, url: str) -> dict[str, str]:
    sts = clients.client("sts", "us-east-1")
    credentials: dict[str, str] = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
    return credentials
