"""Options of chats and completions that the invoke shim answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.limits import answers as limits
from invoke_shim.contract import SYSTEM_MESSAGES, USAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """Options of chats and completions; each default is the shim's own, which stands in no template.

    Attributes:
        max_tokens: Most tokens of an answer whose request names no limit; None for as many as fit.
        system_messages: Way of system messages in a prompt format without them.
        usage: Token counts that nobody tells.
        tokenizer: The model's `tokenizer.json`, which is packed into the function to count tokens; None for none.
    """

    max_tokens: int | None = None
    system_messages: Literal["merge", "refuse"] = "merge"
    usage: Literal["estimate", "omit"] = "estimate"
    tokenizer: Path | None = None

    @property
    def problems(self) -> list[str]:
        """All that is out of range."""
        found = [str(breach) for breach in limits.max_tokens(self.max_tokens)]
        found += [str(breach) for breach in limits.word("system_messages", self.system_messages, SYSTEM_MESSAGES)]
        found += [str(breach) for breach in limits.word("usage", self.usage, USAGES)]
        if self.tokenizer is not None and not self.tokenizer.is_file():
            found.append(f"tokenizer is {str(self.tokenizer)!r}: allowed is a file that is there")
        return found

    @property
    def settings(self) -> Mapping[str, str | None]:
        """The shim's settings (`invoke_shim.contract`); None for its defaults."""
        return {
            "DEFAULT_MAX_TOKENS": None if self.max_tokens is None else str(self.max_tokens),
            "SYSTEM_MESSAGES": None if self.system_messages == SYSTEM_MESSAGES[0] else self.system_messages,
            "TOKENIZER": None if self.tokenizer is None else "true",
            "USAGE": None if self.usage == USAGES[0] else self.usage,
        }
