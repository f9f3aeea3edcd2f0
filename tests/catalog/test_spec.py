"""The rule from a model version to what CreateModel needs, on versions made for the purpose."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import CatalogError, Lock, ModelVersion
from catalog.deployment import container_version
from catalog.spec import ImageUri, newest_first

LOCK = Lock.load()
PINS = [LOCK.model(model_id, version) for model_id in LOCK.model_ids() for version in LOCK.versions(model_id)]


def _uri(region: str, name: str = "huggingface-pytorch-tgi-inference:2.0") -> str:
    return f"111122223333.dkr.ecr.{region}.amazonaws.com/{name}"


def _model(**changes: Any) -> ModelVersion:
    fields: Mapping[str, Any] = {
        "model_id": "some-model",
        "version": "1.2.3",
        "default_instance_type": "ml.g5.2xlarge",
        "instance_types": ("ml.g5.2xlarge", "ml.inf2.xlarge", "ml.p4d.24xlarge"),
        "artifact_key": "some/prefix/",
        "gated": False,
        "eula_key": None,
        "environment": {"A": "base", "B": "base", "C": "base"},
        "unsent_environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        "variant_images": {"g5": "gpu", "p4d": "gpu", "ml.p4d.24xlarge": "large"},
        "variant_environments": {"p4d": {"B": "family", "C": "family"}, "ml.p4d.24xlarge": {"C": "type"}},
        "images": {
            "gpu": {"us-east-1": _uri("us-east-1"), "us-west-2": _uri("us-west-2")},
            "large": {"us-east-1": _uri("us-east-1", "djl-inference:0.30")},
        },
        "spec_sha256": "0" * 64,
    }
    return ModelVersion(**{**fields, **changes})


def test_takes_the_image_of_the_family() -> None:
    assert _model().resolve(region="us-west-2").image == _uri("us-west-2")


def test_prefers_the_image_of_the_exact_instance_type() -> None:
    deployment = _model().resolve(region="us-east-1", instance_type="ml.p4d.24xlarge")

    assert deployment.image == _uri("us-east-1", "djl-inference:0.30")
    assert deployment.container == "lmi"


def test_lays_family_and_then_type_variables_over_the_base() -> None:
    deployment = _model().resolve(region="us-east-1", instance_type="ml.p4d.24xlarge")

    assert deployment.environment == {"A": "base", "B": "family", "C": "type"}


def test_leaves_out_variables_that_the_sdk_does_not_send() -> None:
    assert "SAGEMAKER_SUBMIT_DIRECTORY" not in _model().resolve(region="us-east-1").environment


def test_lists_the_regions_of_the_default_instance_type() -> None:
    assert _model(default_instance_type="ml.p4d.24xlarge").regions() == ("us-east-1",)


@pytest.mark.parametrize(("gated", "bucket"), [(True, "jumpstart-private-cache-prod"), (False, "jumpstart-cache-prod")])
def test_gated_weights_lie_in_the_private_bucket_of_the_region(gated: bool, bucket: str) -> None:
    deployment = _model(gated=gated).resolve(region="us-west-2")

    assert deployment.model_data == f"s3://{bucket}-us-west-2/some/prefix/"


def test_a_licence_is_readable_in_the_public_bucket_even_when_the_weights_are_gated() -> None:
    model = _model(gated=True, eula_key="eula/llama.txt")
    deployment = model.resolve(region="us-west-2")

    assert model.requires_eula
    assert deployment.requires_eula
    assert deployment.eula == "https://jumpstart-cache-prod-us-west-2.s3.us-west-2.amazonaws.com/eula/llama.txt"


def test_a_licence_in_china_has_the_domain_of_its_partition() -> None:
    image = "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/djl-inference:0.30"
    model = _model(eula_key="eula.txt", images={"gpu": {"cn-north-1": image}})

    assert model.resolve(region="cn-north-1").eula == (
        "https://jumpstart-cache-prod-cn-north-1.s3.cn-north-1.amazonaws.com.cn/eula.txt"
    )


@pytest.mark.parametrize(("key", "compressed"), [("a/b.tar.gz", True), ("a/b/", False)])
def test_tells_a_tarball_from_a_prefix(key: str, compressed: bool) -> None:
    assert _model(artifact_key=key).resolve(region="us-east-1").compressed is compressed


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04", "1.1.0"),
        ("0.28.0-lmi10.0.0-cu124", "10.0.0"),
        ("0.27.0-deepspeed0.12.6-cu121", None),
    ],
)
def test_reads_the_softwares_version_from_an_images_tag(tag: str, version: str | None) -> None:
    assert container_version(_uri("us-east-1", f"some-inference:{tag}")) == version


def test_no_image_has_no_version() -> None:
    assert container_version(None) is None


@pytest.mark.parametrize(
    ("repository", "container"),
    [
        ("huggingface-pytorch-tgi-inference", "tgi"),
        ("djl-inference", "lmi"),
        ("vllm", "vllm"),
        ("huggingface-pytorch-inference", "other"),
    ],
)
def test_tells_the_container_by_its_repository(repository: str, container: str) -> None:
    images = {"gpu": {"us-east-1": _uri("us-east-1", f"{repository}:1")}}

    assert _model(images=images).resolve(region="us-east-1").container == container


@pytest.mark.parametrize(
    ("environment", "isolated"),
    [
        ({}, True),
        ({"HF_MODEL_ID": ""}, True),
        ({"HF_MODEL_ID": "/opt/ml/model"}, True),
        ({"HF_MODEL_ID": "tiiuae/falcon-7b"}, False),
        ({"OPTION_MODEL_ID": "tiiuae/falcon-7b"}, False),
    ],
)
def test_isolates_a_container_that_needs_no_hub(environment: Mapping[str, str], isolated: bool) -> None:
    assert _model(environment=environment).resolve(region="us-east-1").network_isolation is isolated


def test_reports_instance_type_and_region_at_once() -> None:
    with pytest.raises(CatalogError) as caught:
        _model().resolve(region="us-moon-1", instance_type="ml.g6.xlarge")

    assert caught.value.problems == (
        "instance type 'ml.g6.xlarge' is not supported by some-model 1.2.3: "
        "choose one of ml.g5.2xlarge, ml.inf2.xlarge, ml.p4d.24xlarge",
        "some-model 1.2.3 has no image for instance type 'ml.g6.xlarge': it has images for g5, ml.p4d.24xlarge, p4d",
        "some-model 1.2.3 has no image in region 'us-moon-1': choose one of us-east-1, us-west-2",
    )
    assert str(caught.value).count("\n") == 2


@pytest.mark.parametrize("instance_type", ["g5.2xlarge", "ml.g5", "ml.g5.2xlarge.extra"])
def test_refuses_text_that_is_no_instance_type(instance_type: str) -> None:
    with pytest.raises(CatalogError, match="has no image for instance type"):
        _model().resolve(region="us-east-1", instance_type=instance_type, allow_unlisted_instance_type=True)


def test_names_the_override_only_where_it_would_help() -> None:
    with pytest.raises(CatalogError, match=r"or allow_unlisted_instance_type$"):
        _model().resolve(region="us-east-1", instance_type="ml.g5.48xlarge")
    with pytest.raises(CatalogError) as caught:
        _model().resolve(region="us-east-1", instance_type="ml.g6.xlarge")
    assert "allow_unlisted_instance_type" not in str(caught.value)


def test_refuses_a_listed_instance_type_without_image() -> None:
    with pytest.raises(CatalogError, match=r"has no image for instance type 'ml\.inf2\.xlarge'") as caught:
        _model().resolve(region="us-east-1", instance_type="ml.inf2.xlarge")

    assert len(caught.value.problems) == 1


def test_refuses_a_region_that_lacks_the_image_of_this_instance_type() -> None:
    with pytest.raises(CatalogError, match=r"no image in region 'us-west-2': choose one of us-east-1$"):
        _model().resolve(region="us-west-2", instance_type="ml.p4d.24xlarge")


def test_says_that_a_version_without_images_needs_another_one() -> None:
    model = _model(variant_images={}, images={})

    with pytest.raises(CatalogError, match=r"^some-model 1\.2\.3 has no image in the catalogue: choose another"):
        model.resolve(region="us-east-1")


def test_refuses_a_model_package() -> None:
    with pytest.raises(CatalogError, match="sold as a model package"):
        _model(artifact_key=None).resolve(region="us-east-1")


@given(
    model=st.sampled_from(PINS),
    instance_type=st.sampled_from(sorted({name for pin in PINS for name in pin.instance_types})),
    region=st.sampled_from(sorted(LOCK.registries)),
)
def test_never_gives_an_image_or_a_bucket_of_another_region(
    model: ModelVersion, instance_type: str, region: str
) -> None:
    try:
        deployment = model.resolve(region=region, instance_type=instance_type, allow_unlisted_instance_type=True)
    except CatalogError:
        return
    bucket = "jumpstart-private-cache-prod" if model.gated else "jumpstart-cache-prod"
    assert ImageUri.parse(deployment.image or "").region == region
    assert (deployment.model_data or "").startswith(f"s3://{bucket}-{region}/")


def test_orders_versions_by_number() -> None:
    assert newest_first(["2.9.1", "2.10.0", "1.0.0"]) == ("2.10.0", "2.9.1", "1.0.0")


def test_refuses_a_version_that_has_no_order() -> None:
    with pytest.raises(CatalogError, match="version 'latest' is not numbers joined by dots"):
        newest_first(["latest"])


def test_refuses_what_is_no_image_uri() -> None:
    with pytest.raises(CatalogError, match="'nginx:latest' is not an image uri of the form"):
        ImageUri.parse("nginx:latest")
