"""Variants of a spec by instance type: references to images and packages."""

from typing import Any

from catalog.variants import images_by_alias, properties_of, references

IMAGE = "763104351884.dkr.ecr.us-west-2.amazonaws.com/djl-inference:0.27.0"
OTHER = "763104351884.dkr.ecr.us-west-2.amazonaws.com/djl-inference:0.28.0"


def test_reads_references_without_their_dollar_sign() -> None:
    variants: dict[str, dict[str, Any]] = {
        "g5": {"regional_properties": {"image_uri": "$gpu"}},
        "inf2": {"regional_properties": None},
    }

    assert references(variants, "image_uri", has_aliases=True) == {"g5": "gpu"}


def test_reads_a_value_in_place_of_a_reference_only_from_a_document_without_aliases() -> None:
    variants = {
        "g5": {"properties": {"image_uri": IMAGE}},
        "ml.g5.2xlarge": {"properties": {"image_uri": IMAGE}, "regional_properties": {"image_uri": "$gpu"}},
    }

    assert references(variants, "image_uri", has_aliases=False) == {"g5": IMAGE, "ml.g5.2xlarge": "gpu"}
    assert references(variants, "image_uri", has_aliases=True) == {"ml.g5.2xlarge": "gpu"}


def test_sorts_images_by_alias_and_region_and_leaves_other_aliases_out() -> None:
    aliases = {
        "us-west-2": {"gpu": IMAGE, "package": "arn:aws:sagemaker:us-west-2:123456789012:model-package/x"},
        "us-east-1": {"gpu": IMAGE.replace("us-west-2", "us-east-1")},
    }

    assert images_by_alias(aliases, ["gpu", "nothing"]) == {
        "gpu": {"us-west-2": IMAGE, "us-east-1": IMAGE.replace("us-west-2", "us-east-1")}
    }


def test_an_image_that_stands_for_itself_is_there_in_its_own_region_only() -> None:
    assert images_by_alias({}, [IMAGE, OTHER]) == {IMAGE: {"us-west-2": IMAGE}, OTHER: {"us-west-2": OTHER}}


def test_reads_the_properties_of_each_variant() -> None:
    assert list(properties_of({"g5": {"properties": {"a": 1}}, "p4d": {}, "inf2": {"properties": None}})) == [
        ("g5", {"a": 1}),
        ("p4d", {}),
        ("inf2", {}),
    ]
