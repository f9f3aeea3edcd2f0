"""Endpoints of models that generate no text, asked by SageMaker's runtime with any content type."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.invoke_shim.tasks.test_audio import wav
from tests.localaws.containers.test_tasks import SCRIPTS, weights
from tests.localaws.sagemaker.sagemaker_driver import SageMakerDriver


def _endpoint(driver: SageMakerDriver, task: str) -> str:
    source = {"S3Uri": weights(task), "S3DataType": "S3Prefix", "CompressionType": "None"}
    environment = {"SAGEMAKER_PROGRAM": "inference.py"}
    return driver.endpoint(Image=SCRIPTS, ModelDataSource={"S3DataSource": source}, Environment=environment)


def _ask(driver: SageMakerDriver, endpoint: str, body: bytes, content_type: str, accept: str) -> Any:
    answer = driver.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type, Accept=accept)
    assert answer["ContentType"] == "application/json"
    return json.loads(answer["Body"].read())


def test_both_types_reach_the_container_and_bytes_are_bytes(driver: SageMakerDriver) -> None:
    texts = json.dumps({"text_inputs": ["one", "two"]}).encode()
    vectors = _ask(driver, _endpoint(driver, "sentencesimilarity"), texts, "application/json", "application/json")
    assert len(vectors["embedding"]) == 2
    prompt = b'{"prompt": "a cat"}'
    images = _ask(driver, _endpoint(driver, "txt2img"), prompt, "application/json", "application/json;jpeg")
    assert base64.b64decode(images["generated_images"][0]).startswith(b"\xff\xd8")
    speech = _endpoint(driver, "asr")
    assert _ask(driver, speech, wav(), "audio/wav", "application/json")["text"]
    with pytest.raises(ClientError) as caught:
        _ask(driver, speech, b"ID3", "audio/wav", "application/json")
    response: dict[str, Any] = {**caught.value.response}
    assert response["OriginalStatusCode"] == 400
    assert "no WAV file" in response["OriginalMessage"]
