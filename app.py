"""The CDK app: models become stacks, each below its environment.

Run by the CDK CLI (`cdk.json`), by tests, or by hand. Synthesis reads the declarations, the catalogue's lock and the
context, and nothing else: no clock, no environment variable, no AWS, no git.

Two values of the context select stacks, so that work on one model does not wait for all: `environments` and `models`,
each a list of names joined by commas, such as `cdk diff dev/falcon-7b -c environments=dev -c models=falcon-7b`. The
preflight checks all declarations all the same, and a stack's template does not depend on the selection.
"""

import json
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

if __name__ == "__main__":
    # An interrupted synthesis ends without the stack trace of wherever it was; the CDK CLI says that it failed.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# Constructs import the contracts of the packages in lambda/, which is no package itself: its name is a keyword.
sys.path.insert(0, str(Path(__file__).with_name("lambda")))

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, WriteNagSuppressionsToCloudFormationAspect
from constructs import Construct

from catalog import Lock
from stacks.reading import reading_problem

try:
    from stacks.models import DEPLOYMENTS
except Exception as error:
    if problem := reading_problem(error):
        sys.exit(f"the declarations in stacks/ cannot be read:\n  {problem}")
    raise

from stacks.account_stack import AccountStack
from stacks.declarations import FineTunedModel, ImportedModel, JumpStartModel
from stacks.endpoint_stack import EndpointStack
from stacks.fine_tuned_endpoint_stack import FineTunedEndpointStack
from stacks.fine_tuned_import_stack import FineTunedImportStack
from stacks.imported_model_stack import ImportedModelStack
from stacks.placed_stack import POINTER_TYPE, PlacedStack
from stacks.placement import ACCOUNT_SCOPE, AnyPlacement, Deployments, is_of, placed, placements
from stacks.preflight import Finding, preflight
from stacks.selection import SelectionError, select

_CDK_JSON = Path(__file__).with_name("cdk.json")


class DeclarationError(ValueError):
    """The declarations cannot be deployed.

    Attributes:
        problems: One line a problem, each with its place, the value and what is allowed.
    """

    def __init__(self, problems: list[str]) -> None:
        """Join the problems into one message, a line each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def build(
    deployments: Deployments = DEPLOYMENTS,
    *,
    lock: Lock | None = None,
    outdir: str | None = None,
    context: Mapping[str, str] | None = None,
    warn: Callable[[str], None] | None = None,
) -> cdk.App:
    """Build the app: one stack a model, below its environment, and a stack for each account and region.

    No environment is a `cdk.Stage`: the CDK CLI's `--all` takes only stacks that are in no stage.

    Args:
        deployments: Environments with the models that each runs.
        lock: The catalogue; the committed one by default.
        outdir: Folder of the cloud assembly; the CDK CLI's, or `cdk.out`, by default.
        context: Values laid over the context of `cdk.json`, such as `models`; the CDK CLI's own (`-c`) win over them.
        warn: Receives a line for each finding about the selected stacks that is doubtful but not refused; nothing by
            default.

    Returns:
        The app, ready for `synth()`.

    Raises:
        DeclarationError: If any declaration is wrong; it lists every problem of every model.
        SelectionError: If the context names an environment or a model that is not declared.
    """
    lock = lock or Lock.load()
    report = preflight(deployments, lock=lock)
    if report.errors:
        _pass_on(report.warnings, warn)
        raise DeclarationError([str(error) for error in report.errors])
    # The feature flags of cdk.json hold however the app is started, so that the templates are the same.
    flags = json.loads(_CDK_JSON.read_text(encoding="utf-8"))["context"]
    app = cdk.App(context={**flags, **(context or {})}, outdir=outdir, analytics_reporting=False)
    selected = select(
        deployments,
        environments=app.node.try_get_context("environments"),
        models=app.node.try_get_context("models"),
    )
    paths = [placement.path for placement in placements(selected)]
    _pass_on([warning for warning in report.warnings if warning.matters_to(paths)], warn)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(verbose=True))
    # The first in the assembly: the CDK CLI deploys stacks in this order, where nothing else decides.
    accounts = Construct(app, ACCOUNT_SCOPE)
    for account, region in sorted({(one.account or "", one.region) for one in placements(selected)}):
        AccountStack(accounts, account=account or None, region=region)
    problems: list[str] = []
    for environment, models in selected:
        scope = Construct(app, environment.name)
        for key, value in sorted(environment.tags.items()):
            cdk.Tags.of(scope).add(key, value, exclude_resource_types=[POINTER_TYPE])
        for placement in placed(environment, models):
            # The constructs refuse what the preflight cannot see.
            try:
                _stack(scope, placement, lock)
            except ValueError as error:
                problems += [f"{placement}: {line}" for line in str(error).splitlines()]
    if problems:
        raise DeclarationError(problems)
    # The reasons of acknowledged findings go into the templates, where a reviewer reads them.
    cdk.Aspects.of(app).add(WriteNagSuppressionsToCloudFormationAspect())
    return app


def _pass_on(warnings: Iterable[Finding], warn: Callable[[str], None] | None) -> None:
    if warn is not None:
        for warning in warnings:
            warn(str(warning))


def _stack(scope: Construct, placement: AnyPlacement, lock: Lock) -> PlacedStack:
    """Define the stack of one model, by its kind."""
    if is_of(placement, FineTunedModel):
        if placement.bedrock:
            return FineTunedImportStack(scope, placement, bedrock=placement.bedrock, lock=lock)
        return FineTunedEndpointStack(scope, placement, lock=lock)
    if is_of(placement, JumpStartModel):
        return EndpointStack(scope, placement, lock=lock)
    if is_of(placement, ImportedModel):
        return ImportedModelStack(scope, placement)
    raise TypeError(f"model is a {type(placement.model).__name__}: allowed are the kinds in stacks/declarations.py")


def main() -> int:
    """Synthesize the app, or print the problems of the declarations or of the selection.

    Returns:
        0, or 1 if there is a problem.
    """
    try:
        app = build(warn=lambda line: print(f"warning: {line}", file=sys.stderr))
    except DeclarationError as error:
        print("the declarations in stacks/ cannot be deployed:", file=sys.stderr)
        for problem in error.problems:
            print(f"  {problem}", file=sys.stderr)
        return 1
    except SelectionError as error:
        print(error, file=sys.stderr)
        return 1
    app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
