"""Keys of log groups: the key's policy must let CloudWatch Logs use it, for the group at hand.

Source: CloudWatch Logs user guide, "Encrypt log data in CloudWatch Logs using AWS KMS", steps 2 and 3: the service's
principal has the region in its name, and the encryption context `aws:logs:arn` is the log group's ARN. The refusal's
words are AWS's, as users quote them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.kms.models import kms_backends
from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from localaws.iam.policy import Decision, Principal, Request, evaluate, statements_of
from localaws.moto_patches import add, replace
from localaws.settings import ACCOUNT

_MOTO: Final[dict[str, Callable[..., Any]]] = {}
# Of the actions that the guide's key policy has, those that have an encryption context (KMS API reference).
_ACTIONS: Final = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")


def install() -> None:
    """Check keys where moto takes any, and add the two operations that it lacks."""
    _MOTO.setdefault("create_log_group", LogsBackend.create_log_group)
    replace(LogsBackend, "create_log_group", _create_log_group)
    add(LogsResponse, "associate_kms_key", _associate_kms_key)
    add(LogsResponse, "disassociate_kms_key", _disassociate_kms_key)


def _create_log_group(backend: Any, log_group_name: str, tags: dict[str, str], **settings: Any) -> Any:
    if settings.get("kmsKeyId"):
        _require_key(backend.region_name, log_group_name, settings["kmsKeyId"])
    return _MOTO["create_log_group"](backend, log_group_name, tags, **settings)


def _associate_kms_key(response: Any) -> str:
    group = _group(response)
    key = response._get_param("kmsKeyId")
    _require_key(response.region, group.name, key)
    group.kms_key_id = key
    return ""


def _disassociate_kms_key(response: Any) -> str:
    _group(response).kms_key_id = None
    return ""


def _group(response: Any) -> Any:
    groups = response.logs_backend.groups
    name = response._get_param("logGroupName")
    if name not in groups:
        raise ResourceNotFoundException
    return groups[name]


def _require_key(region: str, log_group_name: str, key_arn: str) -> None:
    arn = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{log_group_name}"
    if not _may_use(key_arn, region, arn):
        raise InvalidParameterException(
            f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{arn}'"
        )


def _may_use(key_arn: str, region: str, log_group_arn: str) -> bool:
    key = kms_backends[ACCOUNT][region].keys.get(key_arn.rpartition("/")[2])
    if key is None or not key.enabled:
        return False
    statements = statements_of(key.policy)
    principal = Principal(kind="Service", names=(f"logs.{region}.amazonaws.com",))
    context = {"kms:EncryptionContext:aws:logs:arn": log_group_arn}
    return all(
        evaluate(statements, Request(action=action, principal=principal, context=context)) is Decision.ALLOWED
        for action in _ACTIONS
    )
