"""Refuse a form of requests that a model does not support: by its files, and after the import by Bedrock's report."""

from collections.abc import Mapping
from typing import Any

from model_import.clients import client


class BodyError(Exception):
    """The model does not support the configured form of requests."""


def check_artifacts(body: str, artifacts: Mapping[str, Any]) -> None:
    """Check the form of requests against the model's files.

    Args:
        body: One of `contract.BODIES`.
        artifacts: The check's `chatTemplate` and `converse`.

    Raises:
        BodyError: The architecture has no Converse, or the chat template is missing.
    """
    if body in ("converse", "chat") and not artifacts["chatTemplate"]:
        raise BodyError(
            f"body is {body!r}, and the weights have no chat template; allowed: completion, native; or add the "
            "base model's, as chat_template.jinja or in tokenizer_config.json"
        )
    if body == "converse" and not artifacts["converse"]:
        raise BodyError(
            "body is 'converse', which this architecture lacks; allowed: chat, completion, native; try 'chat'"
        )


def check_imported(body: str, model_arn: str) -> None:
    """Check the form of requests against what Bedrock reports of the imported model.

    AWS documents for some architectures that Converse does not work. For the others its documents contradict each
    other, and public reports are of refusals, so that only `instructSupported` of GetImportedModel counts (API
    reference: "Specifies if the imported model supports converse").

    Args:
        body: One of `contract.BODIES`.
        model_arn: The imported model.

    Raises:
        BodyError: Bedrock reports that Converse does not work with it.
        ClientError: Bedrock does not answer.
    """
    if body != "converse":
        return
    model = client("bedrock").get_imported_model(modelIdentifier=model_arn)
    # A missing member is no refusal: the smoke test, which sends a Converse, decides then.
    if model.get("instructSupported") is False:
        raise BodyError(
            f"body is 'converse', which Bedrock does not support for the imported model {model['modelName']} "
            f"(GetImportedModel: modelArchitecture {model.get('modelArchitecture')!r}, instructSupported false); "
            "allowed: chat, completion, native; try 'chat'"
        )
