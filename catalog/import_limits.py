"""Limits of Bedrock's Custom Model Import, and of what this app makes around it, as pure rules.

The constructs raise on a breach when they are used alone; the preflight reports it with the declaration's place. What
the functions in `lambda/model_import` need of it they hold themselves, as islands do; a test holds both equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.limits import Breach

REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1")
"""Where Custom Model Import is (Bedrock User Guide, "Import a customized model")."""
BODIES = ("chat", "completion", "native", "converse")
"""How an imported model is asked (lambda/invoke_shim/settings.py)."""
LONGEST_NAME = 46
"""Characters of a model's name: a version follows, and an attempt's number (lambda/model_import/names.py)."""
MOST_VERSIONS = 10
"""Versions of one model that may stay imported: more than the account's quota will hold, however it was raised."""
MODELS_QUOTA = 3
"""Imported models an account and region by default (Service Quotas, L-45B04988, adjustable)."""
MODELS_QUOTA_CODE = "L-45B04988"
"""Code of the quota "Imported models per account"."""
MOST_TEXT_BYTES = 200_000_000_000
"""Weights of a text model are smaller (Bedrock User Guide, "Import a customized model")."""
MOST_MULTIMODAL_BYTES = 100_000_000_000
"""Weights of a multimodal model are smaller (Bedrock User Guide, "Import a customized model")."""

# API CreateModelImportJob: the model's name allows no two hyphens in a row and no dots, the job's no underscores.
_NAME = re.compile(r"[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*")


def takes_messages(body: str) -> bool:
    """Whether a body takes a chat's messages, so that Bedrock writes the prompt by the template in the weights."""
    return body in {"chat", "converse"}


def name(text: str) -> Iterator[Breach]:
    """Find what is wrong with the name that a model's versions share."""
    if len(text) > LONGEST_NAME or not _NAME.fullmatch(text):
        allowed = f"letters, digits and single inner hyphens, at most {LONGEST_NAME} characters"
        sentence = f"model_name is {text!r}: allowed are {allowed}, because a version follows"
        yield Breach("model_name", repr(text), allowed, sentence)


def body(text: str) -> Iterator[Breach]:
    """Find what is wrong with how a model is asked."""
    if text not in BODIES:
        allowed = ", ".join(BODIES)
        yield Breach("body", repr(text), allowed, f"body is {text!r}: allowed are {allowed}")


def region(text: str) -> Iterator[Breach]:
    """Find out that a region has no Custom Model Import."""
    if text not in REGIONS:
        allowed = ", ".join(REGIONS)
        yield Breach(
            "region", repr(text), allowed, f"the stack's region is {text!r}: custom model import is in {allowed}"
        )


def keep_versions(count: int) -> Iterator[Breach]:
    """Find what is wrong with how many versions stay imported."""
    if isinstance(count, bool) or count != int(count) or not 1 <= count <= MOST_VERSIONS:
        allowed = f"1 to {MOST_VERSIONS}"
        yield Breach("keep_versions", f"{count}", allowed, f"keep_versions is {count}: allowed are {allowed}")
