"""Log groups that API Gateway makes by itself: of a stage's execution, and one for the account.

They belong to no stack, have no key and no retention, and nothing deletes them.

Source: API Gateway developer guide, "Set up CloudWatch logging for REST APIs in API Gateway": the form of the stage's
name, and the group `/aws/apigateway/welcome` of an account whose setting names a role.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.apigateway.models import APIGatewayBackend
from moto.logs.models import logs_backends

from localaws import settings
from localaws.moto_patches import replace

_WELCOME: Final = "/aws/apigateway/welcome"
_MOTO: Final[dict[str, Callable[..., Any]]] = {}


def install() -> None:
    """Make the groups where moto sets what they are for."""
    for name, function in (("update_stage", _update_stage), ("update_account", _update_account)):
        _MOTO.setdefault(name, getattr(APIGatewayBackend, name))
        replace(APIGatewayBackend, name, function)


def _update_stage(backend: Any, function_id: str, stage_name: str, patch_operations: Any) -> Any:
    stage = _MOTO["update_stage"](backend, function_id, stage_name, patch_operations)
    levels = {one.get("loggingLevel", "OFF") for one in stage.method_settings.values()}
    if levels - {"OFF"}:
        _make(backend, f"API-Gateway-Execution-Logs_{function_id}/{stage_name}")
    return stage


def _update_account(backend: Any, patch_operations: list[dict[str, Any]]) -> Any:
    account = _MOTO["update_account"](backend, patch_operations)
    if account.cloudwatch_role_arn:
        _make(backend, _WELCOME)
    return account


def _make(backend: Any, name: str) -> None:
    logs_backends[settings.ACCOUNT][backend.region_name].ensure_log_group(name)
