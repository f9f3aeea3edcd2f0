"""From a wheel to a lock, with small wheels of the published form, and the commands that do it."""

import hashlib
import io
import json
import tarfile
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from catalog import CatalogError, Lock
from catalog.__main__ import main
from catalog.lock import Registry, render, verify
from catalog.sources import PublishedCatalogue, download, registry_table, unusual_images

CATALOGUE = "package/lib/patterns/gen-ai/aws-model-deployment-sagemaker/jumpstart-models.json"
METADATA = "Metadata-Version: 2.1\nName: some-package\nVersion: 7.8.9\nLicense: Apache-2.0\n\nText.\n"
TGI = "huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0"
US = f"763104351884.dkr.ecr.us-east-1.amazonaws.com/{TGI}"
CHINA = f"727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/{TGI}"
ISRAEL = f"780543022126.dkr.ecr.il-central-1.amazonaws.com/{TGI}"
SHOWN = [
    "model_id",
    "version",
    "region",
    "instance_type",
    "image",
    "model_data",
    "compressed",
    "gated",
    "eula",
    "environment",
]


def _record(version: str = "1.0.0", **changes: Any) -> dict[str, Any]:
    return {
        "modelId": "some-model",
        "version": version,
        "defaultInstanceType": "ml.g5.2xlarge",
        "instanceTypes": ["ml.p4d.24xlarge", "ml.g5.2xlarge"],
        "prepackedArtifactKey": "some-model/prepack/",
        "artifactKey": "some-model/plain/",
        "environment": {
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            "SAGEMAKER_MODEL_SERVER_WORKERS": 1,
            "HF_MODEL_ID": "/opt/ml/model",
        },
        "instanceAliases": [
            {"region": "us-east-1", "aliases": {"gpu": US}},
            {"region": "il-central-1", "aliases": {"gpu": ISRAEL}},
            {"region": "cn-north-1", "aliases": {"gpu": CHINA}},
        ],
        "instanceVariants": [
            {"instanceType": "p4d", "imageUri": "$gpu"},
            {"instanceType": "g5", "imageUri": "$gpu"},
            {"instanceType": "ml.p4d.24xlarge", "environment": {"SM_NUM_GPUS": 8}},
            {"instanceType": "ml.g5.2xlarge"},
        ],
        "gatedBucket": True,
        "requiresEula": "eula/some.txt",
        **changes,
    }


def _without_images(version: str) -> dict[str, Any]:
    record = _record(version)
    del record["instanceAliases"], record["instanceVariants"]
    return record


def _wheel(folder: Path, records: Sequence[Mapping[str, Any]], name: str = "some.whl") -> Path:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    named = {f"RECORD_{number}": record for number, record in enumerate(records)}
    deflated = compressor.compress(json.dumps(named).encode()) + compressor.flush()
    buffer = json.dumps({"type": "Buffer", "data": list(deflated)}).encode()
    tarball = io.BytesIO()
    with tarfile.open(fileobj=tarball, mode="w:gz") as package:
        member = tarfile.TarInfo(CATALOGUE)
        member.size = len(buffer)
        package.addfile(member, io.BytesIO(buffer))
    path = folder / name
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("some_package-7.8.9.dist-info/METADATA", METADATA)
        wheel.writestr("some/_jsii/some@7.8.9.jsii.tgz", tarball.getvalue())
    return path


def _update(lock: Path, wheel: Path, *words: str) -> int:
    return main(["--lock", str(lock), "update", "--wheel", str(wheel), *words])


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "some.lock"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    other = _record("3.0.0", modelId="other-model", requiresEula=None, gatedBucket=None)
    return _wheel(tmp_path, [_record("1.0.0"), _record("1.10.0"), _without_images("1.11.0"), other])


def test_update_writes_a_readable_block(lock: Path, wheel: Path) -> None:
    assert _update(lock, wheel, "some-model@1.0.0") == 0

    block = json.loads((lock / "models" / "some-model.json").read_text())["1.0.0"]
    assert len(block.pop("spec_sha256")) == 64
    assert block == {
        "artifact_key": "some-model/prepack/",
        "default_instance_type": "ml.g5.2xlarge",
        "environment": {"HF_MODEL_ID": "/opt/ml/model", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
        "eula_key": "eula/some.txt",
        "gated": True,
        "images": {"gpu": {TGI: ["cn-north-1", "il-central-1", "us-east-1"]}},
        "instance_types": ["ml.g5.2xlarge", "ml.p4d.24xlarge"],
        "unsent_environment": {"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        "variant_environments": {"ml.p4d.24xlarge": {"SM_NUM_GPUS": "8"}},
        "variant_images": {"gpu": ["g5", "p4d"]},
    }
    assert verify(lock) == ()


def test_update_takes_registry_accounts_from_cdk_where_cdk_knows_them(lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model@1.0.0")

    assert Lock.load(lock).registries == {
        "cn-north-1": Registry(account="727897471807", domain_suffix="amazonaws.com.cn", known_from="aws-cdk-lib"),
        "il-central-1": Registry(account="780543022126", domain_suffix="amazonaws.com", known_from="images"),
        "us-east-1": Registry(account="763104351884", domain_suffix="amazonaws.com", known_from="aws-cdk-lib"),
    }


def test_update_records_the_wheel(lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model@1.0.0")

    source = Lock.load(lock).source
    assert (source.package, source.version, source.license) == ("some-package", "7.8.9", "Apache-2.0")
    assert source.sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_update_twice_gives_the_same_bytes(tmp_path: Path, wheel: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    _update(first, wheel, "some-model@1.0.0", "other-model@3.0.0")
    _update(second, wheel, "other-model@3.0.0", "some-model@1.0.0")
    _update(second, wheel)

    def content(folder: Path) -> dict[Path, bytes]:
        files = (file for file in folder.rglob("*") if file.is_file())
        return {file.relative_to(folder): file.read_bytes() for file in files}

    assert len(content(first)) == 3
    assert content(first) == content(second)


def test_update_without_a_version_pins_the_newest_that_resolves(lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model")

    assert Lock.load(lock).versions("some-model") == ("1.10.0",)


def test_update_keeps_earlier_pins_unless_told_otherwise(lock: Path, wheel: Path) -> None:
    _update(lock, wheel, "some-model@1.0.0")
    _update(lock, wheel, "some-model@1.10.0", "other-model")
    assert Lock.load(lock).versions("some-model") == ("1.10.0", "1.0.0")

    _update(lock, wheel, "--only", "other-model@3.0.0")
    assert Lock.load(lock).model_ids() == ("other-model",)
    assert verify(lock) == ()


def test_update_reports_every_wrong_pin_and_writes_nothing(
    lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _update(lock, wheel, "some-modle@1.0.0", "some-model@9.0.0") == 1

    assert capsys.readouterr().err.splitlines() == [
        "model id 'some-modle' is not in the published catalogue: did you mean some-model, other-model?",
        "version '9.0.0' of some-model is not in the published catalogue: choose one of 1.11.0, 1.10.0, 1.0.0",
    ]
    assert not lock.exists()


def test_update_only_needs_a_pin(lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _update(lock, wheel, "--only") == 1
    assert "--only needs at least one" in capsys.readouterr().err


def test_a_model_without_any_complete_version_cannot_be_pinned_by_id_alone(tmp_path: Path) -> None:
    catalogue = PublishedCatalogue.from_wheel(_wheel(tmp_path, [_without_images("1.0.0")]))

    with pytest.raises(CatalogError, match="no version of some-model in the published catalogue has image"):
        catalogue.newest("some-model")


def test_falls_back_to_the_plain_artifact(tmp_path: Path) -> None:
    record = _record()
    del record["prepackedArtifactKey"]
    catalogue = PublishedCatalogue.from_wheel(_wheel(tmp_path, [record]))

    assert catalogue.model("some-model", "1.0.0").artifact_key == "some-model/plain/"


def test_refuses_a_file_that_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "some.whl"
    path.write_text("text")

    with pytest.raises(CatalogError, match=r"some\.whl is not a wheel with a jumpstart catalogue"):
        PublishedCatalogue.from_wheel(path)


def test_refuses_a_wheel_without_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "some.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("some_package-7.8.9.dist-info/METADATA", METADATA)

    with pytest.raises(CatalogError, match=r"0 files end in '\.jsii\.tgz', not one"):
        PublishedCatalogue.from_wheel(path)


def test_refuses_an_image_that_is_listed_under_another_region(tmp_path: Path) -> None:
    record = _record(instanceAliases=[{"region": "us-west-2", "aliases": {"gpu": US}}])
    catalogue = PublishedCatalogue.from_wheel(_wheel(tmp_path, [record]))

    with pytest.raises(CatalogError, match=f"some-model 1.0.0 gives '{US}' for region 'us-west-2'"):
        catalogue.model("some-model", "1.0.0")


def test_refuses_an_image_that_is_no_alias(tmp_path: Path) -> None:
    record = _record(instanceVariants=[{"instanceType": "g5", "imageUri": US}])
    catalogue = PublishedCatalogue.from_wheel(_wheel(tmp_path, [record]))

    with pytest.raises(CatalogError, match="is not a reference to an alias"):
        catalogue.model("some-model", "1.0.0")


def test_an_image_outside_its_regions_registry_survives_the_lock(tmp_path: Path) -> None:
    odd = f"999999999999.dkr.ecr.us-east-1.amazonaws.com/{TGI}"
    record = _record(instanceAliases=[{"region": "us-east-1", "aliases": {"gpu": odd}}])
    catalogue = PublishedCatalogue.from_wheel(_wheel(tmp_path, [record]))
    model = catalogue.model("some-model", "1.0.0")
    registries = registry_table([US], {"us-east-1": "763104351884"})
    folder = tmp_path / "odd.lock"
    for name, text in render(catalogue.source, registries, [model]).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)

    assert unusual_images([US, odd], registries) == (odd,)
    assert Lock.load(folder).model("some-model", "1.0.0") == model


def test_a_region_whose_images_name_several_accounts_has_no_registry() -> None:
    other = ISRAEL.replace("780543022126", "999999999999")

    assert registry_table([ISRAEL, other], {}) == {}
    assert registry_table([ISRAEL, other], {"il-central-1": "780543022126"})["il-central-1"].account == ("780543022126")


def test_download_says_what_pip_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(CatalogError, match=r"pip cannot download cdklabs\.generative-ai-cdk-constructs==0\.1\.320"):
        download(tmp_path)


def test_download_refuses_another_file_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "cdklabs_generative_ai_cdk_constructs-0.1.320"
    metadata = "Metadata-Version: 2.1\nName: cdklabs.generative-ai-cdk-constructs\nVersion: 0.1.320\n"
    with zipfile.ZipFile(tmp_path / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.dist-info/METADATA", metadata)
        wheel.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    folder = tmp_path / "downloaded"
    folder.mkdir()

    with pytest.raises(CatalogError, match=r"has sha-256 [0-9a-f]{64}: allowed is 4a20926b"):
        download(folder)


def test_show_prints_exactly_the_documented_keys(lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _update(lock, wheel, "some-model@1.0.0")
    capsys.readouterr()

    assert main(["--lock", str(lock), "show", "some-model", "--region", "cn-north-1", "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == SHOWN
    assert shown["image"] == CHINA
    assert shown["gated"] is True
    assert shown["eula"].endswith(".cn/eula/some.txt")


def test_show_prints_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "huggingface-llm-mistral-7b", "--region", "eu-west-1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "instance type   ml.g5.2xlarge" in lines
    assert "environment     MAX_TOTAL_TOKENS=8192" in lines


def test_show_takes_an_unlisted_instance_type_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["show", "huggingface-llm-falcon-180b-bf16", "--instance-type", "ml.p4d.24xlarge"]

    assert main(words) == 1
    assert "'ml.p4d.24xlarge' is not supported" in capsys.readouterr().err
    assert main([*words, "--allow-unlisted-instance-type"]) == 0


def test_verify_prints_what_it_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert "from cdklabs.generative-ai-cdk-constructs 0.1.320" in capsys.readouterr().out


def test_verify_fails_on_a_broken_lock(lock: Path, wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _update(lock, wheel, "some-model@1.0.0")
    (lock / "models" / "some-model.json").unlink()

    assert main(["--lock", str(lock), "verify"]) == 1
    assert "some-model.json does not exist" in capsys.readouterr().err
