"""The app's stacks as they are declared, and their outputs as CloudFormation has them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.chats import is_trained_to_chat
from catalog.kinds import kind_of
from catalog.nearest import did_you_mean
from stacks.declarations import FineTunedModel, ImportedModel, JumpStartModel, Model
from stacks.models import DEPLOYMENTS
from stacks.placement import ACCOUNT_SCOPE, account_stack_id, placed

# Bodies of requests in which an imported model takes a chat's messages itself (stacks/declarations.py, `Body`).
_CHATS = ("chat", "converse")


class UnknownStackError(ValueError):
    """Nothing is declared under that name."""


class WrongDeclarationsError(ValueError):
    """The declarations are of other types than they should be.

    Attributes:
        problems: One line a problem.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Join the problems into one message, a line each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class NotDeployedError(RuntimeError):
    """A declared stack is not deployed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedStack:
    """One model's stack, declared or not.

    Attributes:
        path: As the CDK CLI names it, such as `dev/mistral-7b-instruct`.
        stack_name: CloudFormation's name, such as `dev-mistral-7b-instruct`.
        region: Where it is deployed.
    """

    path: str
    stack_name: str
    region: str

    @property
    def environment_name(self) -> str:
        """The environment's name."""
        return self.path.partition("/")[0]

    @property
    def model_name(self) -> str:
        """The model's name."""
        return self.path.partition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredStack(NamedStack):
    """One model's stack as it is declared.

    Attributes:
        account: 12 digits, or None for the credentials' own.
        model: The declaration.
        takes_keys: Whether callers have keys; they sign with IAM credentials otherwise.
    """

    account: str | None
    model: Model
    takes_keys: bool

    @property
    def is_tuned(self) -> bool:
        """True for a fine-tuned model."""
        return isinstance(self.model, FineTunedModel)

    @property
    def task(self) -> str:
        """The task of the model's kind, such as `text` or `embedding`; imported weights generate text."""
        return kind_of(self.model.model_id).task if isinstance(self.model, JumpStartModel) else "text"

    @property
    def chats(self) -> bool:
        """True where the model takes chats; a base model completes texts only, unless Bedrock chats with it."""
        declared = self.model.bedrock if isinstance(self.model, FineTunedModel | ImportedModel) else None
        if declared is None and isinstance(self.model, JumpStartModel) and self.model.prompt_format is None:
            # The container's own format then, or the preflight asks for one; a base model has none.
            return kind_of(self.model.model_id).task == "text" and is_trained_to_chat(self.model.model_id)
        return self.model.prompt_format != "none" or (declared is not None and declared.body in _CHATS)


@contextmanager
def _well_typed() -> Iterator[None]:
    """Say what is wrong with the declarations where they cannot be read as such."""
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        # Slow to import, and needed for mistakes only.
        from stacks.preflight.types import check_types  # noqa: PLC0415 - see above

        if isinstance(error, UnknownStackError) or not (wrong := check_types(DEPLOYMENTS)[1]):
            raise
        raise WrongDeclarationsError([str(finding) for finding in wrong]) from error


@_well_typed()
def environment_names() -> list[str]:
    """List the declared environments.

    Raises:
        WrongDeclarationsError: If the declarations are none.
    """
    return [environment.name for environment, _ in DEPLOYMENTS]


def all_declared_stacks() -> list[DeclaredStack]:
    """List the stacks of all environments."""
    return [stack for name in environment_names() for stack in declared_stacks(name)]


@_well_typed()
def declared_stacks(environment_name: str) -> list[DeclaredStack]:
    """List the stacks of one environment.

    Args:
        environment_name: Such as `dev`.

    Raises:
        UnknownStackError: If no environment has that name.
        WrongDeclarationsError: If the declarations are none.
    """
    for environment, models in DEPLOYMENTS:
        if environment.name == environment_name:
            return [
                DeclaredStack(
                    path=placement.path,
                    stack_name=placement.name,
                    region=placement.region,
                    account=placement.account,
                    model=placement.model,
                    takes_keys=environment.front_door.api_keys is not None,
                )
                for placement in placed(environment, models)
            ]
    hint = did_you_mean(environment_name, environment_names()) or f"declared are {', '.join(environment_names())}"
    raise UnknownStackError(f"environment is {environment_name!r}: {hint}")


def declared_stack(path: str) -> DeclaredStack:
    """Find one stack by its path, such as `dev/mistral-7b-instruct`.

    Raises:
        UnknownStackError: If nothing is declared there.
    """
    stacks = all_declared_stacks()
    for stack in stacks:
        if stack.path == path:
            return stack
    environment_name, slash, _ = path.partition("/")
    paths = [stack.path for stack in stacks]
    # The environment is right more often than not, and another one's model of the same name is none to call by mistake.
    beside = [one for one in paths if one.startswith(f"{environment_name}/")] if slash else []
    near = did_you_mean(path, beside) or did_you_mean(path, paths)
    if not near and slash:
        near = f"declared are {', '.join(stack.path for stack in declared_stacks(environment_name))}"
    raise UnknownStackError(f"ENV/MODEL is {path!r}: {near or 'allowed is one such as dev/mistral-7b-instruct'}")


def outputs(stack: NamedStack) -> dict[str, str]:
    """Return a deployed stack's outputs by their keys.

    Raises:
        NotDeployedError: If the stack does not exist.
        botocore.exceptions.ClientError: If it may not be read.
    """
    # Slow to import, and completion of ENV/MODEL needs the declarations only.
    import boto3  # noqa: PLC0415 - see above
    from botocore.exceptions import ClientError  # noqa: PLC0415 - likewise

    cloudformation: Any = boto3.client("cloudformation", region_name=stack.region)
    try:
        described = cloudformation.describe_stacks(StackName=stack.stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            raise NotDeployedError(
                f"{stack.path} is not deployed in {stack.region}: {deploy_command(stack)}"
            ) from error
        raise
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def output(stack: DeclaredStack, key: str) -> str:
    """Return one output of a deployed stack.

    Raises:
        NotDeployedError: If the stack does not exist, or has no such output, as after a creation that failed.
        botocore.exceptions.ClientError: If it may not be read.
    """
    found = outputs(stack).get(key)
    if found is None:
        text = (
            f"{stack.path} has no output {key} in {stack.region}: its last deployment did not end well, or is under way"
        )
        raise NotDeployedError(f"{text}: {deploy_command(stack)}")
    return found


def deploy_command(stack: NamedStack) -> str:
    """Return the command that deploys a declared stack."""
    return f"./jumpstack deploy {stack.path.replace('/', ' ')}"


def regions(stacks: list[DeclaredStack]) -> Iterator[str]:
    """Iterate over the regions of stacks, each once, in order of their names."""
    yield from sorted({stack.region for stack in stacks})


def account_paths(stacks: Sequence[DeclaredStack]) -> list[str]:
    """Return the paths of the stacks with the settings of the accounts and regions that stacks are in."""
    places = sorted({(stack.account or "", stack.region) for stack in stacks})
    return [f"{ACCOUNT_SCOPE}/{account_stack_id(account or None, region)}" for account, region in places]


def resource_count(assembly: Path, stack: DeclaredStack) -> int:
    """Return how many resources a stack declares.

    Args:
        assembly: Folder that `cdk synth` wrote.
        stack: The stack.

    Raises:
        ValueError: If the assembly does not hold the stack.
    """
    artifacts = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    for artifact in artifacts.values():
        if artifact.get("properties", {}).get("stackName") == stack.stack_name:
            template = json.loads((assembly / artifact["properties"]["templateFile"]).read_text(encoding="utf-8"))
            return len(template["Resources"])
    raise ValueError(f"stack is {stack.path!r}: the assembly does not hold it")
