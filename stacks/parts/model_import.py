"""How a stack brings a model into Bedrock: names, import job, dashboard and outputs, of declarations of either kind."""

from aws_cdk import CfnOutput, Stack
from constructs.model_import.import_dashboard import ImportDashboard
from constructs.model_import.import_role import Weights
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import ModelImportJob
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer

from stacks.declarations import BedrockImport, Model
from stacks.environments import Environment
from stacks.settings import log_retention, name_of, path_of, removal_policy, tags_of


def import_into_bedrock(
    stack: Stack,
    *,
    environment: Environment,
    model: Model,
    declared: BedrockImport,
    weights: Weights,
    encryption_key: ModelKey,
    import_on_deploy: bool,
    revision: str = "",
) -> tuple[ImportedModel, ModelImportJob]:
    """Define an imported model of Bedrock and what imports its versions.

    Args:
        stack: The model's stack.
        environment: Where the model runs.
        model: The declaration.
        declared: Its part about the import.
        weights: Where the weights are; where a pipeline starts the imports, what those of all versions begin with.
        encryption_key: The stack's key.
        import_on_deploy: Whether a deployment imports, and fails with the import.
        revision: Changes when the same prefix is to be imported again.

    Returns:
        What the API stands in front of, and the import job.

    Raises:
        ValueError: If the declaration is wrong; the message lists every problem.
    """
    name = name_of(environment, model)
    if declared.in_vpc and environment.network is None:
        raise ValueError(
            f"bedrock.in_vpc is True, and the environment {environment.name} has no network: allowed are False, or an "
            "environment with a network"
        )
    network = environment.network if declared.in_vpc else None
    pointer = ServedPointer(stack, "Served", path=path_of(environment, model))
    imported = ImportedModel(
        stack,
        "Model",
        model_name=name,
        pointer=pointer,
        body=declared.body,
        encryption_key=encryption_key if declared.encrypt else None,
        tags=tags_of(environment, model),
    )
    job = ModelImportJob(
        stack,
        "Import",
        model=imported,
        weights=weights,
        encryption_key=encryption_key,
        import_on_deploy=import_on_deploy,
        revision=revision,
        keep_versions=declared.keep_versions,
        smoke_prompt=declared.smoke_prompt,
        smoke_expect=declared.smoke_expect,
        subnet_ids=network.subnet_ids if network else (),
        security_group_ids=network.security_group_ids if network else (),
        log_retention=log_retention(environment),
        removal_policy=removal_policy(environment),
    )
    dashboard = ImportDashboard(stack, "Dashboard", model_name=name, client_model_name=model.name)
    # An imported version costs storage by the month: whatever else may fail should have failed by then.
    job.deployment.resource.node.add_dependency(encryption_key, dashboard)
    outputs = {
        "ImportedModelName": (name, "what the names of the model's versions in Bedrock begin with"),
        "PointerName": (str(pointer.target.name), "the parameter that holds the ARN of the version that is served"),
        "ImportStateMachineArn": (
            job.state_machine.state_machine_arn,
            "imports a version, from the prefix it is given",
        ),
    }
    for output, (value, description) in outputs.items():
        CfnOutput(stack, output, value=value, description=description)
    return imported, job
