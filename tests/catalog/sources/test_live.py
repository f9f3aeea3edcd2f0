"""The live source, against a local S3 that holds a cache in the real layout."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
import werkzeug.serving
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends

from catalog.sources.downloads import default_folder
from catalog.sources.live import LiveCatalogue
from catalog.sources.source import Source
from catalog.spec import CatalogError
from catalog.update import updated

REGION = "us-west-2"
BUCKET = f"jumpstart-cache-prod-{REGION}"
ALPHA, BETA, OLD = "huggingface-llm-alpha", "huggingface-llm-beta", "huggingface-llm-old"
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/huggingface-pytorch-tgi-inference:2.1.1-tgi1.4.0-gpu"


@dataclass
class LocalS3:
    """Moto's S3 over HTTP, which records its requests and can be made to misbehave.

    Attributes:
        url: Its address.
        requests: Key and status of each GET, in order.
        signed: Keys of the requests that carried a signature.
        most_at_once: The most requests that were answered at one time.
        delay: Seconds that each GET takes at least.
        tamper: Changes the body that goes out, by key.
        throttle: How often each key is answered with 503 first.
    """

    url: str = ""
    requests: list[tuple[str, int]] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    most_at_once: int = 0
    delay: float = 0
    tamper: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    throttle: Counter[str] = field(default_factory=Counter)
    _busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _moto: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        key = environ["PATH_INFO"].removeprefix(f"/{BUCKET}/")
        if environ["REQUEST_METHOD"] != "GET":
            return self._moto(environ, start_response)  # type: ignore[no-any-return] # moto has no types
        with self._lock:
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
            if "HTTP_AUTHORIZATION" in environ:
                self.signed.append(key)
            throttled = self.throttle[key] > 0
            self.throttle[key] -= 1
        try:
            time.sleep(self.delay)
            return self._answer(environ, start_response, key, throttled=throttled)
        finally:
            with self._lock:
                self._busy -= 1

    def _answer(
        self, environ: dict[str, Any], start_response: Callable[..., Any], key: str, *, throttled: bool
    ) -> Iterable[bytes]:
        if throttled:
            self.requests.append((key, 503))
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>reduce your request rate</Message></Error>"]

        def record(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self.requests.append((key, int(status.split(maxsplit=1)[0])))
            return start_response(status, headers, *rest)

        body = b"".join(self._moto(environ, record))
        return [self.tamper[key](body)] if key in self.tamper else [body]

    def put(self, documents: dict[str, Any], **options: Any) -> None:
        """Put documents into the bucket, as JSON."""
        s3: Any = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            # The cache's objects are older than S3's own checksums: what they have is an ETag.
            config=Config(request_checksum_calculation="when_required"),
        )
        for key, document in documents.items():
            s3.put_object(
                Bucket=BUCKET, Key=key, Body=json.dumps(document).encode(), **{"ACL": "public-read", **options}
            )

    def put_cache(self, specs: Iterable[dict[str, Any]]) -> None:
        """Put a manifest and the specs that it names."""
        specs = list(specs)
        manifest = [header(spec["model_id"], spec["version"]) for spec in specs]
        self.put({"models_manifest.json": manifest})
        self.put({key_of(spec["model_id"], spec["version"]): spec for spec in specs})

    def got(self, status: int = 200) -> list[str]:
        """Keys that were answered with a status, sorted."""
        return sorted(key for key, answered in self.requests if answered == status)


def key_of(model_id: str, version: str) -> str:
    return f"community_models/{model_id}/specs_v{version}.json"


def header(model_id: str, version: str, **further: Any) -> dict[str, Any]:
    """One entry of the manifest."""
    return {
        "model_id": model_id,
        "version": version,
        "min_version": "2.189.0",
        "spec_key": key_of(model_id, version),
        "search_keywords": ["Text Generation"],
        **further,
    }


def spec(model_id: str, version: str, **further: Any) -> dict[str, Any]:
    """A spec in the published schema, of the generation that keeps its images at the top."""
    return {
        "model_id": model_id,
        "url": f"https://huggingface.co/example/{model_id}",
        "version": version,
        "min_sdk_version": "2.189.0",
        "training_supported": False,
        "incremental_training_supported": False,
        "hosting_ecr_specs": {
            "framework": "huggingface-llm",
            "framework_version": "1.4.0",
            "py_version": "py310",
            "huggingface_transformers_version": "2.1.1",
        },
        "hosting_artifact_key": f"huggingface-infer/infer-{model_id}.tar.gz",
        "hosting_script_key": "source-directory-tarballs/huggingface/inference/llm/v1.0.1/sourcedir.tar.gz",
        "hosting_prepacked_artifact_key": f"huggingface-llm/{model_id}/artifacts/inference-prepack/v1.0.0/",
        "hosting_prepacked_artifact_version": "1.0.0",
        "hosting_use_script_uri": False,
        "inference_vulnerable": False,
        "inference_dependencies": [],
        "inference_vulnerabilities": [],
        "training_vulnerable": False,
        "training_dependencies": [],
        "training_vulnerabilities": [],
        "deprecated": False,
        "inference_environment_variables": [
            {
                "name": "SAGEMAKER_PROGRAM",
                "type": "text",
                "default": "inference.py",
                "scope": "container",
                "required_for_model_class": True,
            },
            {
                "name": "ENDPOINT_SERVER_TIMEOUT",
                "type": "int",
                "default": 3600,
                "scope": "container",
                "required_for_model_class": True,
            },
        ],
        "default_inference_instance_type": "ml.g5.2xlarge",
        "supported_inference_instance_types": ["ml.g5.2xlarge", "ml.g5.4xlarge"],
        "model_kwargs": {},
        "deploy_kwargs": {"model_data_download_timeout": 1200, "container_startup_health_check_timeout": 1200},
        "inference_enable_network_isolation": True,
        "hosting_instance_type_variants": {
            "regional_aliases": {REGION: {"gpu_ecr_uri_1": IMAGE}},
            "variants": {"g5": {"regional_properties": {"image_uri": "$gpu_ecr_uri_1"}}},
        },
        "dynamic_container_deployment_supported": True,
        **further,
    }


@pytest.fixture(scope="module")
def server() -> Iterator[LocalS3]:
    application = LocalS3()
    http = werkzeug.serving.make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=_SilentRequestHandler
    )
    application.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield application
    http.shutdown()
    thread.join()
    http.server_close()


class _SilentRequestHandler(werkzeug.serving.WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def s3(server: LocalS3, monkeypatch: pytest.MonkeyPatch) -> LocalS3:
    """A local S3 with an empty bucket; this process has no credentials."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    backends: BackendDict[Any] = s3_backends
    backends.reset()
    client: Any = boto3.client(
        "s3", region_name=REGION, endpoint_url=server.url, aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    server.requests.clear()
    server.signed.clear()
    server.most_at_once = 0
    server.delay = 0
    server.tamper.clear()
    server.throttle.clear()
    return server


@pytest.fixture
def catalogue(s3: LocalS3, tmp_path: Path) -> Callable[..., LiveCatalogue]:
    """Open the cache with a folder that lasts as long as the test."""

    def open_cache(**options: Any) -> LiveCatalogue:
        return LiveCatalogue(**{"folder": tmp_path / "cache", "endpoint_url": s3.url, **options})

    return open_cache


Open = Callable[..., LiveCatalogue]


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_is_a_source(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    source: Source = catalogue()
    description = source.description
    assert (description.kind, description.name, description.version) == ("live", BUCKET, None)
    assert description.file == "models_manifest.json"
    manifest = json.dumps([header(ALPHA, "1.0.0")]).encode()
    assert description.sha256 == hashlib.sha256(manifest).hexdigest()


def test_lists_ids_sorted_and_versions_newest_first(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(BETA, "1.0.0"), spec(ALPHA, "1.9.0"), spec(ALPHA, "1.10.0"), spec(ALPHA, "1.2.0")])
    source = catalogue()
    assert source.model_ids() == (ALPHA, BETA)
    assert source.versions(ALPHA) == ("1.10.0", "1.9.0", "1.2.0")
    assert s3.got() == ["models_manifest.json"], "listing reads no spec"


def test_reads_a_version_that_resolves(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    deployment = catalogue().model(ALPHA, "1.0.0").resolve(region=REGION)
    assert deployment.image == IMAGE
    assert deployment.model_data == f"s3://{BUCKET}/huggingface-llm/{ALPHA}/artifacts/inference-prepack/v1.0.0/"
    assert deployment.environment == {"SAGEMAKER_PROGRAM": "inference.py", "ENDPOINT_SERVER_TIMEOUT": "3600"}


def test_sends_unsigned_requests_even_where_there_are_credentials(
    s3: LocalS3, catalogue: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    s3.put_cache([spec(ALPHA, "1.0.0")])
    catalogue().model(ALPHA, "1.0.0")
    assert s3.got() == [key_of(ALPHA, "1.0.0"), "models_manifest.json"]
    assert not s3.signed


def test_takes_the_newest_version_that_resolves(s3: LocalS3, catalogue: Open) -> None:
    without_images = spec(ALPHA, "1.10.0", hosting_instance_type_variants=None)
    s3.put_cache([spec(ALPHA, "1.2.0"), spec(ALPHA, "1.9.0"), without_images])
    assert catalogue().newest(ALPHA).version == "1.9.0"


def test_says_when_no_version_resolves(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0", hosting_instance_type_variants=None)])
    with pytest.raises(CatalogError, match=f"no version of {ALPHA} in the live catalogue of us-west-2 has image"):
        catalogue().newest(ALPHA)


def test_prefers_a_version_that_is_not_deprecated(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0"), spec(ALPHA, "2.0.0", deprecated=True), spec(OLD, "1.0.0", deprecated=True)])
    source = catalogue()
    assert source.newest(ALPHA).version == "1.0.0"
    assert source.model(ALPHA, "2.0.0").deprecated
    assert (source.newest(OLD).version, source.newest(OLD).deprecated) == ("1.0.0", True)


def test_believes_the_manifest_that_a_version_is_deprecated(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0"), spec(ALPHA, "2.0.0")])
    s3.put({"models_manifest.json": [header(ALPHA, "1.0.0"), header(ALPHA, "2.0.0", deprecated=True)]})
    source = catalogue()
    source.prefetch([(ALPHA, None)])
    assert s3.got() == [key_of(ALPHA, "1.0.0"), "models_manifest.json"]
    assert source.newest(ALPHA).version == "1.0.0"
    assert source.model(ALPHA, "2.0.0").deprecated


def test_suggests_an_id_that_is_like_the_one_asked_for(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    source = catalogue()
    with pytest.raises(CatalogError, match=f"did you mean {ALPHA}"):
        source.newest("llm-alpha")
    with pytest.raises(CatalogError, match=r"version '9.9.9' of .* choose one of 1\.0\.0"):
        source.model(ALPHA, "9.9.9")


def test_asks_for_a_document_once(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    source = catalogue()
    source.prefetch([(ALPHA, None), (ALPHA, "1.0.0")])
    source.newest(ALPHA)
    source.model(ALPHA, "1.0.0")
    assert len(s3.requests) == 2


def test_a_second_run_transfers_only_what_is_new(s3: LocalS3, catalogue: Open) -> None:
    specs = [spec(ALPHA, "1.0.0"), spec(BETA, "1.0.0")]
    s3.put_cache(specs)
    catalogue().prefetch([(ALPHA, None), (BETA, None)])
    s3.requests.clear()

    s3.put_cache([*specs, spec(OLD, "1.0.0")])
    catalogue().prefetch([(ALPHA, None), (BETA, None), (OLD, None)])
    assert s3.got() == [key_of(OLD, "1.0.0"), "models_manifest.json"]
    assert s3.got(304) == [key_of(ALPHA, "1.0.0"), key_of(BETA, "1.0.0")]


def test_a_spec_that_was_published_again_is_read_again(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    catalogue().model(ALPHA, "1.0.0")
    s3.put_cache([spec(ALPHA, "1.0.0", default_inference_instance_type="ml.g5.4xlarge")])
    assert catalogue().model(ALPHA, "1.0.0").default_instance_type == "ml.g5.4xlarge"


def test_a_file_that_was_cut_off_on_disk_is_read_again(s3: LocalS3, catalogue: Open, tmp_path: Path) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    catalogue().model(ALPHA, "1.0.0")
    kept = tmp_path / "cache" / BUCKET / key_of(ALPHA, "1.0.0")
    kept.write_bytes(kept.read_bytes()[:100])
    assert catalogue().model(ALPHA, "1.0.0").version == "1.0.0"
    assert s3.got().count(key_of(ALPHA, "1.0.0")) == 2


def test_a_run_resumes_after_one_that_failed(s3: LocalS3, catalogue: Open, tmp_path: Path) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0"), spec(BETA, "1.0.0")])
    s3.tamper[key_of(BETA, "1.0.0")] = lambda body: body.replace(b"1", b"2", 1)
    wanted = [(ALPHA, None), (BETA, None)]
    with pytest.raises(CatalogError):
        catalogue().prefetch(wanted)
    kept = files_below(tmp_path / "cache" / BUCKET)
    assert kept == {
        name + suffix for name in ("models_manifest.json", key_of(ALPHA, "1.0.0")) for suffix in ("", ".note")
    }

    s3.tamper.clear()
    s3.requests.clear()
    catalogue().prefetch(wanted)
    assert s3.got() == [key_of(BETA, "1.0.0")]


def test_names_key_and_both_values_of_a_damaged_document(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    s3.tamper[key_of(ALPHA, "1.0.0")] = lambda body: body.replace(b"alpha", b"gamma")
    original = json.dumps(spec(ALPHA, "1.0.0")).encode()
    right = hashlib.md5(original, usedforsecurity=False).hexdigest()
    wrong = hashlib.md5(original.replace(b"alpha", b"gamma"), usedforsecurity=False).hexdigest()
    with pytest.raises(CatalogError) as error:
        catalogue().model(ALPHA, "1.0.0")
    text = str(error.value)
    assert text == f"s3://{BUCKET}/{key_of(ALPHA, '1.0.0')} is damaged: its md5 is {wrong}, s3 says {right}"


def test_checks_the_sha_256_that_s3_keeps(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([])
    s3.put({"models_manifest.json": [header(ALPHA, "1.0.0")]})
    s3.put({key_of(ALPHA, "1.0.0"): spec(ALPHA, "1.0.0")}, ChecksumAlgorithm="SHA256")
    s3.tamper[key_of(ALPHA, "1.0.0")] = lambda body: body.replace(b"alpha", b"gamma")
    with pytest.raises(CatalogError, match=r"is damaged: Expected checksum .* did not match calculated checksum"):
        catalogue().model(ALPHA, "1.0.0")


def test_reads_again_when_an_answer_breaks_off(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    cuts = iter([True, False])
    s3.tamper[key_of(ALPHA, "1.0.0")] = lambda body: body[:50] if next(cuts) else body
    assert catalogue().model(ALPHA, "1.0.0").version == "1.0.0"
    assert s3.got().count(key_of(ALPHA, "1.0.0")) == 2


def test_gives_up_when_answers_keep_breaking_off(s3: LocalS3, catalogue: Open, tmp_path: Path) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    s3.tamper[key_of(ALPHA, "1.0.0")] = lambda body: body[:50]
    with pytest.raises(CatalogError, match=rf"{key_of(ALPHA, '1.0.0')} cannot be read"):
        catalogue().model(ALPHA, "1.0.0")
    assert not [name for name in files_below(tmp_path / "cache") if ALPHA in name or ".part" in name]


def test_reports_all_failed_keys_at_once(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    s3.put(
        {"models_manifest.json": [header(ALPHA, "1.0.0"), header(BETA, "1.0.0"), header(OLD, "3.0.0")]},
    )
    source = catalogue()
    with pytest.raises(CatalogError) as error:
        source.prefetch([(OLD, None), (ALPHA, None), (BETA, "1.0.0"), ("unheard-of", None), (BETA, "7.7.7")])
    assert error.value.problems == (
        "model id 'unheard-of' is not in the live catalogue of us-west-2: no id there is like it",
        f"version '7.7.7' of {BETA} is not in the live catalogue of us-west-2: choose one of 1.0.0",
        f"s3://{BUCKET}/{key_of(BETA, '1.0.0')} cannot be read: 404 NoSuchKey",
        f"s3://{BUCKET}/{key_of(OLD, '3.0.0')} cannot be read: 404 NoSuchKey",
    )
    assert source.model(ALPHA, "1.0.0").version == "1.0.0", "what could be read is there"


def test_does_not_ask_again_for_what_failed(s3: LocalS3, catalogue: Open) -> None:
    s3.put({"models_manifest.json": [header(ALPHA, "1.0.0")]})
    source = catalogue()
    for _ in range(2):
        with pytest.raises(CatalogError, match="404 NoSuchKey"):
            source.newest(ALPHA)
    assert s3.got(404) == [key_of(ALPHA, "1.0.0")]


def test_feeds_an_update_of_the_lock(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0"), spec(ALPHA, "1.1.0")])
    s3.put({"models_manifest.json": [header(ALPHA, "1.0.0"), header(ALPHA, "1.1.0"), header(BETA, "1.0.0")]})
    entries, problems = updated(None, catalogue())
    assert [(entry.model.model_id, entry.model.version, entry.source) for entry in entries] == [
        (ALPHA, "1.1.0", "live")
    ]
    assert problems == (f"s3://{BUCKET}/{key_of(BETA, '1.0.0')} cannot be read: 404 NoSuchKey",)


def test_says_when_this_machines_aws_configuration_is_not_usable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nowhere-to-be-found")
    with pytest.raises(CatalogError, match=rf"s3://{BUCKET} cannot be read: .*nowhere-to-be-found"):
        LiveCatalogue(folder=tmp_path)


def test_skips_entries_of_the_manifest_that_name_no_spec(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    partial: list[Any] = [
        header(ALPHA, "1.0.0"),
        {"model_id": BETA, "version": "1.0.0"},
        "text",
        header(BETA, "1.0.0", spec_key="../../outside.json"),
        header(BETA, "newest"),
        header("../../PWNED", "1.0.0", spec_key="a/b.json"),
    ]
    s3.put({"models_manifest.json": partial})
    source = catalogue()
    assert source.model_ids() == (ALPHA,)
    place = f"s3://{BUCKET}/models_manifest.json"
    assert source.skipped == (
        f"entry 1 of {place} has no text for spec_key",
        f"entry 2 of {place} is a str: allowed is an object",
        f"entry 3 of {place} has spec_key '../../outside.json': allowed is a relative path that ends in .json",
        f"entry 4 of {place} has version 'newest' is not numbers joined by dots, such as 2.0.1",
        f"entry 5 of {place} has model_id '../../PWNED': allowed are letters, digits and inner hyphens, dots and "
        "underscores, at most 200",
    )


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ([], "names no spec"),
        ([{"model_id": ALPHA}], "names no spec\nentry 0 of .* has no text for version, spec_key"),
        ({"models": []}, "is a dict: allowed is a list"),
    ],
)
def test_refuses_a_manifest_that_is_none(s3: LocalS3, catalogue: Open, manifest: Any, message: str) -> None:
    s3.put({"models_manifest.json": manifest})
    with pytest.raises(CatalogError, match=message):
        catalogue()


def test_refuses_a_spec_that_describes_another_model(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    s3.put({key_of(ALPHA, "1.0.0"): spec(BETA, "1.0.0")})
    message = f"describes {BETA} 1.0.0: the manifest says {ALPHA} 1.0.0"
    with pytest.raises(CatalogError, match=message):
        catalogue().model(ALPHA, "1.0.0")


def test_says_which_document_is_not_there(s3: LocalS3, catalogue: Open) -> None:
    with pytest.raises(CatalogError, match=rf"s3://{BUCKET}/models_manifest\.json cannot be read: 404 NoSuchKey"):
        catalogue()


def test_says_what_it_may_not_read(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    s3.put({key_of(ALPHA, "1.0.0"): spec(ALPHA, "1.0.0")}, ACL="private")
    message = r"cannot be read: 403 AccessDenied, which is also what s3 says of objects that are not there"
    with pytest.raises(CatalogError, match=message):
        catalogue().model(ALPHA, "1.0.0")


def test_says_when_s3_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.sources.downloads._ATTEMPTS", 1)
    with pytest.raises(CatalogError, match="cannot be read: Could not connect"):
        LiveCatalogue(folder=tmp_path, endpoint_url="http://127.0.0.1:9")


def test_waits_and_asks_again_when_it_is_throttled(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    s3.throttle[key_of(ALPHA, "1.0.0")] = 1
    assert catalogue().model(ALPHA, "1.0.0").version == "1.0.0"
    assert s3.got(503) == [key_of(ALPHA, "1.0.0")]


@pytest.mark.parametrize("threads", [1, 4])
def test_reads_in_parallel_within_bounds(s3: LocalS3, catalogue: Open, threads: int) -> None:
    specs = [spec(f"huggingface-llm-{number}", "1.0.0") for number in range(12)]
    s3.put_cache(specs)
    source = catalogue(threads=threads)
    s3.delay = 0.1
    source.prefetch([(one["model_id"], None) for one in specs])
    assert s3.most_at_once == threads
    assert len(s3.got()) == 13


def test_refuses_less_than_one_thread(catalogue: Open) -> None:
    with pytest.raises(CatalogError, match="threads is 0: allowed is 1 or more"):
        catalogue(threads=0)


def test_tells_how_far_it_is(s3: LocalS3, catalogue: Open) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0"), spec(BETA, "1.0.0")])
    told: list[tuple[int, int]] = []
    catalogue().prefetch([(ALPHA, None), (BETA, None)], progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_draws_nothing_unless_on_a_terminal(
    s3: LocalS3, catalogue: Open, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0")])
    catalogue().prefetch([(ALPHA, None)])
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    catalogue(show_progress=True).prefetch([(ALPHA, None)])
    assert "1/1" in capfd.readouterr().err


def test_an_interruption_leaves_no_half_file(
    s3: LocalS3, catalogue: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_cache([spec(ALPHA, "1.0.0"), spec(BETA, "1.0.0")])
    source = catalogue()

    def interrupt(path: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        source.prefetch([(ALPHA, None), (BETA, None)])
    assert files_below(tmp_path / "cache" / BUCKET) == {"models_manifest.json", "models_manifest.json.note"}


def test_keeps_documents_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "jumpstack" / "jumpstart"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "jumpstack" / "jumpstart"


def test_importing_the_source_imports_neither_boto3_nor_rich() -> None:
    program = "import sys, catalog.sources.live as _; print([*{'boto3', 'botocore', 'rich'} & {*sys.modules}])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
