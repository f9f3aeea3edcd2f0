"""Training recipes of fine-tuned models, read from the region's public JumpStart cache as *prepare* reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.response import StreamingBody

from catalog import CatalogError, Lock
from catalog.deployment import bucket_name
from catalog.sources.downloads import LARGEST_BYTES
from catalog.sources.live import MANIFEST
from catalog.training.facts import read_facts, spec_sha256
from catalog.versions import check_known
from stacks.declarations import FineTunedModel
from stacks.placement import is_of
from stacks.preflight.findings import Finding, Level
from stacks.preflight.recipes import check_recipe
from tools.account.questions import ClientFactory, NotAnsweredError, Planned, ask, grouped


def recipes(planned: Sequence[Planned], lock: Lock, client: ClientFactory) -> Iterator[Finding]:
    """Check fine-tuned models against AWS's own recipes, and the recipes against those that the lock pins.

    What the lock has from the live cache has been checked with the declarations, so that only its hash is compared.

    Args:
        planned: Declared models of the catalogue; those that are not tuned are left out.
        lock: The catalogue that pins the models.
        client: Makes boto3 clients.
    """
    tuned = [one for one in planned if is_of(one.place, FineTunedModel)]
    for region, models in grouped(tuned, lambda one: one.place.region).items():
        cache = _Cache(client("s3", region=region, signed=False), region)
        for one in models:
            try:
                yield from _check(one, cache, lock)
            except NotAnsweredError as error:
                yield Finding(level=Level.NOT_CHECKED, place=str(one.place), message=f"training recipe: {error}")


def _check(one: Planned, cache: _Cache, lock: Lock) -> Iterator[Finding]:
    model = one.place.model
    if not isinstance(model, FineTunedModel):
        return
    reference = f"{model.model_id}@{model.version}"
    try:
        document = cache.spec(model.model_id, model.version)
    except CatalogError as error:
        yield Finding(place=f"{one.place}.version", value=repr(model.version), message=str(error))
        return
    pinned = lock.recipe_sha256(model.model_id, model.version)
    found = spec_sha256(document)
    if pinned is None:
        yield from check_recipe(one.place, model, read_facts(document))
    elif pinned != found:
        yield Finding(
            place=str(one.place),
            message=f"the recipe in JumpStart's cache has SHA-256 {found}, and the lock pins {pinned}: its trainings "
            "are refused",
            suggestion=f"reviewing what ./jumpstack catalog update {reference} --source live changes in the lock",
        )


class _Cache:
    """The specs in one region's public bucket; the manifest is read once."""

    def __init__(self, s3: Any, region: str) -> None:
        self._s3, self._region = s3, region
        self._bucket = bucket_name(region, "public")
        self._keys: dict[str, dict[str, str]] | None = None

    def spec(self, model_id: str, version: str) -> dict[str, Any]:
        """Read a spec document.

        Raises:
            CatalogError: The cache has no such model or version.
            NotAnsweredError: The cache cannot be read or understood.
        """
        keys = self._keys = self._keys or self._manifest()
        check_known(model_id, keys, version=version, where=f"JumpStart's cache in {self._region}")
        document = self._document(keys[model_id][version])
        if not isinstance(document, dict):
            raise NotAnsweredError(f"the spec of {model_id} {version} is a {type(document).__name__}, not an object")
        return document

    def _manifest(self) -> dict[str, dict[str, str]]:
        keys: dict[str, dict[str, str]] = {}
        try:
            for entry in self._document(MANIFEST):
                keys.setdefault(entry["model_id"], {})[entry["version"]] = entry["spec_key"]
        except (KeyError, TypeError) as error:
            raise NotAnsweredError(f"s3://{self._bucket}/{MANIFEST} has an unknown form: {error!r}") from None
        return keys

    def _document(self, key: str) -> Any:
        place = f"s3://{self._bucket}/{key}"
        answer = ask(f"s3:GetObject on {place}", self._s3.get_object, Bucket=self._bucket, Key=key)
        if answer["ContentLength"] > LARGEST_BYTES:
            raise NotAnsweredError(f"{place} has {answer['ContentLength']} bytes: at most {LARGEST_BYTES} are read")
        body: StreamingBody = answer["Body"]
        try:
            return json.loads(body.read())
        except (BotoCoreError, OSError) as error:
            raise NotAnsweredError(f"{place} cannot be read: {error}") from error
        except ValueError as error:
            raise NotAnsweredError(f"{place} is not JSON: {error}") from None
