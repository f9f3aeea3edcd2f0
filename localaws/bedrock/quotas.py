"""The quotas of Custom Model Import in Service Quotas: those that the stand-in holds to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

from localaws import settings
from localaws.bedrock import behaviour
from localaws.moto_patches import add, replace

_MOTO: Final[dict[str, Callable[..., dict[str, Any]]]] = {}
"""moto's own method, which knows the quotas of Amazon VPC alone."""

# Code, name, whether it can be raised, what the stand-in holds to, and the default (Amazon Bedrock's quotas).
_QUOTAS: Final = (
    ("L-45B04988", "Imported models per account", True, "max_imported_models", 3),
    ("L-5F098EFA", "Concurrent model import jobs", False, "max_concurrent_imports", 1),
)


def install() -> None:
    """Replace moto's function by this module's."""
    _MOTO.setdefault("get", ServiceQuotasBackend.get_service_quota)
    replace(ServiceQuotasBackend, "get_service_quota", _get)
    add(ServiceQuotasResponse, "get_aws_default_service_quota", _get_default)


def _get_default(response: Any) -> str:
    """Answer GetAWSDefaultServiceQuota, which moto lacks."""
    wanted = json.loads(response.body)
    backend = response.backend
    quota = _get(backend, wanted["ServiceCode"], wanted["QuotaCode"])
    defaults = {code: float(default) for code, *_, default in _QUOTAS}
    return json.dumps({"Quota": {**quota, "Value": defaults.get(quota["QuotaCode"], quota["Value"])}})


def _get(backend: Any, service_code: str, quota_code: str) -> dict[str, Any]:
    for code, name, is_adjustable, attribute, _ in _QUOTAS:
        if (service_code, quota_code) == ("bedrock", code):
            region = backend.region_name
            return {
                "ServiceCode": "bedrock",
                "ServiceName": "Amazon Bedrock",
                "QuotaArn": f"arn:aws:servicequotas:{region}:{settings.ACCOUNT}:bedrock/{code}",
                "QuotaCode": code,
                "QuotaName": name,
                "Value": float(getattr(behaviour.of(region), attribute)),
                "Unit": "None",
                "Adjustable": is_adjustable,
                "GlobalQuota": False,
            }
    return _MOTO["get"](backend, service_code, quota_code)
