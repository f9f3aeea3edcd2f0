"""Talks to a stand-in container as SageMaker does: POST to /invocations, whole answers and streams."""

from __future__ import annotations

import http.client
import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from localaws.containers import ContainerSettings, ModelContainer, lmi, tgi, vllm
from localaws.containers.faults import Faults
from localaws.containers.messages import ContainerResponse
from localaws.containers.serving import Serving

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
TGI_1_1 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
TGI_2_0 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.1.1-tgi2.0.0-gpu-py310-cu121-ubuntu22.04"
TGI_2_4 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.4.0-tgi2.4.0-gpu-py311-cu124-ubuntu22.04"
LMI = f"{REGISTRY}/djl-inference:0.28.0-lmi10.0.0-cu124"
LMI_18 = f"{REGISTRY}/djl-inference:0.36.0-lmi18.0.0-cu128"
TGI_3_0 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.4.0-tgi3.0.1-gpu-py311-cu124-ubuntu22.04"
TGI_3_1 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.6.0-tgi3.1.1-gpu-py311-cu124-ubuntu22.04"
TGI_3_2 = f"{REGISTRY}/huggingface-pytorch-tgi-inference:2.6.0-tgi3.2.3-gpu-py311-cu124-ubuntu22.04"
VLLM_0_10 = f"{REGISTRY}/vllm:0.10.2-gpu-py312-cu129-ubuntu22.04-sagemaker"
VLLM_0_14 = f"{REGISTRY}/vllm:0.14.0-gpu-py312-cu129-ubuntu22.04-sagemaker"
VLLM = f"{REGISTRY}/vllm:server-sagemaker-cuda-v1"

MISTRAL_PROMPT = "<s>[INST] What is the capital of France? [/INST]"
FALCON_PROMPT = "System: Be brief.\nUser: Who wrote Faust?\nFalcon:"


def settings(image: str = TGI_1_1, **environment: str) -> ContainerSettings:
    """The settings of a container that has a model."""
    return ContainerSettings.of(image=image, environment={"HF_MODEL_ID": "/opt/ml/model", **environment})


@dataclass(frozen=True)
class Streamed:
    """A streamed answer, read to its end.

    Attributes:
        status: The HTTP status.
        content_type: The body's media type.
        text: The body.
    """

    status: int
    content_type: str
    text: str

    @property
    def lines(self) -> list[Any]:
        """The documents of JSON lines, without blank ones."""
        return [json.loads(line) for line in self.text.split("\n") if line]

    @property
    def events(self) -> list[Any]:
        """The data of server-sent events; that of `[DONE]` as a string."""
        blocks = [block for block in self.text.split("\n\n") if block and not block.startswith(":")]
        assert all(block.startswith("data:") and "\n" not in block for block in blocks), blocks
        data = [block.removeprefix("data:").removeprefix(" ") for block in blocks]
        return [item if item == "[DONE]" else json.loads(item) for item in data]


_RESPOND = {"tgi": tgi.respond, "lmi": lmi.respond, "vllm": vllm.respond}


def ask(container_settings: ContainerSettings, document: Any) -> tuple[int, Any]:
    """Return a container's status and answer, decoded if it is JSON, without HTTP between."""
    response = _respond(container_settings, document)
    text = response.body if isinstance(response.body, str) else "".join(response.body)
    return response.status, json.loads(text) if response.content_type == "application/json" else text


def ask_for_stream(container_settings: ContainerSettings, document: Any) -> Streamed:
    """Return a container's streamed answer, without HTTP between."""
    response = _respond(container_settings, {**document, "stream": True})
    text = response.body if isinstance(response.body, str) else "".join(response.body)
    return Streamed(response.status, response.content_type, text)


def _respond(container_settings: ContainerSettings, document: Any) -> ContainerResponse:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    serving = Serving(settings=container_settings, pace=container_settings.pace, faults=Faults.of(body))
    return _RESPOND[container_settings.family](body, serving)


class ContainerClient:
    """A client of one running container."""

    def __init__(self, container: ModelContainer) -> None:
        """Talk to `container`."""
        self.container = container

    def __call__(self, document: Any) -> tuple[int, Any]:
        """Send a payload; return the status and the answer, decoded if it is JSON."""
        with self._sent(document) as response:
            text = response.read().decode()
        is_json = response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(text) if is_json else text

    def stream(self, document: Any) -> Streamed:
        """Send a payload with `stream`; return the whole stream."""
        with self._sent({**document, "stream": True}) as response:
            return Streamed(response.status, response.headers["Content-Type"], response.read().decode())

    def pieces(self, document: Any) -> Generator[bytes]:
        """Send a payload with `stream`; yield what comes, when it comes."""
        with self._sent({**document, "stream": True}) as response:
            while data := response.read1():
                yield data

    @contextmanager
    def _sent(self, document: Any) -> Iterator[http.client.HTTPResponse]:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        with closing(http.client.HTTPConnection("127.0.0.1", self.container.port, timeout=10)) as connection:
            headers = {"Content-Type": "application/json", **self.container.credential}
            connection.request("POST", "/invocations", body=body, headers=headers)
            with connection.getresponse() as response:
                yield response
