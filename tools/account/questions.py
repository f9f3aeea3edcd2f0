"""Questions to an AWS account before a deployment: what is asked, who is told, and what is found.

A question that the credentials may not ask is a finding of its own, so that a pipeline with few permissions still
learns what it can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any, Final, TypeVar

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import create_loader
from botocore.parsers import ResponseParserError

from catalog.deployment import Deployment
from stacks.declarations import JumpStartModel
from stacks.placement import AnyPlacement, Placement

# The shapes in which AWS's services say that a permission is missing; a HEAD request has a status only.
DENIALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
_LONGEST_MESSAGE = 300
# Keeps the services' models for all clients: to read them again takes up to a second each.
_LOADER: Final = create_loader()

ClientFactory = Callable[..., Any]
"""Makes a boto3 client from a service's name, and the keywords `region` and, where signing is off, `signed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A declared model, about which the account is asked.

    Attributes:
        place: The declaration.
    """

    place: AnyPlacement


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Asked):
    """A declared model of the catalogue, with its needs.

    Attributes:
        place: The declaration.
        deployment: The resolved model.
    """

    place: Placement[JumpStartModel]
    deployment: Deployment


AnyAsked = TypeVar("AnyAsked", bound=Asked)


class NotAnsweredError(Exception):
    """A question that AWS did not answer; the text says why.

    Attributes:
        code: AWS's error code; None where the request did not get that far.
    """

    def __init__(self, text: str, *, code: str | None = None) -> None:
        """Store the code beside the text."""
        super().__init__(text)
        self.code = code


def make_client(service: str, *, region: str, signed: bool = True) -> Any:
    """Make a client with the credentials of this shell, or with none.

    Args:
        service: Name of the service in boto3.
        region: AWS region.
        signed: Whether requests are signed.
    """
    unsigned = None if signed else Config(signature_version=UNSIGNED)
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=10, read_timeout=30)
    session = botocore.session.Session()
    session.register_component("data_loader", _LOADER)
    return boto3.session.Session(botocore_session=session).client(
        service,  # type: ignore[call-overload] # the stubs list every service as a literal
        region_name=region,
        config=config.merge(unsigned) if unsigned else config,
    )


def ask(action: str, operation: Callable[..., Any], **parameters: Any) -> Any:
    """Call an API.

    Args:
        action: The IAM action that it needs, such as `ecr:BatchGetImage`.
        operation: The client's method.
        **parameters: Its parameters.

    Raises:
        NotAnsweredError: If AWS refuses, does not know the thing, or cannot be reached.
    """
    try:
        return operation(**parameters)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in DENIALS:
            raise NotAnsweredError(f"missing permission {action} ({code})", code=code) from error
        message = error.response["Error"].get("Message", "")
        raise NotAnsweredError(f"{action} answers {code}: {_line(message)}", code=code) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise NotAnsweredError(f"{action}: {_line(str(error))}") from error


def _line(text: str) -> str:
    """Return a message on one line: a proxy between AWS and here may answer with a page of HTML."""
    return shorten(text.partition("<!doctype")[0], _LONGEST_MESSAGE, placeholder=" ...")


def grouped(asked: Sequence[AnyAsked], key: Callable[[AnyAsked], Any]) -> dict[Any, list[AnyAsked]]:
    """Sort stacks into groups that share a value, in the order in which the values first come up."""
    groups: dict[Any, list[AnyAsked]] = {}
    for one in asked:
        groups.setdefault(key(one), []).append(one)
    return groups


def places(asked: Sequence[Asked]) -> str:
    """Name stacks in a finding."""
    return ", ".join(str(one.place) for one in asked)
