"""Import of a model into Bedrock, tuned or not: names, import job, dashboard and outputs."""

from constructs.model_import.import_dashboard import ImportDashboard
from constructs.model_import.import_role import Weights
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import ModelImportJob
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer

from stacks.declarations import BedrockImport
from stacks.placed_stack import PlacedStack
from stacks.placement import AnyPlacement


def import_into_bedrock(
    stack: PlacedStack,
    placement: AnyPlacement,
    *,
    declared: BedrockImport,
    weights: Weights,
    encryption_key: ModelKey,
    import_on_deploy: bool,
    revision: str = "",
) -> tuple[ImportedModel, ModelImportJob]:
    """Define an imported model of Bedrock and the job that imports its versions.

    Args:
        stack: The model's stack.
        placement: The model and its environment.
        declared: The declaration's part about the import.
        weights: Location of the weights; where a pipeline starts the imports, the common prefix of all versions'.
        encryption_key: The stack's key.
        import_on_deploy: Whether a deployment imports, and fails with the import.
        revision: Changes when the same prefix is to be imported again.

    Returns:
        The target of the API, and the import job.

    Raises:
        ValueError: If the declaration is wrong; the message lists every problem.
    """
    if declared.in_vpc and placement.network is None:
        raise ValueError(
            f"bedrock.in_vpc is True, and the environment {placement.environment.name} has no network: allowed are "
            "False, or an environment with a network"
        )
    pointer = ServedPointer(stack, "Served", path=placement.path)
    imported = ImportedModel(
        stack,
        "Model",
        model_name=placement.name,
        pointer=pointer,
        body=declared.body,
        encryption_key=encryption_key if declared.encrypt else None,
        tags=placement.tags,
    )
    job = ModelImportJob(
        stack,
        "Import",
        model=imported,
        weights=weights,
        storage=stack.storage(encryption_key),
        import_on_deploy=import_on_deploy,
        revision=revision,
        keep_versions=declared.keep_versions,
        smoke_prompt=declared.smoke_prompt,
        smoke_expect=declared.smoke_expect,
        subnet_ids=placement.subnet_ids if declared.in_vpc else (),
        security_group_ids=placement.security_group_ids if declared.in_vpc else (),
    )
    dashboard = ImportDashboard(stack, "Dashboard", model_name=placement.name, client_model_name=placement.model.name)
    # An imported version costs storage by the month: whatever else may fail should have failed by then.
    job.deployment.resource.node.add_dependency(encryption_key, dashboard)
    stack.add_outputs(
        {
            "ImportedModelName": (placement.name, "what the names of the model's versions in Bedrock begin with"),
            "PointerName": (
                pointer.name(pointer.target),
                "the parameter that holds the ARN of the version that is served",
            ),
            "ImportStateMachineArn": (
                job.state_machine.state_machine_arn,
                "imports a version, from the prefix it is given",
            ),
        }
    )
    return imported, job
