"""SNS topics with a key: who publishes must be allowed to use it.

Source: SNS Developer Guide, "Managing Amazon SNS encryption keys and costs": a publisher to an encrypted topic needs
`kms:GenerateDataKey` and `kms:Decrypt` on the topic's key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.core.exceptions import _RESTError
from moto.kms.models import kms_backends
from moto.sns.responses import SNSResponse

from localaws import iam, settings
from localaws.moto_patches import replace

_MOTO: Final[dict[str, Callable[..., Any]]] = {}

ACTIONS: Final = ("kms:GenerateDataKey", "kms:Decrypt")
"""Actions on the topic's key that a publisher to an encrypted topic needs."""


def install() -> None:
    """Check calls before moto's Publish."""
    _MOTO.setdefault("publish", SNSResponse.publish)
    replace(SNSResponse, "publish", _publish)


def key_of(topic: Any) -> Any:
    """Return moto's key that encrypts moto's topic, or None without one of the account's own."""
    name = topic.kms_master_key_id if topic else None
    if not name or name == "alias/aws/sns":
        return None
    backend = kms_backends[settings.ACCOUNT][topic.arn.split(":")[3]]
    return backend.keys[backend.any_id_to_key_id(name)]


def encryption_context(topic_arn: str) -> Mapping[str, str]:
    """Return the condition keys of the encryption context with which SNS uses a topic's key."""
    return {"kms:EncryptionContext:aws:sns:topicArn": topic_arn}


def _publish(response: Any) -> Any:
    identity = iam.caller(response.headers.get("Authorization"))
    arn = response._get_param("TopicArn") or response._get_param("TargetArn") or ""
    key = key_of(response.backend.topics.get(arn))
    if identity is not None and identity.statements is not None and key is not None:
        for action in ACTIONS:
            try:
                iam.authorize(identity, action=action, resource=key.arn, context=encryption_context(arn))
            except iam.AccessDeniedError as error:
                refusal = _RESTError("KMSAccessDenied", str(error))
                refusal.code = 400
                raise refusal from error
    return _MOTO["publish"](response)
