"""The one gate: what is refused before anything is created, for published weights, tuned ones, and a tuning's base."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.endpoint.hosting import Hosting, base_of_tuning
from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint
from constructs.model_key import ModelKey
from constructs.values.s3_location import S3Location

from catalog import Lock, ModelVersion
from catalog.spec import AdditionalDataSource

REGION = "us-west-2"
_PACKAGE = "arn:aws:sagemaker:us-west-2:594846645681:model-package/some-model-v1"


def _host(model: ModelVersion, **props: Any) -> Hosting:
    return Hosting.of(model, **{"region": REGION, "endpoint_name": "dev-some-model", **props})


def _problems(make: Callable[[], Any]) -> list[str]:
    with pytest.raises(ValueError, match=r".") as refused:
        make()
    return str(refused.value).splitlines()


def _package(model: ModelVersion) -> ModelVersion:
    return replace(model, model_packages={REGION: _PACKAGE}, variant_images={}, images={}, artifact_key=None)


@pytest.fixture(params=[False, True], ids=["published", "tuned"])
def tuned(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_resolves_the_model_for_the_region_on_its_default_instance_type(mistral: ModelVersion) -> None:
    hosting = _host(mistral)

    assert hosting.deployment == mistral.resolve(region=REGION)
    assert (hosting.instance_count, hosting.deployment.instance_type) == (1, "ml.g5.2xlarge")


def test_lays_declared_variables_over_the_models_own(mistral: ModelVersion) -> None:
    hosting = _host(mistral, environment={"MAX_INPUT_LENGTH": "1024", "MAX_CONCURRENT_REQUESTS": "4"})

    assert hosting.environment["MAX_CONCURRENT_REQUESTS"] == "4"
    assert (hosting.max_input_tokens, hosting.max_total_tokens) == (1024, 8192)


def test_knows_no_token_limits_of_a_container_without_them(mistral: ModelVersion) -> None:
    hosting = _host(replace(mistral, environment={}, variant_environments={}))

    assert (hosting.max_input_tokens, hosting.max_total_tokens) == (None, None)


def test_gives_a_small_model_ten_minutes_and_falcon_180b_the_longest_timeouts(
    lock: Lock, mistral: ModelVersion
) -> None:
    falcon = lock.model("huggingface-llm-falcon-180b-chat-bf16", "1.6.17")

    for model, seconds in ((mistral, 600), (falcon, 3600)):
        hosting = _host(model)
        assert (hosting.download_timeout_seconds, hosting.startup_timeout_seconds) == (seconds, seconds)


def test_works_an_unknown_size_out_from_the_gpus_it_must_fit_into(lock: Lock) -> None:
    # 4 GPUs of 22,888 MiB at 94 MB/s.
    assert _host(lock.model("huggingface-llm-falcon-40b-bf16", "2.0.2")).download_timeout_seconds == 1022


def test_gives_tuned_weights_no_time_to_be_unpacked(lock: Lock) -> None:
    falcon = lock.model("huggingface-llm-falcon-40b-bf16", "2.0.2")
    packed = replace(falcon, artifact_key="some/artifact.tar.gz")

    assert _host(packed).download_timeout_seconds == 2044
    assert _host(packed, tuned=True).download_timeout_seconds == 1022


def test_takes_declared_timeouts_in_whole_seconds(mistral: ModelVersion, tuned: bool) -> None:
    hosting = _host(
        mistral, tuned=tuned, download_timeout=cdk.Duration.minutes(7), startup_timeout=cdk.Duration.minutes(60)
    )

    assert repr((hosting.download_timeout_seconds, hosting.startup_timeout_seconds)) == "(420, 3600)"


@pytest.mark.parametrize("name", ["download_timeout", "startup_timeout"])
@pytest.mark.parametrize("seconds", [5, 59, 3601])
def test_refuses_timeouts_that_sagemaker_would_refuse(
    mistral: ModelVersion, tuned: bool, name: str, seconds: int
) -> None:
    assert _problems(lambda: _host(mistral, tuned=tuned, **{name: cdk.Duration.seconds(seconds)})) == [
        f"{name} is {seconds} s: allowed are 60 to 3600 s"
    ]


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a" * 64, "a.b"])
def test_refuses_a_name_that_sagemaker_would_refuse(mistral: ModelVersion, tuned: bool, name: str) -> None:
    assert _problems(lambda: _host(mistral, tuned=tuned, endpoint_name=name)) == [
        f"endpoint_name is {name!r}: allowed are 1 to 63 letters, digits and hyphens, no hyphen at either end"
    ]


def test_refuses_no_instances(mistral: ModelVersion, tuned: bool) -> None:
    assert _problems(lambda: _host(mistral, tuned=tuned, instance_count=0)) == [
        "instance_count is 0: allowed is 1 or more"
    ]


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        (
            {"1BAD": "x"},
            "environment variable '1BAD': allowed are letters, digits and underscores, not beginning with a digit, "
            "at most 1024 characters",
        ),
        ({"N": 1}, "environment variable 'N' is 1: allowed is text"),
        (
            {"LONG": "x" * 1025},
            "environment variable 'LONG' has 1025 characters: at most 1024 are allowed",
        ),
        (
            {f"V{number}": "x" for number in range(101)},
            "environment has 101 variables: at most 100 are allowed",
        ),
        ({"MAX_TOTAL_TOKENS": "8191"}, "MAX_INPUT_LENGTH is 8191: allowed is less than MAX_TOTAL_TOKENS, 8191"),
    ],
)
def test_refuses_environment_variables_that_the_container_would_refuse(
    mistral: ModelVersion, tuned: bool, environment: dict[str, Any], problem: str
) -> None:
    assert _problems(lambda: _host(mistral, tuned=tuned, environment=environment)) == [problem]


@pytest.mark.parametrize(
    ("subnets", "groups", "problem"),
    [
        ([], ["sg-1"], "subnet_ids has 0 subnets: allowed are 1 to 16"),
        (["subnet-1"], [], "security_group_ids has 0 groups: allowed are 1 to 5"),
        ([f"subnet-{number}" for number in range(17)], ["sg-1"], "subnet_ids has 17 subnets: allowed are 1 to 16"),
        (["subnet-1"], [f"sg-{number}" for number in range(6)], "security_group_ids has 6 groups: allowed are 1 to 5"),
    ],
)
def test_refuses_networks_that_sagemaker_would_refuse(
    mistral: ModelVersion, tuned: bool, subnets: list[str], groups: list[str], problem: str
) -> None:
    assert _problems(lambda: _host(mistral, tuned=tuned, subnet_ids=subnets, security_group_ids=groups)) == [problem]


def test_lets_tokens_pass_whose_values_only_a_deployment_knows(mistral: ModelVersion, tuned: bool) -> None:
    stack = cdk.Stack()
    number = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    hosting = _host(
        mistral,
        tuned=tuned,
        endpoint_name=cdk.Aws.STACK_NAME,
        instance_count=number,
        environment={"SECRET": cdk.CfnParameter(stack, "Text").value_as_string + "x" * 1020},
        download_timeout=cdk.Duration.seconds(number),
    )

    assert stack.resolve(hosting.download_timeout_seconds) == {"Ref": "Number"}


def test_refuses_a_region_that_only_a_deployment_knows(mistral: ModelVersion, tuned: bool) -> None:
    problem = "region is unresolved: image and artifact depend on it, so the stack's env must name a region"

    assert _problems(lambda: _host(mistral, tuned=tuned, region=cdk.Aws.REGION)) == [problem]
    assert _problems(lambda: base_of_tuning(mistral, region=cdk.Aws.REGION, accept_eula=False)) == [problem]


def test_refuses_an_instance_type_and_a_region_that_the_version_does_not_have(
    mistral: ModelVersion, tuned: bool
) -> None:
    [unlisted] = _problems(lambda: _host(mistral, tuned=tuned, instance_type="ml.g5.12xlarge"))
    [elsewhere] = _problems(lambda: _host(mistral, tuned=tuned, region="mx-central-1"))

    assert "'ml.g5.12xlarge' is not supported" in unlisted
    assert "ml.g5.16xlarge, ml.g5.2xlarge, ml.g5.4xlarge, ml.g5.8xlarge" in unlisted
    assert "no image in region 'mx-central-1'" in elsewhere
    assert "us-west-2" in elsewhere


def test_accepts_an_unlisted_instance_type_when_it_is_told_to(mistral: ModelVersion, tuned: bool) -> None:
    hosting = _host(mistral, tuned=tuned, instance_type="ml.g5.12xlarge", allow_unlisted_instance_type=True)

    assert hosting.deployment.instance_type == "ml.g5.12xlarge"


def test_refuses_a_licensed_model_until_its_licence_is_accepted(mistral: ModelVersion, tuned: bool) -> None:
    licensed = replace(mistral, eula_key="fmhMetadata/eula/someEula.txt")
    refusal = [
        "accept_eula is False, but huggingface-llm-mistral-7b-instruct 2.0.0 has an end-user licence agreement "
        "(fmhMetadata/eula/someEula.txt): read it, and set accept_eula=True if you accept it; you are then "
        "responsible for keeping to its terms"
    ]

    assert _problems(lambda: _host(licensed, tuned=tuned)) == refusal
    assert _problems(lambda: base_of_tuning(licensed, region=REGION, accept_eula=False)) == refusal
    assert _host(licensed, tuned=tuned, accept_eula=True).deployment.eula is not None
    assert base_of_tuning(licensed, region=REGION, accept_eula=True).eula is not None


def test_refuses_variables_for_a_model_package_that_is_sold(mistral: ModelVersion) -> None:
    assert _problems(lambda: _host(_package(mistral), environment={"SM_NUM_GPUS": "1"})) == [
        "environment sets SM_NUM_GPUS, but huggingface-llm-mistral-7b-instruct 2.0.0 is sold as a model package, which "
        "has its variables inside: set none"
    ]


def test_refuses_a_region_without_the_model_package(mistral: ModelVersion) -> None:
    assert _problems(lambda: _host(_package(mistral), region="eu-west-1")) == [
        "huggingface-llm-mistral-7b-instruct 2.0.0 has no model package in region 'eu-west-1': allowed are us-west-2"
    ]


def test_refuses_to_tune_a_model_package(mistral: ModelVersion) -> None:
    refusal = ["huggingface-llm-mistral-7b-instruct 2.0.0 is sold as a model package, which cannot be tuned"]

    assert _problems(lambda: _host(_package(mistral), tuned=True)) == refusal
    assert _problems(lambda: base_of_tuning(_package(mistral), region=REGION, accept_eula=False)) == refusal


@pytest.mark.parametrize(
    ("configs", "others"),
    [(("lmi", "lmi-optimized"), "choose another config of lmi, lmi-optimized"), ((), "choose another version")],
)
def test_refuses_a_draft_model_which_cloudformation_cannot_express(
    mistral: ModelVersion, configs: tuple[str, ...], others: str
) -> None:
    source = AdditionalDataSource(channel_name="draft_model", key="draft/")
    model = replace(mistral, additional_data_sources=(source,), configs=configs)

    assert _problems(lambda: _host(model)) == [
        "huggingface-llm-mistral-7b-instruct 2.0.0 needs additional model data (draft_model), which "
        f"AWS::SageMaker::Model has no property for: {others}"
    ]


def test_resolves_the_base_of_a_tuning(mistral: ModelVersion) -> None:
    assert base_of_tuning(mistral, region=REGION, accept_eula=False) == mistral.resolve(region=REGION)


def test_both_endpoints_pass_all_their_props_through_the_gate(stack: cdk.Stack, mistral: ModelVersion) -> None:
    wrong: dict[str, Any] = {
        "model": replace(mistral, eula_key="some/eula.txt"),
        "endpoint_name": "not_a_name",
        "instance_type": "ml.g5.12xlarge",
        "instance_count": 0,
        "environment": {"1": "x"},
        "download_timeout": cdk.Duration.seconds(5),
        "startup_timeout": cdk.Duration.seconds(5),
        "subnet_ids": ["subnet-1"],
    }
    key = ModelKey(stack, "Key", alias="k")
    published = _problems(lambda: JumpStartEndpoint(stack, "A", **wrong))
    tuned = _problems(
        lambda: FineTunedEndpoint(
            stack, "B", weights=S3Location("arn:aws:s3:::b", "runs/"), encryption_key=key, **wrong
        )
    )

    assert published == tuned
    words = ("endpoint_name", "instance_count", "environment", "download_timeout", "startup_timeout")
    for problem, word in zip(published, (*words, "security_group_ids", "'ml.g5.12xlarge'", "accept_eula"), strict=True):
        assert word in problem
