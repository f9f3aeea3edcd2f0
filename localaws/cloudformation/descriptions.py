"""Stacks, resources and change sets as CloudFormation's answers describe them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from localaws.cloudformation.stack import ChangeSet, Stack

_NOT_DRIFTED: Final = "NOT_CHECKED"


def parameters(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return parameters as a list of keys and values."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def change_set_summary(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    """Return a change set as ListChangeSets shows it."""
    return {
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": change_set.description,
        "CreationTime": change_set.created,
        "Status": change_set.status,
        "StatusReason": change_set.reason,
        "ExecutionStatus": change_set.execution_status,
    }


def stack_summary(stack: Stack) -> dict[str, Any]:
    """Return a stack as ListStacks shows it."""
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": stack.created,
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleted,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DriftInformation": {"StackDriftStatus": _NOT_DRIFTED},
    }


def stack_description(stack: Stack) -> dict[str, Any]:
    """Return a stack as DescribeStacks shows it."""
    revision = stack.revision
    return stack_summary(stack) | {
        "Description": revision.template.description if revision else None,
        "Parameters": parameters(revision.parameters) if revision else [],
        "Tags": list(revision.tags) if revision else [],
        "Outputs": [
            {
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export_name,
            }
            for output in stack.outputs
        ],
        "Capabilities": list(stack.capabilities),
        "RoleARN": stack.role_arn,
        "NotificationARNs": [],
        "DisableRollback": False,
        "EnableTerminationProtection": stack.termination_protection,
    }


def resource_rows(stack: Stack) -> list[dict[str, Any]]:
    """Return a stack's resources as the operations on them show them."""
    return [
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "ResourceStatus": resource.status,
            "ResourceStatusReason": resource.reason,
            "Timestamp": resource.updated,
            "LastUpdatedTimestamp": resource.updated,
            "DriftInformation": {"StackResourceDriftStatus": _NOT_DRIFTED},
        }
        for logical_id, resource in list(stack.resources.items())
    ]
