r"""The format of IBM's Granite Code instruct models, 3B to 34B.

Sources: the chat template in the models' `tokenizer_config.json`: paragraphs under a line with the speaker's name,
`System:`, `Question:`, `Answer:`, in any order; the tokens of the StarCoder tokenizer, which the models have.

A message stands on lines of its own, so a line of it that is nothing but `Question:` would open a turn, also the first
one or the last; only such a line is changed. "Question: why?" is ordinary text, and does not end an answer.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from invoke_shim.formats.base import PromptFormat
from invoke_shim.formats.neutral import Borders
from invoke_shim.generation.messages import Message

NAMES: Mapping[str, str] = MappingProxyType({"system": "System", "user": "Question", "assistant": "Answer"})


def _write(messages: Sequence[Message]) -> str:
    return "".join(f"{NAMES[message.role]}:\n{message.content}\n\n" for message in messages) + "Answer:\n"


GRANITE_CODE = PromptFormat(
    name="granite-code",
    write=_write,
    end_of_turn="<|endoftext|>",
    stop=("\nQuestion:\n", "<|endoftext|>"),
    borders=Borders(
        tokens=(
            *("<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>"),
            *("<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>"),
            *("<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<empty_output>", "<commit_before>"),
            *("<commit_msg>", "<commit_after>", "<reponame>"),
        ),
        names=tuple(NAMES.values()),
        whole_lines=True,
    ),
    system="anywhere",
    alternates=False,
    own_lines=frozenset(NAMES),
)

FORMATS = {known.name: known for known in (GRANITE_CODE,)}
