"""JumpStart's live public cache, read without credentials and stored on disk.

AWS publishes the specs in one public bucket a region, `jumpstart-cache-prod-<region>`. `models_manifest.json` there
is a list of `{model_id, version, min_version, spec_key, ...}`; the spec of a version is the JSON document at its
`spec_key`. Requests are unsigned, as the `sagemaker` SDK (2.257) sends them.

`catalog.sources.downloads` checks and stores the documents.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from catalog.document import read_document
from catalog.paths import key_problem, model_id_problem
from catalog.sources.downloads import Downloads, default_folder
from catalog.sources.source import Description, Progress, is_complete
from catalog.spec import CatalogError, ModelVersion, check_known, newest_first, version_order
from catalog.training.facts import TrainingFacts, read_facts

MANIFEST = "models_manifest.json"
"""Key of the manifest of AWS's and open models."""
PROPRIETARY_MANIFEST = "proprietary-sdk-manifest.json"
"""Key of the manifest of models that are sold as model packages."""

DEFAULT_REGION = "us-west-2"
"""Default region: a spec holds the facts of all regions."""

DEFAULT_THREADS = 16


class LiveCatalogue:
    """Every version of every model in one region's public cache: a `catalog.sources.source.Source`.

    The manifest is read at once, a spec when it is asked for; `prefetch` reads many in parallel. One object asks for
    a document once.

    Attributes:
        description: Description of the cache.
        skipped: Entries of the manifest that name no usable spec, one sentence each.
    """

    def __init__(
        self,
        *,
        region: str = DEFAULT_REGION,
        folder: Path | None = None,
        manifest: str = MANIFEST,
        threads: int = DEFAULT_THREADS,
        endpoint_url: str | None = None,
        show_progress: bool | None = None,
    ) -> None:
        """Read the manifest.

        Args:
            region: AWS region whose cache is read.
            folder: Folder for the documents of all regions; `default_folder()` if None.
            manifest: Key of the manifest, `MANIFEST` or `PROPRIETARY_MANIFEST`.
            threads: Most requests at a time, at least 1.
            endpoint_url: S3's endpoint; AWS's own if None.
            show_progress: Whether `prefetch` draws a bar on standard error; if None, on a terminal only.

        Raises:
            CatalogError: The manifest cannot be read or names no spec, or `threads` is less than 1.
        """
        if threads < 1:
            raise CatalogError([f"threads is {threads}: allowed is 1 or more"])
        bucket = f"jumpstart-cache-prod-{region}"
        self._threads = threads
        self._show_progress = sys.stderr.isatty() if show_progress is None else show_progress
        self._documents = Downloads(
            bucket,
            region=region,
            folder=(folder or default_folder()) / bucket,
            endpoint_url=endpoint_url,
            connections=threads,
        )
        self._where = f"the live catalogue of {region}"
        content = self._documents.read(manifest)
        entries = _json(content, place=f"s3://{bucket}/{manifest}")
        if not isinstance(entries, list):
            raise CatalogError([f"s3://{bucket}/{manifest} is a {type(entries).__name__}: allowed is a list"])
        self._keys: dict[str, dict[str, str]] = {}
        self._deprecated: set[tuple[str, str]] = set()
        skipped = []
        for number, entry in enumerate(entries):
            fault = _entry_fault(entry)
            if fault:
                skipped.append(f"entry {number} of s3://{bucket}/{manifest} {fault}")
                continue
            self._keys.setdefault(entry["model_id"], {})[entry["version"]] = entry["spec_key"]
            if entry.get("deprecated"):
                self._deprecated.add((entry["model_id"], entry["version"]))
        if not self._keys:
            raise CatalogError([f"s3://{bucket}/{manifest} names no spec", *skipped])
        self.skipped = tuple(skipped)
        self.description = Description(
            kind="live",
            name=bucket,
            version=None,
            file=manifest,
            sha256=hashlib.sha256(content).hexdigest(),
            license=None,
        )

    def model_ids(self) -> tuple[str, ...]:
        """Return the ids of all models, sorted."""
        return tuple(sorted(self._keys))

    def versions(self, model_id: str) -> tuple[str, ...]:
        """Return the versions of a model, deprecated ones too, newest first.

        Raises:
            CatalogError: There is no such model.
        """
        check_known(model_id, self._keys, where=self._where)
        return newest_first(self._keys[model_id])

    def model(self, model_id: str, version: str, *, config: str | None = None) -> ModelVersion:
        """Read one version of a model.

        Args:
            model_id: JumpStart model id.
            version: Version of the spec.
            config: Inference config to apply; the default-ranked one if None.

        Raises:
            CatalogError: There is no such model or version, or its spec cannot be read or is not understood.
        """
        model = read_document(self._spec(model_id, version), config=config)
        deprecated = model.deprecated or (model_id, version) in self._deprecated
        return dataclasses.replace(model, deprecated=deprecated)

    def training(self, model_id: str, version: str) -> TrainingFacts:
        """Read the facts of a version's training recipe, which is in the same document as its hosting.

        Raises:
            CatalogError: There is no such model or version, or its spec cannot be read.
        """
        return read_facts(self._spec(model_id, version))

    def _spec(self, model_id: str, version: str) -> dict[str, Any]:
        place = f"s3://{self._documents.bucket}/{self._key(model_id, version)}"
        document = _json(self._documents.read(self._key(model_id, version)), place=place)
        if not isinstance(document, dict):
            raise CatalogError([f"{place} is a {type(document).__name__}: allowed is an object"])
        named = f"{document.get('model_id')} {document.get('version')}"
        if named != f"{model_id} {version}":
            raise CatalogError([f"{place} describes {named}: the manifest says {model_id} {version}"])
        return document

    def newest(self, model_id: str) -> ModelVersion:
        """Read the newest version of a model that resolves completely on its default instance type.

        A deprecated version is taken only where no other resolves.

        Raises:
            CatalogError: There is no such model, no version of it resolves, or a spec cannot be read.
        """
        deprecated = []
        for version in self._by_preference(model_id):
            model = self.model(model_id, version)
            if not is_complete(model):
                continue
            if not model.deprecated:
                return model
            deprecated.append(model)
        if deprecated:
            return max(deprecated, key=lambda model: version_order(model.version))
        raise CatalogError([f"no version of {model_id} in {self._where} has image and artifact"])

    def prefetch(self, wanted: Iterable[tuple[str, str | None]], *, progress: Progress | None = None) -> None:
        """Read specs in parallel, so that `model` and `newest` find them on disk.

        Args:
            wanted: Model id and version; None stands for the newest version that is not deprecated.
            progress: Takes the number of specs read so far, and of all; None draws a bar where one may be.

        Raises:
            CatalogError: Some are unknown or cannot be read; all of these are listed, and the others are on disk.
        """
        problems: list[str] = []
        keys: list[str] = []
        for model_id, version in wanted:
            try:
                check_known(model_id, self._keys, version=version, where=self._where)
                keys.append(self._key(model_id, version or self._by_preference(model_id)[0]))
            except CatalogError as error:
                problems += error.problems
        bar = progress_bar() if progress is None and self._show_progress else nullcontext(progress)
        with bar as report:
            problems += self._read_all(list(dict.fromkeys(keys)), progress=report)
        if problems:
            raise CatalogError(problems)

    def _read_all(self, keys: list[str], *, progress: Progress | None) -> list[str]:
        failed: dict[str, tuple[str, ...]] = {}
        with ThreadPoolExecutor(max_workers=self._threads, thread_name_prefix="jumpstart") as pool:
            futures = {pool.submit(self._documents.read, key): key for key in keys}
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    try:
                        future.result()
                    except CatalogError as error:
                        failed[futures[future]] = error.problems
                    if progress is not None:
                        progress(done, len(keys))
            except BaseException:
                # Ctrl-C must not wait for thousands of requests that have not begun.
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [problem for key in sorted(failed) for problem in failed[key]]

    def _by_preference(self, model_id: str) -> tuple[str, ...]:
        """Return the versions that the manifest does not deprecate, newest first, then the deprecated ones."""
        return tuple(sorted(self.versions(model_id), key=lambda version: (model_id, version) in self._deprecated))

    def _key(self, model_id: str, version: str) -> str:
        check_known(model_id, self._keys, version=version, where=self._where)
        return self._keys[model_id][version]


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Draw a progress bar on standard error, and yield the function that moves it."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - likewise
    from rich.progress import Progress as Bars  # noqa: PLC0415 - likewise

    columns = (TextColumn("specs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("specs", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _entry_fault(entry: object) -> str | None:
    """Return the fault by which an entry of the manifest names no spec; None for no fault."""
    if not isinstance(entry, Mapping):
        return f"is a {type(entry).__name__}: allowed is an object"
    wrong = [name for name in ("model_id", "version", "spec_key") if not isinstance(entry.get(name), str)]
    if wrong:
        return f"has no text for {', '.join(wrong)}"
    # Both become paths of files.
    problem = model_id_problem(entry["model_id"]) or key_problem(entry["spec_key"])
    if problem:
        return f"has {problem}"
    try:
        version_order(entry["version"])
    except CatalogError as error:
        return f"has {error}"
    return None


def _json(content: bytes, *, place: str) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise CatalogError([f"{place} is not json: {error}"]) from error
