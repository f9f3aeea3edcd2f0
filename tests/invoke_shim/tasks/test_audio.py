"""`/v1/audio/transcriptions` and `/v1/audio/translations`, with OpenAI's client and other writers of forms."""

import io
import re
import wave
from collections.abc import Callable

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.tasks.transcription import read_sound
from invoke_shim.errors import ApiError
from invoke_shim.openai.languages import LANGUAGES
from invoke_shim.openai.multipart import Part, read_parts
from tests.invoke_shim.client import MODEL_NAME, Answer, Runtime, Shim
from tests.invoke_shim.tasks.conftest import Connect

Serve = Callable[..., Shim]

BOUNDARY = "----a-boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def wav(seconds: float = 1.5, rate: int = 16_000) -> bytes:
    """A file of silence."""
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(rate)
            sound.writeframes(bytes(2 * int(seconds * rate)))
        return file.getvalue()


def form(*parts: tuple[str, bytes]) -> bytes:
    """A form as browsers write it; the file's field has a name of its own."""
    written = []
    for name, content in parts:
        filename = '; filename="speech.wav"\r\nContent-Type: audio/wav' if name == "file" else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'
        written.append(head.encode() + content + b"\r\n")
    return b"".join(written) + f"--{BOUNDARY}--\r\n".encode()


def upload(shim: Shim, *parts: tuple[str, bytes], task: str = "transcriptions") -> Answer:
    return shim.request("POST", f"/v1/audio/{task}", form(("model", MODEL_NAME.encode()), *parts), FORM)


def test_openais_client_gets_the_text_and_the_file_goes_as_it_is(
    serve: Serve, connect: Connect, runtime: Runtime
) -> None:
    runtime.answers({"text": [" Hello there.", " General."]})
    answer = connect(serve("transcription")).audio.transcriptions.create(model=MODEL_NAME, file=("a.wav", wav()))
    assert answer.text == "Hello there. General."
    assert answer.usage is not None
    assert answer.usage.model_dump() == {"type": "duration", "seconds": 2.0}
    assert runtime.bodies == [wav()]
    assert runtime.headers[0]["content-type"] == "audio/wav"
    assert runtime.headers[0]["accept"] == "application/json"


def test_options_go_with_the_file_in_json(serve: Serve, connect: Connect, runtime: Runtime) -> None:
    runtime.answers({"text": "Bonjour."})
    client = connect(serve("transcription"))
    text = client.audio.transcriptions.create(
        model=MODEL_NAME, file=("a.wav", wav()), language="fr", temperature=0.5, response_format="text"
    )
    assert text == "Bonjour.\n"
    assert runtime.payload == {
        "audio_input": wav().hex(),
        "language": "french",
        "task": "transcribe",
        "temperature": 0.5,
        "do_sample": True,
    }


def test_a_translation_asks_for_one(serve: Serve, runtime: Runtime) -> None:
    runtime.answers({"text": ["Good day."]})
    answer = upload(serve("transcription"), ("file", wav()), task="translations")
    assert answer.json["text"] == "Good day."
    assert runtime.payload == {"audio_input": wav().hex(), "task": "translate"}


def test_what_asks_for_nothing_changes_nothing(serve: Serve, runtime: Runtime) -> None:
    runtime.answers({"text": "Hi"})
    fields = [("temperature", b"0"), ("prompt", b""), ("response_format", b"json"), ("stream", b"false")]
    assert upload(serve("transcription"), *fields, ("chunking_strategy", b"auto"), ("file", wav())).status == 200
    assert runtime.bodies == [wav()]


@pytest.mark.parametrize(
    ("parts", "param", "words"),
    [
        ([], "file", "missing"),
        ([("file", b"")], "file", "is empty"),
        ([("file", b"ID3\x03\x00" + bytes(100))], "file", "no WAV file.*ffmpeg"),
        ([("file", wav()[:20])], "file", "no WAV file"),
        ([("file", wav(rate=44_100))], "file", "44100 samples a second.*16000.*ffmpeg"),
        ([("file", wav(30))], "file", "30.0 s long.*less than 30 s"),
        ([("file", wav()), ("language", b"klingon")], "language", "ISO 639-1"),
        ([("file", wav()), ("temperature", b"2")], "temperature", "from 0 to 1"),
        ([("file", wav()), ("temperature", b"nan")], "temperature", "from 0 to 1"),
        ([("file", wav()), ("response_format", b"verbose_json")], "response_format", "no times"),
        ([("file", wav()), ("response_format", b"srt")], "response_format", "json or text"),
        ([("file", wav()), ("timestamp_granularities[]", b"word")], "timestamp_granularities[]", "no times"),
        ([("file", wav()), ("prompt", b"Names: Ada")], "prompt", "takes none"),
        ([("file", wav()), ("stream", b"true")], "stream", "whole"),
        ([("file", wav()), ("diarize", b"true")], "diarize", "unknown parameter"),
    ],
)
def test_wrong_requests_say_why(
    parts: list[tuple[str, bytes]], param: str, words: str, serve: Serve, runtime: Runtime
) -> None:
    answer = upload(serve("transcription"), *parts)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert re.search(words, answer.error["message"])
    assert not runtime.bodies


def test_a_translation_takes_no_language(serve: Serve) -> None:
    answer = upload(serve("transcription"), ("file", wav()), ("language", b"fr"), task="translations")
    assert (answer.status, answer.error["param"]) == (400, "language")


def test_another_models_name_is_not_found(serve: Serve, connect: Connect) -> None:
    with pytest.raises(openai.NotFoundError):
        connect(serve("transcription")).audio.transcriptions.create(model="whisper-1", file=("a.wav", wav()))


def test_a_file_that_is_too_large_in_json_is_told_so_before_it_is_sent(serve: Serve, runtime: Runtime) -> None:
    # Four bytes a sample and two channels: less than 30 s, and as hexadecimal digits more than SageMaker takes.
    with io.BytesIO() as file:
        with wave.open(file, "wb") as sound:
            sound.setnchannels(2)
            sound.setsampwidth(4)
            sound.setframerate(16_000)
            sound.writeframes(bytes(8 * 16_000 * 29))
        large = file.getvalue()
    runtime.answers({"text": "Hi"})
    shim = serve("transcription")
    assert upload(shim, ("file", large)).status == 200
    answer = upload(shim, ("file", large), ("language", b"en"))
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert len(runtime.bodies) == 1


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"{}", "application/json", "multipart/form-data"),
        (b"x", "multipart/form-data", "boundary"),
        (b"x", "multipart/form-data; boundary=", "boundary"),
        (b"x", f"multipart/form-data; boundary={'x' * 71}", "boundary"),
        (b"x", "multipart/form-data; boundary=b", "does not hold the boundary"),
        (b"--b\r\n", "multipart/form-data; boundary=b", "no headers"),
        (b"--b\r\nX: y\r\n\r\nz\r\n--b--", "multipart/form-data; boundary=b", "no name"),
        (
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nz',
            "multipart/form-data; boundary=b",
            "not complete",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nz\r\n' * 40 + b"--b--",
            "multipart/form-data; boundary=b",
            "more than 32 parts",
        ),
    ],
)
def test_a_body_that_is_no_form_says_so(body: bytes, content_type: str, words: str) -> None:
    with pytest.raises(ApiError, match=words) as caught:
        read_parts(body, content_type)
    assert caught.value.status == 400


def test_a_form_is_read_whoever_wrote_it() -> None:
    body = (
        b"ignored\r\n--b \t\r\ncontent-disposition: form-data; name=model\r\n\r\nm\r\n"
        b'--b\r\nContent-Type: audio/wav\r\nContent-Disposition: form-data; name="file"; filename="a \\"b\\".wav"\r\n'
        b"\r\n\r\nRIFF\r\n--not-b\r\n\r\n--b--\r\nignored"
    )
    assert read_parts(body, 'Multipart/Form-Data; charset=utf-8; boundary="b"') == [
        Part("model", b"m"),
        Part("file", b"\r\nRIFF\r\n--not-b\r\n", 'a "b".wav'),
    ]


def test_a_form_may_end_with_its_last_boundary() -> None:
    body = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nz\r\n--b--"
    assert read_parts(body, "multipart/form-data; boundary=b") == [Part("a", b"z")]


@given(contents=st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_a_part_keeps_its_bytes(contents: list[bytes]) -> None:
    written = form(*((f"field{index}", content) for index, content in enumerate(contents)))
    if any(BOUNDARY.encode() in content for content in contents):
        return
    assert [part.content for part in read_parts(written, FORM["Content-Type"])] == contents


@given(file=st.one_of(st.binary(max_size=80), st.integers(0, 60).map(lambda cut: wav(0.001)[:cut])))
def test_any_bytes_are_a_sound_or_none(file: bytes) -> None:
    sound = read_sound(file)
    assert sound is None or sound.seconds >= 0


def test_a_sound_has_its_length_behind_other_chunks_and_without_one_of_its_own() -> None:
    plain = wav(0.5)
    listed = plain[:36] + b"LIST\x03\x00\x00\x00abc\x00" + plain[36:]
    unknown = plain[:40] + b"\xff\xff\xff\xff" + plain[44:]
    for file in (plain, listed, unknown):
        assert read_sound(file) == (16_000, 0.5)


def test_languages_have_one_name_each() -> None:
    assert len(LANGUAGES) == 101
    assert sorted(code for code in LANGUAGES if len(code) != 2) == ["haw", "yue"]
    assert LANGUAGES["jw"] == LANGUAGES["jv"]
