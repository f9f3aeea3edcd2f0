"""JumpStart's script around Whisper (AWS's notebook `automatic-speech-recognition`)."""

from __future__ import annotations

import io
import wave
from typing import Final

from localaws.containers.messages import ContainerResponse
from localaws.containers.tasks.requests import JSON, RefusedError, TaskRequest, number_of

_WAV: Final = "audio/wav"
_RATE: Final = 16_000
_MOST_SECONDS: Final = 30
_PARAMETERS: Final = (
    *("do_sample", "early_stopping", "language", "max_length", "max_new_tokens", "no_repeat_ngram_size", "num_beams"),
    *("num_return_sequences", "task", "temperature", "top_k", "top_p"),
)
_WORDS: Final = (
    *("amber", "brook", "cedar", "delta", "ember", "field", "grove", "haven"),
    *("inlet", "jetty", "knoll", "ledge", "marsh", "notch", "ocean", "prairie"),
)


def answer(request: TaskRequest) -> ContainerResponse:
    """Answer one request: a WAV file, or an object with one in hexadecimal digits."""
    request.taken(_WAV, JSON)
    task, sound = "transcribe", request.body
    if request.kind == JSON:
        members = request.members(("audio_input",), _PARAMETERS)
        task = members.get("task", task)
        if task not in ("transcribe", "translate"):
            raise RefusedError(f"task {task!r} is neither transcribe nor translate")
        language = members.get("language", "english")
        if not isinstance(language, str) or len(language) < 3 or not language.islower():
            raise RefusedError(f"language {language!r} is not the name of a language")
        try:
            sound = bytes.fromhex(members["audio_input"])
        except (TypeError, ValueError):
            raise RefusedError("audio_input is not a text of hexadecimal digits") from None
    seconds = _seconds(sound)
    number = number_of(sound, task)
    # About two words a second, as people speak.
    words = [_WORDS[number >> (4 * place) & 15] for place in range(max(1, min(15, int(2 * seconds))))]
    return ContainerResponse.of_json(200, {"text": [f" {' '.join(words).capitalize()}."]})


def _seconds(sound: bytes) -> float:
    try:
        with wave.open(io.BytesIO(sound)) as file:
            rate = int(file.getframerate())
            seconds = int(file.getnframes()) / rate
    except (wave.Error, EOFError, ZeroDivisionError):
        raise RefusedError("the sound is no WAV file") from None
    if rate != _RATE:
        raise RefusedError(f"the sound has a sampling rate of {rate}, expected {_RATE}")
    if seconds >= _MOST_SECONDS:
        raise RefusedError(f"the sound is {seconds:.1f} s long, expected less than {_MOST_SECONDS}")
    return seconds
