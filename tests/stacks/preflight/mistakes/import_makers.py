"""Declarations of models that Bedrock serves for the preflight's tests, made of few words."""

from dataclasses import replace
from typing import Any

from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, S3Weights, SageMakerWeights
from stacks.models import LLAMA_3_2_3B_10K

KEY = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
FAMILIES = (
    "Llama 2 to 3.3, Llama 3.2 Vision, Code Llama, Mistral, Mixtral, Flan-T5, StarCoder, Granite Code, Qwen2, Qwen2.5, "
    "Qwen2-VL, Qwen2.5-VL, Qwen3, GPT-OSS"
)
BUCKET_FORM = "a bucket's name: 3 to 63 lower-case letters, digits, hyphens and single dots, no ip address"
WRITTEN = "Bedrock writes a chat's prompt by the template in the weights"


def imported(body: Any = "chat", **changes: Any) -> ImportedModel:
    """Return a model whose weights exist; changes of the import and of the weights go where they belong."""
    declared: dict[str, Any] = {"name": "m", "weights": weights(), "bedrock": BedrockImport(body=body), **changes}
    return ImportedModel(**declared)


def bedrock(**changes: Any) -> ImportedModel:
    return imported(bedrock=BedrockImport(**changes))


def weights(**changes: Any) -> S3Weights:
    return S3Weights(**{"bucket": "models", "prefix": "llama/1/", **changes})


def at(**changes: Any) -> ImportedModel:
    return imported(weights=weights(**changes))


def from_sagemaker(**changes: Any) -> ImportedModel:
    return imported(weights=SageMakerWeights(bucket="models", prefix="out/", **changes))


def tuned(body: Any = "completion", **changes: Any) -> FineTunedModel:
    declared: dict[str, Any] = {"name": "m", "bedrock": BedrockImport(body=body), **changes}
    return replace(LLAMA_3_2_3B_10K, **declared)


def base(model_id: str, version: str = "1.0.0", **changes: Any) -> FineTunedModel:
    return tuned(**{"model_id": model_id, "version": version, "accept_eula": False, **changes})
