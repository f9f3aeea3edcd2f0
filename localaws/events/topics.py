"""SNS topics with a key: who publishes must be allowed to use it.

Source: SNS Developer Guide, "Managing Amazon SNS encryption keys and costs": a publisher to an encrypted topic needs
`kms:GenerateDataKey` and `kms:Decrypt` on the topic's key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from moto.core.exceptions import _RESTError
from moto.sns.responses import SNSResponse

from localaws import clients, iam
from localaws.moto_patches import replace

_MOTO: Final[dict[str, Callable[..., Any]]] = {}
_ACTIONS: Final = ("kms:GenerateDataKey", "kms:Decrypt")


def install() -> None:
    """Check calls before moto's Publish."""
    _MOTO.setdefault("publish", SNSResponse.publish)
    replace(SNSResponse, "publish", _publish)


def _publish(response: Any) -> Any:
    identity = iam.caller(response.headers.get("Authorization"))
    topic = response.backend.topics.get(response._get_param("TopicArn") or response._get_param("TargetArn") or "")
    key = topic and topic.kms_master_key_id
    if identity is not None and identity.statements is not None and key and key != "alias/aws/sns":
        arn = clients.client("kms", response.region).describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        for action in _ACTIONS:
            try:
                iam.authorize(identity, action=action, resource=arn)
            except iam.AccessDeniedError as error:
                refusal = _RESTError("KMSAccessDenied", str(error))
                refusal.code = 400
                raise refusal from error
    return _MOTO["publish"](response)
