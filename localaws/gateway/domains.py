"""Custom domain names: which stage answers under a Host, by the mapping of its base paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.apigateway.models import apigateway_backends

from localaws import settings

# What API Gateway calls the base path of a mapping that has none.
_ROOT = "(none)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A request by a custom domain name.

    Attributes:
        domain_name: The name.
        region: Region of the name and its APIs.
        api_id: The API.
        stage: The stage's name.
        path: The rest of the request's path, as it was sent.
    """

    domain_name: str
    region: str
    api_id: str
    stage: str
    path: str


def find(host: str, path: str) -> Mapped | None:
    """Find the stage that a Host and a path are mapped to; None where the Host is no such name, or nothing is mapped.

    Args:
        host: The value of the Host header, with or without a port.
        path: The request's path, as it was sent.
    """
    name = host.rpartition(":")[0] or host
    for region, backend in list(apigateway_backends[settings.ACCOUNT].items()):
        if name in backend.domain_names:
            return _mapped(name, region, backend.base_path_mappings.get(name, {}), path)
    return None


def _mapped(name: str, region: str, mappings: dict[str, Any], path: str) -> Mapped | None:
    first, _, rest = path.removeprefix("/").partition("/")
    mapping, left = mappings.get(first), f"/{rest}"
    if mapping is None:
        mapping, left = mappings.get(_ROOT), path
    if mapping is None:
        return None
    stage = mapping.stage
    if stage is None:
        # Without a stage in the mapping the path names it.
        stage, _, rest = left.removeprefix("/").partition("/")
        left = f"/{rest}"
    return Mapped(domain_name=name, region=region, api_id=mapping.rest_api_id, stage=stage, path=left)
