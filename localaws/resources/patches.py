"""Mends what moto gets wrong in the operations that the handlers use."""

from __future__ import annotations

from typing import Any

from moto.s3.models import FakeBucket, S3Backend

from localaws.moto_patches import replace


def install() -> None:
    """Put this module's functions in the place of moto's."""
    replace(FakeBucket, "_log_permissions_enabled_policy", _may_log_to)
    replace(S3Backend, "log_incoming_request", _deliver_no_log)


def _may_log_to(bucket: Any, *, target_bucket: Any, target_prefix: str | None) -> bool:
    """Let a bucket log into any other of its account and region.

    moto looks for the permission in the target's policy. S3 does not when logging is set (the CDK's policy for the
    target names the logging bucket, so that it can only come after it); without it no logs are delivered.
    """
    return True


def _deliver_no_log(backend: Any, request: Any, bucket_name: str) -> None:
    """Write no server access log.

    moto writes one object for each request at once, so that a log bucket is never empty when its stack is deleted.
    S3 delivers them within a few hours (S3 user guide, "Logging requests with server access logging"): later than
    anything that happens here.
    """
