"""CloudFormation's requests for our templates are those of the SageMaker SDK for the same spec document."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import CatalogError
from catalog.document import read_document
from tests.parity import spec_documents as documents
from tests.parity.sdk_comparison import Case, Requests, our_requests, sdk_requests

# One worker imports the SDK.
pytestmark = pytest.mark.xdist_group("parity")

# Where a template says something else than the SDK on purpose, by action and path.
INTENDED = {
    ("CreateModel", "ModelName"): "CloudFormation makes it up, because every change is a replacement",
    ("CreateModel", "ExecutionRoleArn"): "each stack has a least-privilege role of its own",
    ("CreateModel", "Tags"): "the SDK tags what it creates with the model's id and version; stacks have their own tags",
    ("CreateEndpointConfig", "EndpointConfigName"): "CloudFormation makes it up, likewise",
    ("CreateEndpointConfig", "Tags"): "see above",
    ("CreateEndpointConfig", "ProductionVariants.0.ModelName"): "a reference to the model above",
    ("CreateEndpointConfig", "ProductionVariants.0.ModelDataDownloadTimeoutInSeconds"): (
        "worked out from the weights' size; the spec's is a guess that is too short or missing for large models"
    ),
    ("CreateEndpointConfig", "ProductionVariants.0.ContainerStartupHealthCheckTimeoutInSeconds"): "likewise",
    ("CreateEndpoint", "EndpointConfigName"): "a reference to the config above",
    ("CreateEndpoint", "Tags"): "see above",
}

# What CreateModel takes for granted where a request leaves it out.
DEFAULTS = {("CreateModel", "EnableNetworkIsolation"): False}

CASES = {
    "top-level variants, prefix": Case(documents.old_prefix()),
    "an instance type with a volume": Case(documents.old_prefix(), instance_type="ml.p3.8xlarge"),
    "another region": Case(documents.old_prefix(), region="eu-west-1"),
    "environment laid over": Case(documents.old_prefix(), environment={"MAX_TOTAL_TOKENS": "4096", "NEW": "1"}),
    "an instance type that is not listed": Case(documents.old_prefix(), instance_type="ml.g5.48xlarge"),
    "prepacked tarball": Case(documents.old_tarball()),
    "gated prefix with a licence": Case(documents.gated()),
    "gated tarball with a licence": Case(
        documents.changed(documents.gated(), hosting_prepacked_artifact_key="example/infer-prepack-gated.tar.gz")
    ),
    "gated without a licence": Case(documents.changed(documents.gated(), hosting_eula_key=None)),
    "licence without gate": Case(documents.changed(documents.gated(), gated_bucket=None)),
    "image, variables and artifact of the exact type": Case(documents.by_type(), instance_type="ml.g5.12xlarge"),
    "image, variables and artifact of the family": Case(documents.by_type(), instance_type="ml.g5.2xlarge"),
    "neuron artifact": Case(documents.by_type(), instance_type="ml.inf2.8xlarge"),
    "no network isolation": Case(documents.changed(documents.old_prefix(), inference_enable_network_isolation=False)),
    "no word on network isolation": Case(
        documents.changed(documents.old_prefix(), inference_enable_network_isolation=None)
    ),
    "network isolation in model_kwargs": Case(
        documents.old_prefix()
        | {"inference_enable_network_isolation": None, "model_kwargs": {"enable_network_isolation": True}}
    ),
    "network isolation in model_kwargs, under a config": Case(
        documents.old_prefix()
        | {
            "inference_enable_network_isolation": None,
            "model_kwargs": {"enable_network_isolation": True},
            "inference_config_components": {"lmi": {}},
            "inference_configs": {"lmi": {"component_names": ["lmi"]}},
        }
    ),
    "network isolation though a hub is named": Case(
        documents.changed(
            documents.old_prefix(), inference_environment_variables=[documents.variable("HF_MODEL_ID", "org/model")]
        )
    ),
    "machine image": Case(
        documents.changed(
            documents.old_prefix(), deploy_kwargs={"inference_ami_version": "al2-ami-sagemaker-inference-gpu-3-1"}
        )
    ),
    "no variables": Case(documents.changed(documents.old_prefix(), inference_environment_variables=[])),
    "default-ranked config": Case(documents.with_configs()),
    "default-ranked config on another type": Case(documents.with_configs(), instance_type="ml.g5.12xlarge"),
    "chosen config": Case(documents.with_configs(), config="tgi"),
    "configs without ranking": Case(documents.unranked()),
    "draft model": Case(documents.with_configs(), config="lmi-optimized"),
    "draft model at the top level": Case(
        documents.changed(
            documents.old_prefix(), hosting_additional_data_sources=documents.speculative_decoding("s3://other/key/")
        )
    ),
    "draft model of JumpStart": Case(
        documents.changed(
            documents.old_prefix(),
            hosting_additional_data_sources=documents.speculative_decoding(
                provider={"name": "JumpStart", "classification": "ungated"}
            ),
        )
    ),
    "draft model with a licence": Case(
        documents.changed(
            documents.old_prefix(),
            hosting_additional_data_sources=documents.speculative_decoding(
                provider={"name": "JumpStart", "classification": "gated"}, eula="fmhMetadata/eula/draft.txt"
            ),
        )
    ),
    "packaged config": Case(documents.packaged(), config="tgi"),
    "packaged config with variables laid over": Case(documents.packaged(), config="tgi", environment={"NEW": "1"}),
    "model beside a packaged config": Case(documents.packaged()),
    "model package of a family": Case(documents.packaged_by_type(), instance_type="ml.p3.8xlarge"),
    "family without a model package": Case(documents.packaged_by_type()),
    "sold model package": Case(documents.sold(), sold=True),
    "sold model package whose spec has no network isolation": Case(
        documents.changed(documents.sold(), inference_enable_network_isolation=False), sold=True
    ),
}


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    match value:
        case dict():
            children = [(str(name), child) for name, child in value.items()]
        case list():
            children = [(str(index), child) for index, child in enumerate(value)]
        case _:
            yield path, value
            return
    for name, child in children:
        yield from _flat(child, f"{path}.{name}" if path else name)


def _fields(requests: Requests) -> dict[tuple[str, str], object]:
    fields: dict[tuple[str, str], object] = dict(DEFAULTS)
    for action, request in requests.parts().items():
        fields.update({(action, path): value for path, value in _flat(request)})
    return {field: value for field, value in fields.items() if not _is_intended(*field)}


def _is_intended(action: str, path: str) -> bool:
    return any(action == other and f"{path}.".startswith(f"{place}.") for other, place in INTENDED)


CASES |= {
    f"volume of {instance_type}": Case(
        documents.changed(
            documents.old_prefix(),
            hosting_instance_type_variants=documents.variants({instance_type: "djl-inference:0.28"}),
        ),
        instance_type=instance_type,
    )
    for instance_type in ("ml.g6e.xlarge", "ml.p5.48xlarge", "ml.trn1.2xlarge", "ml.g4dn.xlarge", "ml.p4de.24xlarge")
}


@pytest.mark.parametrize("name", CASES)
def test_sends_what_the_sdk_sends(name: str, context: Mapping[str, Any]) -> None:
    case = CASES[name]
    assert _fields(our_requests(case, context)) == _fields(sdk_requests(case))


_ANY_CASE = given(
    spec=documents.specs(),
    region=st.sampled_from(documents.REGIONS),
    instance_type=st.none() | st.sampled_from(["ml.g5.2xlarge", "ml.p3.8xlarge", "ml.p4d.24xlarge", "ml.g5.48xlarge"]),
    environment=st.none() | st.just({"SM_NUM_GPUS": "2", "OWN": "1"}),
)
_SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def _compare(
    spec: tuple[documents.Document, str | None],
    region: str,
    instance_type: str | None,
    environment: Mapping[str, str] | None,
    context: Mapping[str, Any],
) -> None:
    document, config = spec
    case = Case(document, region=region, instance_type=instance_type, config=config, environment=environment)
    assert _fields(our_requests(case, context)) == _fields(sdk_requests(case))


@_ANY_CASE
@settings(max_examples=25, derandomize=True, suppress_health_check=_SLOW)
def test_sends_what_the_sdk_sends_for_combinations_of_traits(
    spec: tuple[documents.Document, str | None],
    region: str,
    instance_type: str | None,
    environment: Mapping[str, str] | None,
    context: Mapping[str, Any],
) -> None:
    _compare(spec, region, instance_type, environment, context)


@pytest.mark.sweep
@_ANY_CASE
@settings(max_examples=500, suppress_health_check=_SLOW)
def test_sends_what_the_sdk_sends_for_any_combination_of_traits(
    spec: tuple[documents.Document, str | None],
    region: str,
    instance_type: str | None,
    environment: Mapping[str, str] | None,
    context: Mapping[str, Any],
) -> None:
    _compare(spec, region, instance_type, environment, context)


def test_serves_the_plain_artifact_into_which_the_sdk_packs_a_script(context: Mapping[str, Any]) -> None:
    # A stack cannot repack at synthesis; the SDK uploads the result to the account's own bucket.
    case = Case(documents.plain())
    ours, theirs = our_requests(case, context), sdk_requests(case)

    assert ours.model["PrimaryContainer"]["ModelDataUrl"] == theirs.repacked_from
    added = {"SAGEMAKER_SUBMIT_DIRECTORY", "SAGEMAKER_CONTAINER_LOG_LEVEL", "SAGEMAKER_REGION"}
    environment = theirs.model["PrimaryContainer"]["Environment"]
    assert ours.model["PrimaryContainer"]["Environment"] == {
        name: value for name, value in environment.items() if name not in added
    }


def test_refuses_a_region_without_model_package_as_the_sdk_does() -> None:
    case = Case(documents.sold(), region="ap-south-1", sold=True)

    with pytest.raises(ValueError, match="not supported in ap-south-1"):
        sdk_requests(case)
    with pytest.raises(CatalogError, match="no model package in region 'ap-south-1': allowed are eu-west-1, us-east-1"):
        read_document(case.document).resolve(region=case.region)


def test_refuses_an_unknown_config_as_the_sdk_does() -> None:
    case = Case(documents.with_configs(), config="vllm")

    with pytest.raises(ValueError, match="Cannot find Jumpstart config name vllm"):
        sdk_requests(case)
    with pytest.raises(CatalogError, match=r"'vllm' is not offered by .*: choose one of lmi, lmi-optimized, tgi"):
        read_document(case.document, config="vllm")


@pytest.mark.parametrize(("action", "path"), INTENDED)
def test_every_intended_difference_is_one(action: str, path: str, context: Mapping[str, Any]) -> None:
    case = Case(documents.old_prefix())
    sides = [
        {field: value for field, value in _flat(requests.parts()[action]) if f"{field}.".startswith(f"{path}.")}
        for requests in (our_requests(case, context), sdk_requests(case))
    ]
    assert sides[0] != sides[1]


def test_reads_a_config_of_two_components_at_which_the_sdk_stops() -> None:
    document = documents.with_configs()
    document["inference_configs"]["lmi"]["component_names"] = ["lmi", "tgi"]

    with pytest.raises(AttributeError, match="'dict' object has no attribute 'to_json'"):
        sdk_requests(Case(document))
    assert read_document(document).default_instance_type == "ml.g5.12xlarge"
