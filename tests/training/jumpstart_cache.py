"""Put the stand-in documents of JumpStart's public cache into a bucket (localaws/data/jumpstart/README.md)."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "localaws" / "data" / "jumpstart"


def put_cache(s3: Any, region: str) -> str:
    """Make the region's public bucket and fill it with objects that anyone may read.

    Args:
        s3: Client of S3.
        region: AWS region.

    Returns:
        The bucket's name.
    """
    bucket = f"jumpstart-cache-prod-{region}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    for path in FOLDER.rglob("*.json"):
        s3.put_object(Bucket=bucket, Key=path.relative_to(FOLDER).as_posix(), Body=path.read_bytes(), ACL="public-read")
    return bucket


def spec(model_id: str, version: str) -> dict[str, Any]:
    """Return one of the folder's documents."""
    path = FOLDER / "community_models" / model_id / f"specs_v{version}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
