"""An import of a model into Bedrock, in an empty stack."""

from typing import Any

import aws_cdk as cdk
from constructs.model_import.import_role import Weights
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import ModelImportJob
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer
from constructs.values.storage import Storage

MODEL = "dev-llama-3b"
WEIGHTS = Weights(bucket_name="models", prefix="llama/1/")


def make_job(
    stack: cdk.Stack, *, model_key: bool = False, tags: dict[str, str] | None = None, **props: Any
) -> ModelImportJob:
    """Define the import of a model.

    Args:
        stack: An empty stack, in a region with Custom Model Import.
        model_key: Encrypt the imported model with the stack's key.
        tags: Tags of the model's versions.
        props: Props of the import that differ.
    """
    key = ModelKey(stack, "Key", alias="dev/llama-3b")
    model = ImportedModel(
        stack,
        "Model",
        model_name=MODEL,
        pointer=ServedPointer(stack, "Served", path="dev/llama-3b"),
        encryption_key=key if model_key else None,
        tags=tags,
    )
    given = {"model": model, "weights": WEIGHTS, "storage": Storage(encryption_key=key), **props}
    return ModelImportJob(stack, "Import", **given)
