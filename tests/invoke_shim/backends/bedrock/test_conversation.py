"""A chat as OpenAI's clients send it becomes one that Converse takes, and loses nothing on the way."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoke_shim.backends.bedrock import conversation
from invoke_shim.errors import ApiError
from invoke_shim.generation.messages import Image, Message, ToolCall
from localaws.bedrock.conversation import turns_of

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str, *calls: ToolCall) -> Message:
    return Message("assistant", text, tool_calls=calls)


def result(of: str, text: str) -> Message:
    return Message("tool", text, tool_call_id=of)


def call(identifier: str = "call_1", arguments: str = '{"city": "Oslo"}') -> ToolCall:
    return ToolCall(identifier, "get_weather", arguments)


def written(*messages: Message, calls: bool = True) -> list[Any]:
    """The messages, each as its role and its blocks."""
    return [(message["role"], message["content"]) for message in conversation.of(messages, calls=calls).messages]


class TestTurns:
    def test_of_one_role_in_a_row_become_one_message(self) -> None:
        assert written(user("a"), user("b"), assistant("c"), assistant("d"), user("e")) == [
            ("user", [{"text": "a"}, {"text": "b"}]),
            ("assistant", [{"text": "c"}, {"text": "d"}]),
            ("user", [{"text": "e"}]),
        ]

    def test_without_text_are_left_out(self) -> None:
        assert written(user("a"), assistant(""), user(" \n"), user("b")) == [("user", [{"text": "a"}, {"text": "b"}])]

    @pytest.mark.parametrize("chat", [[user("")], [user("a"), assistant("b"), user(" ")], [Message("system", "")]])
    def test_are_refused_where_the_last_one_is_blank(self, chat: list[Message]) -> None:
        with pytest.raises(ApiError, match="the last message is blank") as error:
            conversation.of(chat, calls=False)
        assert (error.value.status, error.value.param) == (400, "messages")

    def test_may_end_with_the_beginning_of_the_answer(self) -> None:
        assert written(user("a"), assistant("So"))[-1] == ("assistant", [{"text": "So"}])


class TestSystem:
    def test_at_the_beginning_is_a_field_of_its_own(self) -> None:
        chat = conversation.of([Message("system", "s"), Message("developer", "d"), user("a")], calls=False)
        assert chat.system == [{"text": "s"}, {"text": "d"}]
        assert chat.messages == [{"role": "user", "content": [{"text": "a"}]}]

    def test_later_on_keeps_its_place_before_the_next_users_text(self) -> None:
        chat = [Message("system", "s"), user("a"), assistant("b"), Message("system", "t"), user("c")]
        found = conversation.of(chat, calls=False)
        assert found.system == [{"text": "s"}]
        assert found.messages[-1] == {"role": "user", "content": [{"text": "t"}, {"text": "c"}]}

    def test_at_the_end_is_a_message_of_the_users(self) -> None:
        assert written(user("a"), assistant("b"), Message("system", "t"))[-1] == ("user", [{"text": "t"}])

    def test_alone_is_asked_as_the_user(self) -> None:
        found = conversation.of([Message("system", "s"), Message("system", "t")], calls=False)
        assert found == ([{"text": "s"}], [{"role": "user", "content": [{"text": "t"}]}])

    def test_without_text_is_left_out(self) -> None:
        assert conversation.of([Message("system", " "), user("a")], calls=False).system == []


class TestTools:
    def test_are_called_and_answered_in_blocks(self) -> None:
        assert written(user("a"), assistant("", call()), result("call_1", "12 C")) == [
            ("user", [{"text": "a"}]),
            (
                "assistant",
                [{"toolUse": {"toolUseId": "call_1", "name": "get_weather", "input": {"city": "Oslo"}}}],
            ),
            ("user", [{"toolResult": {"toolUseId": "call_1", "content": [{"text": "12 C"}]}}]),
        ]

    def test_answer_in_one_message_before_all_text(self) -> None:
        chat = [user("a"), assistant("b", call("x"), call("y")), Message("system", "s"), result("y", "2")]
        *_, (role, blocks) = written(*chat, result("x", "1"), user("c"))
        assert role == "user"
        assert [block.get("toolResult", {}).get("toolUseId") for block in blocks] == ["y", "x", None, None]
        assert blocks[2:] == [{"text": "s"}, {"text": "c"}]

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ("", {}),
            ("{}", {}),
            ('{"a": [1.5, null]}', {"a": [1.5, None]}),
            ('{"city": "Os', {"arguments": '{"city": "Os'}),
            ("[1]", {"arguments": "[1]"}),
            ('{"a": NaN}', {"arguments": '{"a": NaN}'}),
            ("[" * 5000, {"arguments": "[" * 5000}),
        ],
    )
    def test_are_called_with_whatever_the_model_wrote(self, arguments: str, expected: Any) -> None:
        _, (_, [block]), _ = written(user("a"), assistant("", call(arguments=arguments)), result("call_1", "b"))
        assert block["toolUse"]["input"] == expected

    def test_without_output_say_so(self) -> None:
        assert written(user("a"), assistant("", call()), result("call_1", " "))[-1][1] == [
            {"toolResult": {"toolUseId": "call_1", "content": [{"text": "(no output)"}]}}
        ]

    @pytest.mark.parametrize("identifier", ["", "call|1", "x" * 65, "call 1", "é", "call_1\n"])
    def test_have_ids_that_converse_takes(self, identifier: str) -> None:
        found = written(user("a"), assistant("", call(identifier)), result(identifier, "b"))
        assert found[1][1][0]["toolUse"]["toolUseId"] == "call.0"
        assert found[2][1][0]["toolResult"]["toolUseId"] == "call.0"

    def test_have_an_id_of_their_own_in_each_turn(self) -> None:
        turn = [assistant("", call("call_0")), result("call_0", "b")]
        found = written(user("a"), *turn, *turn, assistant("", call("call.1")), result("call.1", "c"))
        calls = [block["toolUse"]["toolUseId"] for _, blocks in found for block in blocks if "toolUse" in block]
        results = [block["toolResult"]["toolUseId"] for _, blocks in found for block in blocks if "toolResult" in block]
        assert calls == results
        assert len(set(calls)) == 3

    def test_are_written_as_text_where_no_tool_may_be_called(self) -> None:
        chat = [user("a"), assistant("", call(arguments="")), result("call_1", "12 C"), result("other", ""), user("b")]
        assert written(*chat, calls=False) == [
            ("user", [{"text": "a"}]),
            ("assistant", [{"text": '{"name": "get_weather", "arguments": {}}'}]),
            (
                "user",
                [{"text": "Result of get_weather:\n12 C"}, {"text": "Result of the tool:\n(no output)"}, {"text": "b"}],
            ),
        ]

    def test_of_ids_that_take_the_numbers_before_are_numbered_in_few_steps(self) -> None:
        looks = 0

        class Counted(set[str]):
            def __contains__(self, item: object) -> bool:
                nonlocal looks
                looks += 1
                return super().__contains__(item)

        writer = conversation._Writer(calls=True)
        writer._taken = Counted()
        calls = [call(f"call.{number}") for number in range(100, 200)] + [call("no id")] * 100
        assert len(list(writer.turns(assistant("", one) for one in calls))) == 200
        assert looks < 1000


class TestImages:
    @pytest.mark.parametrize(
        ("media_type", "expected"), [("image/png", "png"), ("image/JPEG", "jpeg"), ("image/jpg", "jpeg")]
    )
    def test_are_bytes_in_their_place_among_the_texts(self, media_type: str, expected: str) -> None:
        chat = Message("user", "what\nthis", parts=("what", Image(media_type, PNG), "this", " "))
        assert written(chat) == [
            (
                "user",
                [
                    {"text": "what"},
                    {"image": {"format": expected, "source": {"bytes": b"\x89PNG\r\n\x1a\nrest"}}},
                    {"text": "this"},
                ],
            )
        ]

    def test_may_be_the_result_of_a_tool(self) -> None:
        shot = Message("tool", "", parts=(Image("image/png", PNG),), tool_call_id="call_1")
        [block] = written(user("a"), assistant("", call()), shot)[-1][1]
        assert block["toolResult"]["content"][0]["image"]["format"] == "png"

    @pytest.mark.parametrize(
        ("image", "problem"),
        [
            (Image("image/tiff", PNG), "of the type 'image/tiff'"),
            (Image("image/png", "===="), "no bytes in base64"),
            (Image("image/png", "é"), "no bytes in base64"),
        ],
    )
    def test_that_converse_cannot_take_are_refused(self, image: Image, problem: str) -> None:
        with pytest.raises(ApiError, match=problem) as error:
            written(Message("user", "", parts=(image,)))
        assert error.value.status == 400


TEXTS = st.sampled_from(["", " ", "\n", "a", "Hé \U0001f600", "[INST]"])
SIMPLE = st.tuples(st.sampled_from(["user", "system", "developer", "assistant"]), TEXTS).map(
    lambda message: Message(*message)
)


@st.composite
def tool_turns(draw: st.DrawFn) -> list[Message]:
    """An assistant's calls and their results, with a text perhaps in between."""
    ids = draw(st.lists(st.sampled_from(["call_0", "call_1", "call.1", "", "x" * 70]), min_size=1, unique=True))
    arguments = st.sampled_from(["", "{}", '{"a": 1}', "{", "7"])
    calls = [call(one, draw(arguments)) for one in ids]
    results = [result(one, draw(TEXTS)) for one in draw(st.permutations(ids))]
    between = draw(st.sampled_from([[], [Message("system", "s")]]))
    return [assistant(draw(TEXTS), *calls), *between, *results]


@given(
    turns=st.lists(st.lists(SIMPLE, max_size=3) | tool_turns(), max_size=4),
    last=st.sampled_from(["a", "b"]),
    calls=st.booleans(),
)
def test_no_chat_of_clients_is_refused_by_the_stand_in(turns: list[list[Message]], last: str, calls: bool) -> None:
    messages = [user("first"), *(message for turn in turns for message in turn), user(last)]
    chat = conversation.of(messages, calls=calls)
    read = turns_of(chat.messages, has_tools=calls)
    told = "".join(turn.text for turn in read) + "".join(block["text"] for block in chat.system)
    assert all(message.content.strip() in told for message in messages)
