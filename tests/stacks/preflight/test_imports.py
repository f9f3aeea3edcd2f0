"""Checks of models that Bedrock serves, and those that are for endpoints alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from catalog import Lock
from catalog.limits import import_families
from catalog.limits import model_import as import_limits
from model_import import names, planning, versions
from model_import.artifacts import limits as artifact_limits
from model_import.settings import Settings
from stacks.declarations import BedrockImport, JumpStartModel, Model
from stacks.environments import DEV, PROD, STAGING, Environment, Network
from stacks.models import GRANITE_3B_CODE, LLAMA_3_2_3B_10K, MISTRAL_7B_INSTRUCT
from stacks.preflight import Report, preflight
from stacks.preflight.findings import Level
from tests.stacks.preflight.mistakes.import_makers import KEY, at, bedrock, from_sagemaker, imported, tuned

NOTHING = Report(())


def _report(lock: Lock, *models: Model, environment: Environment = DEV) -> Report:
    return preflight([(environment, models)], lock=lock)


def _rules(report: Report) -> set[str]:
    return {finding.rule for finding in (*report.errors, *report.warnings)}


@pytest.mark.parametrize("environment", [DEV, STAGING, PROD])
def test_finds_nothing_in_the_declarations_for_bedrock(lock: Lock, environment: Environment) -> None:
    for model in (LLAMA_3_2_3B_10K, GRANITE_3B_CODE):
        assert _report(lock, model, environment=replace(environment, strict=True)) == NOTHING


def test_checks_no_instances_that_bedrock_does_not_need(lock: Lock) -> None:
    network = Network(subnet_ids=["subnet-0123abcd"], security_group_ids=["sg-0123abcd"], free_addresses=0)
    environment = replace(DEV, require_volume_key=True, quotas={"ml.g6.xlarge": 0}, network=network)

    assert _report(lock, tuned(), imported(name="n", bedrock=BedrockImport(keep_versions=1)), environment=environment)
    assert _report(lock, tuned(), environment=environment) == NOTHING


def test_still_checks_the_training_of_models_that_bedrock_serves(lock: Lock) -> None:
    report = _report(lock, tuned(training_instance_type="g5.12xlarge", version="9.9.9", start=["nightly"]))

    assert _rules(report) == {"training-job", "unknown-version", "training-start"}


def test_an_answer_of_bedrock_may_stream_for_as_long_as_the_api_takes(lock: Lock) -> None:
    assert _report(lock, imported(invoke_timeout_seconds=900)) == NOTHING
    assert _rules(_report(lock, imported(invoke_timeout_seconds=901))) == {"invoke-timeout"}


def test_a_region_without_jumpstart_is_one_for_imported_models_elsewhere(lock: Lock) -> None:
    environment = replace(DEV, region="eusc-de-east-1")
    model = imported(region="eu-central-1")

    assert _report(lock, model, environment=environment) == NOTHING
    assert _rules(_report(lock, MISTRAL_7B_INSTRUCT, model, environment=environment)) == {"no-jumpstart"}


@pytest.mark.parametrize("region", import_limits.REGIONS)
def test_takes_every_region_with_custom_model_import(lock: Lock, region: str) -> None:
    assert _report(lock, imported(region=region)) == NOTHING


def test_reports_a_region_that_does_not_exist_once(lock: Lock) -> None:
    assert _rules(_report(lock, imported(region="us-west-9"))) == {"not-a-region"}


@pytest.mark.parametrize(
    "model",
    [
        at(bucket="sagemaker-{region}-{account}"),
        at(prefix=""),
        at(bucket="my.models", prefix="a_b!/c-d.1/(x)/"),
        at(account="444455556666", key_arn=KEY.replace("111122223333", "444455556666")),
        from_sagemaker(model_name="llama-3b"),
        from_sagemaker(training_job="Llama--3b"),
        bedrock(smoke_prompt="What is 1 + 1?", smoke_expect="2", keep_versions=3),
        imported("completion", prompt_format="none"),
        imported("native", prompt_format="llama-3-instruct"),
        imported("completion", prompt_format="template", prompt_template='{"prompt": "{q}", "completion": "{a}"}'),
        imported("converse"),
        imported(name="m" * 42),
    ],
)
def test_accepts_values_that_bedrock_accepts(lock: Lock, model: Model) -> None:
    assert _report(lock, model, environment=replace(DEV, account="111122223333")) == NOTHING


@pytest.mark.parametrize(
    "bucket",
    [
        *("", "ab", "m" * 64, "-models", "models-", "my..models", "192.168.5.4", "models_1", "xn--models"),
        *("models--x-s3", "models-s3alias", "{account", "{}", "{{account}}", "{account!r}"),
    ],
)
def test_refuses_wrong_names_of_buckets(lock: Lock, bucket: str) -> None:
    assert _rules(_report(lock, at(bucket=bucket))) == {"weights-bucket"}


@pytest.mark.parametrize(
    "environment", [replace(DEV, region="Oregon"), replace(DEV, account="4444_5555")], ids=("region", "account")
)
def test_a_wrong_region_or_account_is_no_fault_of_a_buckets_name(lock: Lock, environment: Environment) -> None:
    assert "weights-bucket" not in _rules(_report(lock, at(bucket="m-{region}-{account}"), environment=environment))


@pytest.mark.parametrize("prefix", ["model.tar.gz", "out/MODEL.TGZ/", ".tar.gz", "a/model.zip"])
def test_knows_packed_weights_by_their_name(lock: Lock, prefix: str) -> None:
    assert _rules(_report(lock, at(prefix=prefix))) == {"weights-packed"}


def test_a_regional_bucket_is_measured_with_its_region_and_account(lock: Lock) -> None:
    name = "m" * 41 + "-{region}-{account}"

    assert _rules(_report(lock, at(bucket=name))) == {"weights-bucket"}
    assert _report(lock, at(bucket=name.removeprefix("m"))) == NOTHING


def test_reports_all_problems_of_an_import_at_once(lock: Lock) -> None:
    wrong = replace(at(bucket="A", prefix="b", account="1", key_arn="c"), region="eu-west-2", name="m" * 60)
    wrong = replace(wrong, bedrock=BedrockImport(body="native", keep_versions=99, in_vpc=True, smoke_prompt=""))

    assert _rules(_report(lock, wrong)) == {
        *("weights-bucket", "weights-prefix", "weights-account", "weights-key", "no-model-import"),
        *("import-name-too-long", "import-prompt-format", "keep-versions", "import-network", "smoke-test"),
    }


def test_doubts_about_a_base_model_refuse_it_where_the_environment_is_strict(lock: Lock) -> None:
    model_id = "huggingface-llm-writer-palmyra-small"
    model = tuned(model_id=model_id, version=lock.versions(model_id)[0], accept_eula=False)

    assert {finding.rule for finding in _report(lock, model).warnings} == {"cannot-import", "not-tunable"}
    strict = _report(lock, model, environment=replace(DEV, strict=True))
    assert {finding.rule for finding in strict.errors} == {"cannot-import", "not-tunable"}


@pytest.mark.parametrize(
    ("model_id", "architecture"),
    [
        ("meta-textgeneration-llama-2-7b-f", "LlamaForCausalLM"),
        ("meta-textgeneration-llama-codellama-70b-python", "LlamaForCausalLM"),
        ("meta-vlm-llama-3-2-11b-vision", "MllamaForConditionalGeneration"),
        ("meta-vlm-llama-4-scout-17b-16e-instruct", "Llama4ForConditionalGeneration"),
        ("meta-tc-llama-prompt-guard-86m", "DebertaV2ForSequenceClassification"),
        ("huggingface-llm-mistral-7b-instruct-v3", "MistralForCausalLM"),
        ("huggingface-llm-mixtral-8x7b-instruct", "MixtralForCausalLM"),
        ("huggingface-llm-qwen2-5-7b-instruct", "Qwen2ForCausalLM"),
        ("huggingface-vlm-qwen2-vl-7b-instruct", "Qwen2VLForConditionalGeneration"),
        ("huggingface-vlm-qwen2-5-vl-7b-instruct", "Qwen2_5_VLForConditionalGeneration"),
        ("huggingface-llm-qwen3-8b", "Qwen3ForCausalLM"),
        ("huggingface-llm-qwen3-30b-a3b", "Qwen3MoeForCausalLM"),
        ("deepseek-llm-r1-distill-qwen-32b", "Qwen2ForCausalLM"),
        ("deepseek-llm-r1-distill-llama-8b", "LlamaForCausalLM"),
        ("deepseek-llm-r1", "DeepseekV3ForCausalLM"),
        ("huggingface-text2text-flan-t5-xl", "T5ForConditionalGeneration"),
        ("huggingface-llm-starcoder", "GPTBigCodeForCausalLM"),
        ("huggingface-llm-granite-20b-code-instruct", "GPTBigCodeForCausalLM"),
        ("huggingface-llm-granite-3b-code-instruct", "LlamaForCausalLM"),
        ("huggingface-llm-granite-3-0-8b-instruct", "GraniteForCausalLM"),
        ("huggingface-llm-falcon-40b-bf16", "FalconForCausalLM"),
        ("huggingface-llm-gemma-2-9b", "GemmaForCausalLM"),
        ("huggingface-llm-phi-3-mini-4k-instruct", "Phi3ForCausalLM"),
        ("huggingface-textgeneration1-bloom-7b1", "BloomForCausalLM"),
        ("huggingface-textgeneration2-gpt-neox-20b-fp16", "GPTNeoXForCausalLM"),
        ("huggingface-textgeneration1-gpt-j-6b", "GPTJForCausalLM"),
        ("huggingface-llm-writer-palmyra-small", None),
    ],
)
def test_reads_a_models_architecture_off_its_id(model_id: str, architecture: str | None) -> None:
    assert import_families.architecture(model_id) == architecture


def test_knows_the_architecture_of_all_but_a_few_language_models_of_the_lock(lock: Lock) -> None:
    tasks = ("-llm-", "-textgeneration", "-vlm-")
    unknown = {
        model_id
        for model_id in lock.model_ids()
        if any(task in model_id for task in tasks) and import_families.architecture(model_id) is None
    }
    assert unknown == {
        "huggingface-llm-kogai-laneformer-2b-it",
        "huggingface-llm-writer-palmyra-small",
        "huggingface-textgeneration-models",
        "model-textgenerationjp-japanese-stablelm-instruct-alpha-7b-v2",
    }


def test_expects_no_converse_where_the_guide_excludes_it() -> None:
    # Bedrock User Guide, "Invoke your imported model", and for Qwen3 "Use Custom model import to import a customized
    # open-source model".
    assert {name for name, one in import_families.ARCHITECTURES.items() if not one.converse} == {
        *("GptOssForCausalLM", "Qwen2ForCausalLM", "Qwen2VLForConditionalGeneration"),
        *("Qwen2_5_VLForConditionalGeneration", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM"),
    }


def test_synthesis_and_the_check_of_the_artifacts_have_the_same_limits() -> None:
    assert import_limits.REGIONS == artifact_limits.REGIONS
    assert import_families.GPT_OSS_REGIONS == (artifact_limits.GPT_OSS_REGION,)
    assert import_limits.MOST_TEXT_BYTES == artifact_limits.MAX_TEXT_BYTES
    assert import_limits.MOST_MULTIMODAL_BYTES == artifact_limits.MAX_MULTIMODAL_BYTES
    assert {name: (one.multimodal, one.converse) for name, one in import_families.ARCHITECTURES.items()} == {
        name: (one.multimodal, one.converse) for name, one in artifact_limits.ARCHITECTURES.items()
    }
    longest = f"s3://{'b' * 63}/{'p' * (import_limits.LONGEST_PREFIX - 1)}/"
    assert len(longest) <= artifact_limits.MAX_S3_URI
    assert artifact_limits.S3_URI.fullmatch(longest)


def test_synthesis_and_the_imports_functions_have_the_same_limits() -> None:
    assert import_limits.LONGEST_NAME == names.LONGEST_MODEL
    assert import_limits.MODELS_QUOTA == planning.DEFAULT_QUOTA == DEV.imported_models


class Account:
    """Bedrock's imported models, as the import's planning sees them; each model serves its newest version."""

    def __init__(self, quota: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._versions: dict[str, list[versions.Version]] = {}
        monkeypatch.setattr(versions, "account_models", self._listed)
        monkeypatch.setattr(versions, "versions", lambda model, _listed=None: list(self._versions[model]))
        monkeypatch.setattr(versions, "served_and_previous", self._served_and_previous)
        monkeypatch.setattr(versions, "remove", self._remove)
        monkeypatch.setattr(planning, "_quota", lambda: quota)

    def update(self, counts: Sequence[int], updated: int, keep: int) -> tuple[int, ...]:
        """Import a version of one model; give how many versions of each there are afterwards.

        Raises:
            NoRoomError: The account's quota has no room for it.
        """
        self._versions = {
            f"m-{number}": [self._version(number, age) for age in range(count)] for number, count in enumerate(counts)
        }
        settings = Settings(
            model=f"m-{updated}",
            target_parameter="/target",
            served_parameter="/served",
            previous_parameter="/previous",
            keep_versions=keep,
        )
        new = self._version(updated, counts[updated])
        planning.make_room(settings, {"version": new.version})
        self._versions[settings.model].append(new)
        planning.prune(settings, {})
        return tuple(len(own) for own in self._versions.values())

    def _version(self, number: int, age: int) -> versions.Version:
        version = f"{number}{age:011d}"
        return versions.Version(version, f"arn:{version}", datetime(2026, 1, 1 + age, tzinfo=UTC))

    def _listed(self) -> list[dict[str, Any]]:
        return [{"modelName": f"{model}-{one.version}"} for model, own in self._versions.items() for one in own]

    def _served_and_previous(self, settings: Settings) -> tuple[str, str]:
        newest = ["none", "none", *(one.version for one in self._versions[settings.model])]
        return newest[-1], newest[-2]

    def _remove(self, version: versions.Version) -> None:
        for own in self._versions.values():
            if version in own:
                own.remove(version)


def _runs_out_of_room(kept: Sequence[int], quota: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether any order of deployments and updates comes to one that finds no room."""
    account = Account(quota, monkeypatch)
    seen = {tuple(0 for _ in kept)}
    ahead = list(seen)
    while ahead:
        counts = ahead.pop()
        for number, keep in enumerate(kept):
            try:
                following = account.update(counts, number, keep)
            except planning.NoRoomError:
                return True
            ahead += [following] if following not in seen else []
            seen.add(following)
    return False


@pytest.mark.parametrize(
    ("kept", "quota"),
    [(kept, quota) for count in (1, 2, 3) for kept in product((1, 2, 3), repeat=count) for quota in range(1, 10)],
)
def test_warns_exactly_when_an_import_may_find_no_room(
    lock: Lock, monkeypatch: pytest.MonkeyPatch, kept: tuple[int, ...], quota: int
) -> None:
    models = [
        imported(name=f"m-{number}", bedrock=BedrockImport(keep_versions=keep)) for number, keep in enumerate(kept)
    ]
    report = _report(lock, *models, environment=replace(DEV, imported_models=quota))

    told = _rules(report)
    assert bool(told & {"import-room", "imports-over-quota"}) is _runs_out_of_room(kept, quota, monkeypatch)
    assert ("imports-over-quota" in told) is (len(kept) > quota)


def test_each_region_has_a_quota_of_imported_models_of_its_own(lock: Lock) -> None:
    models = [imported(), imported(name="n", region="us-east-1"), tuned(name="o", region="us-east-2")]

    assert _report(lock, *models) == NOTHING
    assert "import-room" in _rules(_report(lock, *(replace(model, region=None) for model in models)))


def test_environments_of_one_account_share_its_quota(lock: Lock) -> None:
    one, other = (replace(DEV, name=name, account="111122223333") for name in ("qa", "uat"))
    models = [imported(name="m"), imported(name="n")]
    shared = preflight([(one, models), (other, models)], lock=lock)
    apart = preflight([(one, models[:1]), (replace(other, account="444455556666"), models[1:])], lock=lock)

    assert [str(error) for error in shared.errors] == [
        "qa.imported_models is 3: the environments qa and uat import 4 models in us-west-2, of which each keeps a "
        "version at least; allowed: 3 or fewer, or a raised quota 'Imported models per account' (L-45B04988)"
    ]
    assert apart == NOTHING
    assert _rules(preflight([(one, models[:1]), (other, models[1:])], lock=lock)) == {"import-room"}


def test_environments_without_an_account_share_that_of_the_credentials(lock: Lock) -> None:
    one, other = (replace(DEV, name=name) for name in ("qa", "uat"))
    models = [imported(name="m"), imported(name="n")]
    [finding] = preflight([(one, models), (other, models)], lock=lock).findings

    assert str(finding) == (
        "qa.imported_models is 3: the environments qa and uat import 4 models in us-west-2, of which each keeps a "
        "version at least; qa and uat name no account, and count as one; allowed: 3 or fewer, or a raised quota "
        "'Imported models per account' (L-45B04988); try an account for each"
    )
    assert finding.level is Level.WARNING, "only an account that is named is known to be shared"


def test_one_environment_over_the_quota_is_an_error_beside_others(lock: Lock) -> None:
    one, other = (replace(DEV, name=name) for name in ("qa", "uat"))
    report = preflight([(one, [imported(name=name) for name in "abcd"]), (other, [imported()])], lock=lock)

    assert [(finding.rule, finding.environment, finding.level) for finding in report.findings] == [
        ("imports-over-quota", "qa", Level.ERROR)
    ]


def test_an_endpoint_counts_in_no_quota_of_imported_models(lock: Lock) -> None:
    endpoints: list[JumpStartModel] = [replace(MISTRAL_7B_INSTRUCT, name=name) for name in "abcd"]

    assert not _rules(_report(lock, *endpoints)) & {"import-room", "imports-over-quota"}
