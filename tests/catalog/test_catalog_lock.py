"""What the committed lock says of the models that the app pins, and how a lock reads and defends itself."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from catalog import CatalogError, Lock
from catalog.lock import DEFAULT_LOCK, render, verify

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
    assert lock.source.package == "cdklabs.generative-ai-cdk-constructs"
    assert lock.source.version == "0.1.320"
    assert lock.source.license == "Apache-2.0"
    assert len(lock.source.sha256) == 64


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


@pytest.mark.parametrize("name", ["huggingface-llm-falcon-7b-bf16", "huggingface-llm-falcon-7b-instruct-bf16"])
def test_falcon_7b_serves_2048_tokens_on_one_gpu(lock: Lock, name: str) -> None:
    deployment = lock.model(name, lock.versions(name)[0]).resolve(region="us-west-2")

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
    assert deployment.model_data.endswith(f"infer-prepack-{name}.tar.gz")
    assert deployment.artifact_bytes == 335_000_000_000
    assert deployment.environment["MAX_TOTAL_TOKENS"] == "2048"
    assert deployment.network_isolation


def test_falcon_180b_runs_on_p4d_only_when_unlisted_instance_types_are_allowed(lock: Lock) -> None:
    model = lock.model("huggingface-llm-falcon-180b-chat-bf16", "1.6.17")

    with pytest.raises(CatalogError, match=r"'ml\.p4d\.24xlarge' is not supported.*ml\.p4de\.24xlarge"):
        model.resolve(region="us-west-2", instance_type="ml.p4d.24xlarge")

    deployment = model.resolve(region="us-west-2", instance_type="ml.p4d.24xlarge", allow_unlisted_instance_type=True)
    assert "tgi2.4.0" in deployment.image
    assert deployment.environment["SM_NUM_GPUS"] == "8"


def test_arctic_is_served_by_lmi_on_p5(lock: Lock) -> None:
    name = "huggingface-llm-snowflake-arctic-instruct-vllm"
    deployment = lock.model(name, lock.versions(name)[0]).resolve(region="us-east-2")

    assert deployment.instance_type == "ml.p5.48xlarge"
    assert deployment.container == "lmi"
    assert deployment.image.endswith("/djl-inference:0.28.0-lmi10.0.0-cu124")
    assert deployment.environment["OPTION_TGI_COMPAT"] == "True"
    assert deployment.artifact_bytes is None


def test_images_in_china_come_from_the_chinese_registry(lock: Lock) -> None:
    deployment = lock.model("huggingface-llm-mistral-7b", "2.1.0").resolve(region="cn-north-1")

    assert deployment.image.startswith("727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/")


def test_every_pin_resolves_in_every_region_it_lists(lock: Lock) -> None:
    for model_id in lock.model_ids():
        for version in lock.versions(model_id):
            model = lock.model(model_id, version)
            assert "us-west-2" in model.regions()
            assert [model.resolve(region=region).region for region in model.regions()] == list(model.regions())


def test_suggests_ids_like_an_unknown_one(lock: Lock) -> None:
    with pytest.raises(CatalogError, match="did you mean huggingface-llm-mistral-7b, "):
        lock.model("huggingface-llm-mistral-7B", "2.1.0")
    with pytest.raises(CatalogError, match="did you mean huggingface-llm-falcon-180b-bf16, "):
        lock.versions("falcon-180b")


def test_lists_the_pinned_versions_for_an_unknown_one(lock: Lock) -> None:
    with pytest.raises(CatalogError, match=r"version '9\.9\.9' of .* is not in the lock: choose one of 2\.0\.2"):
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
    for file in (copied_lock / "models").glob("*40b*.json"):
        file.write_text("{}\n")

    assert len(verify(copied_lock)) == 2


@pytest.mark.parametrize(
    ("index", "problem"),
    [("", "is not json"), ("[]", "is not a json object"), ('{"format": 2}', "has format 2: allowed is 1")],
)
def test_refuses_an_index_it_cannot_read(tmp_path: Path, index: str, problem: str) -> None:
    (tmp_path / "index.json").write_text(index)

    with pytest.raises(CatalogError, match=problem):
        Lock.load(tmp_path)


def test_says_which_command_writes_a_missing_lock(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="does not exist: run python -m catalog update"):
        Lock.load(tmp_path / "nowhere")


def test_rendering_gives_the_committed_bytes_in_any_order(lock: Lock) -> None:
    models = [lock.model(model_id, version) for model_id in lock.model_ids() for version in lock.versions(model_id)]

    forwards = render(lock.source, lock.registries, models)
    backwards = render(lock.source, dict(reversed(lock.registries.items())), reversed(models))

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
