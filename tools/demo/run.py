"""End-to-end demo on this machine: deploy an environment, chat with every model, destroy it.

`make demo` runs it. The real CDK CLI deploys the real templates; AWS is the local one, in which stand-ins replace
containers and GPUs.
"""

import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import boto3
import openai
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from stacks.declarations import FineTunedModel, ImportedModel
from stacks.environments import Removal
from stacks.models import DEPLOYMENTS
from tools import engine, keys
from tools.cdk import Cdk
from tools.chat import ask
from tools.demo.answers import print_answers, served_by
from tools.demo.questions import ask_task
from tools.demo.tuning import hurry, tune
from tools.demo.weights import SampleWeights
from tools.deployed import DeclaredStack, account_paths, declared_stacks, outputs, regions, resource_count
from tools.invoke import KEY_VARIABLE, openai_client
from tools.leftovers import leftovers
from tools.local import DEFAULT_ACCOUNT, LocalAws, running, start
from tools.processes import end_with_parent, interruptible

# Types that stay on purpose where an environment retains its data (stacks/environments.py).
_RETAINED = {"AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket"}
# Of an answer: a sentence or two, which the small model writes in some 2 s.
_MOST_TOKENS = 48
# Name of the demo's keys.
_CALLER = "demo"
# Prompts of the models' announcements.
_CHAT = "What is Amazon SageMaker JumpStart?"
_COMPLETION = "Building a website can be done in 10 simple steps:"


class DemoError(RuntimeError):
    """A model did not answer, or something is left behind."""


class Demo:
    """One run of the demo on a running local AWS."""

    def __init__(
        self, *, console: Console, cdk: Cdk, local_aws: LocalAws, environment_name: str, assembly: Path
    ) -> None:
        """Store the values that the steps share.

        Args:
            console: Console for progress.
            cdk: The CLI.
            local_aws: The local AWS to deploy to.
            environment_name: Such as `dev`.
            assembly: Folder for the cloud assembly.
        """
        self._console = console
        self._cdk = cdk
        self._local_aws = local_aws
        self._environment_name = environment_name
        self._assembly = str(assembly)
        self._stacks = declared_stacks(environment_name)
        self._regions = list(regions(self._stacks))
        imported = [stack for stack in self._stacks if isinstance(stack.model, ImportedModel)]
        self._weights = [SampleWeights(stack, account=local_aws.account) for stack in imported]

    def upload_weights(self) -> None:
        """Upload tiny weights to the places that the declarations of imported models name.

        Raises:
            subprocess.CalledProcessError: If they cannot be written.
        """
        hurry(self._local_aws)
        for weights in self._weights:
            weights.upload()
            self._console.print(f"Tiny weights are in {weights.uri}.", highlight=False)

    def deploy(self) -> None:
        """Synthesize, bootstrap every region, and deploy the accounts' stacks and then the environment's.

        Raises:
            CdkError: If any of it fails.
        """
        environment_stacks = f"{self._environment_name}/*"
        accounts = account_paths(self._stacks)
        with self._step(f"synthesize {len(self._stacks)} stacks, bootstrap {', '.join(self._regions)}"):
            # Bootstrapping needs no assembly and synthesis needs no AWS.
            only = ("-c", f"environments={self._environment_name}")
            synth = ("synth", "--quiet", *only, "--output", self._assembly, environment_stacks, *accounts)
            synthesis = self._cdk.start(*synth)
            self._cdk.bootstrap(f"aws://{self._local_aws.account}/{region}" for region in self._regions)
            self._cdk.finish(synthesis, *synth)
        with self._step("deploy the accounts' settings"):
            self._deploy(*accounts)
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
        with Progress(*columns, TextColumn("{task.fields[status]}"), console=self._console) as progress:
            bars = [
                (stack, progress.add_task(stack.path, total=resource_count(Path(self._assembly), stack), status=""))
                for stack in self._stacks
            ]
            self._deploy(environment_stacks, progress=progress, bars=bars)

    def _deploy(
        self, *patterns: str, progress: Progress | None = None, bars: Sequence[tuple[DeclaredStack, TaskID]] = ()
    ) -> None:
        def show() -> None:
            for stack, bar in bars:
                status, done = _deployed(stack)
                if progress:
                    progress.update(bar, completed=done, status=status)

        self._cdk.run(
            "deploy",
            *patterns,
            *("--app", self._assembly, "--require-approval", "never", "--concurrency", "4"),
            while_waiting=show,
        )
        show()

    def tune(self) -> None:
        """Train every fine-tuned model on its sample data and serve the result.

        Raises:
            FineTuningError: If a pipeline fails.
        """
        tuned = [stack for stack in self._stacks if isinstance(stack.model, FineTunedModel)]
        for stack in tuned:
            with self._step(f"train {stack.path} on sample data and serve it") as say:
                release = tune(stack, report=say)
            self._console.print(f"{stack.path} serves release {release}.", highlight=False)

    def chat(self) -> None:
        """Ask every deployed model once, through its API, and print a table of the answers.

        Raises:
            DemoError: If a model does not answer.
        """
        rows = []
        for stack in self._stacks:
            given = outputs(stack)
            client = openai_client(
                given["InvokeUrl"],
                api_key=keys.create(stack, _CALLER) if stack.takes_keys else None,
                region=stack.region,
                endpoint_url=self._local_aws.apis_url,
            )
            try:
                answer = _answer(client, stack)
            except openai.OpenAIError as error:
                raise DemoError(f"{stack.path} does not answer: {error}") from error
            if not answer.strip():
                raise DemoError(f"{stack.path} answers with nothing")
            first_line = answer.strip().splitlines()[0]
            rows.append((stack.path, *served_by(given, stack.region), given["InvokeUrl"], first_line))
        print_answers(self._console, rows)
        self._console.print(
            "Base models completed a text (/v1/completions), the others chatted (/v1/chat/completions), with OpenAI's "
            f"client and {'a key each' if self._stacks[0].takes_keys else 'signed requests'}. "
            f"{engine.said(self._local_aws.engine)}"
        )

    def destroy(self) -> None:
        """Destroy the stacks and look for leftovers.

        Raises:
            CdkError: If the CLI fails.
            DemoError: If something is left that should not be.
        """
        with self._step(f"destroy {len(self._stacks)} stacks"):
            # Keys belong to no stack: nobody's deployment should take away what a caller uses.
            for stack in self._stacks:
                keys.revoke(stack)
            everything = (f"{self._environment_name}/*", *account_paths(self._stacks))
            self._cdk.run("destroy", *everything, "--app", self._assembly, "--force", "--concurrency", "4")
        for weights in self._weights:
            weights.remove()
        left = leftovers(self._regions)
        retains = any(
            environment.removal is Removal.RETAIN
            for environment, _ in DEPLOYMENTS
            if environment.name == self._environment_name
        )
        kept = [resource for resource in left if retains and resource.kind in _RETAINED]
        if unwanted := [resource for resource in left if resource not in kept]:
            raise DemoError("left behind: " + ", ".join(f"{found.kind} {found.name}" for found in unwanted))
        if kept:
            kinds = ", ".join(sorted({resource.kind for resource in kept}))
            self._console.print(f"Nothing is left but what {self._environment_name} retains: {len(kept)} of {kinds}.")
        else:
            self._console.print("Nothing is left.")

    def print_next_commands(self) -> None:
        """Print commands for the stacks that keep running."""
        example = next((stack for stack in self._stacks if stack.chats), self._stacks[0])
        self._console.print("The local AWS keeps running. Talk to it:", style="bold")
        with_key = f"export {KEY_VARIABLE}=$(./jumpstack keys create {example.path} --name me)"
        for line in [
            'eval "$(./jumpstack local env)"',
            *([with_key] if example.takes_keys else []),
            f"./jumpstack chat {example.path} {shlex.quote(_CHAT if example.chats else _COMPLETION)}",
            f"./jumpstack status {self._environment_name}",
            f"./jumpstack cdk diff {shlex.quote(self._environment_name + '/*')}",
            "./jumpstack local stop",
        ]:
            self._console.print(f"  {line}", highlight=False, soft_wrap=True)

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Show a step while it runs, and its duration; yield the function that changes its text."""
        began = time.monotonic()
        with self._console.status(name) as shown:
            yield shown.update
        self._console.print(f"[green]done[/green] {name} ({time.monotonic() - began:.1f} s)", highlight=False)


def _answer(client: openai.OpenAI, stack: DeclaredStack) -> str:
    """Ask a model one question of its task."""
    if stack.task != "text":
        return ask_task(client, model=stack.model.name, task=stack.task)
    return ask(
        client,
        model=stack.model.name,
        prompt=_CHAT if stack.chats else _COMPLETION,
        chat=stack.chats,
        max_tokens=_MOST_TOKENS,
        # The same answers in each run.
        temperature=0,
    )


def _deployed(stack: DeclaredStack) -> tuple[str, int]:
    """Return a stack's status and the number of its complete resources; empty and 0 before it exists."""
    cloudformation: Any = boto3.client("cloudformation", region_name=stack.region)
    try:
        status = cloudformation.describe_stacks(StackName=stack.stack_name)["Stacks"][0]["StackStatus"]
        resources = cloudformation.describe_stack_resources(StackName=stack.stack_name)["StackResources"]
    except cloudformation.exceptions.ClientError:
        return "", 0
    return status, sum(resource["ResourceStatus"].endswith("_COMPLETE") for resource in resources)


def run(environment_name: str, *, keep: bool) -> None:
    """Run the demo on a local AWS of its own.

    Args:
        environment_name: Such as `dev`.
        keep: Leave everything running.

    Raises:
        CdkError: If the CLI fails.
        DemoError: If the environment runs no model, a model does not answer, or something is left behind.
        EngineError: If the environment asks for an unknown engine.
        FineTuningError: If a pipeline fails.
        LocalAwsError: If the local AWS does not start, or one is to stay and one runs already.
    """
    stacks = declared_stacks(environment_name)
    if not stacks:
        raise DemoError(f"{environment_name} runs no model: name some in DEPLOYMENTS, stacks/models.py")
    account = stacks[0].account or DEFAULT_ACCOUNT
    # A pipe has no width of its own; the table needs about this much.
    console = Console(width=None if sys.stdout.isatty() else 200)
    end_with_parent()
    began = time.monotonic()
    aws = nullcontext(start(account=account)) if keep else running(account=account, arguments=engine.arguments())
    gone = "the local AWS of the demo has ended, and all that was deployed on it is gone"
    with interruptible(lambda: gone), aws as local_aws, tempfile.TemporaryDirectory() as folder:
        local_aws.put_into(os.environ)
        with _runs_on(local_aws) if keep else nullcontext():
            demo = Demo(
                console=console,
                cdk=Cdk(environment=local_aws.client_environment(), logs=Path(folder)),
                local_aws=local_aws,
                environment_name=environment_name,
                assembly=Path(folder) / "cdk.out",
            )
            demo.upload_weights()
            demo.deploy()
            demo.tune()
            demo.chat()
            if keep:
                demo.print_next_commands()
            else:
                demo.destroy()
    console.print(f"took {time.monotonic() - began:.0f} s", highlight=False)


@contextmanager
def _runs_on(local_aws: LocalAws) -> Iterator[None]:
    """Say that the local AWS keeps running where the demo does not end well."""
    text = (
        f"the local AWS runs on at {local_aws.url}, with what was deployed until here: "
        'eval "$(./jumpstack local env)" addresses it, ./jumpstack local stop removes all of it'
    )
    try:
        with interruptible(lambda: text):
            yield
    except Exception:
        print(text, file=sys.stderr)
        raise
