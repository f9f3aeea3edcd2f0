"""The CreateTrainingJob request of the pipeline is the one that the SageMaker SDK sends for the same spec document."""

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import CatalogError
from catalog.training.hyperparameters import Hyperparameter
from catalog.training.recipe import read_recipe
from tests.parity import training_documents as documents
from tests.parity.training_comparison import Case, our_request, sdk_request

# One worker imports the SDK.
pytestmark = pytest.mark.xdist_group("parity")

# Where our request says something else than the SDK's on purpose.
INTENDED = {
    "DebugHookConfig": "the SDK's default: SageMaker Debugger collects tensors that nobody reads",
    "ProfilerConfig": "the SDK's default: the profiler writes into the output prefix, which is the model's",
}
# Names, roles, prefixes and keys are given to both sides alike; production's are the stack's.

CASES = {
    "ungated, prepacked script, weights as a channel": Case(document=documents.mistral()),
    "another region": Case(document=documents.mistral(), region="eu-west-1"),
    "no prepacked script": Case(document=documents.mistral() | {"training_prepacked_script_key": None}),
    "overridden hyperparameters": Case(
        document=documents.mistral(),
        job={"hyperparameters": {"epoch": "1", "instruction_tuned": "True", "learning_rate": "0.0001"}},
        estimator={"hyperparameters": {"epoch": "1", "instruction_tuned": "True", "learning_rate": "0.0001"}},
    ),
    "a validation channel": Case(document=documents.mistral(), validation="s3://own-bucket/validation/"),
    "another instance type": Case(
        document=documents.mistral(),
        job={"instance_type": "ml.p4d.24xlarge", "instance_count": 2},
        estimator={"instance_type": "ml.p4d.24xlarge", "instance_count": 2},
    ),
    "gated, keys by instance family (Llama)": Case(document=documents.llama(), accept_eula=True),
    "gated, another family's key": Case(
        document=documents.llama(),
        accept_eula=True,
        job={"instance_type": "ml.p4d.24xlarge"},
        estimator={"instance_type": "ml.p4d.24xlarge"},
    ),
    "gated, keys by instance family (Gemma)": Case(document=documents.gemma(), accept_eula=True),
    "gated, weights as a channel": Case(document=documents.licensed(), accept_eula=True),
    "gated, an unlisted type where all listed have one key": Case(
        document=documents.one_key(),
        accept_eula=True,
        job={"instance_type": "ml.p5.48xlarge", "allow_unlisted_instance_type": True},
        estimator={"instance_type": "ml.p5.48xlarge"},
    ),
    "gated, weights of a model package": Case(document=documents.packaged(), accept_eula=True),
    "variants of the exact type": Case(
        document=documents.by_type(),
        job={"instance_type": "ml.p3.8xlarge"},
        estimator={"instance_type": "ml.p3.8xlarge"},
    ),
    "variants of the family": Case(
        document=documents.by_type(),
        job={"instance_type": "ml.p3.16xlarge"},
        estimator={"instance_type": "ml.p3.16xlarge"},
    ),
    "variants of another family": Case(document=documents.by_type()),
    "spot with checkpoints": Case(
        document=documents.mistral(),
        job={
            "spot": True,
            "max_runtime_seconds": 3600,
            "max_wait_seconds": 9000,
            "checkpoint_path": "s3://own-bucket/checkpoints/",
        },
        estimator={
            "use_spot_instances": True,
            "max_run": 3600,
            "max_wait": 9000,
            "checkpoint_s3_uri": "s3://own-bucket/checkpoints/",
        },
    ),
    "keys of output and volume": Case(
        document=documents.by_type(),
        job={"instance_type": "ml.p3.8xlarge", "output_key_arn": "arn:output", "volume_key_arn": "arn:volume"},
        estimator={"instance_type": "ml.p3.8xlarge", "output_kms_key": "arn:output", "volume_kms_key": "arn:volume"},
    ),
    "a network": Case(
        document=documents.mistral(),
        job={"subnet_ids": ("subnet-1", "subnet-2"), "security_group_ids": ("sg-1",)},
        estimator={"subnets": ["subnet-1", "subnet-2"], "security_group_ids": ["sg-1"]},
    ),
    "tags": Case(
        document=documents.mistral(),
        job={"tags": {"team": "models"}},
        estimator={"tags": [{"Key": "team", "Value": "models"}]},
    ),
    "output that is not packed where the recipe would pack it": Case(
        document=documents.mistral() | {"estimator_kwargs": {"disable_output_compression": False}},
        job={"uncompressed": True},
        estimator={"disable_output_compression": True},
    ),
    "the announcement of Custom Model Import": Case(
        document=documents.llama(),
        accept_eula=True,
        job={
            "instance_type": "ml.g5.48xlarge",
            "uncompressed": True,
            "hyperparameters": {"instruction_tuned": "True", "epoch": "5", "max_input_length": "1024"},
        },
        estimator={
            "instance_type": "ml.g5.48xlarge",
            "disable_output_compression": True,
            "hyperparameters": {"instruction_tuned": "True", "epoch": "5", "max_input_length": "1024"},
        },
    ),
    "no settings at all": Case(
        document=documents.mistral()
        | {"estimator_kwargs": {}, "training_enable_network_isolation": None, "metrics": [], "hyperparameters": []}
    ),
    "a training config": Case(document=documents.with_configs(), config="qlora"),
    "another training config": Case(document=documents.with_configs(), config="full"),
    "training configs, none of them named": Case(document=documents.with_configs()),
}


def _without_intended(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in INTENDED}


@pytest.mark.parametrize("name", CASES)
def test_trains_with_what_the_sdk_sends(name: str) -> None:
    case = CASES[name]
    assert our_request(case) == _without_intended(sdk_request(case))


@given(
    document=documents.documents(),
    region=st.sampled_from(documents.REGIONS),
    instance_type=st.sampled_from(documents.TYPES),
    hyperparameters=st.booleans(),
    validation=st.booleans(),
)
@settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_trains_with_what_the_sdk_sends_for_combinations_of_traits(
    document: documents.Document, region: str, instance_type: str, hyperparameters: bool, validation: bool
) -> None:
    names = {one["name"] for one in document["hyperparameters"]}
    changed = {"seed": "7"} if hyperparameters and "seed" in names else {}
    gated = bool(document.get("gated_bucket"))
    case = Case(
        document=document,
        region=region,
        job={"instance_type": instance_type, "hyperparameters": changed},
        estimator={"instance_type": instance_type, "hyperparameters": changed},
        validation="s3://own-bucket/validation/" if validation else None,
        accept_eula=True if gated else None,
    )
    recipe = read_recipe(document)
    if region not in recipe.image_regions(instance_type):
        with pytest.raises(CatalogError, match="training image"):
            our_request(case)
        with pytest.raises(ValueError, match="No training ECR configuration"):
            sdk_request(case)
        return
    if not (recipe.takes_model_channel or recipe.gated_model(region, instance_type)):
        with pytest.raises(CatalogError, match="has weights to train for"):
            our_request(case)
        assert "SageMakerGatedModelS3Uri" not in sdk_request(case).get("Environment", {})
        return
    assert our_request(case) == _without_intended(sdk_request(case))


@pytest.mark.parametrize("name", CASES)
def test_boto3_takes_the_request(name: str) -> None:
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateTrainingJob").input_shape
    assert shape is not None
    report = ParamValidator().validate(our_request(CASES[name]), shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("name", INTENDED)
def test_every_intended_difference_of_training_is_one(name: str) -> None:
    case = CASES["ungated, prepacked script, weights as a channel"]
    assert name in sdk_request(case)
    assert name not in our_request(case)


def test_sends_no_volume_key_where_the_instance_type_takes_none_though_the_sdk_does() -> None:
    # API CreateTrainingJob, ResourceConfig: a key for an instance type with local storage is refused.
    case = Case(
        document=documents.mistral(), job={"volume_key_arn": "arn:volume"}, estimator={"volume_kms_key": "arn:volume"}
    )
    ours, theirs = our_request(case)["ResourceConfig"], sdk_request(case)["ResourceConfig"]

    assert theirs.pop("VolumeKmsKeyId") == "arn:volume"
    assert ours == theirs


def test_refuses_a_model_without_training_as_the_sdk_does() -> None:
    case = Case(document=documents.mistral() | {"training_supported": False})

    with pytest.raises(ValueError, match="does not support training"):
        sdk_request(case)
    with pytest.raises(CatalogError, match=r"huggingface-llm-mistral-7b 2\.1\.0 cannot be fine-tuned"):
        our_request(case)


def test_refuses_an_instance_type_without_weights_where_the_sdk_warns() -> None:
    job = {"instance_type": "ml.p5.48xlarge", "allow_unlisted_instance_type": True}
    case = Case(document=documents.llama(), accept_eula=True, job=job, estimator={"instance_type": "ml.p5.48xlarge"})

    assert "SageMakerGatedModelS3Uri" not in sdk_request(case)["Environment"]
    with pytest.raises(CatalogError, match=r"has weights to train for g4dn, g5, p3dn, p4d$"):
        our_request(case)


_ENTRIES = st.builds(
    lambda kind, options, limits: (
        {"name": "it", "type": kind, "default": "1", "scope": "algorithm"}
        | ({"options": options} if options and kind == "text" else {})
        | (limits if kind != "bool" else {})
    ),
    st.sampled_from(["int", "float", "text", "bool"]),
    st.lists(st.sampled_from(["a", "b", "True"]), max_size=2, unique=True),
    st.dictionaries(st.sampled_from(["min", "max", "exclusive_min", "exclusive_max"]), st.integers(-2, 5), max_size=2),
)
_VALUES = st.one_of(
    st.integers(-4, 8).map(str),
    st.floats(-4, 8).map(str),
    st.sampled_from(["a", "b", "True", "false", "TRUE", "", "1e3", "+1", "--1", "0x1", "1_0", " 1", "aaaaaaa"]),
    st.text(max_size=6),
)


@given(entry=_ENTRIES, value=_VALUES)
@settings(max_examples=400, derandomize=True)
def test_takes_the_values_of_a_hyperparameter_that_the_sdk_takes(entry: dict[str, Any], value: str) -> None:
    from tests.parity import sdk  # noqa: PLC0415 - see there

    ours = Hyperparameter.read(entry).accepts(value)
    try:
        sdk.validate_hyperparameter("it", value, [sdk.JumpStartHyperparameter(entry)])
        theirs = True
    except (sdk.JumpStartHyperparametersError, IndexError):
        # It looks at the first character of an integer without asking whether there is one.
        theirs = False
    assert ours == theirs
