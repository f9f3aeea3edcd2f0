"""Pointer to the served release: parameters with its target, its name and the name of the release before it."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from constructs import Construct
from constructs.values.arns import arn

from model_import.contract import NO_RELEASE


class ServedPointer(Construct):
    """Three parameters, created by CloudFormation with the value `none` and written by releases from then on.

    Defines: `AWS::SSM::Parameter` `/jumpstack/<path>/target`, which names the target of the invoke shim, an endpoint
    or an imported model's ARN, and `…/served` and `…/previous`, which hold releases (versions, of imported models).
    A change of any of their properties makes CloudFormation write `none` again: their properties never change, and
    the stacks keep tags that may change off them.

    Data flow: the pipeline, or the import, writes; the shim reads `target`, and its history where it is `none`, and
    answers 503 while nothing else was ever written.

    Failures: a parameter of that name that another stack created fails the deployment.

    Prerequisites: none.

    Usage::

        pointer = ServedPointer(self, "Served", path="dev/mistral-7b-dolly")
        pointer.grant_read_target(function)
    """

    def __init__(self, scope: Construct, construct_id: str, *, path: str) -> None:
        """Define the parameters.

        Args:
            path: Beginning of the names, after `/jumpstack/`.
        """
        super().__init__(scope, construct_id)
        self._path = path
        self._names: dict[ssm.CfnParameter, str] = {}
        self.target = self._parameter(
            "Target",
            "what answers: an endpoint's name or an imported model's ARN; none until there is a first version",
        )
        self.served = self._parameter("Served", "the release that is served")
        self.previous = self._parameter("Previous", "the release that was served before, for a rollback")

    def _parameter(self, name: str, description: str) -> ssm.CfnParameter:
        full_name = f"/jumpstack/{self._path}/{name.lower()}"
        parameter = ssm.CfnParameter(
            self, name, name=full_name, type="String", value=NO_RELEASE, description=description
        )
        self._names[parameter] = full_name
        return parameter

    def name(self, parameter: ssm.CfnParameter) -> str:
        """Return the name of one of the parameters."""
        return self._names[parameter]

    def arn(self, parameter: ssm.CfnParameter) -> str:
        """Return the ARN of one of the parameters."""
        return arn(self, "ssm", f"parameter{self.name(parameter)}")

    def grant_read_target(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant the right to read the target and its history."""
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["ssm:GetParameter", "ssm:GetParameterHistory"],
            resource_arns=[self.arn(self.target)],
        )
