"""boto3 clients through which the local AWS calls itself.

Going through boto3 rather than into moto's back ends costs a millisecond or two a call and gives botocore's
check of every parameter, the service's own validation, and one way in for everybody.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from localaws.settings import ADMIN_ACCESS_KEY, SECRET_KEY, current

# Creating a client is not thread-safe (boto3 guide, "Multithreading or multiprocessing with clients"); using one is.
_CREATION = threading.Lock()

# Lambda's longest timeout is 900 s and an invocation answers only when the function has ended.
_READ_TIMEOUT_SECONDS = 910


def client(service: str, region: str) -> Any:
    """Return the client of `service` in `region`, with the credential that no policy is evaluated for.

    Args:
        service: boto3's name of the service, e.g. ``"s3"``.
        region: a region's name, e.g. ``"eu-central-1"``.
    """
    with _CREATION:
        return _client(service, region, current().url)


@cache
def _client(service: str, region: str, url: str) -> Any:
    config = Config(
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=_READ_TIMEOUT_SECONDS,
        max_pool_connections=50,
        parameter_validation=True,
    )
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload] # the stubs list every service as a literal; here it is a value
        region_name=region,
        endpoint_url=url,
        aws_access_key_id=ADMIN_ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=config,
    )
