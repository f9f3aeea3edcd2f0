"""Limits of Bedrock's Custom Model Import and of this app's use of it, as pure rules.

The constructs raise on a breach when they are used alone; the preflight reports it with the declaration's place. The
functions in `lambda/model_import`, which are islands, have limits of their own; a test holds both equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from catalog.limits.endpoint import Breach, is_whole

REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1")
"""Regions with Custom Model Import (Bedrock User Guide, "Import a customized model")."""
BODIES = ("chat", "completion", "native", "converse")
"""Bodies of requests to an imported model (lambda/invoke_shim/settings.py)."""
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

LONGEST_PREFIX = 954
"""Characters: `s3Uri` of CreateModelImportJob has 1024, of which a bucket takes 63 and `s3://`, `/` the rest."""
MOST_SMOKE_BYTES = 1000
"""Bytes of each text of the smoke test, of the 4 KB that Lambda gives to a function's environment variables."""

# API CreateModelImportJob: the model's name allows no two hyphens in a row and no dots, the job's no underscores.
_NAME = re.compile(r"[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*")
# API CreateModelImportJob, s3Uri.
_PREFIX = re.compile(r"(?:[-!_*'().a-z0-9A-Z]+/)*")
_BUCKET = re.compile(r"[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+(\.\d+){3}")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_ACCOUNT = re.compile(r"[0-9]{12}")
_KEY = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):key/[a-zA-Z0-9-]{36}")
# API CreateModelImportJob, Tag: fewer characters than tags of resources in CloudFormation may have.
_TAG = re.compile(r"[a-zA-Z0-9\s._:/=+@-]*")
_LONGEST_SOURCE_NAME = 63
_SOURCE_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")


def takes_messages(body: str) -> bool:
    """Return whether a body takes a chat's messages, which Bedrock turns into a prompt by the weights' template."""
    return body in {"chat", "converse"}


def name(text: str) -> Iterator[Breach]:
    """Check the name that a model's versions share."""
    if len(text) > LONGEST_NAME or not _NAME.fullmatch(text):
        allowed = f"letters, digits and single inner hyphens, at most {LONGEST_NAME} characters"
        sentence = f"model_name is {text!r}: allowed are {allowed}, because a version follows"
        yield Breach("model_name", repr(text), allowed, sentence)


def body(text: str) -> Iterator[Breach]:
    """Check the body of requests to a model."""
    if text not in BODIES:
        allowed = ", ".join(BODIES)
        yield Breach("body", repr(text), allowed, f"body is {text!r}: allowed are {allowed}")


def region(text: str) -> Iterator[Breach]:
    """Check that a region has Custom Model Import."""
    if text not in REGIONS:
        allowed = ", ".join(REGIONS)
        yield Breach(
            "region", repr(text), allowed, f"the stack's region is {text!r}: custom model import is in {allowed}"
        )


def keep_versions(count: int) -> Iterator[Breach]:
    """Check the number of versions that stay imported."""
    if not is_whole(count) or not 1 <= count <= MOST_VERSIONS:
        allowed = f"1 to {MOST_VERSIONS}"
        yield Breach("keep_versions", f"{count}", allowed, f"keep_versions is {count}: allowed are {allowed}")


def tag(key: str, value: str) -> Iterator[Breach]:
    """Check a tag that imported versions are to carry; its lengths are those of all tags."""
    if not _TAG.fullmatch(key) or not _TAG.fullmatch(value):
        allowed = "letters without marks, digits, spaces and ._:/=+@- in keys and values"
        sentence = f"tags[{key!r}] is {value!r}: allowed are {allowed}"
        yield Breach(f"tags[{key!r}]", repr(value), allowed, sentence)


def models_for_update(kept: Sequence[int]) -> int:
    """Return the most imported models at a time while one of several is updated.

    The served version stays until the new one serves, and only old versions of the same model make room
    (lambda/model_import/planning.py): two of that which keeps the fewest, beside all that the others keep.

    Args:
        kept: Number of versions that each model keeps; one model at least.
    """
    return sum(kept) - min(kept) + 2


def prefix(text: str) -> Iterator[Breach]:
    """Check the prefix of weights' keys; empty is the whole bucket."""
    allowed = ""
    if text.startswith("/") or (text and not text.endswith("/")):
        allowed = "a prefix that ends, and does not begin, with /"
    elif not _PREFIX.fullmatch(text):
        allowed = "letters, digits and !-_.*'() between single slashes"
    elif len(text) > LONGEST_PREFIX:
        allowed = f"at most {LONGEST_PREFIX} characters"
    if allowed:
        yield Breach("prefix", repr(text), allowed, f"weights.prefix is {text!r}: allowed is {allowed}")


def bucket(text: str) -> Iterator[Breach]:
    """Check a bucket's name (Amazon S3 User Guide, "General purpose bucket naming rules")."""
    reserved = text.startswith(_RESERVED_PREFIXES) or text.endswith(_RESERVED_SUFFIXES)
    if not _BUCKET.fullmatch(text) or ".." in text or _ADDRESS.fullmatch(text) or reserved:
        allowed = "a bucket's name: 3 to 63 lower-case letters, digits, hyphens and single dots, no ip address"
        yield Breach("bucket", repr(text), allowed, f"bucket is {text!r}: allowed is {allowed}")


def account(text: str) -> Iterator[Breach]:
    """Check an account's id."""
    if not _ACCOUNT.fullmatch(text):
        yield Breach("account", repr(text), "12 digits, or None", f"account is {text!r}: allowed are 12 digits")


def key_arn(text: str, *, region: str) -> Iterator[Breach]:
    """Check the key of weights, which IAM takes by its ARN only, and S3 in its bucket's region.

    Args:
        text: The ARN.
        region: The bucket's, and so the model's.
    """
    found = _KEY.fullmatch(text)
    if found is None:
        allowed = f"arn:aws:kms:{region}:<account>:key/<id>; an alias is none"
    elif found["region"] != region:
        allowed = f"one of region {region}, where the bucket must be"
    else:
        return
    yield Breach("key_arn", repr(text), allowed, f"key_arn is {text!r}: allowed is {allowed}")


def key_account(text: str) -> str | None:
    """Return the account of a key's ARN; None for any other text."""
    found = _KEY.fullmatch(text)
    return found["account"] if found else None


def source_name(subject: str, text: str) -> Iterator[Breach]:
    """Check the name of a SageMaker model or training job (API CreateModel, CreateTrainingJob)."""
    if len(text) > _LONGEST_SOURCE_NAME or not _SOURCE_NAME.fullmatch(text):
        allowed = f"1 to {_LONGEST_SOURCE_NAME} letters, digits and inner hyphens"
        yield Breach(subject, repr(text), allowed, f"{subject} is {text!r}: allowed are {allowed}")


def smoke_text(subject: str, text: str | None) -> Iterator[Breach]:
    """Check a text of the smoke test; None leaves it to the test.

    It travels as an environment variable of a function, and Lambda takes 4 KB of them in all.
    """
    if text is None:
        return
    size = len(text.encode())
    if not text.strip():
        yield Breach(subject, repr(text), "a text, or None", f"{subject} is {text!r}: allowed is a text, or None")
    elif size > MOST_SMOKE_BYTES:
        value, allowed = f"{size} bytes long", f"at most {MOST_SMOKE_BYTES} bytes"
        yield Breach(subject, value, allowed, f"{subject} is {value}: allowed are {allowed}")
