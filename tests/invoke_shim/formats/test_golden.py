"""Prompts as the models were trained on them: transcripts worked out by hand, and the published chat templates."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from invoke_shim.formats import FORMATS
from invoke_shim.formats.template import TemplateFormat
from invoke_shim.generation.messages import Message
from tests.invoke_shim.client import Deploy, Runtime
from tests.invoke_shim.formats import transcripts
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


def test_every_example_prompt_of_the_three_announcements_is_a_transcript() -> None:
    counts: dict[str, int] = {}
    for name in ANNOUNCED:
        announcement = name.split(":")[0]
        counts[announcement] = counts.get(announcement, 0) + 1
    assert counts == {"announced-arctic": 2, "announced-falcon-180b": 13, "announced-mistral-7b": 6}


@st.composite
def chats(draw: st.DrawFn, texts: st.SearchStrategy[str], *, has_system: bool, in_turn: bool) -> list[Message]:
    """A chat with its roles in order."""
    messages = [Message("system", draw(texts))] if has_system and draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 3))):
        messages.append(Message("user", draw(texts)))
        if in_turn or draw(st.booleans()):
            messages.append(Message("assistant", draw(texts)))
    return [*messages, Message("user", draw(texts))]


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_writes_any_chat_as_the_published_template_writes_it(name: str, data: st.DataObject) -> None:
    prompt_format = FORMATS[name]
    chat = chats(TEXT | ODD_TEXT, has_system=prompt_format.takes_system, in_turn=prompt_format.alternates)
    messages = data.draw(chat)
    assume(not prompt_format.problems(messages))
    assert prompt_format.render(messages) == published(name, messages)


@pytest.mark.parametrize("name", FORMATS)
@given(roles=st.lists(st.sampled_from(["system", "user", "assistant"]), min_size=1, max_size=6))
def test_refuses_every_order_of_roles_that_the_published_template_refuses(name: str, roles: list[str]) -> None:
    messages = [Message(role, "text") for role in roles]
    try:
        published(name, messages)
    except NotPublishedError:
        assert FORMATS[name].problems(messages)
    else:
        # The announcements and Meta's page are stricter than the templates: the user last, Arctic and Llama in turn.
        stricter = roles[-1] != "user" or "system" in roles[1:] or not _alternate(roles)
        assert stricter or FORMATS[name].problems(messages) == []


def _alternate(roles: list[str]) -> bool:
    speakers = roles[1:] if roles[0] == "system" else roles
    return all((role == "user") == (place % 2 == 0) for place, role in enumerate(speakers))


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_no_text_of_the_client_adds_a_turn(name: str, data: st.DataObject) -> None:
    prompt_format = FORMATS[name]
    borders = (*prompt_format.special_tokens, *prompt_format.turn_markers)
    # Whole borders, borders without their line breaks, and what is left of one when it is cut.
    pieces = {*borders, *(border.strip() for border in borders), *(border[:-1] for border in borders), "\n"}
    texts = st.lists(st.sampled_from(sorted(pieces)) | TEXT, max_size=3).map("".join)
    messages = [Message("user", data.draw(texts))]
    if prompt_format.takes_system and data.draw(st.booleans()):
        messages.insert(0, Message("system", data.draw(texts)))
    if prompt_format.problems(messages):
        assert any(piece.strip() in message.content for piece in borders for message in messages)
        return
    prompt = prompt_format.render(messages)
    plain = prompt_format.render([Message(message.role, "") for message in messages])
    for border in borders:
        # The prompt's beginning is a line's, too.
        assert f"\n{prompt}\n".count(border) == f"\n{plain}\n".count(border)


@pytest.mark.parametrize("name", FORMATS)
@given(texts=st.tuples(TEXT, TEXT, TEXT))
def test_refuses_no_text_without_a_border_in_it(name: str, texts: tuple[str, str, str]) -> None:
    prompt_format = FORMATS[name]
    messages = [Message(role, text) for role, text in zip(("user", "assistant", "user"), texts, strict=True)]
    borders = [*prompt_format.special_tokens, *(marker.strip() for marker in prompt_format.turn_markers)]
    assume(not any(border in text for border in borders for text in texts))
    assert prompt_format.problems(messages) == []
