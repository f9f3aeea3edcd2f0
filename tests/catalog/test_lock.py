"""The committed lock: the models that the app pins, reading, and refusal of changes by hand."""

import json
import shutil
import subprocess
import sys
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest

from catalog import CatalogError, Lock
from catalog.lock import DEFAULT_LOCK, Entry, render, verify, write
from catalog.spec import AdditionalDataSource

FALCON_40B_TYPES = {"ml.g5.12xlarge", "ml.g5.24xlarge", "ml.g5.48xlarge", "ml.p4d.24xlarge"}


@pytest.fixture
def lock() -> Lock:
    return Lock.load()


@pytest.fixture
def copied_lock(tmp_path: Path) -> Path:
    return shutil.copytree(DEFAULT_LOCK, tmp_path / "jumpstart.lock")


def test_the_committed_lock_is_sound() -> None:
    assert verify() == ()


def test_the_committed_lock_names_its_source(lock: Lock) -> None:
    source = lock.sources["wheel"]

    assert source.name == "cdklabs.generative-ai-cdk-constructs"
    assert source.version == "0.1.320"
    assert source.license == "Apache-2.0"
    assert len(source.sha256) == 64


@pytest.mark.parametrize(
    ("model_id", "version"),
    [("huggingface-llm-mistral-7b-instruct", "2.0.0"), ("huggingface-llm-mistral-7b", "2.1.0")],
)
def test_mistral_has_the_limits_and_the_container_of_the_announcement(lock: Lock, model_id: str, version: str) -> None:
    deployment = lock.model(model_id, version).resolve(region="us-east-1")

    assert deployment.instance_type == "ml.g5.2xlarge"
    assert deployment.image == (
        "763104351884.dkr.ecr.us-east-1.amazonaws.com/"
        "huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
    )
    assert deployment.model_data == (
        f"s3://jumpstart-cache-prod-us-east-1/huggingface-llm/{model_id}/artifacts/inference-prepack/v1.0.0/"
    )
    assert not deployment.compressed
    assert deployment.container == "tgi"
    assert deployment.environment["MAX_INPUT_LENGTH"] == "8191"
    assert deployment.environment["MAX_TOTAL_TOKENS"] == "8192"
    assert not deployment.gated
    assert deployment.eula is None


def test_environment_is_what_the_sdk_sends_for_mistral(lock: Lock) -> None:
    model = lock.model("huggingface-llm-mistral-7b-instruct", "2.0.0")

    assert model.resolve(region="us-west-2").environment == {
        "ENDPOINT_SERVER_TIMEOUT": "3600",
        "HF_MODEL_ID": "/opt/ml/model",
        "MAX_BATCH_PREFILL_TOKENS": "8191",
        "MAX_INPUT_LENGTH": "8191",
        "MAX_TOTAL_TOKENS": "8192",
        "MODEL_CACHE_ROOT": "/opt/ml/model",
        "SAGEMAKER_ENV": "1",
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "SAGEMAKER_PROGRAM": "inference.py",
        "SM_NUM_GPUS": "1",
    }


@pytest.mark.parametrize(
    ("name", "version"),
    [("huggingface-llm-falcon-7b-bf16", "4.1.23"), ("huggingface-llm-falcon-7b-instruct-bf16", "4.6.16")],
)
def test_falcon_7b_serves_2048_tokens_on_one_gpu(lock: Lock, name: str, version: str) -> None:
    deployment = lock.model(name, version).resolve(region="us-west-2")

    assert deployment.instance_type == "ml.g5.2xlarge"
    assert deployment.container == "tgi"
    assert deployment.environment["MAX_TOTAL_TOKENS"] == "2048"
    assert deployment.environment["SM_NUM_GPUS"] == "1"
    assert not deployment.compressed


@pytest.mark.parametrize("name", ["huggingface-llm-falcon-40b-bf16", "huggingface-llm-falcon-40b-instruct-bf16"])
def test_falcon_40b_takes_the_environment_of_its_instance_type(lock: Lock, name: str) -> None:
    model = lock.model(name, "2.0.2")
    default = model.resolve(region="us-west-2")
    larger = model.resolve(region="us-west-2", instance_type="ml.g5.48xlarge")

    assert set(model.instance_types) == FALCON_40B_TYPES
    assert default.instance_type == "ml.g5.12xlarge"
    assert default.environment["SM_NUM_GPUS"] == "4"
    assert default.environment["MAX_TOTAL_TOKENS"] == "2048"
    assert default.environment["MAX_BATCH_PREFILL_TOKENS"] == "2048"
    assert larger.environment["SM_NUM_GPUS"] == "8"
    assert "MAX_BATCH_PREFILL_TOKENS" not in larger.environment


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("huggingface-llm-falcon-180b-bf16", "1.7.17"),
        ("huggingface-llm-falcon-180b-chat-bf16", "1.6.17"),
    ],
)
def test_falcon_180b_is_335_gigabytes_in_one_tarball_on_p4de(lock: Lock, name: str, version: str) -> None:
    deployment = lock.model(name, version).resolve(region="us-east-1")

    assert deployment.instance_type == "ml.p4de.24xlarge"
    assert deployment.compressed
    assert str(deployment.model_data).endswith(f"infer-prepack-{name}.tar.gz")
    assert deployment.artifact_bytes == 335_000_000_000
    assert deployment.environment["MAX_TOTAL_TOKENS"] == "2048"
    assert deployment.network_isolation


def test_falcon_180b_runs_on_p4d_only_when_unlisted_instance_types_are_allowed(lock: Lock) -> None:
    model = lock.model("huggingface-llm-falcon-180b-chat-bf16", "1.6.17")

    with pytest.raises(CatalogError, match=r"'ml\.p4d\.24xlarge' is not supported.*ml\.p4de\.24xlarge"):
        model.resolve(region="us-west-2", instance_type="ml.p4d.24xlarge")

    deployment = model.resolve(region="us-west-2", instance_type="ml.p4d.24xlarge", allow_unlisted_instance_type=True)
    assert "tgi2.4.0" in str(deployment.image)
    assert deployment.environment["SM_NUM_GPUS"] == "8"


def test_arctic_is_served_by_lmi_on_p5(lock: Lock) -> None:
    name = "huggingface-llm-snowflake-arctic-instruct-vllm"
    deployment = lock.model(name, "1.2.4").resolve(region="us-east-2")

    assert deployment.instance_type == "ml.p5.48xlarge"
    assert deployment.container == "lmi"
    assert str(deployment.image).endswith("/djl-inference:0.28.0-lmi10.0.0-cu124")
    assert deployment.environment["OPTION_TGI_COMPAT"] == "True"
    assert deployment.artifact_bytes is None


def test_images_in_china_come_from_the_chinese_registry(lock: Lock) -> None:
    deployment = lock.model("huggingface-llm-mistral-7b", "2.1.0").resolve(region="cn-north-1")

    assert str(deployment.image).startswith("727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/")


def test_every_version_resolves_in_every_region_it_lists(lock: Lock) -> None:
    entries = list(lock.entries())

    assert len(entries) > 300
    for entry in entries:
        regions = entry.model.regions()
        assert "us-west-2" in regions
        assert [entry.model.resolve(region=region).region for region in regions] == list(regions)


def test_every_version_is_there_for_a_reason_and_every_model_has_a_newest(lock: Lock) -> None:
    entries = list(lock.entries())

    assert [entry for entry in entries if not entry.newest and not entry.pinned] == []
    assert [entry.model.model_id for entry in entries if entry.newest] == list(lock.model_ids())


def test_tells_pins_from_what_is_merely_the_newest(lock: Lock) -> None:
    assert lock.versions("huggingface-llm-mistral-7b") == ("2.9.0", "2.1.0")
    assert lock.pins("huggingface-llm-mistral-7b") == ("2.1.0",)
    assert lock.pins("meta-textgeneration-llama-2-70b") == ()


def test_the_whole_lock_is_small_and_every_line_is_short() -> None:
    files = [file.read_text() for file in DEFAULT_LOCK.rglob("*.json")]

    assert sum(map(len, files)) < 800_000
    # An artifact's key or an image's name can be longer than a line; nothing else is.
    assert [
        line
        for text in files
        for line in text.splitlines()
        if len(line) > 120 and '"artifact_key"' not in line and "-regions-" not in line
    ] == []


def test_one_model_costs_its_own_file_and_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    read_text = Path.read_text

    def listen(path: Path, *args: Any, **kwargs: Any) -> str:
        read.append(path.name)
        return read_text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", listen)
    Lock.load().model("huggingface-llm-mistral-7b", "2.1.0")

    assert read == ["index.json", "huggingface-llm-mistral-7b.json"]


def test_suggests_ids_like_an_unknown_one(lock: Lock) -> None:
    with pytest.raises(CatalogError, match="did you mean huggingface-llm-mistral-7b, "):
        lock.model("huggingface-llm-mistral-7B", "2.1.0")
    with pytest.raises(CatalogError, match="did you mean huggingface-llm-falcon-180b-bf16, "):
        lock.versions("falcon-180b")


def test_lists_the_pinned_versions_for_an_unknown_one(lock: Lock) -> None:
    with pytest.raises(CatalogError, match=r"version '9\.9\.9' of .* is not in the lock: choose one of .*2\.0\.2"):
        lock.model("huggingface-llm-falcon-40b-bf16", "9.9.9")


def test_refuses_a_block_changed_by_hand(copied_lock: Path) -> None:
    file = copied_lock / "models" / "huggingface-llm-mistral-7b.json"
    file.write_text(file.read_text().replace("8192", "9999"))

    with pytest.raises(CatalogError, match="does not match its hash"):
        Lock.load(copied_lock).model("huggingface-llm-mistral-7b", "2.1.0")
    assert any("does not match its hash" in problem for problem in verify(copied_lock))


def test_a_changed_block_leaves_other_models_readable(copied_lock: Path) -> None:
    (copied_lock / "models" / "huggingface-llm-mistral-7b.json").write_text("not json")

    model = Lock.load(copied_lock).model("huggingface-llm-falcon-40b-bf16", "2.0.2")

    assert model.default_instance_type == "ml.g5.12xlarge"


def test_verify_finds_a_file_that_is_not_sorted(copied_lock: Path) -> None:
    file = copied_lock / "index.json"
    index = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(index.items())), indent=2) + "\n")

    assert [problem for problem in verify(copied_lock) if "index.json is not sorted" in problem]


def test_verify_finds_a_file_without_a_model(copied_lock: Path) -> None:
    (copied_lock / "models" / "left-over.json").write_text("{}\n")

    assert [problem for problem in verify(copied_lock) if "left-over.json belongs to no model" in problem]


def test_verify_reports_every_broken_block(copied_lock: Path) -> None:
    for file in (copied_lock / "models").glob("huggingface-llm-falcon-180b-*.json"):
        file.write_text("{}\n")

    assert len(verify(copied_lock)) == 2


def test_refuses_a_set_of_regions_changed_by_hand(copied_lock: Path) -> None:
    file = copied_lock / "index.json"
    file.write_text(file.read_text().replace('"us-west-2"]', '"us-west-3"]').replace('"us-west-2"\n', '"us-west-3"\n'))

    with pytest.raises(CatalogError, match=r"region set \d+-regions-[0-9a-f]{8} holds .*: it was changed by hand"):
        Lock.load(copied_lock).model("huggingface-llm-mistral-7b", "2.1.0")


def test_verify_refuses_two_newest_versions_of_a_model(copied_lock: Path) -> None:
    file = copied_lock / "index.json"
    index = json.loads(file.read_text())
    index["models"]["huggingface-llm-mistral-7b"]["2.1.0"]["newest"] = True
    file.write_text(json.dumps(index))

    assert "huggingface-llm-mistral-7b has 2 newest versions: 2.9.0, 2.1.0" in verify(copied_lock)


def test_verify_refuses_a_version_without_a_reason(copied_lock: Path) -> None:
    file = copied_lock / "index.json"
    index = json.loads(file.read_text())
    del index["models"]["huggingface-llm-mistral-7b"]["2.1.0"]["pinned"]
    file.write_text(json.dumps(index))

    assert "huggingface-llm-mistral-7b 2.1.0 is neither pinned nor the newest" in verify(copied_lock)


@pytest.mark.parametrize(
    ("index", "problem"),
    [("", "is not json"), ("[]", "is not a json object"), ('{"format": 1}', "has format 1: allowed is 2")],
)
def test_refuses_an_index_it_cannot_read(tmp_path: Path, index: str, problem: str) -> None:
    (tmp_path / "index.json").write_text(index)

    with pytest.raises(CatalogError, match=problem):
        Lock.load(tmp_path)


def test_says_which_command_writes_a_missing_lock(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"does not exist: run \./jumpstack catalog update"):
        Lock.load(tmp_path / "nowhere")


def test_rendering_gives_the_committed_bytes_in_any_order(lock: Lock) -> None:
    entries = list(lock.entries())

    forwards = render(lock.sources, lock.registries, entries)
    backwards = render(lock.sources, dict(reversed(lock.registries.items())), reversed(entries))

    assert forwards == backwards
    assert forwards == {
        file.relative_to(DEFAULT_LOCK).as_posix(): file.read_text() for file in DEFAULT_LOCK.rglob("*.json")
    }


def test_loading_the_catalogue_imports_only_the_standard_library() -> None:
    root = Path(__file__).parents[2]
    script = (
        "import sys; before = set(sys.modules); import catalog; catalog.Lock.load();"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(new - set(sys.stdlib_module_names) - {'catalog'}))"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_everything_that_a_version_can_have_survives_the_lock(lock: Lock, tmp_path: Path) -> None:
    plain = lock.model("huggingface-llm-mistral-7b", "2.1.0")
    model = replace(
        plain,
        variant_artifacts={"p4d": "some/other/prefix/"},
        model_packages={"us-east-1": "arn:aws:sagemaker:us-east-1:111122223333:model-package/some"},
        variant_model_packages={"inf2": {"us-east-1": "arn:aws:sagemaker:us-east-1:111122223333:model-package/neuron"}},
        additional_data_sources=(
            AdditionalDataSource(channel_name="draft_model", key="some/draft/"),
            AdditionalDataSource(channel_name="adapter", key="a.tar.gz", bucket="gated", compression="Gzip"),
        ),
        config="lmi",
        configs=("lmi", "tgi"),
        deprecated=True,
        network_isolation=False,
        volume_size=256,
        inference_ami_version="al2-ami-sagemaker-inference-gpu-2",
    )
    defaults = {field.name: field.default for field in fields(model) if field.default is not MISSING}
    assert [name for name, default in defaults.items() if getattr(model, name) == default] == []

    entry = Entry(model=model, source="live", newest=False, pinned=True)
    write(tmp_path, render(lock.sources, lock.registries, [entry]))

    assert list(Lock.load(tmp_path).entries()) == [entry]


def test_pins_the_recipe_of_a_version_from_the_live_cache_alone(lock: Lock, tmp_path: Path) -> None:
    """The published catalogue has no recipes, so that its hashes are those of other documents."""
    model = lock.model("huggingface-llm-mistral-7b", "2.1.0")
    assert lock.recipe_sha256(model.model_id, model.version) is None
    live = Entry(model=model, source="live", newest=False, pinned=True)
    write(tmp_path, render(lock.sources, lock.registries, [live]))
    assert Lock.load(tmp_path).recipe_sha256(model.model_id, model.version) == model.spec_sha256
