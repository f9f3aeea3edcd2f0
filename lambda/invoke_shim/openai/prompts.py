"""Read the prompt of a request: text, messages, or a template's fields."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from invoke_shim.errors import ApiError, Problem
from invoke_shim.formats import FORMATS
from invoke_shim.generation.messages import Message
from invoke_shim.openai.messages import read_messages, role_problems
from invoke_shim.openai.texts import TokenIds, read_texts
from invoke_shim.settings import Settings


class Prompt(NamedTuple):
    """The prompts of one request.

    Attributes:
        field: The request's field that it comes from.
        prompts: The prompts as text; empty when there are messages.
        messages: The chat, where the model's side writes the prompt.
        token_ids: The prompts as token ids, in place of texts.
        stop: Stop strings of the format, beside the client's own.
        end_of_turn: For a chat, whose answer is trimmed, the token that ends it or ""; None for untouched text.
        problems: The problems; without any, the rest is valid.
    """

    field: str
    prompts: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    token_ids: tuple[TokenIds, ...] = ()
    stop: tuple[str, ...] = ()
    end_of_turn: str | None = None
    problems: Sequence[Problem] = ()

    @property
    def size(self) -> int:
        """The number of prompts; a chat is one."""
        return len(self.prompts) or len(self.token_ids) or 1

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts whose length counts towards the model's limit."""
        if self.prompts or self.token_ids:
            return self.prompts
        return ("\n".join(message.content for message in self.messages),)


class PromptReader:
    """Reads the prompts of one model's requests.

    Args:
        settings: The function's settings.
        takes_messages: Whether the model's side writes the prompts of chats.
        images: Whether chats may have images.
        token_ids: Whether prompts may be token ids.
    """

    def __init__(self, settings: Settings, *, takes_messages: bool, images: bool, token_ids: bool) -> None:
        self._images = images
        self._token_ids = token_ids
        self._model_name = settings.model_name
        self._takes_messages = takes_messages
        self._system_messages = settings.system_messages
        self._takes_prompts = settings.body != "converse"
        self._format = FORMATS.get(settings.prompt_format)
        self._template = None
        if settings.prompt_template is not None:
            # Few models have one, and none needs its parser without it.
            from invoke_shim.formats.template import TemplateFormat  # noqa: PLC0415 - see above

            self._template = TemplateFormat.parse(settings.prompt_template)

    @property
    def takes_fields(self) -> bool:
        """True if a request may have a template's `fields` in place of messages or a prompt."""
        return self._template is not None

    def read_chat(self, body: Mapping[str, Any]) -> Prompt:
        """Read the prompt of a chat.

        Raises:
            ApiError: 400, this model does not chat.
        """
        if self._template is not None and body.get("fields") is not None:
            return self._read_fields(body, instead_of="messages", end_of_turn=self._template.end_of_turn)
        messages, problems = read_messages(body.get("messages"), images=self._images)
        if self._takes_messages:
            return Prompt(field="messages", messages=tuple(messages), problems=problems or role_problems(messages))
        prompt_format = self._template or self._format
        if prompt_format is None:
            raise ApiError(
                f"{self._model_name} is a base model, which cannot chat: send a prompt to /v1/completions",
                status=400,
                type="invalid_request_error",
                param="messages",
            )
        problems = problems or prompt_format.problems(messages, self._system_messages)
        prompt = "" if problems else self._render(messages)
        return Prompt(
            field="messages",
            prompts=(prompt,),
            stop=prompt_format.stop,
            end_of_turn=prompt_format.end_of_turn,
            problems=problems,
        )

    def read_completion(self, body: Mapping[str, Any]) -> Prompt:
        """Read the prompts of a completion.

        Raises:
            ApiError: 400, this model only chats.
        """
        if not self._takes_prompts:
            raise ApiError(
                f"{self._model_name} is asked by Bedrock's Converse, which only takes chats: send messages to "
                "/v1/chat/completions",
                status=400,
                type="invalid_request_error",
                param="prompt",
            )
        if self._template is not None and body.get("fields") is not None:
            return self._read_fields(body, instead_of="prompt", end_of_turn=None)
        texts = read_texts(body.get("prompt"), token_ids=self._token_ids)
        return Prompt(field="prompt", prompts=texts.prompts, token_ids=texts.token_ids, problems=texts.problems)

    def _render(self, messages: Sequence[Message]) -> str:
        if self._template is not None:
            return self._template.render(self._template.fields_of(messages))
        return self._format.render(messages) if self._format is not None else ""

    def _read_fields(self, body: Mapping[str, Any], *, instead_of: str, end_of_turn: str | None) -> Prompt:
        if self._template is None:
            raise TypeError("there is no template to take fields")
        fields, problems = self._template.read_fields(body["fields"])
        # OpenAI's clients have to send the other one, if empty.
        if body.get(instead_of) not in (None, "", []):
            problems = [*problems, Problem("fields", f"fields and {instead_of} are both there: send one of them")]
        prompt = "" if problems else self._template.render(fields)
        return Prompt(
            field="fields", prompts=(prompt,), stop=self._template.stop, end_of_turn=end_of_turn, problems=problems
        )
