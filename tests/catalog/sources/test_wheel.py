"""Wheels of the published catalogue: their content, and those that are refused."""

import zipfile
from pathlib import Path

import pytest

from catalog import CatalogError, Lock
from catalog.blocks import registry_table, unusual_images
from catalog.lock import Entry, render
from catalog.sources.wheel import PublishedCatalogue, download
from tests.catalog.sources.wheels import ISRAEL, METADATA, TGI, US, published_wheel, record, without_images


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return published_wheel(tmp_path, [record("1.0.0"), record("1.10.0")])


def test_a_model_without_any_complete_version_cannot_be_pinned_by_id_alone(tmp_path: Path) -> None:
    catalogue = PublishedCatalogue.from_wheel(published_wheel(tmp_path, [without_images("1.0.0")]))

    with pytest.raises(CatalogError, match="no version of some-model in some-package has image and artifact"):
        catalogue.newest("some-model")


def test_falls_back_to_the_plain_artifact(tmp_path: Path) -> None:
    some = record()
    del some["prepackedArtifactKey"]
    catalogue = PublishedCatalogue.from_wheel(published_wheel(tmp_path, [some]))

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
    some = record(instanceAliases=[{"region": "us-west-2", "aliases": {"gpu": US}}])
    catalogue = PublishedCatalogue.from_wheel(published_wheel(tmp_path, [some]))

    with pytest.raises(CatalogError, match=f"some-model 1.0.0 gives '{US}' for region 'us-west-2'"):
        catalogue.model("some-model", "1.0.0")


def test_refuses_an_image_that_is_no_alias(tmp_path: Path) -> None:
    some = record(instanceVariants=[{"instanceType": "g5", "imageUri": US}])
    catalogue = PublishedCatalogue.from_wheel(published_wheel(tmp_path, [some]))

    with pytest.raises(CatalogError, match="is not a reference to an alias"):
        catalogue.model("some-model", "1.0.0")


def test_a_model_package_is_read_with_its_arns(tmp_path: Path) -> None:
    arn = "arn:aws:sagemaker:us-east-1:111122223333:model-package/some"
    some = record(modelPackageArns={"us-east-1": arn})
    del some["prepackedArtifactKey"], some["artifactKey"]
    model = PublishedCatalogue.from_wheel(published_wheel(tmp_path, [some])).newest("some-model")

    assert model.resolve(region="us-east-1").model_package == arn


def test_the_published_catalogue_has_no_inference_configs(wheel: Path) -> None:
    with pytest.raises(CatalogError, match=r"config 'lmi' of some-model 1\.0\.0: the published catalogue has no"):
        PublishedCatalogue.from_wheel(wheel).model("some-model", "1.0.0", config="lmi")


def test_an_image_outside_its_regions_registry_survives_the_lock(tmp_path: Path) -> None:
    odd = f"999999999999.dkr.ecr.us-east-1.amazonaws.com/{TGI}"
    some = record(instanceAliases=[{"region": "us-east-1", "aliases": {"gpu": odd}}])
    catalogue = PublishedCatalogue.from_wheel(published_wheel(tmp_path, [some]))
    model = catalogue.model("some-model", "1.0.0")
    registries = registry_table([US], {"us-east-1": "763104351884"})
    folder = tmp_path / "odd.lock"
    entry = Entry(model=model, source="wheel", newest=True, pinned=False)
    for name, text in render({"wheel": catalogue.description}, registries, [entry]).items():
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
