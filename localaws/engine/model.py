"""The engine of the small model: what is the model's own, and what is decided for it.

* The chat template is SmolLM2's own: ChatML, with a system message of its publisher's where a chat has none (the
  template in the model's file). Tools and pictures stand in it as in `localaws.containers.chats`, since the model was
  trained for neither.
* Tokens are cut by the model's tokenizer. Of an answer's tokens the log probabilities are the model's; of prompts they
  are 0, and alternatives are made up.
* JSON by a schema is written by the model, as the grammar of the schema lets it. Where no grammar keeps all of a schema
  (`localaws.engine.reduction`), and for regular expressions, the answer is the deterministic engine's.
* **Calls of tools**: a model of this size cannot decide whether to call one. `localaws.containers.decisions` does, also
  with `auto`; the arguments are written by the model, by the grammar of the tool's schema.
* Thoughts before an answer are the deterministic engine's: this is no model that reasons.
* `[[stand-in ...]]` in a chat steers it as it does the deterministic engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from localaws.containers import chats, decisions
from localaws.containers.chats import Chat, Tool, ToolCall, Turn
from localaws.containers.engine import DeterministicEngine, Job, Sampling
from localaws.containers.patterns import text_of
from localaws.containers.schemas import example_of
from localaws.containers.tokens import Token
from localaws.engine.installed import NAME, weights_of
from localaws.engine.process import Process
from localaws.engine.reduction import reduced

# SmolLM2's chat template, `tokenizer.chat_template` in the model's file.
_SYSTEM: Final = Turn("system", "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
# Enough for the arguments of any tool that a small model fills in.
_MOST_ARGUMENT_TOKENS: Final = 256


class SmallModel:
    """The engine."""

    name = NAME

    def __init__(self, folder: Path) -> None:
        """Store what the first request starts.

        Args:
            folder: The folder of the installation, of which nothing is missing.
        """
        self._process = Process(folder=folder, weights=weights_of(folder))
        self._decided = DeterministicEngine()

    def stop(self) -> None:
        """End the model's process."""
        self._process.stop()

    def render(self, chat: Chat) -> str:
        """Write a chat as the model's own template does."""
        has_system = bool(chat.turns) and chat.turns[0].role == "system"
        return chats.render(chat if has_system else Chat((_SYSTEM, *chat.turns), chat.tools))

    def encode(self, text: str) -> list[Token]:
        """Cut a text by the model's tokenizer."""
        return self._process.encode(text) if text else []

    def calls(
        self, chat: Chat, tools: Sequence[Tool], *, is_required: bool, parallel: bool, sampling: Sampling
    ) -> tuple[ToolCall, ...]:
        """Decide by rule which tools are called, and let the model write the arguments that nothing steers."""
        decided = self._decided.calls(chat, tools, is_required=is_required, parallel=parallel, sampling=sampling)
        schemas = {tool.name: decisions.schema_of(tool) for tool in tools}
        return tuple(self._call(chat, call, schemas[call.name], sampling) for call in decided)

    def thought(self, chat: Chat, sampling: Sampling) -> str:
        """Return the deterministic engine's thought."""
        return self._decided.thought(chat, sampling)

    def generate(self, job: Job) -> Iterator[Token]:
        """Generate an answer, token by token, then the end of sequence."""
        text, schema = self._prescribed(job)
        if text is not None:
            yield from self.encode(text)
        else:
            endless = job.endless or job.length is not None
            yield from self._written(job.prompt, job.sampling, schema, most=job.length, endless=endless)
        yield self._process.end_of_sequence()

    def _written(
        self, prompt: str, sampling: Sampling, schema: Any, *, most: int | None, endless: bool = False
    ) -> Iterator[Token]:
        is_greedy = sampling.temperature == 0 or (sampling.seed is None and not sampling.temperature)
        return self._process.generate(
            {
                "prompt": prompt,
                "most": most,
                "endless": endless and schema is None,
                "temperature": 0 if is_greedy else sampling.temperature or 1,
                # vLLM's -1 is all of them.
                "top_k": max(0, sampling.top_k or 0),
                "top_p": sampling.top_p or 1,
                "seed": (sampling.seed or 0) % 2**32,
                "schema": schema,
            }
        )

    def _prescribed(self, job: Job) -> tuple[str | None, Any]:
        """Return a text that is answered whatever the model would say, or the schema of its grammar; or neither."""
        if job.text is not None:
            return job.text, None
        steered = None if job.chat is None else decisions.said(job.chat, "say")
        if job.grammar is None:
            return steered, None
        if job.grammar.pattern is not None:
            return text_of(job.grammar.pattern), None
        schema = reduced(job.grammar.schema)
        return (None, schema) if schema is not None else (_json(example_of(job.grammar.schema)), None)

    def _call(self, chat: Chat, call: ToolCall, schema: Any, sampling: Sampling) -> ToolCall:
        grammar = reduced(schema)
        if grammar is None or call.arguments != example_of(schema):
            return call
        prompt = f'{self.render(chat)}<tool_call>\n{{"name": {_json(call.name)}, "arguments": '
        written = self._written(prompt, sampling, grammar, most=_MOST_ARGUMENT_TOKENS)
        try:
            return ToolCall(call.name, json.loads("".join(token.text for token in written)))
        except ValueError:
            # Cut at the limit.
            return call


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)
