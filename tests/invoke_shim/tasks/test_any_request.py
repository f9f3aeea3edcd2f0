"""Whatever a client sends to another task's routes, it gets an answer or learns what is wrong: never a 5xx."""

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError
from invoke_shim.http.proxy import Request, Response
from invoke_shim.http.task_routes import Api
from tests.invoke_shim.tasks.scripted import MODEL_NAME, Scripted, log, settings, texts_of
from tests.invoke_shim.tasks.test_audio import FORM, form, wav
from tests.invoke_shim.tasks.test_images import JPEG

_NAMES = st.sampled_from(
    [
        *("input", "encoding_format", "dimensions", "user", "query", "documents", "top_n", "return_documents"),
        *(
            "prompt",
            "n",
            "size",
            "response_format",
            "quality",
            "output_format",
            "seed",
            "stream",
            "negative_prompt",
            "x",
        ),
    ]
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts_of(8)
    | st.sampled_from(["", "float", "base64", "512x512", "b64_json", "auto", "jpeg"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("text") | texts_of(3), inner, max_size=2),
    max_leaves=6,
)
_FORM = {name.lower(): value for name, value in FORM.items()}
_BODIES = st.dictionaries(_NAMES, _VALUES, max_size=5)


def _container(body: Any) -> Any:
    """A container that answers whatever it is asked."""
    if "texts" in body:
        return [{"index": index, "score": 0.5} for index in range(len(body["texts"]))]
    if "inputs" in body:
        return [[0.5] * body.get("dimensions", 3) for _ in body["inputs"]]
    return {"generated_images": [JPEG] * body["num_images_per_prompt"]}


def _status(task: str, container: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    api = Api(settings=settings(task=task, container=container), backend=Scripted(_container))
    request = Request("POST", path, base64.b64encode(body).decode(), True, "r-1", headers)
    try:
        response = api.respond(request, Deadline.after(20), log())
    except ApiError as error:
        response = Response.from_error(error)
    assert 0 < len(response.encoded_body()) < 64 * 1024
    return response.status


@given(body=_BODIES)
def test_any_json(body: dict[str, Any]) -> None:
    raw = json.dumps({"model": MODEL_NAME, **body}).encode()
    for task, container, path in (
        ("embedding", "tei", "/v1/embeddings"),
        ("rerank", "tei", "/v1/rerank"),
        ("image", "other", "/v1/images/generations"),
    ):
        assert _status(task, container, path, raw, {}) in (200, 400)


@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(["language", "temperature", "response_format", "prompt", "stream", "file", "model", "x"]),
            st.binary(max_size=6) | st.sampled_from([b"en", b"0", b"json", b"text", wav(0.01)]),
        ),
        max_size=4,
    ),
    cut=st.integers(0, 400),
)
def test_any_form(fields: list[tuple[str, bytes]], cut: int) -> None:
    raw = form(("model", MODEL_NAME.encode()), ("file", b"no sound"), *fields)
    for body in (raw, raw[:cut], raw[cut:]):
        assert _status("transcription", "other", "/v1/audio/transcriptions", body, _FORM) in (400, 404)
