"""The cache for a context beside the weights, on instance types that AWS does not list or with limits of your own."""

from typing import Any

import pytest

from catalog import Lock
from stacks.declarations import JumpStartModel
from stacks.environments import DEV
from stacks.preflight import preflight

LLAMA = "meta-textgeneration-llama-3-1-8b-instruct"
LIMIT = "OPTION_MAX_MODEL_LEN"


def _found(lock: Lock, model_id: str, instance_type: str, **environment: str) -> list[str]:
    version = lock.versions(model_id)[0]
    declared: dict[str, Any] = {"accept_eula": lock.model(model_id, version).requires_eula, "environment": environment}
    model = JumpStartModel(
        name="m",
        model_id=model_id,
        version=version,
        prompt_format="none",
        instance_type=instance_type,
        unlisted_instance_type="tried by hand",
        **declared,
    )
    return [str(one) for one in preflight([(DEV, [model])], lock=lock).warnings if one.rule == "context-cache"]


def test_warns_of_the_models_own_context_on_an_unlisted_type(lock: Lock) -> None:
    assert _found(lock, LLAMA, "ml.g5.2xlarge") == [
        "dev/m.instance_type is 'ml.g5.2xlarge': a context of 131072 tokens, the model's own unless its files or "
        "OPTION_MAX_MODEL_LEN limit it, takes 17 GB of cache, and 16 GB of weights (an estimate from its id) leave 6 "
        "GB of 90% of its GPU memory; try OPTION_MAX_MODEL_LEN=41984"
    ]


def test_warns_of_a_declared_context_even_on_a_listed_type(lock: Lock) -> None:
    assert _found(lock, LLAMA, "ml.g5.4xlarge", OPTION_MAX_MODEL_LEN="65536") == [
        "dev/m.environment['OPTION_MAX_MODEL_LEN'] is '65536': a context of 65536 tokens takes 9 GB of cache, and 16 "
        "GB of weights (an estimate from its id) leave 6 GB of 90% of its GPU memory; try OPTION_MAX_MODEL_LEN=41984"
    ]


@pytest.mark.parametrize(
    ("model_id", "instance_type", "environment"),
    [
        (LLAMA, "ml.g5.2xlarge", {LIMIT: "41984"}),
        (LLAMA, "ml.g5.2xlarge", {LIMIT: "65536", "OPTION_KV_CACHE_DTYPE": "fp8"}),
        (LLAMA, "ml.g5.12xlarge", {LIMIT: "131072"}),
        # Listed: AWS has tried it with the limits that it sets.
        (LLAMA, "ml.g5.4xlarge", {}),
        # The weights alone do not fit, which has a finding of its own.
        ("meta-textgeneration-llama-3-1-70b-instruct", "ml.g5.2xlarge", {}),
        ("huggingface-llm-falcon-7b-bf16", "ml.g6.2xlarge", {}),
        # Sizes that are not known, where a type that AWS lists has no more memory.
        ("huggingface-llm-gemma-2-9b", "ml.p4de.24xlarge", {}),
        ("huggingface-llm-gemma-2-9b", "ml.g5.2xlarge", {"MAX_TOTAL_TOKENS": "2048"}),
        ("huggingface-sentencesimilarity-bge-base-en-v1-5", "ml.g5.48xlarge", {}),
    ],
)
def test_says_nothing_where_it_fits_or_is_known_to_work(
    lock: Lock, model_id: str, instance_type: str, environment: dict[str, str]
) -> None:
    assert _found(lock, model_id, instance_type, **environment) == []


def test_warns_without_a_number_where_the_sizes_are_not_known_and_the_type_is_the_smallest(lock: Lock) -> None:
    assert _found(lock, "huggingface-llm-gemma-2-9b", "ml.g5.2xlarge") == [
        "dev/m.instance_type is 'ml.g5.2xlarge': it has less GPU memory than every type that AWS lists, and 18 GB of "
        "weights (an estimate from its id) leave 4 GB of 90% of its GPU memory; what a token's cache takes is not "
        "known here, so that the context may not fit; try a lower MAX_TOTAL_TOKENS"
    ]
