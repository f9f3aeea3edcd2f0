"""Spec documents with training: AWS's own, and variations."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]

REGIONS = ("us-west-2", "us-east-1", "eu-west-1")
TYPES = ("ml.g5.12xlarge", "ml.p3.8xlarge", "ml.p4d.24xlarge", "ml.g4dn.12xlarge")

_FOLDER = Path(__file__).parent / "training_specs"
_CACHE = Path(__file__).parents[2] / "localaws" / "data" / "jumpstart" / "community_models"


def gemma() -> Document:
    """Gemma 2B Instruct 1.1.0: gated weights that the container reads itself, by instance family."""
    return _read(_FOLDER / "huggingface-llm-gemma-2b-instruct.json")


def llama() -> Document:
    """Llama 3.1 70B 2.16.2, likewise."""
    return _read(_FOLDER / "meta-textgeneration-llama-3-1-70b.json")


def mistral() -> Document:
    """Mistral 7B 2.1.0 as the local AWS has it: ungated, prepacked script, weights as a channel."""
    return _read(_CACHE / "huggingface-llm-mistral-7b" / "specs_v2.1.0.json")


def by_type() -> Document:
    """Images, weights, variables, hyperparameters and metrics of families and of one exact type."""
    document = mistral()
    image = "763104351884.dkr.ecr.{}.amazonaws.com/huggingface-pytorch-training:2.1.0-neuron"
    block = document["training_instance_type_variants"]
    for region, aliases in block["regional_aliases"].items():
        aliases["other"] = image.format(region)
    block["variants"] |= {
        "p3": {
            "regional_properties": {"image_uri": "$gpu_ecr_uri_1"},
            "properties": {
                "environment_variables": {"SOME": "p3", "MORE": "1"},
                "hyperparameters": [_hyperparameter("bits", 8), _hyperparameter("of_p3", 1)],
                "metrics": [{"Name": "huggingface-textgeneration:eval-loss", "Regex": "p3"}],
            },
        },
        "ml.p3.8xlarge": {
            "regional_properties": {"image_uri": "$other"},
            "properties": {
                "environment_variables": {"SOME": "8xlarge"},
                "hyperparameters": [_hyperparameter("bits", 4)],
                "training_artifact_key": "train/sharded-4.tar.gz",
                "metrics": [{"Name": "own", "Regex": "own"}],
            },
        },
    }
    document["supported_training_instance_types"] += ["ml.p3.8xlarge", "ml.p3.16xlarge"]
    return document


def licensed() -> Document:
    """Gated weights as a channel, which carries the acceptance of the licence."""
    return mistral() | {"gated_bucket": True, "hosting_eula_key": "eula.txt"}


def packaged() -> Document:
    """Return the oldest generation of gated weights: those of a model package, by region."""
    uris = {region: f"s3://seller-{region}/weights/" for region in REGIONS}
    return licensed() | {"training_model_package_artifact_uris": uris}


def one_key() -> Document:
    """Gated weights that are the same on every listed instance type."""
    document = llama()
    variants: Mapping[str, Any] = document["training_instance_type_variants"]["variants"]
    for variant in variants.values():
        if "properties" in variant:
            variant["properties"]["gated_model_key_env_var_value"] = "the/only.tar.gz"
    return document


def with_configs() -> Document:
    """Training configs, which only the SDK's own fixtures have."""
    return mistral() | {
        "training_configs": {"qlora": {"component_names": ["qlora"]}, "full": {"component_names": ["full"]}},
        "training_config_components": {
            "qlora": {
                "training_artifact_key": "train/qlora.tar.gz",
                "default_training_instance_type": "ml.g5.24xlarge",
                "hyperparameters": [_hyperparameter("epoch", 3)],
                "version": "9.9.9",
            },
            "full": {"training_enable_network_isolation": False},
        },
        "training_config_rankings": {"overall": {"description": "", "rankings": ["qlora", "full"]}},
    }


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw a document with traits at random."""
    document: Document = draw(st.sampled_from([gemma, llama, mistral, by_type, licensed, packaged, one_key]))()
    document |= {
        "training_enable_network_isolation": draw(st.sampled_from([True, False, None])),
        "training_volume_size": draw(st.sampled_from([None, 30, 512])),
        "estimator_kwargs": {
            name: value
            for name, value in {
                "encrypt_inter_container_traffic": draw(st.sampled_from([None, True, False])),
                "disable_output_compression": draw(st.sampled_from([None, True, False])),
                "max_run": draw(st.sampled_from([None, 3600, 360000])),
            }.items()
            if value is not None
        },
        "metrics": draw(st.sampled_from([[], document["metrics"]])),
        "training_prepacked_script_key": draw(
            st.sampled_from([None, document["training_prepacked_script_key"]]),
        ),
        "hyperparameters": draw(
            st.lists(st.sampled_from(document["hyperparameters"]), unique_by=lambda one: one["name"])
        ),
        "supported_training_instance_types": list(TYPES),
    }
    return document


def _hyperparameter(name: str, default: object) -> dict[str, Any]:
    return {"name": name, "type": "int", "default": default, "min": 1, "scope": "algorithm"}


def _read(path: Path) -> Document:
    document: Document = deepcopy(json.loads(path.read_text(encoding="utf-8")))
    return document
