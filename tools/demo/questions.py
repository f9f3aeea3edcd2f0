"""Questions to models of other tasks than text, as OpenAI's client asks them."""

import io
import wave
from typing import Literal

import openai

_TEXT = "What is Amazon SageMaker JumpStart?"
_SIZE: Literal["256x256"] = "256x256"
# A second of silence, in the one form that every speech model takes (`invoke_shim.openai.audio`).
_RATE = 16_000


def ask_task(client: openai.OpenAI, *, model: str, task: str) -> str:
    """Send a model one request of its task, and say in a line what came.

    Args:
        client: A client of the model's API.
        model: The model's name.
        task: The task of its kind; `native` models have no common form of request, and are asked for their name alone.

    Raises:
        openai.OpenAIError: If the API answers with an error, or not at all.
    """
    match task:
        case "embedding":
            vector = client.embeddings.create(model=model, input=_TEXT).data[0].embedding
            return f"a vector of {len(vector)} numbers"
        case "image":
            made = client.images.generate(model=model, prompt=_TEXT, size=_SIZE, response_format="b64_json").data
            return f"{len(made or ())} image of {_SIZE}"
        case "transcription":
            return client.audio.transcriptions.create(model=model, file=("silence.wav", _silence())).text
        case _:
            return f"{client.models.retrieve(model).id} is there; its own form of request goes to /invocations"


def _silence() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(_RATE)
        recording.writeframes(bytes(2 * _RATE))
    return written.getvalue()
