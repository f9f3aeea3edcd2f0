"""The small model answers through every dialect alike, and counts are its tokenizer's own."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from localaws.containers import ModelContainer
from localaws.containers.chats import Chat, Turn
from localaws.containers.engine import DeterministicEngine, Job, Sampling, use
from localaws.engine import SmallModel, missing
from tests.localaws.bedrock import answering
from tests.localaws.containers.chat_examples import WEATHER
from tests.localaws.containers.container_client import (
    LMI,
    LMI_18,
    TGI_2_4,
    TGI_3_2,
    VLLM,
    ContainerClient,
    settings,
)
from tests.support.local_aws import REPOSITORY

pytestmark = pytest.mark.sweep

FOLDER = REPOSITORY / ".venv" / "engine"
QUESTION = "What is the capital of France?"
CHAT = [{"role": "user", "content": QUESTION}]
MOST = 24


@pytest.fixture(scope="module")
def model() -> Iterator[SmallModel]:
    """The small model, as the engine of this process."""
    assert missing(FOLDER) is None, "make engine"
    model = SmallModel(FOLDER)
    use(model)
    yield model
    use(DeterministicEngine())
    model.stop()


def _ask(image: str, document: dict[str, Any]) -> Any:
    container = ModelContainer.start(settings(image))
    try:
        status, answer = ContainerClient(container)(document)
    finally:
        container.stop()
    assert status == 200, answer
    return answer


def _through(dialect: str, messages: list[dict[str, Any]]) -> tuple[str, int, int]:
    """Return the text of an answer through a dialect, and the tokens of prompt and answer."""
    if dialect == "Converse":
        request = {
            "messages": [{"role": each["role"], "content": [{"text": each["content"]}]} for each in messages],
            "inferenceConfig": {"temperature": 0, "maxTokens": MOST},
        }
        answer, _ = answering.talk(request, answering.model())
        usage = answer["usage"]
        return answer["output"]["message"]["content"][0]["text"], usage["inputTokens"], usage["outputTokens"]
    document = {"messages": messages, "temperature": 0, "max_tokens": MOST}
    if dialect == "Bedrock":
        answer, _ = answering.chat(document, answering.model())
    else:
        answer = _ask(dialect, document)
    usage = answer["usage"]
    return answer["choices"][0]["message"]["content"], usage["prompt_tokens"], usage["completion_tokens"]


class TestAllDialects:
    @pytest.mark.parametrize("messages", [CHAT, [{"role": "user", "content": "Sag Grüße 😀!"}]], ids=["plain", "emoji"])
    def test_give_the_same_text_and_the_tokenizers_counts(
        self, model: SmallModel, messages: list[dict[str, Any]]
    ) -> None:
        prompt = model.render(Chat((Turn("user", messages[0]["content"]),)))
        generated = [token for token, _ in zip(model.generate(Job(prompt=prompt)), range(MOST), strict=False)]
        text = "".join(token.text for token in generated if not token.special)

        dialects = (TGI_2_4, TGI_3_2, LMI, LMI_18, VLLM, "Bedrock", "Converse")
        made = {dialect: _through(dialect, messages) for dialect in dialects}

        assert text
        assert made == dict.fromkeys(dialects, (text, len(model.encode(prompt)), len(generated)))


class TestTokens:
    def test_join_to_the_text(self, model: SmallModel) -> None:
        text = "<|im_start|>user\nGrüße 😀 日本<|im_end|>\n"
        tokens = model.encode(text)

        assert "".join(token.text for token in tokens) == text
        assert [token.text for token in tokens if token.special] == ["<|im_start|>", "<|im_end|>"]
        # The numbers of ChatML's markers in SmolLM2's vocabulary (its `tokenizer_config.json`).
        assert [token.id for token in tokens if token.special] == [1, 2]

    def test_have_the_models_probabilities(self, model: SmallModel) -> None:
        token = next(model.generate(Job(prompt="The capital of France is")))

        assert token.text == " Paris"
        assert 0.1 < math.exp(token.logprob) < 1


class TestSampling:
    def test_keeps_to_its_seed(self, model: SmallModel) -> None:
        def said(seed: int) -> str:
            job = Job(prompt="Once upon a time", sampling=Sampling(seed=seed, temperature=1.0), length=12)
            return "".join(token.text for token in model.generate(job))

        assert said(1) == said(1)
        assert len({said(seed) for seed in range(1, 5)}) > 1

    def test_ends_at_a_stop_string(self, model: SmallModel) -> None:
        text, _, _ = _through(VLLM, CHAT)
        stop = text.split()[3]
        answer = _ask(VLLM, {"messages": CHAT, "temperature": 0, "max_tokens": MOST, "stop": [stop]})

        [choice] = answer["choices"]
        assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", stop)
        assert choice["message"]["content"] == text.partition(stop)[0]

    def test_of_a_reader_that_leaves_ends_at_once(self, model: SmallModel) -> None:
        long = model.generate(Job(prompt="Once upon a time", endless=True))
        next(long)
        assert isinstance(long, Generator)
        long.close()

        assert next(model.generate(Job(prompt="The capital of France is"))).text == " Paris"


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "hobbies": {"type": "array", "items": {"type": "string", "maxLength": 12}, "maxItems": 2},
        "city": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["name", "age", "hobbies", "city"],
    "additionalProperties": False,
}


class TestGrammars:
    @pytest.mark.parametrize("image", [TGI_3_2, VLLM])
    def test_keep_the_model_to_a_schema(self, image: str, model: SmallModel) -> None:
        wrapped = {"name": "person", "schema": PERSON}
        form = {"type": "json_schema", "json_schema": wrapped} if image == VLLM else {"type": "json", "value": PERSON}
        question = [{"role": "user", "content": "Tell of Ada, 36, who likes chess, as JSON."}]
        answer = _ask(image, {"messages": question, "temperature": 0, "max_tokens": 160, "response_format": form})

        document = json.loads(answer["choices"][0]["message"]["content"])
        Draft202012Validator(PERSON).validate(document)
        assert "stand-in" not in json.dumps(document)

    def test_write_the_arguments_of_a_named_tool(self, model: SmallModel) -> None:
        function: Any = WEATHER["function"]
        question = [{"role": "user", "content": "What is the weather in Paris?"}]
        choice = {"type": "function", "function": {"name": "get_weather"}}
        request = {"messages": question, "tools": [WEATHER], "tool_choice": choice, "temperature": 0}
        [call] = _ask(VLLM, request)["choices"][0]["message"]["tool_calls"]

        arguments = json.loads(call["function"]["arguments"])
        Draft202012Validator(function["parameters"]).validate(arguments)
        assert arguments["city"] != "stand-in"
