"""Check a folder of training data, and upload it to where the pipeline reads."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from boto3.s3.transfer import TransferConfig

from tools.dataset.check import check, of_stack
from tools.deployed import DeclaredStack, outputs
from tools.finetune.data import objects, split
from tools.finetune.pipeline import FineTuningError, client, declared
from training import dataset

# S3 takes a file in parts of up to 5 GiB; parts of 16 MB are sent 4 at a time.
_TRANSFER = TransferConfig(multipart_threshold=16 * 2**20, multipart_chunksize=16 * 2**20, max_concurrency=4)
_NAMED_OBJECTS = 5


def checked(stack: DeclaredStack, folder: Path) -> dataset.Report:
    """Check the data in a folder against the declaration, as the pipeline's first step does.

    Args:
        stack: The stack.
        folder: The folder.

    Returns:
        The report of data that can be used.

    Raises:
        FineTuningError: If the stack is none of a fine-tuned model.
        training.dataset.DataError: If the data cannot be used.
        training.dataset.OptionsError: If a hyperparameter makes no sense.
        training.dataset.SourceError: If the folder cannot be read.
    """
    report = check(of_stack(stack.path, declared(stack)), str(folder))
    report.raise_for_errors()
    return report


def upload(
    stack: DeclaredStack, folder: Path, *, replace: bool = False, report: Callable[[str, int, int], None]
) -> str:
    """Upload a folder to the declared data's prefix.

    Args:
        stack: The stack, deployed.
        folder: The folder.
        replace: What the prefix holds is replaced: files of the same name by the new ones; the others are deleted.
        report: Takes a file's name, the bytes of it that are uploaded, and its bytes in all.

    Returns:
        The prefix.

    Raises:
        FineTuningError: If the prefix holds anything, and it is not to be replaced, or is a whole bucket.
        training.dataset.SourceError: If the folder cannot be read.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    declared(stack)
    found = outputs(stack)
    prefix = f"{found['DataPrefix'].rstrip('/')}/"
    bucket, key = split(prefix)
    s3 = client(stack, "s3")
    there = objects(s3, prefix)
    if there and not replace:
        raise FineTuningError(_refusal(prefix, there))
    if there and not key:
        # Nobody would expect that of data that is declared as a whole bucket.
        raise FineTuningError(
            f"--replace would delete all of the bucket {bucket}: declare data_prefix as a folder of it"
        )
    # Another bucket has an encryption of its own, which S3 applies by itself.
    own = bucket == found.get("BucketName")
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": found["KeyArn"]} if own else {}
    files = dataset.LocalFolder(folder).files()
    for file in files:
        s3.upload_file(
            str(folder / file.name),
            bucket,
            f"{key}{file.name}",
            ExtraArgs=encryption,
            Callback=_progress(file, report),
            Config=_TRANSFER,
        )
    # At last: a run that starts meanwhile finds more than the data, never nothing.
    new = {f"{key}{file.name}" for file in files}
    for old in [one["Key"] for one in there if one["Key"] not in new]:
        s3.delete_object(Bucket=bucket, Key=old)
    return prefix


def _progress(file: dataset.File, report: Callable[[str, int, int], None]) -> Callable[[int], None]:
    # Parts of a large file are sent at once, each by a thread.
    lock, sent = Lock(), 0

    def count(more: int) -> None:
        nonlocal sent
        with lock:
            sent += more
            report(file.name, sent, file.size)

    report(file.name, 0, file.size)
    return count


def _refusal(prefix: str, there: list[dict[str, Any]]) -> str:
    names = [f"{one['Key'].removeprefix(split(prefix)[1])} of {one['LastModified']:%Y-%m-%d %H:%M}" for one in there]
    more = f" and {len(names) - _NAMED_OBJECTS} more" if len(names) > _NAMED_OBJECTS else ""
    return (
        f"{prefix} holds data already, which the next training would read: {', '.join(names[:_NAMED_OBJECTS])}{more}; "
        "--replace deletes it once the new data is there"
    )
