"""Start a training on data that is there and that the pipeline's roles may read."""

import re
from pathlib import Path
from shlex import quote
from typing import Any

from botocore.exceptions import ClientError

from tools.deployed import DeclaredStack, output
from tools.finetune.pipeline import FineTuningError, client, code_of, declared, start_execution

# S3 user guide, "General purpose bucket naming rules".
_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.DOTALL)
# The caller may have no right to look where the pipeline's roles have one.
_UNSEEN = {"AccessDenied", "AllAccessDisabled", "403", "Forbidden"}


def start(stack: DeclaredStack, *, data_prefix: str | None = None) -> str:
    """Start a training.

    Args:
        stack: The stack, deployed.
        data_prefix: Data to train on in place of the declared, `s3://bucket/prefix/`.

    Returns:
        The execution's ARN.

    Raises:
        FineTuningError: If the stack is none of a fine-tuned model, or the data is not in S3, not there, or where the
            pipeline's roles may not read.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    declared(stack)
    refuse_elsewhere(stack, data_prefix)
    readable = _readable(stack)
    prefix = _with_slash(readable[0] if data_prefix is None else data_prefix)
    if data_prefix is not None and not any(prefix.startswith(one) for one in readable):
        raise FineTuningError(
            f"--data is {data_prefix!r}: the pipeline's roles may not read it; allowed: {', '.join(readable)}, and "
            "prefixes below; another place is declared as data_prefix"
        )
    _refuse_empty(stack, prefix)
    return start_execution(stack, {"dataPrefix": prefix} if data_prefix is not None else {})


def objects(s3: Any, prefix: str) -> list[dict[str, Any]]:
    """List the objects below a prefix, without markers of folders.

    Args:
        s3: Client of S3.
        prefix: `s3://bucket/prefix/`.
    """
    bucket, key = split(prefix)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
    return [one for page in pages for one in page.get("Contents", []) if not one["Key"].endswith("/")]


def split(uri: str) -> tuple[str, str]:
    """Split an `s3://` URI into bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def refuse_elsewhere(stack: DeclaredStack, given: str | None) -> None:
    """Refuse what is no prefix in S3, without asking AWS.

    Args:
        stack: The stack.
        given: The prefix; None for the declared one.

    Raises:
        FineTuningError: If it is none.
    """
    if given is None or _URI.fullmatch(given):
        return
    if given.startswith("s3://"):
        raise FineTuningError(f"--data is {given!r}: allowed is s3://BUCKET/PREFIX/ with a bucket's name")
    folder = Path(given).parent if Path(given).is_file() else Path(given)
    named = quote(str(folder)) if folder.exists() else "DIR"
    advice = f"./jumpstack finetune upload {stack.path} {named}"
    raise FineTuningError(
        f"--data is {given!r}: allowed is a prefix in S3, s3://BUCKET/PREFIX/; {advice} uploads a folder"
    )


def _readable(stack: DeclaredStack) -> list[str]:
    """List the prefixes that the pipeline's roles may read, the declared data's first."""
    validation = declared(stack).validation_prefix
    return [output(stack, "DataPrefix"), *([validation] if validation else [])]


def _refuse_empty(stack: DeclaredStack, prefix: str) -> None:
    s3 = client(stack, "s3")
    bucket, key = split(prefix)
    try:
        if _holds(s3, bucket, key):
            return
        file = f"{prefix.rstrip('/')}"
        if _holds_object(s3, bucket, split(file)[1]):
            raise FineTuningError(f"{file} is a file: allowed is the prefix of a folder, {file.rpartition('/')[0]}/")
    except ClientError as error:
        if code_of(error) in _UNSEEN:
            return
        if code_of(error) == "NoSuchBucket":
            raise FineTuningError(f"{prefix} is not there: there is no bucket {bucket}") from error
        raise
    raise FineTuningError(
        f"{prefix} holds no data: ./jumpstack finetune upload {stack.path} DIR checks and uploads a folder"
    )


def _holds(s3: Any, bucket: str, key: str) -> bool:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=10).get("Contents", [])
    return any(not one["Key"].endswith("/") for one in listed)


def _holds_object(s3: Any, bucket: str, key: str) -> bool:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return bool(key) and any(one["Key"] == key for one in listed)


def _with_slash(prefix: str) -> str:
    # Without the slash, `data` would include `database/` as well.
    return f"{prefix.rstrip('/')}/"
