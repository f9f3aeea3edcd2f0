"""Messages and prompts with more problems than anybody reads."""

from typing import Any

import pytest

from invoke_shim.errors import ENOUGH_PROBLEMS
from invoke_shim.generation.messages import Message
from invoke_shim.openai.messages import read_messages, role_problems
from invoke_shim.openai.texts import read_texts

MANY = 2 * ENOUGH_PROBLEMS


@pytest.mark.parametrize(
    "messages",
    [
        [1] * MANY,
        [{"role": "assistant", "tool_calls": [{}] * MANY}],
        [{"role": "user", "content": [{"type": "image_url"}] * MANY}],
    ],
    ids=["messages", "calls", "parts"],
)
def test_checking_messages_ends_at_enough_problems(messages: list[Any]) -> None:
    assert len(read_messages(messages)[1]) == ENOUGH_PROBLEMS


def test_checking_prompts_and_roles_ends_at_enough_problems() -> None:
    assert len(read_texts([""] * MANY).problems) == ENOUGH_PROBLEMS
    assert len(role_problems([Message("narrator", "Once")] * MANY)) == ENOUGH_PROBLEMS
