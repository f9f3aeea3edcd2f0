"""Models that no API can ask, or whose chats nothing writes, with the exact line of each."""

from typing import Any

from stacks.declarations import JumpStartModel
from stacks.environments import DEV
from stacks.models import FALCON_7B_INSTRUCT
from tests.stacks.preflight.mistakes.makers import Case, env, model

OLD_DJL = "huggingface-textgeneration1-bloom-7b1-fp16"
EMBEDDINGS = "huggingface-sentencesimilarity-bge-base-en-v1-5"
OLD_LMI = "huggingface-llm-qwen2-7b-instruct"
OLD_TGI = "huggingface-llm-gemma-2-2b-instruct"
VISION = "huggingface-vlm-qwen2-vl-7b-instruct"
MESSAGES_ONLY = "meta-vlm-llama-3-2-11b-vision-instruct"
NEWEST = {
    EMBEDDINGS: "1.1.21",
    MESSAGES_ONLY: "2.19.2",
    OLD_DJL: "2.0.0",
    OLD_LMI: "1.0.6",
    OLD_TGI: "1.0.21",
    VISION: "1.1.1",
}
"""Versions of the lock, by id."""


def newest(model_id: str, **changes: Any) -> JumpStartModel:
    return JumpStartModel(name="m", model_id=model_id, version=NEWEST[model_id], **changes)


ERRORS: list[Case] = [
    (
        "not-served",
        DEV,
        [newest(MESSAGES_ONLY, accept_eula=True)],
        f"dev/m.model_id is {MESSAGES_ONLY!r}: its container, TGI 2.3.1, takes no prompts where MESSAGES_API_ENABLED "
        "is true, and the API sends this version nothing else; try MESSAGES_API_ENABLED=false in its environment",
    ),
    (
        "not-served",
        DEV,
        [newest(OLD_DJL)],
        f"dev/m.model_id is {OLD_DJL!r}: its image, djl-inference:0.21.0-deepspeed0.8.3-cu117, runs a script out of "
        "the weights, whose requests nothing published tells; try huggingface-textgeneration1-bloom-7b1",
    ),
    (
        "prompt-format-left-out",
        DEV,
        [model(prompt_format=None)],
        "dev/m.prompt_format is None: huggingface-llm-mistral-7b-instruct was trained to chat, and its container, TGI "
        "1.1.0, takes prompts, not chats; try 'mistral-instruct' or 'mixtral-instruct' or 'none', and completions "
        "alone",
    ),
    (
        "prompt-format-left-out",
        DEV,
        [newest(OLD_LMI)],
        f"dev/m.prompt_format is None: {OLD_LMI} was trained to chat, and its container, LMI 10.0.0, takes prompts, "
        "not chats; try 'chatml' or 'none', and completions alone",
    ),
    (
        "prompt-format-left-out",
        DEV,
        [model(FALCON_7B_INSTRUCT, prompt_format=None)],
        "dev/m.prompt_format is None: huggingface-llm-falcon-7b-instruct-bf16 was trained to chat, and no chat "
        "template is known to be in its weights; try 'falcon-instruct' or 'none', and completions alone",
    ),
    (
        "no-chat-route",
        DEV,
        [newest(OLD_TGI, prompt_format="container", accept_eula=True)],
        "dev/m.prompt_format is 'container': its container, TGI 2.3.1, takes prompts, not chats; try "
        "'template' with one of yours or 'none', and completions alone",
    ),
    (
        "no-chat-route",
        env(strict=True),
        [model(FALCON_7B_INSTRUCT, prompt_format="container")],
        "dev/m.prompt_format is 'container': no chat template is known to be in its weights; try 'falcon-instruct' or "
        "'none', and completions alone",
    ),
]
WARNINGS: list[Case] = [
    (
        "no-chat-route",
        DEV,
        [model(FALCON_7B_INSTRUCT, prompt_format="container")],
        "dev/m.prompt_format is 'container': no chat template is known to be in its weights; try 'falcon-instruct' or "
        "'none', and completions alone",
    ),
    (
        "prompt-format",
        DEV,
        [model(prompt_format="none")],
        "dev/m.prompt_format is 'none': huggingface-llm-mistral-7b-instruct was trained to chat, and without a "
        "format its API refuses chats; try 'mistral-instruct' or 'mixtral-instruct'",
    ),
    (
        "prompt-format",
        DEV,
        [newest(EMBEDDINGS, prompt_format="chatml")],
        f"dev/m.prompt_format is 'chatml': the kind of {EMBEDDINGS} is embedding, and its API writes no prompts; "
        "try leaving it out",
    ),
    (
        "images-not-passed",
        DEV,
        [newest(VISION, prompt_format="chatml")],
        f"dev/m.model_id is {VISION!r}: it takes images, and its API refuses them: they go with the container's own "
        "template alone; try leaving prompt_format out",
    ),
]
