"""How the end-to-end tests deploy: one stack of the app and its variants, with the real CDK CLI."""

from collections.abc import Callable
from pathlib import Path

from tools.cdk import Cdk
from tools.deployed import declared_stack

REGION = "us-west-2"
STACK = declared_stack("dev/mistral-7b-instruct")
ACCOUNTS = f"account/{REGION}"


class Deployer:
    """Deploys variants of the one stack, or of another app's, which may have been synthesized before."""

    def __init__(self, cdk: Cdk, folder: Path, app: str = "tests/e2e/variant_app.py") -> None:
        self.cdk = cdk
        self._folder = folder
        self._app = app

    def assembly(self, variant: str = "") -> list[str]:
        """Synthesize a variant once and return the option that names it."""
        assembly = self._folder / f"cdk.out-{variant}"
        if not assembly.exists():
            app = f"python3 {self._app} {variant}"
            self.cdk.run("synth", "--quiet", "--app", app, "--output", str(assembly))
        return ["--app", str(assembly)]

    def deploy(
        self,
        variant: str = "",
        stack: str = STACK.path,
        *others: str,
        while_waiting: Callable[[], None] | None = None,
    ) -> str:
        options = (*self.assembly(variant), "--require-approval", "never", "--concurrency", "4")
        return self.cdk.run("deploy", stack, *others, *options, while_waiting=while_waiting)

    def destroy(self, *stacks: str, variant: str = "") -> str:
        return self.cdk.run("destroy", *stacks, *self.assembly(variant), "--force", "--concurrency", "4")
