"""Amazon Elastic Container Registry: the repository of the CDK's bootstrap stack."""

from __future__ import annotations

from typing import Any, Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    is_true,
    lower_camel,
    policy_text,
)
from localaws.resources.tags import Tagging

_TAGGING: Final = Tagging(service="ecr", resource="resourceArn")


class Repository(Handler):
    """`AWS::ECR::Repository`."""

    type_name = "AWS::ECR::Repository"
    applied = frozenset(
        {
            "EmptyOnDelete",
            "EncryptionConfiguration",
            "ImageScanningConfiguration",
            "ImageTagMutability",
            "LifecyclePolicy",
            "RepositoryName",
            "RepositoryPolicyText",
            "Tags",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the repository, then set its policies."""
        ecr = context.client("ecr")
        name = properties.get("RepositoryName") or context.generated_name(longest=256).lower()
        repository = call(
            ecr,
            "create_repository",
            repositoryName=name,
            encryptionConfiguration=lower_camel(properties.get("EncryptionConfiguration")),
            imageScanningConfiguration=lower_camel(properties.get("ImageScanningConfiguration")),
            imageTagMutability=properties.get("ImageTagMutability"),
            tags=_TAGGING.given(properties),
        )["repository"]
        context.physical_id = name
        self._set_policies(ecr, name, {}, properties)
        return {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}

    def _set_policies(self, ecr: Any, name: str, old: Properties, new: Properties) -> None:
        if "RepositoryPolicyText" in new:
            ecr.set_repository_policy(repositoryName=name, policyText=policy_text(new["RepositoryPolicyText"]))
        elif "RepositoryPolicyText" in old:
            ecr.delete_repository_policy(repositoryName=name)
        lifecycle = new.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if lifecycle is not None:
            ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=lifecycle)
        elif "LifecyclePolicy" in old:
            ecr.delete_lifecycle_policy(repositoryName=name)

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set mutability, scanning, policies and tags."""
        ecr, name = context.client("ecr"), context.physical_id or ""
        ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability=new.get("ImageTagMutability", "MUTABLE"))
        call(
            ecr,
            "put_image_scanning_configuration",
            repositoryName=name,
            imageScanningConfiguration=lower_camel(new.get("ImageScanningConfiguration", {"ScanOnPush": False})),
        )
        self._set_policies(ecr, name, old, new)
        repository = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
        _TAGGING.change(context, repository["repositoryArn"], old, new)
        return {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the repository; with images in it only if the template says so."""
        context.client("ecr").delete_repository(
            repositoryName=context.physical_id, force=is_true(properties.get("EmptyOnDelete", False))
        )


HANDLERS = (Repository(),)
