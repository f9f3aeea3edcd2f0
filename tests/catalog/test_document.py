"""Spec documents of every generation, read into what the catalogue knows of a version."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from catalog import CatalogError, ModelVersion
from catalog.document import read_document
from catalog.sources.source import Description
from catalog.sources.wheel import PublishedCatalogue
from tests.parity import spec_documents as documents


def _resolved_image(model: ModelVersion, instance_type: str) -> str | None:
    return model.resolve(region="us-west-2", instance_type=instance_type, allow_unlisted_instance_type=True).image


def test_reads_what_describes_the_version() -> None:
    model = read_document(documents.old_prefix())

    assert (model.model_id, model.version) == ("example-llm-small", "1.2.0")
    assert model.default_instance_type == "ml.g5.2xlarge"
    assert model.instance_types == ("ml.g5.12xlarge", "ml.g5.2xlarge", "ml.p3.8xlarge")
    assert model.artifact_key == "example-llm/example-llm-small/artifacts/inference-prepack/v1.0.0/"
    assert (model.gated, model.eula_key, model.deprecated) == (False, None, False)
    assert (model.config, model.configs) == (None, ())
    assert model.volume_size == 256
    assert model.regions() == tuple(sorted(documents.REGIONS))


def test_sends_only_variables_that_the_model_class_requires_and_all_as_text() -> None:
    model = read_document(documents.old_prefix())

    assert model.environment == {
        "SAGEMAKER_PROGRAM": "inference.py",
        "ENDPOINT_SERVER_TIMEOUT": "3600",
        "MAX_INPUT_LENGTH": "1024",
        "MAX_TOTAL_TOKENS": "2048",
        "SM_NUM_GPUS": "1",
    }
    assert set(model.unsent_environment) == {
        "SAGEMAKER_SUBMIT_DIRECTORY",
        "SAGEMAKER_CONTAINER_LOG_LEVEL",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT",
    }


def test_applies_the_config_that_is_ranked_first() -> None:
    model = read_document(documents.with_configs())

    assert model.config == "lmi"
    assert model.configs == ("lmi", "lmi-optimized", "tgi")
    assert model.default_instance_type == "ml.p4d.24xlarge"
    assert model.artifact_key == "example/lmi/v2/"
    assert model.network_isolation is False


def test_applies_the_alphabetically_first_config_where_none_is_ranked() -> None:
    document = documents.unranked()
    del document["inference_configs"]["lmi"]

    assert read_document(document).config == "lmi-optimized"


def test_lets_no_component_change_who_the_model_is_or_where_its_weights_are() -> None:
    model = read_document(documents.with_configs(), config="lmi")

    assert (model.version, model.gated) == ("1.2.0", False)


def test_lays_components_over_each_other_in_their_order() -> None:
    # The SDK stops at the second component of a config (2.257.1), so that nothing can be compared here.
    document = documents.with_configs()
    document["inference_configs"]["lmi"]["component_names"] = ["lmi", "tgi"]

    model = read_document(document)

    assert model.default_instance_type == "ml.g5.12xlarge"
    assert model.artifact_key == "example/lmi/v2/"
    assert "p4d" in model.variant_images


def test_merges_variants_of_top_level_and_component_and_replaces_lists() -> None:
    document = documents.old_prefix() | {
        "inference_configs": {"only": {"component_names": ["only"]}},
        "inference_config_components": {
            "only": {
                "hosting_instance_type_variants": {
                    "variants": {"p5": {"regional_properties": {"image_uri": "$alias_0"}}}
                },
                "inference_environment_variables": [documents.variable("NEW", "1")],
            }
        },
    }

    model = read_document(document)

    assert set(model.variant_images) == {"g5", "p3", "p5"}
    assert model.environment == {"NEW": "1"}


def test_an_empty_object_in_a_component_replaces_what_was_there() -> None:
    document = documents.packaged()
    document["hosting_model_package_arns"] = {"us-west-2": documents.package_arn("base", "us-west-2")}
    document["inference_config_components"]["lmi"]["hosting_model_package_arns"] = {}

    assert read_document(document).model_packages == {}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"inference_config_rankings": {"overall": {"rankings": ["vllm"]}}},
            "ranks config 'vllm' first, which it does not have: it has lmi, lmi-optimized, tgi",
        ),
        (
            {"inference_configs": {"lmi": {"component_names": ["lmi", "gone"]}}},
            "config 'lmi' of example-llm-small 1.2.0 names components it does not have: gone",
        ),
        (
            {"inference_configs": {}, "hosting_instance_type_variants": {"variants": ["g5"]}},
            "is not of a form that is known",
        ),
    ],
)
def test_says_what_is_wrong_with_a_document(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(CatalogError, match=problem):
        read_document(documents.with_configs() | change)


def test_reports_everything_that_a_document_lacks_at_once() -> None:
    with pytest.raises(CatalogError) as refused:
        read_document({"model_id": "some-model", "version": "one"})

    assert refused.value.problems == (
        "some-model one has default_inference_instance_type None: it must be text",
        "version 'one' is not numbers joined by dots, such as 2.0.1",
        "some-model one has no supported_inference_instance_types: there must be at least one",
    )


def test_refuses_a_config_of_a_document_without() -> None:
    with pytest.raises(CatalogError, match=r"'lmi' is not offered by example-llm-small 1\.2\.0: it has no configs"):
        read_document(documents.old_prefix(), config="lmi")


def test_takes_an_image_without_alias_in_the_images_own_region_only() -> None:
    uri = documents.image("djl-inference:0.30", "us-west-2")
    model = read_document(
        documents.old_prefix()
        | {"hosting_instance_type_variants": {"variants": {"g5": {"properties": {"image_uri": uri}}}}}
    )

    assert _resolved_image(model, "ml.g5.2xlarge") == uri
    with pytest.raises(CatalogError, match="no image in region 'us-east-1': choose one of us-west-2"):
        model.resolve(region="us-east-1")


def test_gives_the_exact_types_image_before_the_familys() -> None:
    model = read_document(documents.by_type())

    assert _resolved_image(model, "ml.g5.12xlarge") == documents.image("djl-inference:0.27", "us-west-2")
    assert _resolved_image(model, "ml.g5.2xlarge") == documents.image("djl-inference:0.24", "us-west-2")


def test_knows_the_draft_model_and_its_bucket() -> None:
    deployment = read_document(documents.with_configs(), config="lmi-optimized").resolve(region="us-west-2")

    [draft] = deployment.additional_model_data
    assert draft.channel_name == "draft_model"
    assert draft.uri == "s3://sagemaker-sd-models-prod-us-west-2/draft/llama-1b/"


def test_refuses_a_draft_model_where_there_is_no_bucket_of_them() -> None:
    document = documents.with_configs()
    aliases = document["inference_config_components"]["lmi-optimized"]["hosting_instance_type_variants"]
    aliases["regional_aliases"]["ap-east-1"] = {"alias_0": documents.image("djl-inference:0.29.0", "ap-east-1")}
    model = read_document(document, config="lmi-optimized")

    with pytest.raises(CatalogError, match="no draft model in region 'ap-east-1': choose one of eu-west-1, us-east-1"):
        model.resolve(region="ap-east-1")


def test_a_licence_of_the_draft_model_alone_has_to_be_accepted_too() -> None:
    document = documents.old_prefix() | {
        "hosting_additional_data_sources": documents.speculative_decoding(eula="e.txt")
    }
    deployment = read_document(document).resolve(region="us-west-2")

    assert deployment.requires_eula
    assert deployment.eula is None


def test_resolves_a_sold_model_to_its_package_alone() -> None:
    deployment = read_document(documents.sold()).resolve(region="us-east-1")

    assert deployment.model_package == documents.package_arn("sold-v1", "us-east-1")
    assert (deployment.image, deployment.model_data, deployment.environment) == (None, None, {})
    assert deployment.network_isolation
    assert not deployment.takes_environment


def test_marks_a_withdrawn_version() -> None:
    assert read_document(documents.old_prefix() | {"deprecated": True}).deprecated


def test_leaves_the_document_as_it_is() -> None:
    document = documents.with_configs()
    before = deepcopy(document)

    read_document(document)

    assert document == before


def test_hashes_all_of_the_document() -> None:
    document = documents.old_prefix()

    assert read_document(document).spec_sha256 != read_document(document | {"url": "elsewhere"}).spec_sha256


def _published(document: dict[str, Any]) -> dict[str, Any]:
    """Return the published catalogue's record of a document of the old generation."""
    hosting = document["hosting_instance_type_variants"]
    return {
        "modelId": document["model_id"],
        "version": document["version"],
        "defaultInstanceType": document["default_inference_instance_type"],
        "instanceTypes": document["supported_inference_instance_types"],
        "environment": {
            variable["name"]: variable["default"] for variable in document["inference_environment_variables"]
        },
        "artifactKey": document["hosting_artifact_key"],
        "prepackedArtifactKey": document["hosting_prepacked_artifact_key"],
        "gatedBucket": document.get("gated_bucket", False),
        "requiresEula": document.get("hosting_eula_key"),
        "instanceAliases": [
            {"region": region, "aliases": aliases} for region, aliases in hosting["regional_aliases"].items()
        ],
        "instanceVariants": [
            {
                "instanceType": variant,
                "imageUri": fields["regional_properties"]["image_uri"],
                "environment": fields.get("properties", {}).get("environment_variables"),
            }
            for variant, fields in hosting["variants"].items()
        ],
    }


@pytest.mark.parametrize("build", [documents.old_prefix, documents.old_tarball, documents.gated])
def test_agrees_with_the_published_catalogue_on_what_both_say(build: Callable[[], dict[str, Any]]) -> None:
    document = build()
    description = Description(kind="wheel", name="some", version="1", file="f", sha256="0", license=None)
    published = PublishedCatalogue(description, [_published(document)])

    model = read_document(document)

    theirs = published.model(document["model_id"], document["version"])
    # The published catalogue drops network isolation and volume size, and hashes its own record.
    assert replace(model, network_isolation=None, volume_size=None, spec_sha256=theirs.spec_sha256) == theirs
