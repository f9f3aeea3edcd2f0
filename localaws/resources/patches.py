"""Mends what moto gets wrong in the operations that the handlers use."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from moto.apigateway.exceptions import UsagePlanNotFoundException
from moto.apigateway.models import RestAPI, UsagePlan
from moto.apigateway.responses import APIGatewayResponse
from moto.apigateway.urls import url_paths
from moto.cloudwatch.models import CloudWatchBackend
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeBucket, S3Backend, s3_backends
from moto.s3.responses import S3Response

from localaws.moto_patches import replace

_MOTO: Final[dict[str, Callable[..., Any]]] = {}
"""moto's own methods, which those below go on to."""


def install() -> None:
    """Replace moto's functions by this module's."""
    _MOTO.setdefault("tag_resource", APIGatewayResponse.tag_resource)
    _MOTO.setdefault("untag_resource", APIGatewayResponse.untag_resource)
    _MOTO.setdefault("patch_api", RestAPI.apply_patch_operations)
    _MOTO.setdefault("patch_usage_plan", UsagePlan.apply_patch_operations)
    _MOTO.setdefault("tag_of_cloudwatch", CloudWatchBackend.tag_resource)
    _MOTO.setdefault("delete_dashboards", CloudWatchBackend.delete_dashboards)
    # moto knows the tags' URL of stages alone; ARNs of others hold a slash too.
    for kind in ("restapis", "usageplans", "domainnames"):
        url_paths[f"{{0}}/tags/(?P<service>arn:[^/]+)/{kind}/(?P<name>[^/]+)$"] = APIGatewayResponse.dispatch
    replace(APIGatewayResponse, "tag_resource", _tag)
    replace(APIGatewayResponse, "untag_resource", _untag)
    replace(RestAPI, "apply_patch_operations", _patch_api)
    replace(UsagePlan, "apply_patch_operations", _patch_usage_plan)
    replace(CloudWatchBackend, "tag_resource", _tag_in_cloudwatch)
    replace(CloudWatchBackend, "delete_dashboards", _delete_dashboards)
    replace(FakeBucket, "_log_permissions_enabled_policy", _may_log_to)
    replace(S3Backend, "log_incoming_request", _deliver_no_log)
    for name in ("_bucket_response", "_key_response"):
        _MOTO.setdefault(name, getattr(S3Response, name))
        replace(S3Response, name, _owned(name))


def _tag_in_cloudwatch(backend: Any, arn: str, tags: dict[str, str]) -> None:
    """Tag a dashboard, too (API reference of TagResource); moto knows alarms alone."""
    if any(dashboard.arn == arn for dashboard in backend.dashboards.values()):
        backend.tagger.tag_resource(arn, backend.tagger.convert_dict_to_tags_input(tags))
        return
    _MOTO["tag_of_cloudwatch"](backend, arn, tags)


def _delete_dashboards(backend: Any, dashboards: list[str]) -> str | None:
    """Delete their tags with them, which the next of that name would have otherwise."""
    arns = [backend.dashboards[name].arn for name in dashboards if name in backend.dashboards]
    refusal: str | None = _MOTO["delete_dashboards"](backend, dashboards)
    if refusal is None:
        for arn in arns:
            backend.tagger.delete_all_tags_for_resource(arn)
    return refusal


def _may_log_to(bucket: Any, *, target_bucket: Any, target_prefix: str | None) -> bool:
    """Allow a bucket to log into any other of its account and region.

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


def _owned(name: str) -> Callable[[Any, Any, str], Any]:
    """Return moto's method of a name behind the check of the bucket's owner, which moto lacks.

    `x-amz-expected-bucket-owner` of another account is 403 Access Denied (S3 user guide, "Verifying bucket ownership
    with bucket owner condition"), `x-amz-source-expected-bucket-owner` likewise for the bucket that is copied from.
    """

    def answer(response: Any, request: Any, full_url: str) -> Any:
        source = unquote(request.headers.get("x-amz-copy-source", "")).lstrip("/").partition("/")[0]
        expected = (
            (response.bucket_name, "x-amz-expected-bucket-owner"),
            (source, "x-amz-source-expected-bucket-owner"),
        )
        for bucket, header in expected:
            owner = s3_backends.bucket_accounts.get(bucket, (None, None))[1]
            if request.headers.get(header, owner) != owner and owner is not None:
                if request.method == "HEAD":
                    # HeadBucket says the region with a refusal, too (API reference, HeadBucket).
                    region = s3_backends[owner]["aws"].buckets[bucket].region_name
                    return 403, {"x-amz-bucket-region": region}, ""
                raise S3AccessDeniedError
        return _MOTO[name](response, request, full_url)

    return answer


def _tag(response: Any) -> str:
    """Set the tags of an API, a usage plan or a domain name; moto knows those of stages."""
    owner = _tagged(response)
    if owner is None:
        return str(_MOTO["tag_resource"](response))
    tags = response._get_param("tags") or {}
    owner.tags = {**(owner.tags or {}), **tags}
    return json.dumps({"item": tags})


def _untag(response: Any) -> str:
    owner = _tagged(response)
    if owner is None:
        return str(_MOTO["untag_resource"](response))
    gone = response.querystring.get("tagKeys") or []
    owner.tags = {key: value for key, value in (owner.tags or {}).items() if key not in gone}
    return json.dumps({"item": ""})


def _tagged(response: Any) -> Any:
    """Return moto's object that a request about tags names, or None where that is a stage."""
    _, kind, name, *rest = unquote(response.path.split("/tags/")[1]).split("/")
    if rest:
        return None
    backend = response.backend
    match kind:
        case "restapis":
            return backend.get_rest_api(name)
        case "usageplans":
            return backend.get_usage_plan(name)
        case "domainnames":
            return backend.get_domain_name(name)
    raise UsagePlanNotFoundException


def _patch_api(api: Any, patch_operations: list[dict[str, Any]]) -> None:
    """Call moto, and mend that it takes any text for true."""
    _MOTO["patch_api"](api, patch_operations)
    for operation in patch_operations:
        if operation["path"] == "/disableExecuteApiEndpoint":
            api.disableExecuteApiEndpoint = operation.get("value") == "true"


def _patch_usage_plan(plan: Any, patch_operations: list[dict[str, Any]]) -> None:
    """Call moto for all but rates: it takes whole numbers only, and rates may be fractions."""
    rates = [one for one in patch_operations if one["path"] == "/throttle/rateLimit" and one["op"] != "remove"]
    _MOTO["patch_usage_plan"](plan, [one for one in patch_operations if one not in rates])
    for operation in rates:
        plan.throttle["rateLimit"] = float(operation["value"])
    for name in ("limit", "offset"):
        if name in plan.quota:
            plan.quota[name] = int(plan.quota[name])
