"""AWS Identity and Access Management."""

from __future__ import annotations

from typing import Any, Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    policy_text,
)
from localaws.resources.tags import Tagging

_TAGGING: Final = Tagging(service="iam", resource="RoleName", add="tag_role", remove="untag_role")


class Role(Handler):
    """`AWS::IAM::Role`."""

    type_name = "AWS::IAM::Role"
    applied = frozenset(
        {
            "AssumeRolePolicyDocument",
            "Description",
            "ManagedPolicyArns",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies",
            "RoleName",
            "Tags",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the role, then attach its policies."""
        iam = context.client("iam")
        name = properties.get("RoleName") or context.generated_name()
        made = call(
            iam,
            "create_role",
            RoleName=name,
            AssumeRolePolicyDocument=policy_text(properties["AssumeRolePolicyDocument"]),
            Path=properties.get("Path"),
            Description=properties.get("Description"),
            MaxSessionDuration=properties.get("MaxSessionDuration"),
            PermissionsBoundary=properties.get("PermissionsBoundary"),
            Tags=_TAGGING.given(properties),
        )["Role"]
        context.physical_id = name
        self._set_policies(iam, name, {}, properties)
        return {"Arn": made["Arn"], "RoleId": made["RoleId"]}

    def _set_policies(self, iam: Any, name: str, old: Properties, new: Properties) -> None:
        inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in new.get("Policies", ())}
        for policy in old.get("Policies", ()):
            if policy["PolicyName"] not in inline:
                iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        for policy_name, document in inline.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=policy_text(document))
        managed = new.get("ManagedPolicyArns", [])
        for arn in old.get("ManagedPolicyArns", ()):
            if arn not in managed:
                iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in managed:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set everything but name and path."""
        iam, name = context.client("iam"), context.physical_id or ""
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=policy_text(new["AssumeRolePolicyDocument"]))
        call(
            iam,
            "update_role",
            RoleName=name,
            Description=new.get("Description", ""),
            MaxSessionDuration=new.get("MaxSessionDuration"),
        )
        if "PermissionsBoundary" in new:
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=new["PermissionsBoundary"])
        elif "PermissionsBoundary" in old:
            iam.delete_role_permissions_boundary(RoleName=name)
        _TAGGING.change(context, name, old, new)
        self._set_policies(iam, name, old, new)
        role = iam.get_role(RoleName=name)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def delete(self, context: Context, properties: Properties) -> None:
        """Remove the role's own policies and delete it."""
        iam, name = context.client("iam"), context.physical_id or ""
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy_name in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
        iam.delete_role(RoleName=name)


class Policy(Handler):
    """`AWS::IAM::Policy`: an inline policy of roles. Users and groups are not served."""

    type_name = "AWS::IAM::Policy"
    applied = frozenset({"PolicyDocument", "PolicyName", "Roles"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Put the policy into each role."""
        context.physical_id = context.generated_name(longest=128)
        self._put(context, properties)
        return {"Id": context.physical_id}

    def _put(self, context: Context, properties: Properties) -> None:
        for role in properties["Roles"]:
            context.client("iam").put_role_policy(
                RoleName=role,
                PolicyName=properties["PolicyName"],
                PolicyDocument=policy_text(properties["PolicyDocument"]),
            )

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Put the new policy and remove the old one where it is no longer."""
        self._put(context, new)
        kept = {(role, new["PolicyName"]) for role in new["Roles"]}
        for role in old["Roles"]:
            if (role, old["PolicyName"]) not in kept:
                context.client("iam").delete_role_policy(RoleName=role, PolicyName=old["PolicyName"])
        return {"Id": context.physical_id}

    def delete(self, context: Context, properties: Properties) -> None:
        """Remove the policy from each role."""
        for role in properties["Roles"]:
            context.client("iam").delete_role_policy(RoleName=role, PolicyName=properties["PolicyName"])


class ManagedPolicy(Handler):
    """`AWS::IAM::ManagedPolicy`, attached to roles. Users and groups are not served."""

    type_name = "AWS::IAM::ManagedPolicy"
    applied = frozenset({"Description", "ManagedPolicyName", "Path", "PolicyDocument", "Roles"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the policy and attach it."""
        iam = context.client("iam")
        policy = call(
            iam,
            "create_policy",
            PolicyName=properties.get("ManagedPolicyName") or context.generated_name(longest=128),
            Path=properties.get("Path"),
            Description=properties.get("Description"),
            PolicyDocument=policy_text(properties["PolicyDocument"]),
        )["Policy"]
        context.physical_id = policy["Arn"]
        for role in properties.get("Roles", ()):
            iam.attach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
        return {"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Make the new document the policy's only version and change the attachments."""
        iam, arn = context.client("iam"), context.physical_id or ""
        if old["PolicyDocument"] != new["PolicyDocument"]:
            versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
            document = policy_text(new["PolicyDocument"])
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
            for version in versions:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        for role in set(old.get("Roles", ())) - set(new.get("Roles", ())):
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
        for role in new.get("Roles", ()):
            iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        return {"PolicyArn": arn, "PolicyId": iam.get_policy(PolicyArn=arn)["Policy"]["PolicyId"]}

    def delete(self, context: Context, properties: Properties) -> None:
        """Detach the policy and delete it with its versions."""
        iam, arn = context.client("iam"), context.physical_id or ""
        for role in properties.get("Roles", ()):
            iam.detach_role_policy(RoleName=role, PolicyArn=arn)
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        iam.delete_policy(PolicyArn=arn)


HANDLERS = (Role(), Policy(), ManagedPolicy())
