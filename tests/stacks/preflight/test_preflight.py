"""The preflight as a whole: declarations that pass, the effect of strict, and all problems at once."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any, get_args

import pytest
from constructs.endpoint.hosting import Hosting

from catalog import Lock
from catalog.abilities import abilities
from catalog.limits import endpoint as limits
from catalog.limits import gateway as gateway_limits
from catalog.regions import jumpstart_regions, offering_regions, regions
from stacks.declarations import JumpStartModel, PromptFormat
from stacks.environments import (
    DEV,
    PROD,
    ApiKeys,
    Domain,
    Environment,
    FrontDoor,
    Network,
    Quota,
    Throttle,
    WebAcl,
)
from stacks.models import (
    DEPLOYMENTS,
    FALCON_7B,
    FALCON_40B,
    FALCON_180B,
    FALCON_180B_CHAT_QUANTIZED,
    MISTRAL_7B_DOLLY,
    MISTRAL_7B_INSTRUCT,
)
from stacks.preflight import Finding, Report, preflight
from stacks.preflight.findings import Level


def _report(lock: Lock, *models: JumpStartModel, environment: Environment = DEV) -> Report:
    return preflight([(environment, models)], lock=lock)


def _rules(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in findings}


def test_finds_no_error_in_the_declarations_and_that_their_imports_have_no_room_in_one_account(lock: Lock) -> None:
    report = preflight(DEPLOYMENTS, lock=lock)

    assert [str(finding) for finding in report.findings] == [
        "dev.imported_models is 3: an update of any of 3 imports takes 6 in us-west-2; dev, staging and prod name no "
        "account, and count as one; try 6, with a raised quota 'Imported models per account' (L-45B04988) or an "
        "account for each"
    ]
    assert report.errors == ()
    assert [report.findings[0].is_about(name) for name in ("dev", "staging", "prod", "qa")] == [True, True, True, False]


def test_finds_nothing_in_the_declarations_with_an_account_for_each_environment(lock: Lock) -> None:
    accounts = {"dev": "111122223333", "staging": "444455556666", "prod": "777788889999"}
    deployments = [(replace(one, account=accounts[one.name]), models) for one, models in DEPLOYMENTS]

    assert preflight(deployments, lock=lock) == Report(())


def test_refuses_of_the_lock_the_models_that_nobody_can_ask_and_the_chats_that_nothing_writes(lock: Lock) -> None:
    newest = [lock.model(model_id, lock.versions(model_id)[0]) for model_id in lock.model_ids()]
    able = {one.model_id: abilities(one.resolve(region=one.regions()[0])) for one in newest}
    fitting: dict[str, Any] = {model_id: next(iter(found.formats), "none") for model_id, found in able.items()}
    models = [
        JumpStartModel(
            name=f"model-{number}", model_id=one.model_id, version=one.version, accept_eula=one.requires_eula
        )
        for number, one in enumerate(newest)
    ]
    # More than an account would run.
    many = replace(PROD, lambda_concurrency=20_000)
    left_out = _report(lock, *models, environment=many)
    declared = _report(
        lock,
        *(replace(one, prompt_format=fitting[one.model_id]) for one in models),
        environment=many,
    )

    assert Counter(finding.rule for finding in left_out.errors) == {
        "not-served": sum(one.refusal is not None for one in able.values()),
        "prompt-format-left-out": sum(one.prompt_format is None for one in able.values()),
    }
    assert _rules(declared.errors) == {"not-served"}
    assert _rules(left_out.warnings) <= {"deprecated-version"}
    assert _rules(declared.warnings) <= {"prompt-format", "deprecated-version"}


def test_takes_a_pipelines_name_of_the_longest_length_and_no_longer(lock: Lock) -> None:
    longest, longer = (replace(MISTRAL_7B_DOLLY, name="m" * (length - len("dev-"))) for length in (43, 44))

    assert preflight([(DEV, [longest])], lock=lock).errors == ()
    assert _rules(preflight([(DEV, [longer])], lock=lock).errors) == {"pipeline-name-too-long"}


def test_an_instance_type_without_an_image_is_one_mistake_not_two(lock: Lock) -> None:
    report = _report(lock, replace(FALCON_7B, instance_type="ml.inf2.xlarge"))

    assert [finding.rule for finding in report.findings] == ["no-image"]


def test_reports_everything_at_once(lock: Lock) -> None:
    report = _report(
        lock,
        replace(
            FALCON_180B,
            name="Falcon",
            region="us-east-9",
            instance_type="ml.p4d.24xlarge",
            environment={"MAX_INPUT_LENGTH": "4096", "SM_NUM_GPUS": "16"},
            download_timeout_seconds=60,
        ),
        replace(FALCON_7B, version="0.0.1", instance_count=0),
        environment=replace(DEV, account="12", log_retention_days=2),
    )

    assert _rules(report.errors) == {
        *("name-form", "not-a-region", "unlisted-instance-type", "weights-do-not-fit", "timeout-too-short"),
        *("token-limits", "more-gpus-than-there-are", "unknown-version", "instance-count"),
        *("account-form", "log-retention"),
    }


def test_second_hand_knowledge_refuses_only_where_the_environment_is_strict(lock: Lock) -> None:
    model = replace(FALCON_180B, region="us-east-2")
    lenient = _report(lock, model)
    strict = _report(lock, model, environment=replace(DEV, strict=True))

    assert lenient.errors == ()
    assert _rules(lenient.warnings) == {"not-offered-in-region"}
    assert [str(error) for error in strict.errors] == [str(warning) for warning in lenient.warnings]
    assert strict.warnings == ()


def test_a_plain_warning_stays_one_in_a_strict_environment(lock: Lock) -> None:
    report = _report(lock, replace(FALCON_7B, accept_eula=True), environment=replace(DEV, strict=True))

    assert report.errors == ()
    assert _rules(report.warnings) == {"eula-without-terms"}


def test_one_strict_environment_leaves_the_others_lenient(lock: Lock) -> None:
    model = replace(FALCON_180B, region="us-east-2")
    report = preflight([(replace(DEV, strict=True), [model]), (PROD, [model])], lock=lock)

    assert [error.place for error in report.errors] == ["dev/falcon-180b.instance_type"]
    assert [warning.place for warning in report.warnings] == ["prod/falcon-180b.instance_type"]


def test_8_bit_weights_of_falcon_180b_fit_where_16_bit_ones_do_not(lock: Lock) -> None:
    quantized = FALCON_180B_CHAT_QUANTIZED

    assert _report(lock, quantized).errors == ()
    assert _rules(_report(lock, replace(quantized, environment={})).errors) == {"weights-do-not-fit"}


@pytest.mark.parametrize(
    ("instance_type", "warned"), [("ml.g5.2xlarge", True), ("ml.g5.12xlarge", False), ("ml.p5.48xlarge", False)]
)
def test_warns_of_estimated_weights_only_where_aws_does_not_list_the_type(
    lock: Lock, instance_type: str, warned: bool
) -> None:
    model = replace(FALCON_40B, instance_type=instance_type, environment={"SM_NUM_GPUS": "1"})
    report = _report(lock, replace(model, unlisted_instance_type="tried"))

    assert ("weights-do-not-fit" in _rules(report.warnings)) is warned
    assert report.errors == ()


def test_accounts_that_differ_may_use_one_stack_name(lock: Lock) -> None:
    one = replace(DEV, name="eu", account="111122223333")
    other = replace(DEV, name="eu-mistral", account="444455556666")
    models = [[replace(MISTRAL_7B_INSTRUCT, name="mistral-small")], [replace(MISTRAL_7B_INSTRUCT, name="small")]]

    assert preflight(list(zip([one, other], models, strict=True)), lock=lock).errors == ()
    same = [one, replace(other, account=one.account)]
    assert _rules(preflight(list(zip(same, models, strict=True)), lock=lock).errors) == {"name-collision"}


def test_counts_instances_against_a_quota_by_region(lock: Lock) -> None:
    environment = replace(DEV, quotas={"ml.g5.2xlarge": 2}, instance_count=2)
    elsewhere = replace(FALCON_7B, region="us-east-1")

    assert _report(lock, MISTRAL_7B_INSTRUCT, elsewhere, environment=environment).errors == ()
    assert _rules(_report(lock, MISTRAL_7B_INSTRUCT, FALCON_7B, environment=environment).errors) == {"over-quota"}


@pytest.mark.parametrize("account", ["111122223333", None])
def test_counts_the_instances_of_environments_in_one_account_together(lock: Lock, account: str | None) -> None:
    one = replace(DEV, name="qa", account=account)
    other = replace(DEV, name="uat", account=account, quotas={"ml.g5.2xlarge": 2})
    report = preflight([(one, [MISTRAL_7B_INSTRUCT]), (other, [FALCON_7B, MISTRAL_7B_INSTRUCT])], lock=lock)

    [finding] = report.findings
    expected = (
        "uat.quotas['ml.g5.2xlarge'] is 2: the models of qa and uat take 3 instances in us-west-2{}; allowed: 2 or "
        "fewer, or a raised quota 'ml.g5.2xlarge for endpoint usage'{}"
    )
    assumed = "; qa and uat name no account, and count as one"
    assert str(finding) == (
        expected.format("", "") if account else expected.format(assumed, "; try an account for each")
    )
    assert finding.level is (Level.ERROR if account else Level.WARNING)
    assert preflight([(one, [FALCON_7B]), (other, [MISTRAL_7B_INSTRUCT])], lock=lock) == Report(())
    elsewhere = replace(other, account="444455556666", region="us-east-1")
    assert preflight([(one, [FALCON_7B]), (elsewhere, [FALCON_7B, MISTRAL_7B_INSTRUCT])], lock=lock) == Report(())


def test_an_environment_over_its_own_quota_is_reported_once(lock: Lock) -> None:
    one = replace(DEV, name="qa", quotas={"ml.g5.2xlarge": 1})
    deployments = [(one, [FALCON_7B, MISTRAL_7B_INSTRUCT]), (replace(DEV, name="uat"), [FALCON_7B])]

    assert [finding.level for finding in preflight(deployments, lock=lock).findings] == [Level.ERROR]


def test_takes_a_network_with_room_for_an_update(lock: Lock) -> None:
    network = Network(subnet_ids=["subnet-0123456789abcdef0"], security_group_ids=["sg-0123abcd"], free_addresses=2)

    assert _report(lock, MISTRAL_7B_INSTRUCT, environment=replace(DEV, network=network)) == Report(())


def test_two_models_of_one_version_with_different_settings_are_no_duplicates(lock: Lock) -> None:
    other = replace(MISTRAL_7B_INSTRUCT, name="other", environment={"MAX_BATCH_TOTAL_TOKENS": "16384"})

    assert _report(lock, MISTRAL_7B_INSTRUCT, other).warnings == ()


def test_the_constructs_and_the_preflight_read_the_same_limits(lock: Lock) -> None:
    [breach] = limits.instance_count(0)
    report = _report(lock, replace(FALCON_7B, instance_count=0))
    model = lock.model(FALCON_7B.model_id, FALCON_7B.version)

    with pytest.raises(ValueError, match=f"^{re.escape(str(breach))}$"):
        Hosting.of(model, region="us-west-2", endpoint_name="falcon", instance_count=0)
    assert [error.allowed for error in report.errors] == [breach.allowed]


@pytest.mark.parametrize(
    ("artifact_bytes", "compressed", "seconds"),
    [(1, False, 600), (94_000_000_000, False, 1000), (94_000_000_000, True, 2000), (335_000_000_000, True, 3600)],
)
def test_default_timeouts_follow_from_the_weights(artifact_bytes: int, compressed: bool, seconds: int) -> None:
    found = limits.default_timeout_seconds(artifact_bytes=artifact_bytes, compressed=compressed, instance=None)

    assert found == seconds


def test_nothing_known_of_an_artifact_takes_the_longest_timeout() -> None:
    assert limits.default_timeout_seconds(artifact_bytes=None, compressed=False, instance=None) == 3600


@pytest.mark.parametrize(("seconds", "wrong"), [(4, True), (5, False), (900, False), (901, True)])
def test_the_api_waits_5_to_900_seconds(seconds: int, wrong: bool) -> None:
    assert bool(list(limits.invoke_timeout(seconds))) is wrong


def test_takes_a_front_door_with_everything(lock: Lock) -> None:
    arns = {
        "us-west-2": "arn:aws:wafv2:us-west-2:111122223333:regional/webacl/models/1b2c-3d4e",
        "us-east-2": "arn:aws:wafv2:us-east-2:111122223333:regional/webacl/models/1b2c-3d4e",
    }
    certificates = {region: f"arn:aws:acm:{region}:111122223333:certificate/12ab-34cd" for region in arns}
    domain = Domain(name="models.example.com", certificates=certificates, hosted_zone_id="Z0123456789ABC")
    for web_acl in (WebAcl(), arns):
        front_door = FrontDoor(api_keys=ApiKeys(quota=Quota(requests=20)), web_acl=web_acl, domain=domain)
        environment = replace(PROD, account="111122223333", front_door=front_door)

        report = _report(lock, MISTRAL_7B_INSTRUCT, replace(FALCON_7B, region="us-east-2"), environment=environment)
        assert report == Report(())


def test_reports_a_wrong_throttle_and_a_wrong_quota_together(lock: Lock) -> None:
    keys = ApiKeys(throttle=Throttle(requests_per_second=-1, burst=0), quota=Quota(requests=0))
    report = _report(lock, FALCON_7B, environment=replace(DEV, front_door=FrontDoor(api_keys=keys)))

    assert len(report.errors) == 3
    assert _rules(report.errors) == {"throttle", "request-quota"}


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), True, "5"])
def test_refuses_a_rate_that_is_no_number(rate: Any) -> None:
    assert [breach.subject for breach in gateway_limits.throttle(rate, 1)] == ["requests_per_second"]


def test_jumpstart_is_in_regions_that_are() -> None:
    assert set(jumpstart_regions()) < set(regions())
    assert "us-west-2" in jumpstart_regions()
    assert set(offering_regions("ml.p4de.24xlarge") or ()) < set(regions())
    assert offering_regions("ml.m5.large") is None


@pytest.mark.parametrize(
    ("model_id", "fitting"),
    [
        ("huggingface-llm-falcon-180b-chat-bf16", {"falcon-chat", "falcon-chat-announced"}),
        ("huggingface-llm-falcon-7b-instruct-bf16", {"falcon-instruct"}),
        ("huggingface-llm-falcon-40b-instruct-bf16", {"falcon-instruct"}),
        # JumpStart's versions differ: v0.1 writes a space that v0.2, like Mixtral, does not.
        (
            "huggingface-llm-mistral-7b-instruct",
            {"mistral-instruct", "mistral-instruct-announced", "mixtral-instruct"},
        ),
        ("huggingface-llm-snowflake-arctic-instruct-vllm", {"chatml-announced"}),
        ("huggingface-llm-mistral-7b-instruct-v3", {"mistral-instruct-v0.3"}),
        ("huggingface-llm-mixtral-8x7b-instruct", {"mixtral-instruct"}),
        ("huggingface-llm-mistralai-mixtral-8x22B-instruct-v0-1", {"mixtral-instruct"}),
        ("meta-textgeneration-llama-3-8b-instruct", {"llama-3-instruct"}),
        ("meta-textgeneration-llama-3-1-70b-instruct", {"llama-3.1-instruct"}),
        ("meta-textgeneration-llama-3-2-3b-instruct", {"llama-3.1-instruct"}),
        ("meta-textgeneration-llama-3-3-70b-instruct", {"llama-3.1-instruct"}),
        # Formats of their own, which the shim does not know.
        ("huggingface-llm-gemma-7b-instruct", set()),
        ("huggingface-llm-phi-3-mini-4k-instruct", set()),
    ],
)
def test_warns_of_every_format_that_was_made_for_another_model(model_id: str, fitting: set[str], lock: Lock) -> None:
    version = lock.versions(model_id)[-1]
    anybodys = {"chatml", "container", "template", "none"}
    quiet = set()
    for name in get_args(PromptFormat):
        model = JumpStartModel(name="m", model_id=model_id, version=version, prompt_format=name)
        if "prompt-format" not in _rules(_report(lock, model).warnings):
            quiet.add(name)
    assert quiet - anybodys == fitting


@pytest.mark.parametrize(
    ("model_id", "warned"),
    [
        ("huggingface-llm-gemma-2-9b-instruct", True),
        ("huggingface-vlm-gemma-3-4b-instruct", True),
        ("huggingface-llm-phi-3-5-mini-instruct", True),
        ("huggingface-llm-huggingfaceh4-zephyr-7b-beta", True),
        ("meta-textgeneration-llama-2-7b-f", True),
        ("meta-textgeneration-llama-3-1-8b-instruct", True),
        ("meta-textgeneration-llama-codellama-7b-instruct", True),
        ("deepseek-llm-r1-distill-qwen-7b", True),
        ("huggingface-llm-mixtral-8x7b-instruct", True),
        ("huggingface-llm-mistral-7b-instruct", True),
        # Tuned by others on ChatML.
        ("huggingface-llm-dolphin-2-5-mixtral-8x7b", False),
        ("huggingface-llm-cognitive-dolphin-29-llama3-8b", False),
        ("huggingface-llm-nousresearch-hermes-2-pro-llama-3-8B", False),
        ("huggingface-llm-mistral-7b-openorca-gptq", False),
        ("huggingface-llm-qwen2-5-7b-instruct", False),
        ("huggingface-llm-dbrx-instruct", False),
        ("huggingface-llm-snowflake-arctic-instruct-vllm", False),
    ],
)
def test_warns_of_chatml_where_a_family_has_a_format_of_its_own(model_id: str, warned: bool, lock: Lock) -> None:
    version = lock.versions(model_id)[-1]
    report = _report(lock, JumpStartModel(name="m", model_id=model_id, version=version, prompt_format="chatml"))

    assert ("prompt-format" in _rules(report.warnings)) is warned


def test_a_template_on_a_base_model_is_no_mistake(lock: Lock) -> None:
    # A base model that was tuned to a template answers by it.
    model = replace(FALCON_7B, prompt_format="template", prompt_template='{"prompt": "{q}", "completion": "{a}"}')
    assert "prompt-format" not in _rules(_report(lock, model).warnings)
