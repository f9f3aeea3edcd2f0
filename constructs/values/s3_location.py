"""Objects in S3 below a prefix."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket and a prefix of keys.

    Attributes:
        bucket_arn: ARN of the bucket.
        prefix: Beginning of the keys, such as `training/data/`; empty for the whole bucket.
    """

    bucket_arn: str
    prefix: str = ""

    @property
    def objects(self) -> str:
        """ARN of the objects, with a wildcard after the prefix."""
        return f"{self.bucket_arn}/{self.prefix}*"

    def object(self, name: str) -> str:
        """Return the ARN of one object below the prefix."""
        return f"{self.bucket_arn}/{self.prefix}{name}"
