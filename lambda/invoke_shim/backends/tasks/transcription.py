"""JumpStart's script around Whisper: sound in, text out.

| request | answer |
|---|---|
| the sound, `audio/wav` | `{"text": ...}`, the language found by the model |
| `{"audio_input": hexadecimal digits, "language", "task", "temperature", ...}` | the same |

It takes WAV of 16 kHz and less than 30 s. Source: AWS's notebook `automatic-speech-recognition`; the SageMaker SDK's
`jumpstart/enums.py` has `audio/wav`, and no other type of sound.
"""

import struct
from typing import Any, NamedTuple

from invoke_shim.backends.base import Payload
from invoke_shim.backends.containers.base import encode
from invoke_shim.backends.streams import not_understood

SAMPLES_A_SECOND = 16_000
MOST_SECONDS = 30


class Sound(NamedTuple):
    """A WAV file's sound.

    Attributes:
        rate: Samples a second.
        seconds: Its length.
    """

    rate: int
    seconds: float


def read_sound(file: bytes) -> Sound | None:
    """Read the header of a WAV file (RIFF, with the chunks `fmt ` and `data`); None if it is none."""
    if file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        return None
    place, rate, bytes_a_second = 12, 0, 0
    while place + 8 <= len(file):
        name, length = struct.unpack_from("<4sI", file, place)
        place += 8
        if name == b"fmt " and length >= 16 and place + 16 <= len(file):
            rate, bytes_a_second = struct.unpack_from("<II", file, place + 4)
        elif name == b"data":
            # A recorder that does not know the length yet writes 0 or the largest number.
            length = min(length or len(file), len(file) - place)
            return Sound(rate, length / bytes_a_second) if rate and bytes_a_second else None
        # Chunks begin at even places.
        place += length + length % 2
    return None


def payload(file: bytes, options: dict[str, Any]) -> Payload:
    """Encode a request: the file as it is, and only for options the twice as long JSON.

    Args:
        file: A WAV file.
        options: The script's own parameters beside the sound.
    """
    if not options:
        return Payload(file, content_type="audio/wav")
    return Payload(encode({"audio_input": file.hex(), **options}))


def read(answer: Any) -> str:
    """Return the text of an answer; the script gives one for each sequence.

    Raises:
        ApiError: 502, it has none.
    """
    found = answer.get("text") if isinstance(answer, dict) else None
    texts: list[Any] = found if isinstance(found, list) else [found]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise not_understood()
    return " ".join(text.strip() for text in texts)
