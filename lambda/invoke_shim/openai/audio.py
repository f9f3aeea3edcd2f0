"""`POST /v1/audio/transcriptions` and `POST /v1/audio/translations`: a file of speech in, its text out."""

import math
from collections.abc import Mapping
from typing import Any, Literal

from invoke_shim.backends.base import TaskBackend
from invoke_shim.backends.containers.base import decode
from invoke_shim.backends.tasks import transcription
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, refuse, show
from invoke_shim.openai.languages import LANGUAGES
from invoke_shim.openai.multipart import Part, read_parts
from invoke_shim.openai.tasks import TaskAnswer, model_problems
from invoke_shim.rules.base import unknown
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

SpeechTask = Literal["transcribe", "translate"]

TEXT = "text/plain; charset=utf-8"

_CONVERT = "ffmpeg -i FILE -ar 16000 -ac 1 FILE.wav converts it"

_FIELDS = ("chunking_strategy", "file", "language", "model", "prompt", "response_format", "stream", "temperature")
_REASONS = {
    "include[]": "this model's container tells no log probabilities",
    "timestamp_granularities[]": "this model's container tells no times",
}


class Speech:
    """Answers requests for the text of speech.

    Args:
        settings: The function's settings.
        backend: Sends to the model.
    """

    def __init__(self, settings: Settings, backend: TaskBackend) -> None:
        self._settings = settings
        self._backend = backend

    def answer(
        self, raw: bytes, content_type: str, task: SpeechTask, deadline: Deadline, log: RequestLog
    ) -> TaskAnswer:
        """Answer one request.

        Args:
            raw: The request's body.
            content_type: Its type.
            task: Whether to write what is said, or what it means in English.
            deadline: The time by which the answer must have come.
            log: The request's log.

        Raises:
            ApiError: 400, with all that is wrong; 404, another model is meant; what the backend raises.
        """
        parts = read_parts(raw, content_type)
        fields = {part.name: part.content.decode("utf-8", "replace").strip() for part in parts if part.name != "file"}
        problems = model_problems(fields.get("model"), self._settings)
        problems += [
            unknown(part.name, _FIELDS, reasons=_REASONS)
            for part in parts[:ENOUGH_PROBLEMS]
            if part.name not in _FIELDS
        ]
        options, option_problems = _read_options(fields, task)
        file = next((part for part in parts if part.name == "file"), None)
        sound = None if file is None else transcription.read_sound(file.content)
        problems += [*option_problems, *_file_problems(file, sound)]
        if problems or file is None or sound is None:
            raise refuse(problems)
        log.record_prompt([file.filename, sound.seconds, fields])
        reply = self._backend.send(transcription.payload(file.content, options), deadline)
        text = transcription.read(decode(reply.body))
        log.record_answer(text)
        if fields.get("response_format") == "text":
            return TaskAnswer(f"{text}\n".encode(), content_type=TEXT)
        return TaskAnswer({"text": text, "usage": {"type": "duration", "seconds": math.ceil(sound.seconds)}})


def _read_options(fields: Mapping[str, str], task: SpeechTask) -> tuple[dict[str, Any], list[Problem]]:
    """Read the form's fields into the script's parameters; it needs none for a transcription in any language."""
    options: dict[str, Any] = {} if task == "transcribe" else {"task": task}
    problems = []
    language = fields.get("language", "").lower()
    if language and language not in LANGUAGES and language not in LANGUAGES.values():
        problems.append(Problem("language", f"language is {show(language)}, expected a code of ISO 639-1 such as 'en'"))
    elif language and task == "transcribe":
        options |= {"language": LANGUAGES.get(language, language), "task": task}
    elif language:
        problems.append(Problem("language", "language is not taken here: a translation is into English"))
    temperature = _temperature(fields.get("temperature", ""))
    if temperature is None:
        problems.append(
            Problem("temperature", f"temperature is {show(fields['temperature'])}, expected a number from 0 to 1")
        )
    elif temperature > 0:
        # At 0 the likeliest words are taken, as without it.
        options |= {"temperature": temperature, "do_sample": True}
    if fields.get("response_format", "json") not in ("json", "text"):
        problems.append(
            Problem(
                "response_format",
                f"response_format is {show(fields['response_format'])}, expected json or text: this model's container "
                "tells no times",
            )
        )
    if fields.get("prompt"):
        problems.append(Problem("prompt", "prompt is not taken here: this model's container takes none"))
    if fields.get("stream", "false").lower() not in ("false", ""):
        problems.append(Problem("stream", "stream is not taken here: the text comes whole"))
    if fields.get("chunking_strategy", "auto") != "auto":
        problems.append(Problem("chunking_strategy", "chunking_strategy is not taken here: a file is one piece"))
    return options, problems


def _temperature(text: str) -> float | None:
    """Read a temperature, 0 where there is none; None if it is not one."""
    try:
        value = float(text or 0)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _file_problems(file: Part | None, sound: transcription.Sound | None) -> list[Problem]:
    if file is None:
        return [Problem("file", "file is missing, expected a WAV file")]
    if sound is None:
        kind = "is empty" if not file.content else "is no WAV file"
        return [Problem("file", f"file {kind}, and this model's container takes no other: {_CONVERT}")]
    problems = []
    if sound.rate != transcription.SAMPLES_A_SECOND:
        problems.append(
            Problem(
                "file",
                f"file has {sound.rate} samples a second, but this model's container takes "
                f"{transcription.SAMPLES_A_SECOND}: {_CONVERT}",
            )
        )
    if sound.seconds >= transcription.MOST_SECONDS:
        problems.append(
            Problem(
                "file",
                f"file is {sound.seconds:.1f} s long, but this model's container takes less than "
                f"{transcription.MOST_SECONDS} s: cut it into several",
            )
        )
    return problems
