"""Model import jobs: what CreateModelImportJob refuses, and what becomes of a job.

AWS documents which errors there are; the words of those about quotas, names in use and regions are this module's
own. That a role which cannot be taken on is "invalid" is what users quote.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from localaws import clients, iam, settings
from localaws.bedrock import architectures, artifacts, behaviour, roles, store
from localaws.bedrock.errors import invalid
from localaws.bedrock.store import ImportedModel, ImportJob, Region
from localaws.iam.policy import statements_of
from localaws.service import ServiceError, authorize

# Bedrock User Guide, "Encryption of custom model import": what the key's policy allows whoever starts the import.
_KEY_ACTIONS = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")

_TICK_SECONDS: Final = 0.02


def create(request: Mapping[str, Any], *, region: str, identity: iam.Identity | None) -> ImportJob:
    """Start a job, or return the one that was started with the same `clientRequestToken`.

    Args:
        request: The parameters of CreateModelImportJob, within the constraints of the API.
        region: The region.
        identity: The caller; None is anybody.

    Raises:
        ServiceError: If the job is refused.
    """
    here = store.of(region)
    with here.lock:
        token = request.get("clientRequestToken")
        earlier = [job for job in here.jobs.values() if token and job.request.get("clientRequestToken") == token]
        if earlier:
            # API reference: "Amazon Bedrock ignores the request, but does not return an error".
            return earlier[0]
        arn = store.new_arn(region, "model-import-job")
        rules = behaviour.of(region)
        _check_region(region)
        _check_names(here, request)
        _check_quotas(here, rules)
        _check_role(request["roleArn"], arn, rules, identity)
        kms_key_arn = _key(request.get("importedModelKmsKeyId"), region, identity)
        job = ImportJob(arn=arn, request=request, created=store.now(), kms_key_arn=kms_key_arn)
        job.tags.update(_tags(request.get("jobTags")))
        here.jobs[arn] = job
    threading.Thread(target=_run, args=(here, job), name=f"import-{job.name}", daemon=True).start()
    return job


def _run(here: Region, job: ImportJob) -> None:
    began = time.monotonic()
    # Looked at again and again: whoever changes it changes how long the running jobs take, too.
    while time.monotonic() - began < behaviour.of(job.region).import_seconds:
        time.sleep(_TICK_SECONDS)
    _finish(here, job)


def _check_region(region: str) -> None:
    if region not in architectures.REGIONS:
        raise invalid(
            f"Custom Model Import is not supported in {region}. Supported regions: {', '.join(architectures.REGIONS)}"
        )


def _check_names(here: Region, request: Mapping[str, Any]) -> None:
    if any(job.name == request["jobName"] for job in here.jobs.values()):
        raise ServiceError("ConflictException", f"The job name {request['jobName']} is in use by another job.")
    name = request["importedModelName"]
    in_progress = [job.model_name for job in here.jobs.values() if job.status == "InProgress"]
    if name in in_progress or any(model.name == name for model in here.models.values()):
        raise ServiceError("ConflictException", f"The model name {name} is in use by another model.")


def _check_quotas(here: Region, rules: behaviour.Behaviour) -> None:
    running = sum(job.status == "InProgress" for job in here.jobs.values())
    if running >= rules.max_concurrent_imports:
        raise ServiceError(
            "ServiceQuotaExceededException",
            "You have exceeded the quota for Concurrent model import jobs "
            f"({rules.max_concurrent_imports}). Wait for a job to complete and try again.",
        )
    if len(here.models) + running >= rules.max_imported_models:
        raise ServiceError(
            "ServiceQuotaExceededException",
            f"You have exceeded the quota for Imported models per account ({rules.max_imported_models}). "
            "Delete an imported model and try again.",
        )


def _check_role(role_arn: str, job_arn: str, rules: behaviour.Behaviour, identity: iam.Identity | None) -> None:
    authorize(identity, "iam:PassRole", role_arn, context={"iam:PassedToService": "bedrock.amazonaws.com"})
    if not roles.can_be_assumed(role_arn, job_arn=job_arn, propagation_seconds=rules.role_propagation_seconds):
        raise invalid("The provided role ARN is invalid")


def _key(key_id: str | None, region: str, identity: iam.Identity | None) -> str | None:
    """Return the ARN of the key for the imported model, which the caller must be allowed to use."""
    if key_id is None:
        return None
    kms = clients.client("kms", region)
    try:
        arn = str(kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"])
    except ClientError:
        raise invalid(f"The provided KMS key {key_id} does not exist or is not accessible.") from None
    policy = statements_of(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    for action in _KEY_ACTIONS:
        context = {"kms:ViaService": f"bedrock.{region}.amazonaws.com", "kms:CallerAccount": settings.ACCOUNT}
        authorize(identity, action, arn, context=context, resource_policy=policy)
    return arn


def _tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in tags or []}


def _finish(here: Region, job: ImportJob) -> None:
    """Import the model, or not."""
    fault = behaviour.of(job.region).take_import_fault()
    try:
        if fault is not None:
            raise artifacts.ImportFailure(fault)
        if job.request.get("vpcConfig"):
            missing = roles.missing_vpc_actions(job.request["roleArn"])
            if missing:
                raise artifacts.ImportFailure(
                    f"The role {job.request['roleArn']} does not have the VPC permissions {', '.join(missing)}."
                )
        facts = artifacts.check(roles.RoleFiles(job))
    except artifacts.ImportFailure as failure:
        _end(here, job, failure=str(failure))
    except Exception as error:
        # As in AWS: a job ends, whatever happens inside.
        _end(here, job, failure=f"An internal error occurred: {type(error).__name__}: {error}")
    else:
        _end(here, job, facts=facts)


def _end(
    here: Region, job: ImportJob, *, facts: artifacts.ModelFacts | None = None, failure: str | None = None
) -> None:
    with here.lock:
        job.modified = job.ended = store.now()
        if facts is None:
            job.status, job.failure = "Failed", (failure or "")[:2048]
            return
        model = ImportedModel(
            arn=store.new_arn(job.region, "imported-model"),
            name=job.model_name,
            job=job,
            created=job.ended,
            architecture=facts.architecture,
            model_type=facts.model_type,
            context_tokens=facts.context_tokens,
            has_chat_template=facts.has_chat_template,
            weight_bytes=facts.weight_bytes,
            weights_digest=facts.weights_digest,
        )
        model.tags.update(_tags(job.request.get("importedModelTags")))
        here.models[model.arn] = model
        job.status, job.model_arn = "Completed", model.arn
