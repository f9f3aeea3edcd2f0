"""The engine's errors; their texts are what CloudFormation would say."""

from __future__ import annotations

import traceback

from botocore.exceptions import BotoCoreError, ClientError


class CloudFormationError(Exception):
    """Something that the user of a template or of the API can mend."""


class TemplateError(CloudFormationError):
    """A template, or a request about one, is refused before anything is touched."""


class ResourceError(CloudFormationError):
    """One resource cannot be created, updated or deleted."""


def reason_of(error: Exception) -> str:
    """Return an error's text as CloudFormation words the reason of a failed resource."""
    if isinstance(error, CloudFormationError):
        return str(error)
    if isinstance(error, ClientError):
        details = error.response.get("Error", {})
        service = error.operation_name
        return (
            f'Resource handler returned message: "{details.get("Message", "")}" '
            f"(Operation: {service}, HandlerErrorCode: {details.get('Code', 'Unknown')})"
        )
    if isinstance(error, BotoCoreError):
        return f'Resource handler returned message: "{error}" (HandlerErrorCode: InvalidRequest)'
    # Anything else is a fault of the local AWS itself: the deployment fails, and the terminal shows where.
    traceback.print_exception(error)
    return f"Internal Failure: {type(error).__name__}: {error}"
