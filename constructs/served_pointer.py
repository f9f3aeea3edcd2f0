"""What is served of a model: parameters that name what answers, the served release and the one before it."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct

NOTHING = "none"
"""A parameter's value before a first version is served: a parameter cannot be empty."""


class ServedPointer(Construct):
    """Three parameters, made by CloudFormation with the value `none` and written by releases from then on.

    Defines: `AWS::SSM::Parameter` `/jumpstack/<path>/target`, which holds for the invoke shim what answers, an
    endpoint's name or an imported model's ARN, and `…/served` and `…/previous`, which hold releases (versions, of
    imported models). CloudFormation sends an update only where the template changes, so that a later deployment
    leaves the values alone.

    Data flow: the pipeline, or the import, writes; the shim reads `target` and answers 503 while it is `none`.

    Failures: a parameter of that name that another stack made refuses the deployment.

    Prerequisites: none.

    Usage::

        pointer = ServedPointer(self, "Served", path="dev/mistral-7b-dolly")
        pointer.grant_read_target(function)
    """

    def __init__(self, scope: Construct, construct_id: str, *, path: str) -> None:
        """Define the parameters.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            path: What the names begin with, after `/jumpstack/`.
        """
        super().__init__(scope, construct_id)
        self.target = self._parameter(
            "Target",
            path,
            "what answers: an endpoint's name or an imported model's ARN; none until there is a first version",
        )
        self.served = self._parameter("Served", path, "the release that is served")
        self.previous = self._parameter("Previous", path, "the release that was served before, for a rollback")

    def _parameter(self, name: str, path: str, description: str) -> ssm.CfnParameter:
        return ssm.CfnParameter(
            self,
            name,
            name=f"/jumpstack/{path}/{name.lower()}",
            type="String",
            value=NOTHING,
            description=description,
        )

    def arn(self, parameter: ssm.CfnParameter) -> str:
        """The ARN of one of the parameters."""
        name = str(parameter.name).removeprefix("/")
        return Stack.of(self).format_arn(service="ssm", resource="parameter", resource_name=name)

    def grant_read_target(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let the grantee look up what answers."""
        return iam.Grant.add_to_principal(
            grantee=grantee, actions=["ssm:GetParameter"], resource_arns=[self.arn(self.target)]
        )
