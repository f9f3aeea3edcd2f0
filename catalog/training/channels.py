"""Names of the channels from which a family's training script reads its data.

SageMaker mounts a channel as `/opt/ml/input/data/<name>`, and JumpStart's scripts look for one name. No spec says
which; AWS's notebooks do, each for its family. They are in aws/amazon-sagemaker-examples, at 2d519b52.

A family whose notebook was not found gets the data in a channel of each name: its script reads the one that it knows.
That costs a second download, where a wrong guess costs a job that fails after its instances have started.
"""

from __future__ import annotations

from dataclasses import dataclass

VALIDATION = "validation"
"""Channel of the validation data: the same in every notebook that has one."""

_SHORT, _LONG = "train", "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Models whose training script is the same.

    Attributes:
        prefix: Beginning of the models' JumpStart ids.
        channel: Name of the channel that the script reads training data from.
        source: AWS's notebook that trains one of them.
    """

    prefix: str
    channel: str
    source: str


FAMILIES = (
    Family(
        prefix="huggingface-llm-mistral-",
        channel=_SHORT,
        source="generative_ai/sm-jumpstart_foundation_mistral_7b_domain_adaption_finetuning.ipynb",
    ),
    Family(
        prefix="huggingface-llm-falcon-",
        channel=_SHORT,
        source="archived/falcon-7b-instruction-domain-adaptation-finetuning.ipynb",
    ),
    Family(
        prefix="huggingface-textgeneration1-gpt-j-",
        channel=_SHORT,
        source="generative_ai/sm-jumpstart_foundation_finetuning_gpt_j_6b_domain_adaptation.ipynb",
    ),
    Family(
        prefix="huggingface-llm-gemma-",
        channel=_LONG,
        source="generative_ai/sm-jumpstart_foundation_gemma_fine_tuning.ipynb",
    ),
    Family(
        prefix="meta-textgeneration-llama-codellama-",
        channel=_LONG,
        source="generative_ai/sm-jumpstart_foundation_code_llama_fine_tuning_human_eval.ipynb",
    ),
    Family(
        prefix="meta-textgeneration-llama-",
        channel=_LONG,
        source="generative_ai/sm-jumpstart_foundation_llama_3_2_3b_finetuning.ipynb",
    ),
    Family(
        prefix="meta-vlm-llama-",
        channel=_LONG,
        source="generative_ai/sm-jumpstart_foundation_llama_3_2_vision_language_finetuning.ipynb",
    ),
    Family(
        prefix="huggingface-text2text-flan-t5-",
        channel=_LONG,
        source="archived/instruction-fine-tuning-flan-t5.ipynb",
    ),
)
"""Families with a known channel; of two prefixes that fit, the first goes."""


def training_channels(model_id: str) -> tuple[str, ...]:
    """Return the channels that carry the training data of a model: one, or two where its family is unknown.

    Args:
        model_id: JumpStart model id.
    """
    return next(((family.channel,) for family in FAMILIES if model_id.startswith(family.prefix)), (_LONG, _SHORT))
