"""Prompts as the models were trained on them: transcripts worked out by hand, and the published chat templates."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoke_shim.formats import FORMATS
from invoke_shim.formats.template import TemplateFormat
from invoke_shim.generation.messages import Message, ToolCall
from tests.invoke_shim.client import Deploy, Runtime
from tests.invoke_shim.formats import transcripts
from tests.invoke_shim.formats.readers import has_control
from tests.invoke_shim.formats.transcripts import GOLDEN, NotPublishedError, Transcript, published

TRANSCRIPTS = transcripts.read_all()
CHATS = {name: case for name, case in TRANSCRIPTS.items() if case.format in FORMATS}
TUNED = {name: case for name, case in TRANSCRIPTS.items() if case.format == "template"}
BASE = {name: case for name, case in TRANSCRIPTS.items() if case.format == "none"}
ANNOUNCED = {name: case for name, case in TRANSCRIPTS.items() if name.startswith("announced-")}

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
ODD_TEXT = st.lists(
    st.sampled_from(["\n", " ", "\t", "\u00a0", "###", "User:", "[", "INST]", "<|", "eot_id|>", "{{", "Question: a"]),
    max_size=5,
).map("".join)
"""Text close to a border, and white space of all kinds, which some templates strip."""


@pytest.mark.parametrize("case", CHATS.values(), ids=CHATS)
def test_writes_a_chat_as_the_model_was_trained_on(case: Transcript) -> None:
    assert FORMATS[case.format].problems(case.messages) == []
    assert FORMATS[case.format].render(case.messages) == case.prompt


@pytest.mark.parametrize("case", TUNED.values(), ids=TUNED)
def test_writes_fields_as_the_model_was_tuned_on(case: Transcript) -> None:
    template = TemplateFormat.parse(case.template)
    fields, problems = template.read_fields(case.fields)
    assert problems == []
    assert template.render(fields) == case.prompt


@pytest.mark.parametrize("case", CHATS.values(), ids=CHATS)
def test_the_published_template_writes_the_transcripts_too(case: Transcript) -> None:
    # The published templates know no developer role.
    messages = [
        Message("system" if message.role == "developer" else message.role, message.content) for message in case.messages
    ]
    assert published(case.format, messages) == case.prompt


@pytest.mark.parametrize("case", (CHATS | BASE).values(), ids=(CHATS | BASE))
def test_the_container_gets_the_transcripts_prompt(case: Transcript, deploy: Deploy, runtime: Runtime) -> None:
    shim = deploy(PROMPT_FORMAT=case.format)
    answer = shim.chat(*case.parts) if case.parts else shim.complete(case.prompt)
    assert answer.status == 200, answer.text
    assert runtime.payload["inputs"] == case.prompt


def test_there_are_transcripts_and_a_published_template_of_every_format() -> None:
    files = {path.stem for path in GOLDEN.glob("*.txt") if not path.stem.startswith("announced-")}
    assert files == {*FORMATS, "template"}
    assert {path.stem for path in (GOLDEN / "published").glob("*.jinja")} == set(FORMATS)


def test_every_example_prompt_of_the_five_announcements_is_a_transcript() -> None:
    counts: dict[str, int] = {}
    for name in ANNOUNCED:
        announcement = name.split(":")[0]
        counts[announcement] = counts.get(announcement, 0) + 1
    assert counts == {
        "announced-arctic": 2,
        "announced-falcon-180b": 13,
        "announced-mistral-7b": 6,
        "announced-mistral-7b-tuning": 3,
        "announced-bedrock-import": 2,
    }


@st.composite
def chats(draw: st.DrawFn, name: str) -> list[Message]:
    """A chat with its roles in an order that the published template takes, in texts without control sequences."""
    prompt_format = FORMATS[name]
    own_line = bool(prompt_format.own_lines)
    texts = (TEXT | ODD_TEXT).filter(lambda text: not has_control(name, text, own_line=own_line))
    if prompt_format.system == "anywhere":
        roles = draw(st.lists(st.sampled_from(["system", "user", "assistant"]), min_size=1, max_size=6))
        return [Message(role, draw(texts)) for role in roles]
    messages = [Message("system", draw(texts))] if prompt_format.system == "first" and draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 3))):
        messages.append(Message("user", draw(texts)))
        if prompt_format.alternates or draw(st.booleans()):
            messages.append(Message("assistant", draw(texts)))
    return [*messages, Message("user", draw(texts))]


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40)
@given(data=st.data())
def test_writes_any_chat_as_the_published_template_writes_it(name: str, data: st.DataObject) -> None:
    messages = data.draw(chats(name))
    assert FORMATS[name].problems(messages) == []
    assert FORMATS[name].render(messages) == published(name, messages)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40)
@given(roles=st.lists(st.sampled_from(["system", "user", "assistant", "tool"]), min_size=1, max_size=6))
def test_takes_every_order_of_roles_and_writes_it_as_published_where_that_takes_it(name: str, roles: list[str]) -> None:
    messages = [Message(role, "text") for role in roles]
    prompt_format = FORMATS[name]
    assert prompt_format.problems(messages) == []
    prompt = prompt_format.render(messages)
    # Where a template is a loop over any messages, what the announcement forbids is brought into order here.
    in_order = prompt_format.system == "anywhere" or "system" not in roles[1:]
    in_turn = not prompt_format.alternates or (_alternate(roles) and roles[-1] == "user")
    try:
        expected = published(name, messages)
    except NotPublishedError:
        return
    if in_order and in_turn and "tool" not in roles:
        assert prompt == expected


def _alternate(roles: list[str]) -> bool:
    speakers = roles[1:] if roles[0] == "system" else roles
    return all((role == "user") == (place % 2 == 0) for place, role in enumerate(speakers))


WITH_TOOLS = [name for name, prompt_format in FORMATS.items() if prompt_format.tools]


@pytest.mark.parametrize("name", WITH_TOOLS)
@settings(max_examples=40)
@given(data=st.data())
def test_writes_calls_and_results_as_the_published_template_writes_them(name: str, data: st.DataObject) -> None:
    texts = (TEXT | ODD_TEXT).filter(lambda text: not has_control(name, text, own_line=False))
    arguments = st.dictionaries(texts, texts | st.integers() | st.none(), max_size=2).map(json.dumps)
    # Llama's template takes one call a turn; v0.3's takes ids of nine characters alone.
    several = st.just(1) if name == "llama-3.1-instruct" else st.integers(1, 3)
    calls = tuple(ToolCall(f"abcdefgh{place}", "look_up", data.draw(arguments)) for place in range(data.draw(several)))
    messages = [
        Message("user", data.draw(texts)),
        Message("assistant", "", tool_calls=calls),
        *(Message("tool", data.draw(texts), tool_call_id=call.id) for call in calls),
        *(
            [Message("assistant", data.draw(texts)), Message("user", data.draw(texts))]
            if data.draw(st.booleans())
            else []
        ),
    ]
    assert not any(has_control(name, call.arguments, own_line=False) for call in calls)
    assert FORMATS[name].render(messages) == published(name, messages)
