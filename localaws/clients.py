"""boto3 clients through which the local AWS calls itself, as itself or as a role.

A call through boto3 rather than into moto's back ends costs 1 to 2 ms and gives botocore's check of every parameter,
the service's own validation, and one way in for everybody.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

import boto3
from botocore.config import Config

from localaws.settings import current

# Creating a client is not thread-safe (boto3 guide, "Multithreading or multiprocessing with clients"); using one is.
_CREATION: Final = threading.Lock()

# One session reads the services' models once; a session a client takes a fifth of a second and 5 MB each time.
_SESSION: Final = boto3.session.Session()

_CONFIG: Final = Config(
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
    connect_timeout=5,
    # Lambda's longest timeout is 900 s, and an invocation answers only when the function has ended.
    read_timeout=910,
    max_pool_connections=50,
)


def client(service: str, region: str) -> Any:
    """Return the client of `service` in `region`, with the credential that no policy is evaluated for.

    Args:
        service: Name of the service in boto3, e.g. `"s3"`.
        region: A region's name, e.g. `"eu-central-1"`.
    """
    with _CREATION:
        return _admin_client(service, region, current().url)


def role_client(service: str, region: str, role_arn: str, *, session_name: str) -> Any:
    """Return the client of `service` in `region` that acts as a session of a role, held to the role's policies.

    The caller checks that the service may assume the role (`localaws.iam.can_be_assumed_by`).

    Args:
        service: Name of the service in boto3.
        region: A region's name.
        role_arn: The role, which must exist.
        session_name: The session's name; its first 64 characters are used.
    """
    with _CREATION:
        return _role_client(service, region, role_arn, session_name[:64], current().url)


@cache
def _admin_client(service: str, region: str, url: str) -> Any:
    own = current().own_credential
    return _made(service, region, url, {"AccessKeyId": own.access_key_id, "SecretAccessKey": own.secret_access_key})


@lru_cache(maxsize=256)
def _role_client(service: str, region: str, role_arn: str, session_name: str, url: str) -> Any:
    return _made(service, region, url, _credentials(role_arn, session_name, url))


@lru_cache(maxsize=256)
def _credentials(role_arn: str, session_name: str, url: str) -> Mapping[str, str]:
    sts = _admin_client("sts", "us-east-1", url)
    credentials: Mapping[str, str] = sts.assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
    return credentials


def _made(service: str, region: str, url: str, credentials: Mapping[str, str]) -> Any:
    return _SESSION.client(
        service,  # type: ignore[call-overload] # the stubs list every service as a literal; here it is a value
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        config=_CONFIG,
    )
