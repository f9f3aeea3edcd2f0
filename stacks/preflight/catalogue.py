"""Checks against the catalogue: id, version, instance type, region and licence."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from catalog import CatalogError, Deployment, Lock, ModelVersion
from catalog.instances import hardware
from catalog.nearest import similar, similar_models
from catalog.paths import model_id_problem
from catalog.regions import jumpstart_regions, offering_regions, read, refused
from catalog.versions import is_version, model_id_in
from stacks.declarations import JumpStartModel
from stacks.placement import Placement
from stacks.preflight.findings import Finding, Level

_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A declaration with its model version from the lock.

    Attributes:
        placement: The model and its environment.
        version: The pinned version.
        deployment: The resolved version; None where it does not resolve.
        lacks_image: Whether a finding says that there is no image for the instance type.
    """

    placement: Placement[JumpStartModel]
    version: ModelVersion
    deployment: Deployment | None
    lacks_image: bool = False

    @property
    def instance_type(self) -> str:
        """The declared instance type, or the version's default; always the default where Bedrock serves the model."""
        declared = None if self.placement.bedrock else self.placement.model.instance_type
        return declared or self.version.default_instance_type

    @property
    def label(self) -> str:
        """The version in a message."""
        return f"{self.version.model_id} {self.version.version}"


def look_up(placement: Placement[JumpStartModel], lock: Lock) -> tuple[Subject | None, list[Finding]]:
    """Find a declaration in the lock.

    Args:
        placement: The model and its environment.
        lock: The catalogue.

    Returns:
        The declaration with its version, None where the lock has none such; and the findings so far.
    """
    model_id, wanted = placement.model.model_id, placement.model.version
    if model_id not in lock.model_ids():
        finding = Finding(
            rule="unknown-model",
            place=f"{placement}.model_id",
            value=repr(model_id),
            message="it is not in the lock",
            suggestion=_meant(model_id, lock),
        )
        return None, [finding]
    if wanted not in (versions := lock.versions(model_id)):
        newer = f"./jumpstack catalog update {model_id}@{wanted}"
        finding = Finding(
            rule="unknown-version",
            place=f"{placement}.version",
            value=repr(wanted),
            message=f"the lock has no such version of {model_id}",
            allowed=", ".join(versions),
            suggestion=f"{versions[0]}, the newest there" + (f", or {newer}" if is_version(wanted) else ""),
        )
        return None, [finding]
    try:
        version = lock.model(model_id, wanted)
    except CatalogError as error:
        return None, [
            Finding(rule="broken-lock", place=f"{placement}.version", value=repr(wanted), message=problem)
            for problem in error.problems
        ]
    subject = Subject(placement=placement, version=version, deployment=None)
    chosen = subject.instance_type
    try:
        deployment = version.resolve(
            region=placement.region,
            instance_type=chosen,
            allow_unlisted_instance_type=chosen not in version.instance_types,
        )
    except CatalogError as error:
        subject = replace(subject, deployment=_elsewhere(version, chosen))
        # Where Bedrock serves the model, no endpoint needs its image.
        found = [] if placement.bedrock else list(_check_resolved(subject, error))
        return replace(subject, lacks_image=any(one.rule == "no-image" for one in found)), found
    return replace(subject, deployment=deployment), []


def _meant(text: str, lock: Lock) -> str:
    """Return what to declare in place of a model id that the lock has not, or the command that finds it."""
    model_id, version = model_id_in(text)
    if model_id != text and model_id in lock.model_ids():
        return f"{model_id}{f', with version={version!r}' * bool(version)}"
    near = similar_models(model_id, lock.model_ids(), most=2)
    if model_id == text and not model_id_problem(text):
        held = [one for one in near if model_id.lower() in one.lower()]
        newer = f"./jumpstack catalog update {model_id} --source live, if AWS has it"
        return " or ".join(held or [*near, newer])
    # Hugging Face's names, ARNs and Bedrock's ids: no source of the lock knows any.
    return f"{' or '.join(near) or 'a JumpStart id'}: ./jumpstack catalog search WORD finds them"


def _elsewhere(version: ModelVersion, instance_type: str) -> Deployment | None:
    """Resolve a version in a region that it has, so that a wrong region does not hide other findings."""
    for region in version.regions()[:1]:
        try:
            return version.resolve(region=region, instance_type=instance_type, allow_unlisted_instance_type=True)
        except CatalogError:
            return None
    return None


def _check_resolved(subject: Subject, error: CatalogError) -> Iterator[Finding]:
    """Name the declared value that keeps a version from resolving; `catalog.spec` has the rule and the words."""
    placement, version = subject.placement, subject.version
    regions = version.regions()
    if placement.region not in jumpstart_regions() or not _INSTANCE_TYPE.fullmatch(subject.instance_type):
        # A wrong or unsupported region, and a malformed instance type, have findings of their own.
        return
    if regions and placement.region not in regions:
        continent = placement.region.split("-")[0]
        near = [region for region in regions if region.split("-")[0] == continent] or list(regions)
        yield Finding(
            rule="no-image-in-region",
            place=placement.region_field,
            value=repr(placement.region),
            message=f"{subject.label} has no image there",
            allowed=", ".join(regions),
            suggestion=near[0],
        )
        return
    for problem in error.problems:
        yield Finding(
            rule="no-image",
            place=f"{placement}.instance_type",
            value=repr(subject.instance_type),
            message=problem,
            suggestion=_default(subject),
        )


def check_version(subject: Subject) -> Iterator[Finding]:
    """Check version and licence of a model that the lock has."""
    placement, version = subject.placement, subject.version
    if version.deprecated:
        yield Finding(
            rule="deprecated-version",
            place=f"{placement}.version",
            value=repr(version.version),
            message=f"AWS has deprecated this version of {version.model_id} and may take it away",
            suggestion="./jumpstack catalog update, and a version that is not",
            level=Level.WARNING,
        )
    accepted = placement.model.accept_eula
    if version.requires_eula and not accepted:
        terms = f" ({subject.deployment.eula or version.eula_key})" if subject.deployment else f" ({version.eula_key})"
        yield Finding(
            rule="eula-not-accepted",
            place=f"{placement}.accept_eula",
            value="False",
            message=f"{subject.label} has an end-user licence agreement{terms}: read it, and set accept_eula=True if "
            "you accept it; you are then responsible for keeping to its terms",
        )
    if accepted and not version.requires_eula:
        yield Finding(
            rule="eula-without-terms",
            place=f"{placement}.accept_eula",
            value="True",
            message=f"the catalogue names no end-user licence agreement of {subject.label}, so nothing is accepted",
            suggestion="leaving it out",
            level=Level.WARNING,
        )


def check_instances(subject: Subject, *, fits: tuple[str, ...]) -> Iterator[Finding]:
    """Check the instance type of a model's endpoint.

    Args:
        subject: The declaration and its version.
        fits: The version's instance types whose GPUs take its weights, smallest first.
    """
    yield from _check_instance_type(subject, fits)
    yield from _check_offered(subject)


def _default(subject: Subject) -> str:
    return subject.version.default_instance_type


def _check_instance_type(subject: Subject, fits: tuple[str, ...]) -> Iterator[Finding]:
    placement, version, chosen = subject.placement, subject.version, subject.instance_type
    reason = placement.model.unlisted_instance_type
    field = f"{placement}.instance_type"
    if not _INSTANCE_TYPE.fullmatch(chosen):
        near = similar(chosen, version.instance_types, most=1) or similar(
            f"ml.{chosen}", version.instance_types, most=1
        )
        yield Finding(
            rule="not-an-instance-type",
            place=field,
            value=repr(chosen),
            allowed="SageMaker's names such as 'ml.g5.2xlarge'",
            suggestion=near[0] if near else _default(subject),
        )
        return
    listed = chosen in version.instance_types
    if not listed and reason is None and not subject.lacks_image:
        yield Finding(
            rule="unlisted-instance-type",
            place=field,
            value=repr(chosen),
            message=f"AWS does not list it for {subject.label}, and unlisted_instance_type gives no reason",
            allowed=", ".join(version.instance_types),
            suggestion=_default(subject) if _default(subject) in (fits or (_default(subject),)) else fits[0],
        )
    if reason is not None and not reason.strip():
        yield Finding(
            rule="unlisted-without-reason",
            place=f"{placement}.unlisted_instance_type",
            value=repr(reason),
            allowed="why the instance type is right, or None",
        )
    if listed and reason is not None:
        yield Finding(
            rule="unlisted-needlessly",
            place=f"{placement}.unlisted_instance_type",
            value="a reason",
            message=f"AWS lists {chosen} for {subject.label}, so it needs none",
            suggestion="leaving it out",
            level=Level.WARNING,
        )
    hardware_known = hardware(chosen)
    if placement.environment.require_volume_key and hardware_known is not None and hardware_known.local_nvme_gb:
        yield Finding(
            rule="volume-key-on-nvme",
            place=field,
            value=repr(chosen),
            message=f"{placement.environment.name}.require_volume_key is True, but the type keeps the model on local "
            "NVMe, which the hardware encrypts by itself and the model's key does not",
            allowed="types without local storage",
        )


def _check_offered(subject: Subject) -> Iterator[Finding]:
    placement, chosen = subject.placement, subject.instance_type
    offering = offering_regions(chosen)
    finding = Finding(
        rule="not-offered-in-region",
        place=f"{placement}.instance_type",
        value=repr(chosen),
        second_hand=True,
    )
    if refused(chosen, placement.region):
        when = read("refused")
        yield replace(
            finding, message=f"SageMaker is said not to host on it in {placement.region} (second-hand, read {when})"
        )
    elif offering is not None and placement.region in jumpstart_regions() and placement.region not in offering:
        yield replace(
            finding,
            message=f"EC2 is not known to offer it in {placement.region} (second-hand, read {read('offered')})",
            allowed=", ".join(offering),
        )
