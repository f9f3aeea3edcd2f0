"""JumpStart spec documents in the schema of the public cache, made up for these tests."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]

REGIONS = ("us-west-2", "us-east-1", "eu-west-1")

_ACCOUNT = "763104351884"
_SELLER = "594846645681"


def image(repository: str, region: str) -> str:
    """Return the URI of an image in a region's registry."""
    return f"{_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{repository}"


def package_arn(name: str, region: str) -> str:
    """Return the ARN of a model package in a region."""
    return f"arn:aws:sagemaker:{region}:{_SELLER}:model-package/{name}"


def variable(name: str, default: object, *, required: bool = True) -> dict[str, Any]:
    """Return an environment variable as specs list it."""
    return {
        "name": name,
        "type": "text",
        "default": default,
        "scope": "container",
        "required_for_model_class": required,
    }


def variants(images: Mapping[str, str], **properties: Mapping[str, Any]) -> dict[str, Any]:
    """Instance type variants with an image each, by alias.

    Args:
        images: Repository and tag by instance family or exact type; the same image has the same alias.
        properties: Further properties by family or exact type, with `_` for the dots.
    """
    aliases = {repository: f"alias_{number}" for number, repository in enumerate(sorted(set(images.values())))}
    named: dict[str, Any] = {
        variant: {"regional_properties": {"image_uri": f"${aliases[repository]}"}}
        for variant, repository in images.items()
    }
    for variant, values in properties.items():
        named.setdefault(variant.replace("_", "."), {})["properties"] = dict(values)
    return {
        "regional_aliases": {
            region: {alias: image(repository, region) for repository, alias in aliases.items()} for region in REGIONS
        },
        "variants": named,
    }


def speculative_decoding(
    key: str = "draft/llama-1b/", *, provider: Mapping[str, str] | None = None, eula: str | None = None
) -> dict[str, Any]:
    """Return the block of additional data sources with one draft model."""
    source: dict[str, Any] = {
        "channel_name": "draft_model",
        "artifact_version": "v1",
        "s3_data_source": {"compression_type": "None", "s3_data_type": "S3Prefix", "s3_uri": key},
    }
    if provider is not None:
        source["provider"] = dict(provider)
    if eula is not None:
        source["hosting_eula_key"] = eula
    return {"speculative_decoding": [source]}


def old_prefix() -> Document:
    """Return the oldest generation that has variants: everything at the top, an uncompressed artifact."""
    return {
        "model_id": "example-llm-small",
        "url": "https://example.com",
        "version": "1.2.0",
        "min_sdk_version": "2.189.0",
        "training_supported": False,
        "incremental_training_supported": False,
        "hosting_script_key": "source-directory-tarballs/example/inference/v1.0.0/sourcedir.tar.gz",
        "hosting_artifact_key": "example/infer-example-llm-small.tar.gz",
        "hosting_prepacked_artifact_key": "example-llm/example-llm-small/artifacts/inference-prepack/v1.0.0/",
        "hosting_use_script_uri": False,
        "inference_vulnerable": False,
        "inference_dependencies": [],
        "inference_vulnerabilities": [],
        "training_vulnerable": False,
        "training_dependencies": [],
        "training_vulnerabilities": [],
        "deprecated": False,
        "inference_environment_variables": [
            variable("SAGEMAKER_PROGRAM", "inference.py"),
            variable("SAGEMAKER_SUBMIT_DIRECTORY", "/opt/ml/model/code", required=False),
            variable("SAGEMAKER_CONTAINER_LOG_LEVEL", "20", required=False),
            variable("SAGEMAKER_MODEL_SERVER_TIMEOUT", "3600", required=False),
            variable("ENDPOINT_SERVER_TIMEOUT", 3600),
            variable("MAX_INPUT_LENGTH", "1024"),
            variable("MAX_TOTAL_TOKENS", "2048"),
            variable("SM_NUM_GPUS", "1"),
        ],
        "metrics": [],
        "default_inference_instance_type": "ml.g5.2xlarge",
        "supported_inference_instance_types": ["ml.g5.2xlarge", "ml.g5.12xlarge", "ml.p3.8xlarge"],
        "model_kwargs": {},
        "deploy_kwargs": {"model_data_download_timeout": 1200, "container_startup_health_check_timeout": 1200},
        "predictor_specs": {
            "supported_content_types": ["application/json"],
            "supported_accept_types": ["application/json"],
            "default_content_type": "application/json",
            "default_accept_type": "application/json",
        },
        "inference_volume_size": 256,
        "inference_enable_network_isolation": True,
        "resource_name_base": "example-llm",
        "hosting_resource_requirements": {"min_memory_mb": 8192, "num_accelerators": 1},
        "hosting_instance_type_variants": variants(
            {
                "g5": "huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04",
                "p3": "huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04",
            }
        ),
    }


def changed(document: Document, **fields: object) -> Document:
    """Return a copy of a document with other fields; None drops the field."""
    copy = deepcopy(document)
    for name, value in fields.items():
        if value is None:
            copy.pop(name, None)
        else:
            copy[name] = deepcopy(value)
    return copy


def old_tarball() -> Document:
    """Return a prepacked tarball."""
    return changed(old_prefix(), hosting_prepacked_artifact_key="example/infer-prepack-example.tar.gz")


def gated() -> Document:
    """Weights in the private bucket behind a licence."""
    return changed(old_prefix(), gated_bucket=True, hosting_eula_key="fmhMetadata/eula/exampleEula.txt")


def by_type() -> Document:
    """Image, environment and artifact of an exact instance type beside those of its family."""
    return changed(
        old_prefix(),
        hosting_instance_type_variants=variants(
            {"g5": "djl-inference:0.24", "ml.g5.12xlarge": "djl-inference:0.27", "inf2": "djl-inference:0.27-neuronx"},
            g5={"environment_variables": {"SM_NUM_GPUS": "1", "OPTION_DTYPE": "fp16"}},
            ml_g5_12xlarge={
                "environment_variables": {"SM_NUM_GPUS": "4"},
                "prepacked_artifact_key": "example/sharded-4/",
            },
            inf2={"prepacked_artifact_key": "example/neuron/v1/", "artifact_key": "example/neuron.tar.gz"},
        ),
        supported_inference_instance_types=["ml.g5.2xlarge", "ml.g5.12xlarge", "ml.inf2.8xlarge"],
    )


def with_configs() -> Document:
    """Return the newest generation: images only in the components of inference configs."""
    base = changed(old_prefix(), hosting_instance_type_variants=None)
    return base | {
        "inference_configs": {
            "tgi": {"component_names": ["tgi"], "benchmark_metrics": {}},
            "lmi": {"component_names": ["lmi"], "benchmark_metrics": {}},
            "lmi-optimized": {"component_names": ["lmi-optimized"], "acceleration_configs": []},
        },
        "inference_config_components": {
            "tgi": {
                "hosting_instance_type_variants": variants({"g5": "huggingface-pytorch-tgi-inference:2.4.0"}),
                "supported_inference_instance_types": ["ml.g5.12xlarge"],
                "default_inference_instance_type": "ml.g5.12xlarge",
            },
            "lmi": {
                "component_name": "lmi",
                "version": "9.9.9",
                "gated_bucket": True,
                "hosting_prepacked_artifact_key": "example/lmi/v2/",
                "inference_environment_variables": [
                    variable("OPTION_ROLLING_BATCH", "vllm"),
                    variable("SAGEMAKER_MODEL_SERVER_TIMEOUT", 3600, required=False),
                ],
                "hosting_instance_type_variants": variants(
                    {"g5": "djl-inference:0.28.0-lmi10.0.0-cu124", "p4d": "djl-inference:0.28.0-lmi10.0.0-cu124"},
                    ml_p4d_24xlarge={"environment_variables": {"OPTION_TENSOR_PARALLEL_DEGREE": "8"}},
                ),
                "supported_inference_instance_types": ["ml.g5.12xlarge", "ml.p4d.24xlarge"],
                "default_inference_instance_type": "ml.p4d.24xlarge",
                "inference_enable_network_isolation": False,
            },
            "lmi-optimized": {
                "hosting_instance_type_variants": variants({"p4d": "djl-inference:0.29.0"}),
                "supported_inference_instance_types": ["ml.p4d.24xlarge"],
                "default_inference_instance_type": "ml.p4d.24xlarge",
                "hosting_additional_data_sources": speculative_decoding(),
                "inference_environment_variables": [
                    variable("OPTION_SPECULATIVE_DRAFT_MODEL", "/opt/ml/additional-model-data-sources/draft_model/")
                ],
            },
        },
        "inference_config_rankings": {
            "overall": {"description": "default", "rankings": ["lmi", "tgi", "lmi-optimized"]},
            "performance": {"description": "fast", "rankings": ["tgi", "lmi"]},
        },
    }


def unranked() -> Document:
    """Return configs without a ranking."""
    return changed(with_configs(), inference_config_rankings=None)


def packaged() -> Document:
    """Return a config that comes as a model package, of a model that has images too."""
    document = with_configs()
    component = document["inference_config_components"]["tgi"]
    component["hosting_model_package_arns"] = {region: package_arn("example-tgi-v1", region) for region in REGIONS}
    component["hosting_instance_type_variants"] = variants(
        {"g5": "huggingface-pytorch-tgi-inference:2.4.0"}, g5={"environment_variables": {"SM_NUM_GPUS": "4"}}
    )
    return document


def packaged_by_type() -> Document:
    """Return a model package of an instance family, through an alias."""
    document = old_prefix()
    hosting = document["hosting_instance_type_variants"]
    for region in REGIONS:
        hosting["regional_aliases"][region]["package"] = package_arn("example-p3-v1", region)
    hosting["variants"]["p3"]["regional_properties"]["model_package_arn"] = "$package"
    return document


def sold() -> Document:
    """Return a model that a third party sells: a model package and nothing else."""
    return changed(
        old_prefix(),
        hosting_prepacked_artifact_key=None,
        hosting_artifact_key=None,
        hosting_instance_type_variants=None,
        inference_environment_variables=[variable("IGNORED", "1")],
        hosting_model_package_arns={region: package_arn("sold-v1", region) for region in REGIONS},
        model_subscription_link="https://aws.amazon.com/marketplace/ai/procurement?productId=example",
    )


def plain() -> Document:
    """Return an artifact without its inference script, which the SDK packs into it."""
    return changed(old_prefix(), hosting_prepacked_artifact_key=None, hosting_use_script_uri=True)


_FAMILIES = ("g5", "p3", "p4d", "inf2")
_TYPES = ("ml.g5.2xlarge", "ml.g5.12xlarge", "ml.p3.8xlarge", "ml.p4d.24xlarge", "ml.inf2.8xlarge")
_NAMES = st.sampled_from(["SM_NUM_GPUS", "OPTION_DTYPE", "HF_MODEL_ID", "SAGEMAKER_PROGRAM", "MODEL_CACHE_ROOT", "X"])
_VALUES = st.sampled_from(["1", "8", "fp16", "/opt/ml/model", "org/model", ""])
_KEYS = st.sampled_from(["a/prefix/", "b/other/v2/", "c/infer-prepack.tar.gz", "d/model.tar.gz"])
_IMAGES = st.sampled_from(["djl-inference:0.28", "huggingface-pytorch-tgi-inference:2.4.0", "sagemaker-jumpstart:1"])


def _variables() -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.builds(variable, _NAMES, _VALUES | st.integers(0, 99) | st.booleans(), required=st.booleans())
    return st.lists(one, max_size=5)


@st.composite
def _variants(draw: st.DrawFn) -> dict[str, Any]:
    images = {family: draw(_IMAGES) for family in _FAMILIES}
    images |= draw(st.dictionaries(st.sampled_from(_TYPES), _IMAGES, max_size=2))
    block = variants(images)
    for variant in draw(st.lists(st.sampled_from([*_FAMILIES, *_TYPES]), unique=True, max_size=4)):
        properties: dict[str, Any] = {}
        if draw(st.booleans()):
            properties["environment_variables"] = draw(st.dictionaries(_NAMES, _VALUES, max_size=3))
        if draw(st.booleans()):
            properties["prepacked_artifact_key"] = draw(_KEYS)
        if draw(st.booleans()):
            properties["artifact_key"] = draw(_KEYS)
        block["variants"].setdefault(variant, {})["properties"] = properties
    if draw(st.booleans()):
        # Which alias a package has does not matter; that it goes before the image does.
        variant = draw(st.sampled_from(sorted(images)))
        for region in draw(st.sets(st.sampled_from(REGIONS))):
            block["regional_aliases"][region]["package"] = package_arn(f"of-{variant.replace('.', '-')}", region)
        block["variants"][variant]["regional_properties"]["model_package_arn"] = "$package"
    return block


@st.composite
def _fields(draw: st.DrawFn) -> dict[str, Any]:
    """Draw fields that a top level and a component may both have."""
    fields: dict[str, Any] = {
        "inference_environment_variables": draw(_variables()),
        "hosting_prepacked_artifact_key": draw(_KEYS),
        "hosting_eula_key": draw(st.none() | st.just("eula.txt")),
        "inference_enable_network_isolation": draw(st.sampled_from([True, False, None])),
        "model_kwargs": draw(st.sampled_from([{}, {"enable_network_isolation": True}])),
        "deploy_kwargs": draw(
            st.sampled_from([{}, {"inference_ami_version": "ami-1"}, {"model_data_download_timeout": 60}])
        ),
        "inference_volume_size": draw(st.sampled_from([None, 30, 512])),
        "supported_inference_instance_types": list(_TYPES),
        "default_inference_instance_type": draw(st.sampled_from(_TYPES)),
        "gated_bucket": draw(st.booleans()),
    }
    provider = draw(
        st.sampled_from([None, {}, {"name": "JumpStart", "classification": "gated"}, {"name": "JumpStart"}])
    )
    key = draw(st.sampled_from(["draft/", "s3://some-bucket/draft/"]))
    if draw(st.booleans()):
        fields["hosting_additional_data_sources"] = speculative_decoding(
            key, provider=provider, eula=draw(st.none() | st.just("draft-eula.txt"))
        )
    if draw(st.integers(0, 4)) == 0:
        fields["hosting_model_package_arns"] = {region: package_arn("generated", region) for region in REGIONS}
    return fields


@st.composite
def specs(draw: st.DrawFn) -> tuple[Document, str | None]:
    """Draw a document of either generation with traits at random, and the config to take of it."""
    document = old_prefix() | draw(_fields()) | {"hosting_instance_type_variants": draw(_variants())}
    if draw(st.booleans()):
        return document, None
    names = draw(st.lists(st.sampled_from(["lmi", "tgi", "neuron", "lmi-optimized"]), min_size=1, unique=True))
    # The SDK cannot read configs over these: it writes them without `artifact_version`, and then asks for it.
    document.pop("hosting_additional_data_sources", None)
    components = {}
    for name in names:
        fields = draw(_fields())
        kept = draw(st.sets(st.sampled_from(sorted(fields))))
        components[name] = {field: value for field, value in fields.items() if field in kept}
        if draw(st.booleans()):
            components[name]["hosting_instance_type_variants"] = draw(_variants())
    document["inference_config_components"] = components
    document["inference_configs"] = {name: {"component_names": [name]} for name in names}
    if draw(st.booleans()):
        document["inference_config_rankings"] = {
            "overall": {"description": "", "rankings": draw(st.permutations(names))}
        }
    return document, draw(st.none() | st.sampled_from(names))
