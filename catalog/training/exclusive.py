"""Hyperparameters of Llama recipes that exclude each other.

Source: AWS's notebooks of fine-tuning Llama in JumpStart (aws/amazon-sagemaker-examples), in their notes on
`int8_quantization` and `enable_fsdp`: 8-bit quantization does not go with FSDP; without either, the memory of the
family g5 does not suffice; models of 70 billion parameters cannot be trained with FSDP on any supported instance type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from catalog.deployment import instance_family

QUANTIZED, SHARDED = "int8_quantization", "enable_fsdp"
_70B = re.compile(r"meta-textgeneration-llama-(?:.*-)?70b(?:-.*)?")


def conflicts(values: Mapping[str, str], *, model_id: str, instance_type: str) -> Iterator[str]:
    """Check values for combinations that the script cannot train with; yield one sentence a conflict.

    Args:
        values: Values by name: the declared ones over the recipe's defaults. Nothing is said of what is not in it.
        model_id: JumpStart model id.
        instance_type: Instance type of the job.
    """
    quantized, sharded = (str(values.get(name, "")).lower() for name in (QUANTIZED, SHARDED))
    both = f"hyperparameters {QUANTIZED!r} and {SHARDED!r} are both"
    if quantized == sharded == "true":
        yield f"{both} 'True': the script does not quantize with FSDP; allowed is one of them"
    elif quantized == sharded == "false" and instance_family(instance_type) == "g5":
        yield f"{both} 'False': the memory of {instance_type} does not suffice; allowed is exactly one 'True' on g5"
    elif sharded == "true" and _70B.fullmatch(model_id):
        yield (
            f"hyperparameter {SHARDED!r} is 'True': {model_id} is too large for FSDP on any instance type that is "
            f"supported; allowed is 'False', with {QUANTIZED!r} 'True'"
        )
