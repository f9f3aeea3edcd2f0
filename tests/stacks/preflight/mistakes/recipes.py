"""Mistakes that a training recipe shows, with the exact line of each."""

from dataclasses import replace
from typing import Any

from catalog.training.facts import TrainingFacts
from catalog.training.hyperparameters import Hyperparameter
from stacks.environments import DEV
from stacks.models import FALCON_180B, LLAMA_3_2_3B_10K, MISTRAL_7B, MISTRAL_7B_DOLLY, MISTRAL_7B_INSTRUCT
from tests.stacks.preflight.mistakes.makers import Case, tuned

_MISTRAL = {"model_id": MISTRAL_7B.model_id, "version": "2.1.0"}
_LLAMA = {"model_id": LLAMA_3_2_3B_10K.model_id, "version": "1.0.6", "accept_eula": True}
_OF_MISTRAL = "(second-hand, of version 2.9.1, from AWS's samples and Gemma's spec, read 2026-11)"
_LIVE = "./jumpstack catalog update huggingface-llm-mistral-7b@2.1.0 --source live for AWS's own recipe"

# The recipe that the tests' lock has of Falcon 7B: AWS's own as far as the preflight knows.
FALCON = TrainingFacts(
    default_instance_type="ml.g5.12xlarge",
    instance_types=("ml.g5.12xlarge", "ml.g5.24xlarge"),
    hyperparameters=(
        Hyperparameter(name="epoch", type="int", default="1", minimum=1, maximum=1000),
        Hyperparameter(name="instruction_tuned", type="text", default="True", options=("True", "False")),
        Hyperparameter(name="sagemaker_program", type="text", default="train.py", is_algorithms=False),
    ),
    variant_hyperparameters={"g5": (Hyperparameter(name="bits", type="int", default="8", maximum=16),)},
)


def _values(**values: Any) -> dict[str, Any]:
    return {"hyperparameters": values}


ERRORS: list[Case] = [
    (
        "training-instance-type",
        DEV,
        [tuned(training_instance_type="ml.g5.2xlarge")],
        "dev/m.training_instance_type is 'ml.g5.2xlarge': huggingface-llm-falcon-7b-bf16 4.1.23 is not trained on it; "
        "allowed: ml.g5.12xlarge, ml.g5.24xlarge; try ml.g5.12xlarge",
    ),
    (
        "method-not-offered",
        DEV,
        [tuned(method="chat", prompt_format="falcon-instruct")],
        "dev/m.method is 'chat': the recipe of huggingface-llm-falcon-7b-bf16 4.1.23 has no chat_dataset; allowed: "
        "instruction, domain",
    ),
    (
        "recipe-hyperparameter",
        DEV,
        [tuned(**_values(epochs="1"))],
        "dev/m.hyperparameters['epochs'] is '1': it is not in the recipe; try epoch",
    ),
    (
        "recipe-hyperparameter",
        DEV,
        [tuned(**_values(num_train_epochs="1"))],
        "dev/m.hyperparameters['num_train_epochs'] is '1': it is not in the recipe; try epoch",
    ),
    (
        "recipe-hyperparameter",
        DEV,
        [tuned(**_values(dropout="0.1"))],
        "dev/m.hyperparameters['dropout'] is '0.1': it is not in the recipe; allowed: it has bits, epoch, "
        "instruction_tuned",
    ),
    (
        "recipe-hyperparameter",
        DEV,
        [tuned(**_values(epoch="0"))],
        "dev/m.hyperparameters['epoch'] is '0': huggingface-llm-falcon-7b-bf16 4.1.23 does not take it; allowed: a "
        "whole number at least 1 and at most 1000",
    ),
    (
        "recipe-hyperparameter",
        DEV,
        [tuned(**_values(bits="32"))],
        "dev/m.hyperparameters['bits'] is '32': huggingface-llm-falcon-7b-bf16 4.1.23 does not take it; allowed: a "
        "whole number at most 16",
    ),
    (
        "recipe-hyperparameter",
        DEV,
        [tuned(**_values(sagemaker_program="mine.py"))],
        "dev/m.hyperparameters['sagemaker_program'] is 'mine.py': it is the container's; allowed: it is not for you to "
        "set",
    ),
    (
        "method-hyperparameter",
        DEV,
        [tuned(**_values(instruction_tuned="True"))],
        "dev/m.hyperparameters['instruction_tuned'] is 'True': the method 'domain' sets it to 'False'; try leaving it "
        "out, or another method",
    ),
    (
        "validation",
        DEV,
        [tuned(validation_split=0.1, **_values(validation_split_ratio="0.2"))],
        "dev/m.hyperparameters['validation_split_ratio'] is '0.2': validation_split is 0.1, and both are the share "
        "that is held back; try leaving one of them out",
    ),
    (
        "exclusive-hyperparameters",
        DEV,
        [tuned(**_LLAMA, **_values(int8_quantization="True", enable_fsdp="True"))],
        "dev/m.hyperparameters: hyperparameters 'int8_quantization' and 'enable_fsdp' are both 'True': the script does "
        "not quantize with FSDP; allowed is one of them",
    ),
    (
        "exclusive-hyperparameters",
        DEV,
        [tuned(**_LLAMA, **_values(int8_quantization="False", enable_fsdp="False"))],
        "dev/m.hyperparameters: hyperparameters 'int8_quantization' and 'enable_fsdp' are both 'False': the memory of "
        "ml.g5.12xlarge does not suffice; allowed is exactly one 'True' on g5",
    ),
    (
        "not-tunable",
        replace(DEV, strict=True),
        [tuned(model_id=FALCON_180B.model_id, version=FALCON_180B.version)],
        "dev/m.model_id is 'huggingface-llm-falcon-180b-bf16': it cannot be fine-tuned (second-hand, from AWS's table "
        "of 2025-06-23, read 2026-11); try huggingface-llm-falcon-40b-bf16 or huggingface-llm-falcon-7b-bf16, or "
        f"./jumpstack catalog update huggingface-llm-falcon-180b-bf16@{FALCON_180B.version} --source live for AWS's "
        "own recipe",
    ),
]
WARNINGS: list[Case] = [
    (
        "not-tunable",
        DEV,
        [tuned(model_id=MISTRAL_7B_INSTRUCT.model_id, version=MISTRAL_7B_INSTRUCT.version)],
        "dev/m.model_id is 'huggingface-llm-mistral-7b-instruct': it cannot be fine-tuned (second-hand, from AWS's "
        "table of 2025-06-23, read 2026-11); try huggingface-llm-mistral-7b or huggingface-llm-mixtral-8x7b-instruct, "
        "or ./jumpstack catalog update huggingface-llm-mistral-7b-instruct@2.0.0 --source live for AWS's own recipe",
    ),
    (
        "training-instance-type",
        DEV,
        [replace(MISTRAL_7B_DOLLY, name="m", training_instance_type="ml.g5.2xlarge")],
        "dev/m.training_instance_type is 'ml.g5.2xlarge': huggingface-llm-mistral-7b 2.1.0 is not trained on it "
        f"{_OF_MISTRAL}; allowed: ml.g5.12xlarge, ml.g5.24xlarge, ml.g5.48xlarge, ml.p4d.24xlarge; try ml.g5.12xlarge, "
        f"or {_LIVE}",
    ),
    (
        "recipe-hyperparameter",
        DEV,
        [tuned(**_MISTRAL, **_values(evaluation_strategy="never"))],
        "dev/m.hyperparameters['evaluation_strategy'] is 'never': huggingface-llm-mistral-7b 2.1.0 does not take it "
        f"{_OF_MISTRAL}; allowed: steps, epoch, no; try {_LIVE}",
    ),
    (
        "exclusive-hyperparameters",
        DEV,
        [tuned(**_LLAMA, **_values(int8_quantization="True"))],
        "dev/m.hyperparameters: hyperparameters 'int8_quantization' and 'enable_fsdp' are both 'True': the script does "
        "not quantize with FSDP; allowed is one of them (second-hand, from AWS's notebook and Llama 3.1's spec, read "
        "2026-11)",
    ),
]
