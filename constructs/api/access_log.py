"""What an API's access log says of a request: who, what, how long and how it ended; nothing of what was said."""

import json

from aws_cdk import aws_apigateway as apigateway

_FIELDS = {
    "requestId": "$context.requestId",
    "xrayTraceId": "$context.xrayTraceId",
    "requestTime": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "userArn": "$context.identity.userArn",
    "httpMethod": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "integrationStatus": "$context.integrationStatus",
    "errorType": "$context.error.responseType",
}
# The id of the key that was used; never the key itself, which is `$context.identity.apiKey`.
_KEY_FIELDS = {"apiKeyId": "$context.identity.apiKeyId", "authorizerLatency": "$context.authorizer.latency"}
_WEB_ACL_FIELDS = {"webAclResponse": "$context.wafResponseCode"}


def access_log_format(*, keys: bool, web_acl: bool) -> apigateway.AccessLogFormat:
    """Return the format of a stage's access log: one JSON object a request.

    Args:
        keys: Whether callers have keys.
        web_acl: Whether a web ACL filters requests.
    """
    fields = {**_FIELDS, **(_KEY_FIELDS if keys else {}), **(_WEB_ACL_FIELDS if web_acl else {})}
    return apigateway.AccessLogFormat.custom(json.dumps(fields))
