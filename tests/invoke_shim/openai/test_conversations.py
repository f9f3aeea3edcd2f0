"""Chats as clients send them: calls of tools and their results, replayed answers, images, empty contents."""

import base64
from typing import Any

import pytest

from invoke_shim.errors import ENOUGH_PROBLEMS
from invoke_shim.generation.messages import Image, Message, ToolCall
from invoke_shim.generation.types import Piece, Usage
from invoke_shim.openai.image_parts import MAX_IMAGE_BYTES
from invoke_shim.openai.messages import read_messages
from invoke_shim.openai.parts import MAX_IMAGES
from tests.invoke_shim.client import MODEL_NAME
from tests.invoke_shim.scripted_backend import ScriptedBackend, serve_scripted

Json = Any

ASK = {"role": "user", "content": "How warm is it in Oslo?"}
CALL = ToolCall("call_1", "get_weather", '{"city": "Oslo"}')


def call(**changes: Json) -> Json:
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    return {"id": "call_1", "type": "function", "function": function, **changes}


def calling(*calls: Json, **members: Json) -> Json:
    return {"role": "assistant", "content": None, "tool_calls": list(calls or [call()]), **members}


def result(**changes: Json) -> Json:
    return {"role": "tool", "tool_call_id": "call_1", "content": "12 C", **changes}


def read(*messages: Json, images: bool = False) -> list[Message]:
    found, problems = read_messages(list(messages), images=images)
    assert not problems
    return found


def problem(*messages: Json, images: bool = False) -> tuple[str | None, str]:
    _, problems = read_messages(list(messages), images=images)
    assert len(problems) == 1
    return problems[0].param, problems[0].message


class TestCalls:
    """An assistant's calls of tools, and the results."""

    @pytest.mark.parametrize("content", [None, "", []])
    def test_a_call_and_its_result_need_no_text(self, content: Json) -> None:
        asked, answer, done = read(ASK, calling(content=content), result(content=content))
        assert asked == Message("user", "How warm is it in Oslo?")
        assert answer == Message("assistant", "", tool_calls=(CALL,))
        assert done == Message("tool", "", tool_call_id="call_1")

    def test_a_call_may_have_a_text_before_it_and_a_result_may_come_in_parts(self) -> None:
        _, answer, done = read(
            ASK,
            calling(content="Let me look."),
            result(content=[{"type": "text", "text": "12"}, {"type": "text", "text": "C"}]),
        )
        assert (answer.content, answer.tool_calls) == ("Let me look.", (CALL,))
        assert done.content == "12\nC"

    def test_several_calls_have_their_results_in_any_order(self) -> None:
        calls = calling(call(), call(id="call_2"))
        _, answer, second, first = read(ASK, calls, result(tool_call_id="call_2"), result())
        assert [made.id for made in answer.tool_calls] == ["call_1", "call_2"]
        assert (second.tool_call_id, first.tool_call_id) == ("call_2", "call_1")

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [('{"city": ', '{"city": '), (None, ""), ("", ""), ({"city": "Oslo"}, '{"city": "Oslo"}')],
    )
    def test_arguments_are_what_the_model_wrote(self, arguments: Json, expected: str) -> None:
        _, answer = read(ASK, calling(call(function={"name": "f", "arguments": arguments})))
        assert answer.tool_calls == (ToolCall("call_1", "f", expected),)

    def test_the_older_form_becomes_calls_and_results(self) -> None:
        older = {"role": "assistant", "content": None, "function_call": call()["function"]}
        _, answer, done = read(ASK, older, {"role": "function", "name": "get_weather", "content": "12 C"})
        (made,) = answer.tool_calls
        assert (made.name, made.arguments) == (CALL.name, CALL.arguments)
        assert done == Message("tool", "12 C", tool_call_id=made.id)

    @pytest.mark.parametrize(
        ("message", "param", "text"),
        [
            (result(tool_call_id="call_2"), "messages[2].tool_call_id", "is 'call_2', which no call before it has"),
            (result(tool_call_id=None), "messages[2].tool_call_id", "is null, expected the id of a call"),
            (
                {"role": "function", "name": "other", "content": "1"},
                "messages[2].name",
                "is 'other', which no function_call before it has",
            ),
            (
                {**ASK, "tool_calls": [call()]},
                "messages[2].tool_calls",
                "is in a message of role 'user': only an assistant calls tools",
            ),
            (calling(call(id="")), "messages[2].tool_calls[0].id", "is '', expected a non-empty string"),
            (calling(call(), 7), "messages[2].tool_calls[1]", "is no call of a function"),
            (calling(call(type="custom")), "messages[2].tool_calls[0]", "is no call of a function"),
            (calling(call(function={"name": 7})), "messages[2].tool_calls[0].function.name", "is 7, expected"),
            (
                calling(call(function={"name": "f", "arguments": 7})),
                "messages[2].tool_calls[0].function.arguments",
                "is 7, expected a string of JSON",
            ),
            (calling(*[call()] * 129), "messages[2].tool_calls", "is a list, expected a list of at most 128 calls"),
            ({**calling(), "tool_calls": {"a": 1}}, "messages[2].tool_calls", "is an object, expected a list"),
            (
                {"role": "assistant", "content": None, "function_call": "auto"},
                "messages[2].function_call",
                "is 'auto', expected an object with name and arguments",
            ),
        ],
    )
    def test_one_that_is_wrong_is_refused_with_where(self, message: Json, param: str, text: str) -> None:
        found = problem(ASK, calling(), message)
        assert found[0] == param
        assert found[1].startswith(f"{param} {text}")


class TestContents:
    """The other members of a message, and its content."""

    @pytest.mark.parametrize(
        "more",
        [
            {"reasoning_content": "", "reasoning": "I think"},
            {"id": "msg_1", "opts": {"visible": True}},
            {"cache_control": {"type": "ephemeral"}},
            {"name": "Ann", "refusal": None, "annotations": [], "audio": None, "function_call": None, "tool_calls": []},
        ],
    )
    def test_members_without_a_use_here_are_ignored(self, more: Json) -> None:
        assert read({"role": "assistant", "content": "12 C", **more}) == [Message("assistant", "12 C")]

    def test_reasoning_that_is_replayed_in_parts_is_left_out(self) -> None:
        parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "12 C", "cache_control": {}}]
        assert read({"role": "assistant", "content": parts}) == [Message("assistant", "12 C")]
        assert problem({"role": "user", "content": parts})[0] == "messages[0].content[0]"

    def test_an_answer_may_be_empty_or_a_refusal(self) -> None:
        empty, refusal = read({"role": "assistant", "content": None}, {"role": "assistant", "refusal": "No."})
        assert (empty.content, refusal.content) == ("", "No.")
        assert read({"role": "user", "content": []}, {"role": "system", "content": ""})[0].content == ""

    def test_a_question_without_content_is_refused(self) -> None:
        assert problem({"role": "user", "contnet": "Hi"}) == (
            "messages[0].content",
            "messages[0].content is null, expected a string or a list of text parts",
        )

    @pytest.mark.parametrize("kind", ["input_audio", "file", "video_url"])
    def test_parts_of_other_kinds_are_refused_by_name(self, kind: str) -> None:
        param, message = problem({"role": "user", "content": [{"type": kind}]}, images=True)
        assert param == "messages[0].content[0]"
        assert message.endswith(f"is of type '{kind}', this model takes only parts of type 'text' and 'image_url'")


PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big") + b"\x08\x02"
).decode()


def uri(data: str, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{data}"


URI = uri(PNG)


def image(url: Json = URI, role: str = "user") -> Json:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    return {"role": role, "content": parts}


def encoded(file: bytes) -> str:
    return base64.b64encode(file).decode()


FILES = {
    "image/png": base64.b64decode(PNG),
    "image/gif": b"GIF89a" + (640).to_bytes(2, "little") + (480).to_bytes(2, "little"),
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x04JF\xff\xff\xc2\x00\x0b\x08\x01\xe0\x02\x80\x03\x01",
    "image/webp": b"RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x7f\x02\x00\xdf\x01\x00",
}


class TestImages:
    """Images, which come with the request and are never fetched."""

    def test_an_image_stays_between_the_texts_around_it(self) -> None:
        message = image()
        message["content"].append({"type": "text", "text": "And why?"})
        (found,) = read(message, images=True)
        assert found.parts == ("What is it?", Image("image/png", PNG), "And why?")
        assert found.content == "What is it?\nAnd why?"

    @pytest.mark.parametrize(("media_type", "file"), FILES.items(), ids=FILES)
    @pytest.mark.parametrize("told", ["image/png", "image/jpg", "application/octet-stream"])
    def test_the_file_tells_its_kind(self, media_type: str, file: bytes, told: str) -> None:
        (found,) = read(image(uri(encoded(file), told)), images=True)
        assert found.parts[1] == Image(media_type, encoded(file))

    def test_the_kinds_of_webp_tell_their_size_in_three_ways(self) -> None:
        head = b"RIFF\x20\x00\x00\x00WEBP"
        lossless = head + b"VP8L\x0a\x00\x00\x00\x2f" + (639 | 479 << 14).to_bytes(4, "little")
        lossy = head + b"VP8 \x0a\x00\x00\x00\x00\x00\x00\x9d\x01\x2a" + b"\x80\x02\xe0\x01"
        for file in (lossless, lossy):
            assert read(image(uri(encoded(file))), images=True)
        wide = head + b"VP8L\x0a\x00\x00\x00\x2f" + (16383 | 479 << 14).to_bytes(4, "little")
        assert "16384 x 480 pixels" in problem(image(uri(encoded(wide))), images=True)[1]

    def test_padding_may_be_missing_and_the_url_may_stand_alone(self) -> None:
        part = {"type": "image_url", "image_url": uri(encoded(FILES["image/gif"]).rstrip("="))}
        (found,) = read({"role": "user", "content": [part]}, images=True)
        assert found.parts == (Image("image/gif", encoded(FILES["image/gif"])),)

    @pytest.mark.parametrize(
        ("url", "text"),
        [
            (
                "https://example.com/a.png",
                "is a link, which is never fetched here: send the image itself",
            ),
            ("http://169.254.169.254/latest/meta-data", "is a link, which is never fetched here"),
            ("file:///etc/passwd", "is a link, which is never fetched here"),
            ("data:image/png,abc", "is a data URI without base64"),
            (uri("not base64!"), "is a data URI whose base64 is not valid"),
            (uri(encoded(b"<svg></svg>")), "is no PNG, JPEG, GIF or WebP image"),
            (uri(encoded(FILES["image/png"][:20])), "is an image that is cut off or damaged"),
            (uri(encoded(FILES["image/jpeg"][:10])), "is an image that is cut off or damaged"),
            (uri(encoded(b"RIFF\x20\x00\x00\x00WAVEfmt ")), "is an image that is cut off or damaged"),
            (uri("A" * (MAX_IMAGE_BYTES // 3 * 4 + 8)), "is an image of more than 3932160 bytes"),
            (
                uri(encoded(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00\x00\xff\xff" * 2)),
                "is an image of 65535 x 65535 pixels, expected 1 to 8000 each",
            ),
            (None, "is null, expected the image as a data URI"),
            (7, "is 7, expected the image as a data URI"),
        ],
    )
    def test_what_is_no_image_that_came_along_is_refused(self, url: Json, text: str) -> None:
        param, message = problem(image(url), images=True)
        assert param == "messages[0].content[1].image_url.url"
        assert message.startswith(f"{param} {text}")

    def test_their_number_is_bounded(self) -> None:
        assert read(*[image()] * MAX_IMAGES, images=True)
        param, message = problem(*[image()] * (MAX_IMAGES + 1), images=True)
        assert param == "messages[20].content[1]"
        assert message.endswith("is image 21 of the request, at most 20 are taken")

    def test_a_model_of_text_takes_none(self) -> None:
        assert "is an image, but this model takes text only" in problem(image())[1]

    def test_only_a_user_shows_images(self) -> None:
        assert problem(image(role="system"), images=True)[1].endswith("only the user's may have one")

    def test_a_backend_gets_them_where_it_takes_them(self) -> None:
        script = [Piece(text="A cat.", finish_reason="stop"), Piece(usage=Usage(1, 1))]
        body = {"model": MODEL_NAME, "messages": [image()]}
        backend = ScriptedBackend([script], takes_messages=True)
        with serve_scripted(backend) as shim:
            assert shim.post("/v1/chat/completions", body).status == 200
        assert backend.requests[0].messages[0].parts[1] == Image("image/png", PNG)
        for blind in (ScriptedBackend([script]), ScriptedBackend([script], True, {"images": False})):
            with serve_scripted(blind) as shim:
                answer = shim.post("/v1/chat/completions", body)
            assert (answer.status, answer.error["param"]) == (400, "messages[0].content[1]")


def test_checking_ends_at_enough_problems() -> None:
    many = [{"role": "user", "content": [{"type": "file"}] * 30}] * 30
    assert len(read_messages(many)[1]) == ENOUGH_PROBLEMS
