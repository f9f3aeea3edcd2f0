"""`/v1/images/generations`, with OpenAI's client."""

import base64
import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.invoke_shim.client import MODEL_NAME, Runtime, Shim
from tests.invoke_shim.tasks.conftest import Connect

Serve = Callable[..., Shim]

JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(60)).decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()


def test_openais_client_gets_jpegs_from_jumpstarts_container(serve: Serve, connect: Connect, runtime: Runtime) -> None:
    runtime.answers({"generated_images": [JPEG, JPEG], "prompt": "a cat"}, content_type="application/json;jpeg")
    answer = connect(serve("image")).images.generate(
        model=MODEL_NAME,
        prompt="a cat",
        n=2,
        size="1024x1024",
        response_format="b64_json",
        extra_body={"seed": 7, "negative_prompt": "a dog", "num_inference_steps": 20, "guidance_scale": 7.5},
    )
    assert answer.data is not None
    assert [image.b64_json for image in answer.data] == [JPEG, JPEG]
    assert (answer.output_format, answer.size) == ("jpeg", "1024x1024")
    assert runtime.payload == {
        "prompt": "a cat",
        "num_images_per_prompt": 2,
        "width": 1024,
        "height": 1024,
        "seed": 7,
        "negative_prompt": "a dog",
        "num_inference_steps": 20,
        "guidance_scale": 7.5,
    }
    assert (runtime.headers[0]["content-type"], runtime.headers[0]["accept"]) == (
        "application/json",
        "application/json;jpeg",
    )


def test_stability_ais_container_is_asked_once_an_image_with_another_seed(
    serve: Serve, connect: Connect, runtime: Runtime
) -> None:
    runtime.answers({"generated_image": PNG, "prompt": "a cat"})
    client = connect(serve("image", "stability"))
    answer = client.images.generate(
        model=MODEL_NAME, prompt="a cat", n=2, size="512x768", extra_body={"seed": 2147483647}
    )
    assert answer.data is not None
    assert [image.b64_json for image in answer.data] == [PNG, PNG]
    assert answer.output_format == "png"
    assert [json.loads(body) for body in runtime.bodies] == [
        {"text_prompts": [{"text": "a cat"}], "width": 512, "height": 768, "seed": seed} for seed in (2147483647, 0)
    ]


def test_what_asks_for_nothing_is_taken(serve: Serve, runtime: Runtime) -> None:
    runtime.answers({"generated_images": [JPEG]})
    answer = serve("image").post(
        "/v1/images/generations",
        {
            "model": MODEL_NAME,
            "prompt": "a cat",
            "n": None,
            "size": "auto",
            "quality": "standard",
            "output_format": "jpeg",
            "user": "me",
            "stream": False,
        },
    )
    assert answer.status == 200
    assert "size" not in answer.json
    assert runtime.payload == {"prompt": "a cat", "num_images_per_prompt": 1}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"response_format": "url"}, "response_format", "nothing to link to"),
        ({"prompt": ""}, "prompt", "non-empty"),
        ({"prompt": None}, "prompt", "missing"),
        ({"n": 5}, "n", "at most 4"),
        ({"n": 0}, "n", "from 1"),
        ({"size": "100x100"}, "size", "multiples of 8"),
        ({"size": "4096x8"}, "size", "2048"),
        ({"size": "0x8"}, "size", "multiples"),
        ({"size": "٨x٨"}, "size", "multiples"),
        ({"size": 512}, "size", "WIDTHxHEIGHT"),
        ({"output_format": "png"}, "output_format", "'jpeg'"),
        ({"quality": "hd"}, "quality", "no qualities"),
        ({"style": "vivid"}, "style", "into the prompt"),
        ({"background": "transparent"}, "background", "transparent"),
        ({"stream": True}, "stream", "whole"),
        ({"seed": -1}, "seed", "integer"),
        ({"num_inference_steps": 100000}, "num_inference_steps", "500"),
        ({"cfg_scale": 7}, "cfg_scale", "unknown parameter"),
    ],
)
def test_wrong_requests_say_why(body: dict[str, Any], param: str, words: str, serve: Serve, runtime: Runtime) -> None:
    answer = serve("image").post("/v1/images/generations", {"model": MODEL_NAME, "prompt": "a cat", **body})
    assert (answer.status, answer.error["param"]) == (400, param)
    assert words in answer.error["message"]
    assert not runtime.bodies


@pytest.mark.parametrize(
    "answer",
    [
        {"generated_image": JPEG},
        {"generated_images": JPEG},
        {"generated_images": [[[1, 2, 3]]]},
        {"generated_images": ["no base64!"]},
        {"generated_images": [base64.b64encode(b"GIF89a").decode()]},
    ],
)
def test_an_answer_of_another_form_is_no_image(answer: Any, serve: Serve, connect: Connect, runtime: Runtime) -> None:
    runtime.answers(answer)
    with pytest.raises(openai.InternalServerError, match="does not understand"):
        connect(serve("image")).images.generate(model=MODEL_NAME, prompt="a cat")
