"""A Lambda function of the fine-tuning pipeline: the training package with the rules that it shares with synthesis."""

import ast
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy
from constructs.logged_function import NO_RESOURCE_FOR_TRACES, logged_function
from constructs.statements import allow

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = "training"
_RULES = "catalog"


class TrainingFunction(Construct):
    """One handler of `lambda/training` as a function.

    Defines: an `AWS::Lambda::Function` with its own role and log group, X-Ray tracing, and environment variables
    under the given key. Its package is `lambda/training` and those modules of `catalog` that it imports, so that its
    hash moves when one of them changes and with nothing else.

    Data flow: the settings come from the environment, the rest from the invocation.

    Failures: a handler that the package lacks fails the first invocation, not the deployment.

    Prerequisites: none. What the function may do is granted by the caller, to `function`.

    Usage::

        prepare = TrainingFunction(self, "Prepare", handler="training.prepare.handler", settings={...}, ...)
        bucket.grant_read(prepare.function)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        handler: str,
        description: str,
        settings: Mapping[str, str],
        encryption_key: kms.IKey,
        timeout: Duration,
        memory_size: int = 512,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define the function.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            handler: Such as `training.prepare.handler`.
            description: What the function is for, in Lambda's console.
            settings: Environment variables.
            encryption_key: Key of the log group and of the environment variables.
            timeout: How long the function may run, at most 900 s.
            memory_size: In MiB; Lambda gives CPU and network by memory.
            log_retention: How long the log group keeps its events.
            removal_policy: What becomes of the log group when it leaves the stack.
        """
        super().__init__(scope, construct_id)
        with tempfile.TemporaryDirectory() as folder:
            _pack(Path(folder))
            self.function, self.role = logged_function(
                self,
                # Staged at once: the folder is not needed any longer when the function is made.
                code=lambda_.Code.from_asset(folder),
                handler=handler,
                description=description,
                settings=settings,
                encryption_key=encryption_key,
                memory_size=memory_size,
                timeout=timeout,
                log_retention=log_retention,
                removal_policy=removal_policy,
            )
        acknowledge_in_policy(self.role, {"AwsSolutions-IAM5[Resource::*]": NO_RESOURCE_FOR_TRACES})

    def allow(self, sid: str, actions: list[str], *resources: str) -> None:
        """Let the function do something.

        Args:
            sid: The statement's id, which says what for.
            actions: IAM actions.
            resources: ARNs.
        """
        allow(self.role, sid, actions, *resources)


def _pack(folder: Path) -> None:
    """Copy the package, and what of the catalogue's rules it imports, into an empty folder."""
    hidden = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(_ROOT / "lambda" / _PACKAGE, folder / _PACKAGE, ignore=hidden)
    modules = _imported_rules(_ROOT)
    texts = [module.read_text(encoding="utf-8") for module in modules]
    # Tables lie beside the modules that read them by their names.
    data = [table for table in (_ROOT / _RULES).glob("*.json") if any(table.name in text for text in texts)]
    for source in [*modules, *data]:
        target = folder / source.relative_to(_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


@cache
def _imported_rules(root: Path) -> tuple[Path, ...]:
    """The catalogue's modules that the package imports, with all that those import in turn."""
    waiting = sorted((root / "lambda" / _PACKAGE).rglob("*.py"))
    found: set[Path] = set()
    while waiting:
        for module in _rules_of(root, waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return tuple(sorted(found))


def _rules_of(root: Path, module: Path) -> Iterator[Path]:
    # What is imported in functions only is for commands (catalog/sources/downloads.py's boto3), yet harmless to carry.
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from catalog.limits import gateway` names a module, `from catalog.nearest import similar` a name in one.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] != _RULES:
                continue
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                place = root.joinpath(*parts[:length])
                if (place / "__init__.py").is_file():
                    yield place / "__init__.py"
                elif place.with_suffix(".py").is_file():
                    yield place.with_suffix(".py")
