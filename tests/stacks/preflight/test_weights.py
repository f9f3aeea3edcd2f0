from dataclasses import replace

import pytest

from catalog import Lock
from stacks.declarations import JumpStartModel
from stacks.environments import DEV
from stacks.models import FALCON_180B_CHAT_QUANTIZED
from stacks.placement import Placement
from stacks.preflight.catalogue import look_up
from stacks.preflight.weights import Weights, weigh

# Artifacts of 4-bit weights.
GPTQ = JumpStartModel(
    name="openorca",
    model_id="huggingface-llm-mistral-7b-openorca-gptq",
    version="1.3.17",
    prompt_format="chatml",
)


def _weigh(model: JumpStartModel, lock: Lock) -> Weights:
    subject, _ = look_up(Placement(environment=DEV, model=model), lock)
    assert subject is not None
    weights = weigh(subject)
    assert weights is not None
    return weights


@pytest.mark.parametrize("quantize", ["gptq", "bitsandbytes", "eetq", ""])
def test_weights_that_are_quantized_in_the_artifact_are_as_large_when_loaded(lock: Lock, quantize: str) -> None:
    weights = _weigh(replace(GPTQ, environment={"HF_MODEL_QUANTIZE": quantize}), lock)

    assert weights.loaded_bytes == weights.stored_bytes
    assert weights.quantized == ""


@pytest.mark.parametrize(("quantize", "part"), [("", 1), ("bitsandbytes", 1 / 2), ("bitsandbytes-nf4", 1 / 4)])
def test_16_bit_weights_shrink_to_the_bits_that_the_container_loads(lock: Lock, quantize: str, part: float) -> None:
    weights = _weigh(replace(FALCON_180B_CHAT_QUANTIZED, environment={"HF_MODEL_QUANTIZE": quantize}), lock)

    assert weights.loaded_bytes == int(weights.stored_bytes * part)
    assert weights.quantized == quantize
