"""Weights for the demo's imported models: tiny and valid, at the declared place."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3

from stacks.declarations import ImportedModel
from tools.deployed import DeclaredStack
from tools.processes import ROOT


class SampleWeights:
    """Weights of one imported model in the bucket that its declaration names.

    They are as valid as they are small; what answers is the local AWS's stand-in.
    """

    def __init__(self, stack: DeclaredStack, *, account: str) -> None:
        """Store the declared place.

        Args:
            stack: An imported model's stack.
            account: The account that it is deployed to, 12 digits.

        Raises:
            ValueError: If the stack is none of an imported model.
        """
        if not isinstance(stack.model, ImportedModel):
            raise ValueError(f"stack is {stack.path!r}: allowed is one of an imported model")
        weights = stack.model.weights
        self._name = stack.model.name
        self._region = stack.region
        self._prefix = weights.prefix
        self._bucket_name = weights.bucket.format(account=account, region=stack.region)

    @property
    def uri(self) -> str:
        """S3 URI of the prefix."""
        return f"s3://{self._bucket_name}/{self._prefix}"

    def upload(self) -> None:
        """Make the bucket, where there is none, and write the files.

        Raises:
            subprocess.CalledProcessError: If the model cannot be written.
            botocore.exceptions.ClientError: If AWS refuses.
        """
        bucket = self._bucket()
        if bucket.creation_date is None:
            place: Any = {"LocationConstraint": self._region}
            # The one region that has no such constraint (API reference of CreateBucket).
            bucket.create(**({} if self._region == "us-east-1" else {"CreateBucketConfiguration": place}))
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(  # noqa: S603 - our own module, no shell
                [sys.executable, "-m", "localaws.tiny_model", self._name, folder], cwd=ROOT, check=True
            )
            for file in Path(folder).iterdir():
                bucket.upload_file(str(file), f"{self._prefix}{file.name}")

    def remove(self) -> None:
        """Delete the files, and the bucket with them where nothing else is in it."""
        bucket = self._bucket()
        bucket.objects.filter(Prefix=self._prefix).delete()
        if not list(bucket.objects.limit(1)):
            bucket.delete()

    def _bucket(self) -> Any:
        return boto3.resource("s3", region_name=self._region).Bucket(self._bucket_name)
