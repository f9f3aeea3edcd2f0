"""The training script of a JumpStart job, as far as the notebooks of AWS show it: the channel that it reads.

A script finds its data below `/opt/ml/input/data/<channel>`, by the variable `SM_CHANNEL_<CHANNEL>` that the container
sets for each channel of the job. The notebooks are in aws/amazon-sagemaker-examples; those of a family agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from localaws.sagemaker.training_data import TrainingFailure

_VALIDATION: Final = "validation"
_EITHER: Final = ("training", "train")

_READS: Final[Mapping[str, str]] = {
    # generative_ai/sm-jumpstart_foundation_mistral_7b_domain_adaption_finetuning.ipynb
    "huggingface-llm-mistral": "train",
    # archived/falcon-7b-instruction-domain-adaptation-finetuning.ipynb
    "huggingface-llm-falcon": "train",
    # generative_ai/sm-jumpstart_foundation_finetuning_gpt_j_6b_domain_adaptation.ipynb
    "huggingface-textgeneration1-gpt-j": "train",
    # generative_ai/sm-jumpstart_foundation_gemma_fine_tuning.ipynb
    "huggingface-llm-gemma": "training",
    # generative_ai/sm-jumpstart_foundation_llama_3_2_3b_finetuning.ipynb, and those of Llama 2, 3, 3.1 and Code Llama
    "meta-textgeneration-llama": "training",
    # generative_ai/sm-jumpstart_foundation_llama_3_2_vision_language_finetuning.ipynb
    "meta-vlm-llama": "training",
    # archived/instruction-fine-tuning-flan-t5.ipynb
    "huggingface-text2text-flan-t5": "training",
}
"""Channel of the training data by the beginning of the weights' name."""

# JumpStart's weights to train from are called `train-<model id>.tar.gz`, or lie below `train-<model id>/`.
_WEIGHTS: Final = re.compile(r"train-((?:huggingface|meta|model)-[a-z0-9-]+)")


def channels_read(request: Mapping[str, Any]) -> frozenset[str]:
    """Return the data channels of a CreateTrainingJob request that its script reads.

    A job without JumpStart's weights has a script of its own, which reads all. A script whose notebook is not known
    reads either of the two names that the known ones have.

    Raises:
        TrainingFailure: If the channel of the training data is missing, as the training toolkit reports a script's
            error.
    """
    given = frozenset(channel["ChannelName"] for channel in request.get("InputDataConfig") or ())
    weights = _weights(request)
    if weights is None:
        return given
    reads = next(((name,) for family, name in _READS.items() if weights.startswith(family)), _EITHER)
    found = next((name for name in reads if name in given), None)
    if found is None:
        variable = f"SM_CHANNEL_{reads[0].upper()}"
        program = str((request.get("HyperParameters") or {}).get("sagemaker_program", "transfer_learning.py")).strip(
            '"'
        )
        raise TrainingFailure(
            f'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "KeyError: {variable!r}"\n'
            f'Command "/opt/conda/bin/python3.10 {program}", exit code: 1'
        )
    return (given - {"train", "training"}) | {found}


def _weights(request: Mapping[str, Any]) -> str | None:
    """Return the JumpStart id in the name of the weights, which are a channel or a variable; None for none."""
    sources = (channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in request.get("InputDataConfig") or ())
    variable = (request.get("Environment") or {}).get("SageMakerGatedModelS3Uri", "")
    for uri in (*sources, variable):
        parts = urlsplit(uri)
        match = _WEIGHTS.search(parts.path)
        if match and parts.netloc.startswith("jumpstart-"):
            return match.group(1)
    return None
