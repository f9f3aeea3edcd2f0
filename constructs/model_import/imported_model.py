"""Settings and grants of an imported model of Bedrock, whichever version of it is served."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from constructs.served_pointer import ServedPointer
from constructs.values.arns import arn
from constructs.values.tokens import is_token

from catalog.limits import model_import as import_limits
from model_import.contract import SOURCE_TAG, TAG


class ImportedModel(Construct):
    """A model in Bedrock with one served version, to be invoked.

    Defines: nothing by itself; it stores the names and derives settings and grants. `ModelImportJob` imports
    its versions.

    Data flow: the invoke shim reads the served version's ARN from the pointer's `target` and invokes it.

    Failures: while no version is served the shim answers 503 with `retry-after`. A model that is idle for 5 minutes is
    unloaded and answers `ModelNotReadyException` for some minutes at the next request; the shim waits for it.

    Limits, of AWS: 16 requests at a time a copy, 0 to 3 copies, which Bedrock starts and stops by itself; 100
    invocations a second an account; 3 imported models an account (L-45B04988, adjustable). A copy is billed in windows
    of 5 minutes from its first invocation on, and storage by the month as long as a version is imported.

    Prerequisites: a region with Custom Model Import (us-east-1, us-east-2, us-west-2, eu-central-1).

    Usage::

        model = ImportedModel(self, "Model", model_name="dev-llama-3b", pointer=pointer, body="chat")
        api = InvokeApi(self, "Api", target=model, model_name="llama-3b", encryption_key=key)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model_name: str,
        pointer: ServedPointer,
        body: str = "chat",
        encryption_key: kms.IKey | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Store the names.

        Args:
            model_name: Beginning of the names of all versions: letters, digits and single inner hyphens, at most
                46 characters.
            pointer: Names the served version. body: Form of the model's requests: `chat`, `completion`, `native`, or
            `converse` where its architecture has it. encryption_key: The imported model's KMS key; Bedrock's own by
            default. tags: Tags of all versions, such as those of cost allocation.

        Raises:
            ValueError: If anything above is out of range; the message lists every problem.
        """
        super().__init__(scope, construct_id)
        breaches = [] if is_token(model_name) else [*import_limits.name(model_name)]
        breaches += [*import_limits.body(body)]
        breaches += [breach for key, value in (tags or {}).items() for breach in import_limits.tag(key, value)]
        problems = [str(breach) for breach in breaches]
        if problems:
            raise ValueError("\n".join(problems))
        self.model_name = model_name
        self.pointer = pointer
        self.body = body
        self.encryption_key = encryption_key
        self.tags = {**(tags or {}), TAG: model_name}

    @property
    def described(self) -> str:
        """Description of the target."""
        return "an imported model of Bedrock"

    @property
    def settings(self) -> Mapping[str, str]:
        """The invoke shim's settings that name the model (`invoke_shim.contract`)."""
        return {"BACKEND": "bedrock", "BODY": self.body, "TARGET_PARAMETER": self.pointer.name(self.pointer.target)}

    @property
    def state_machine_name(self) -> str:
        """Name of the state machine that imports; a pipeline that tunes the model has the model's own."""
        return f"{self.model_name}-import"

    @property
    def model_arns(self) -> str:
        """ARN of all imported models of the account and region: AWS chooses the ids."""
        return arn(self, "bedrock", "imported-model/*")

    @property
    def is_this_model(self) -> Mapping[str, Mapping[str, str]]:
        """The condition that is true for versions of this model only: they have its name as a tag."""
        return {"StringEquals": {f"aws:ResourceTag/{TAG}": self.model_name}}

    @property
    def marks_this_model(self) -> Mapping[str, Mapping[str, Any]]:
        """The conditions of requests that set tags: this model's name is one of them, and no key is another's."""
        return {
            "StringEquals": {f"aws:RequestTag/{TAG}": self.model_name},
            "ForAllValues:StringEquals": {"aws:TagKeys": sorted({*self.tags, SOURCE_TAG})},
        }

    @property
    def marks_no_other_model(self) -> Mapping[str, Mapping[str, Any]]:
        """The conditions of TagResource: those of `marks_this_model`, and no model with another's name has it set.

        What is tagged as it is made has no tag yet, and IAM has no key that distinguishes it from an older model that
        nobody marked.
        """
        return {**self.marks_this_model, "StringEqualsIfExists": {f"aws:ResourceTag/{TAG}": self.model_name}}

    @property
    def invoke_wildcards(self) -> Mapping[str, str]:
        """ARNs with a wildcard in a policy that `grant_invoke` has written, with the reasons."""
        reason = (
            "AWS chooses the ids of imported models; a condition holds the statement to those with this model's tag"
        )
        return {self.model_arns: reason}

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant reading the served version's ARN and invoking it, with and without streaming; Converse has no action.

        The caller acknowledges `invoke_wildcards` in the grantee's policy.
        """
        invoke = iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            resource_arns=[self.model_arns],
            conditions={operator: dict(keys) for operator, keys in self.is_this_model.items()},
        )
        grants = [self.pointer.grant_read_target(grantee)]
        if self.encryption_key:
            grants.append(self.encryption_key.grant_decrypt(grantee))
        for grant in grants:
            invoke = invoke.combine(grant)
        return invoke
