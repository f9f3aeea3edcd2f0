"""The app with a model of each kind: `python -m bench.clients.app FOLDER`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker

import app
from stacks.declarations import BedrockImport, ImportedModel, JumpStartModel, Model, S3Weights
from stacks.environments import DEV, ApiKeys, FrontDoor

ENVIRONMENT = replace(DEV, front_door=FrontDoor(api_keys=ApiKeys(throttle=None)))
"""A key asks all that the clients ask, as fast as they do."""
_BUCKET = "sagemaker-{region}-{account}"
# A tag in the form of AWS's images of vLLM for SageMaker; the stand-in reads the version off it.
_REPOSITORY = "vllm"
_VLLM = f"763104351884.dkr.ecr.us-west-2.amazonaws.com/{_REPOSITORY}:0.14.0-gpu-py312-cu129-ubuntu22.04-sagemaker"
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# A model whose name says that it sees, so that images are tried where the container takes them.
_SEES = JumpStartModel(
    name="tgi-chat",
    model_id="huggingface-vlm-gemma-3-4b-instruct",
    version="1.0.10",
    accept_eula=True,
    instance_type="ml.g5.2xlarge",
)


class Kind(NamedTuple):
    """A kind of model.

    Attributes:
        title: Title of its table.
        model: The declaration.
        lacks: Reasons, by task, why no client gets an answer from it.
    """

    title: str
    model: Model
    lacks: dict[str, str]


JSON_OBJECT = "JSON object"
"""A need of some clients, beside the tasks: any object of JSON (`response_format` `json_object`)."""
_NO_EMBEDDINGS = {"embeddings": "the model makes no embeddings"}
_TEXT_ONLY = "the model takes no images"
_NO_CALLS = "the API takes tools where the container writes the chat's prompt itself"
_NO_TOOLS = "LMI takes tools from version 14 on"
_TASKS = (
    JSON_OBJECT,
    "plain",
    "stream",
    "five turns",
    "system",
    "JSON schema",
    "one tool",
    "two tools",
    "image",
    "completion",
)


def _no_json(reason: str) -> dict[str, str]:
    return {"JSON schema": reason, JSON_OBJECT: reason}


KINDS = (
    Kind(
        "TGI 1.1, prompts by a format of the app",
        JumpStartModel(
            name="tgi-prompt",
            model_id="huggingface-llm-mistral-7b-instruct",
            version="2.0.0",
            prompt_format="mistral-instruct",
            instance_type="ml.g5.2xlarge",
        ),
        {
            **_no_json("TGI takes grammars from version 1.4.3 on"),
            "one tool": _NO_CALLS,
            "two tools": _NO_CALLS,
            "image": _TEXT_ONLY,
            **_NO_EMBEDDINGS,
        },
    ),
    Kind(
        "TGI 3.2, chats by the container",
        _SEES,
        {"two tools": "TGI calls one tool an answer", **_NO_EMBEDDINGS},
    ),
    Kind(
        "LMI 11, chats by the container",
        JumpStartModel(
            name="lmi-chat",
            model_id="meta-textgeneration-llama-3-1-8b-instruct",
            version="2.2.4",
            accept_eula=True,
        ),
        {
            **_no_json("LMI's chats take schemas from version 15 on"),
            "one tool": _NO_TOOLS,
            "two tools": _NO_TOOLS,
            "image": _TEXT_ONLY,
            **_NO_EMBEDDINGS,
        },
    ),
    Kind("vLLM 0.14", replace(_SEES, name="vllm-chat"), _NO_EMBEDDINGS),
    Kind(
        "Bedrock, body `chat`",
        ImportedModel(name="llama-3-2-1b-instruct", weights=S3Weights(bucket=_BUCKET, prefix="chat/")),
        _NO_EMBEDDINGS,
    ),
    Kind(
        "Bedrock, body `converse`",
        ImportedModel(
            name="llama-3-2-3b-instruct",
            weights=S3Weights(bucket=_BUCKET, prefix="converse/"),
            bedrock=BedrockImport(body="converse"),
        ),
        {
            "completion": "Converse takes chats only",
            JSON_OBJECT: "Converse takes JSON with a schema only",
            **_NO_EMBEDDINGS,
        },
    ),
    Kind(
        "Embeddings",
        JumpStartModel(name="embedding", model_id="huggingface-textembedding-all-MiniLM-L6-v2", version="1.0.0"),
        dict.fromkeys(_TASKS, "the model makes embeddings only"),
    ),
)


def main(folder: str) -> None:
    """Synthesize all kinds into a folder."""
    built = app.build([(ENVIRONMENT, [kind.model for kind in KINDS])], outdir=folder)
    _serve_by_vllm(built.node.find_child(ENVIRONMENT.name).node.find_child("vllm-chat"))
    built.synth()


def _serve_by_vllm(stack: object) -> None:
    """Replace the image of a stack's endpoint: no published model has vLLM's, and a declaration cannot name one."""
    assert isinstance(stack, cdk.Stack)  # noqa: S101 - for the type checker
    for resource in stack.node.find_all():
        if isinstance(resource, sagemaker.CfnModel):
            resource.add_property_override("PrimaryContainer.Image", _VLLM)
            variables = {"ENABLE_AUTO_TOOL_CHOICE": "true", "TOOL_CALL_PARSER": "hermes"}
            for name, value in variables.items():
                resource.add_property_override(f"PrimaryContainer.Environment.SM_VLLM_{name}", value)
        elif isinstance(resource, iam.Role) and resource.node.path.endswith("/Endpoint/Role"):
            images = f"arn:aws:ecr:us-west-2:763104351884:repository/{_REPOSITORY}"
            resource.add_to_policy(iam.PolicyStatement(actions=[*_PULL], resources=[images]))
        elif isinstance(resource, lambda_.CfnFunction) and "/Api/Function/" in resource.node.path:
            resource.add_property_override("Environment.Variables.CONTAINER", "vllm")
            resource.add_property_override("Environment.Variables.CONTAINER_VERSION", "0.14.0")


if __name__ == "__main__":
    main(sys.argv[1])
