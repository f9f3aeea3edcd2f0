"""Variables of containers: each one's own, those of another, and typing errors."""

import pytest

from catalog import Lock
from catalog.container_variables import KNOWN, Family, context_variable, equivalent, misspelt, owner


def test_every_container_knows_its_own_variables_and_the_one_that_limits_its_context() -> None:
    for family, known in KNOWN.items():
        assert context_variable(family) in known
        assert {(owner(name, family), misspelt(name, family)) for name in known} == {(None, "")}


def test_finds_nothing_in_the_variables_that_jumpstart_sets(lock: Lock) -> None:
    deployments = [entry.model.resolve(region=entry.model.regions()[0]) for entry in lock.entries()]
    found = {
        misspelt(name, one.container) for one in deployments if one.container != "other" for name in one.environment
    }

    assert found == {""}


@pytest.mark.parametrize(
    ("name", "family", "of", "instead"),
    [
        ("MAX_INPUT_LENGTH", "lmi", "tgi", "OPTION_MAX_MODEL_LEN"),
        ("SM_NUM_GPUS", "lmi", "tgi", "OPTION_TENSOR_PARALLEL_DEGREE"),
        ("OPTION_MAX_MODEL_LEN", "tgi", "lmi", "MAX_TOTAL_TOKENS"),
        ("OPTION_ANYTHING_NEW", "tgi", "lmi", ""),
        ("SM_VLLM_MAX_NUM_SEQS", "lmi", "vllm", "OPTION_MAX_ROLLING_BATCH_SIZE"),
        ("SM_VLLM_ANYTHING_NEW", "tgi", "vllm", ""),
        ("OPTION_MAX_NUM_SEQS", "vllm", "lmi", "SM_VLLM_MAX_NUM_SEQS"),
        ("MAX_TOP_N_TOKENS", "vllm", "tgi", ""),
        ("OPTION_ANYTHING_NEW", "lmi", None, ""),
        ("SM_VLLM_ANYTHING_NEW", "vllm", None, ""),
        ("MY_OWN", "tgi", None, ""),
        ("PORT", "vllm", None, ""),
    ],
)
def test_names_the_container_that_a_variable_is_for(name: str, family: Family, of: Family | None, instead: str) -> None:
    assert (owner(name, family), equivalent(name, family)) == (of, instead)


@pytest.mark.parametrize(
    ("name", "family", "meant"),
    [
        ("OPTION_MAX_MODLE_LEN", "lmi", "OPTION_MAX_MODEL_LEN"),
        ("MAX_CONCURENT_REQUESTS", "tgi", "MAX_CONCURRENT_REQUESTS"),
        ("MAX_CONCURENT_REQUESTS", "lmi", "OPTION_MAX_ROLLING_BATCH_SIZE"),
        ("max_total_tokens", "tgi", "MAX_TOTAL_TOKENS"),
        ("MAX_TOTAL_TOKEN", "tgi", "MAX_TOTAL_TOKENS"),
        ("SM_VLLM_MAX_MODEL_LENGTH", "vllm", "SM_VLLM_MAX_MODEL_LEN"),
        # Arguments of vLLM that no list here has.
        ("OPTION_ENABLE_EXPERT_PARALLEL", "lmi", ""),
        ("OPTION_MAX_SEQ_LEN_TO_CAPTURE", "lmi", ""),
        ("SM_VLLM_DISTRIBUTED_EXECUTOR_BACKEND", "vllm", ""),
        ("DEBUG", "tgi", ""),
        ("DTYPES", "tgi", ""),
    ],
)
def test_names_the_variable_that_was_meant(name: str, family: Family, meant: str) -> None:
    assert misspelt(name, family) == meant
