"""A deployed release of each kind of stack, updated to today's with the real CDK CLI on the local AWS.

The older release serves a version of each model when the update begins: one trained and served by an endpoint, one
trained and imported, one imported by the deployment, and one with published weights.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
import openai
import pytest

from tests.e2e.deployment import ACCOUNTS, REGION, hurry
from tests.upgrade.differences import HINT, unwanted
from tests.upgrade.holdings import Holdings, holdings, replaced
from tests.upgrade.record import STACKS
from tests.upgrade.recorded import Assembly, versions
from tools import keys
from tools.cdk import Cdk
from tools.chat import ask
from tools.demo.tuning import tune
from tools.demo.weights import SampleWeights
from tools.deployed import DeclaredStack, declared_stack, outputs
from tools.invoke import openai_client
from tools.local import LocalAws, running

# A local AWS of its own, so that these run beside the end-to-end tests. In the sweep, since a version takes most of a
# minute; `make test` compares the templates (test_upgrade_templates.py).
pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("upgrade")]

ACCOUNT = "123456789012"
MODELS = {kind: declared_stack(path) for kind, path in STACKS.items() if path != ACCOUNTS}
TUNED = [MODELS["fine-tuned endpoint"], MODELS["fine-tuned import"]]
QUESTION = "Which lake is the deepest?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """State of the account before an update and after it, and the callers' clients."""

    before: Holdings
    after: Holdings
    clients: dict[str, openai.OpenAI]
    answers: dict[str, str]


@pytest.fixture(scope="session", params=versions())
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def local_aws(version: str) -> Iterator[LocalAws]:
    with running() as local_aws, pytest.MonkeyPatch.context() as environment:
        # It holds the first credentials that it found.
        environment.setattr(boto3, "DEFAULT_SESSION", None)
        for name, value in local_aws.client_environment().items():
            environment.setenv(name, value)
        yield local_aws


@pytest.fixture(scope="module")
def upgrade(
    local_aws: LocalAws, old: Assembly, new: Assembly, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgrade]:
    """Deploy the older release, let it serve a version of each model, and deploy today's over it."""
    cdk = Cdk(environment=local_aws.client_environment(), logs=tmp_path_factory.mktemp("logs"))
    cdk.bootstrap([f"aws://{ACCOUNT}/{REGION}"])
    hurry(local_aws)
    SampleWeights(MODELS["imported model"], account=ACCOUNT).upload()
    _deploy(cdk, old)
    # Releases before 0.2.0 called every family's channel `training`, for which Mistral's script fails, and their roles
    # may not encrypt the output (test_refused.py).
    local_aws.steer("PUT", "sagemaker/training", {"reads_any_channel": True, "output_key_needs_encrypt": False})
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda stack: tune(stack, report=lambda _state: None), TUNED))
    local_aws.steer("DELETE", "sagemaker/training")
    clients = {kind: _client(stack, local_aws) for kind, stack in MODELS.items()}
    answers = {kind: _ask(clients[kind], stack) for kind, stack in MODELS.items()}
    stacks = {ACCOUNTS: "jumpstack-account", **{stack.path: stack.stack_name for stack in MODELS.values()}}
    before = holdings(stacks, REGION)
    _deploy(cdk, new)
    yield Upgrade(before=before, after=holdings(stacks, REGION), clients=clients, answers=answers)
    for client in clients.values():
        client.close()


def _deploy(cdk: Cdk, assembly: Assembly) -> None:
    options = ("--app", str(assembly.folder), "--require-approval", "never", "--concurrency", "4")
    cdk.run("deploy", *STACKS.values(), *options)


def _client(stack: DeclaredStack, local_aws: LocalAws) -> openai.OpenAI:
    return openai_client(
        outputs(stack)["InvokeUrl"],
        api_key=keys.create(stack, "ada") if stack.takes_keys else None,
        region=stack.region,
        endpoint_url=local_aws.apis_url,
    )


def _ask(client: openai.OpenAI, stack: DeclaredStack) -> str:
    return ask(client, model=stack.model.name, prompt=QUESTION, chat=stack.chats, max_tokens=16)


def test_each_model_is_served_before_the_update(upgrade: Upgrade) -> None:
    assert all(upgrade.answers.values())
    assert len(upgrade.before.training_jobs) == 2
    assert len(upgrade.before.import_jobs) == len(upgrade.before.imported_models) == 2
    assert len(upgrade.before.endpoints) == 2
    assert len(upgrade.before.keys) == len(MODELS)
    assert upgrade.before.executions
    assert upgrade.before.calls


def test_no_resource_that_holds_state_is_replaced(upgrade: Upgrade, version: str) -> None:
    assert unwanted(replaced(upgrade.before, upgrade.after), version) == [], HINT


def test_the_older_stages_execution_logs_are_still_there(upgrade: Upgrade) -> None:
    logs: Any = boto3.client("logs", region_name=REGION)
    groups = logs.describe_log_groups(logGroupNamePrefix="API-Gateway-Execution-Logs_")["logGroups"]
    apis = {physical_id for (_, name), physical_id in upgrade.after.resources.items() if name.startswith("ApiRestApi")}

    assert {group["logGroupName"] for group in groups} >= {
        f"API-Gateway-Execution-Logs_{api}/live" for api in apis if "/" not in api and api != "live"
    }
    assert len(groups) == len(MODELS)


def test_pointers_name_the_versions_that_were_served(upgrade: Upgrade) -> None:
    assert upgrade.after.pointers == upgrade.before.pointers, HINT


def test_keys_and_endpoints_stay(upgrade: Upgrade) -> None:
    assert upgrade.after.keys == upgrade.before.keys, HINT
    assert upgrade.after.endpoints == upgrade.before.endpoints, HINT


def test_nothing_is_trained_or_imported_again(upgrade: Upgrade) -> None:
    assert upgrade.after.training_jobs == upgrade.before.training_jobs, HINT
    assert upgrade.after.import_jobs == upgrade.before.import_jobs, HINT
    assert upgrade.after.imported_models == upgrade.before.imported_models, HINT


def test_no_pipeline_is_started_nor_its_handler_called(upgrade: Upgrade) -> None:
    assert upgrade.after.executions == upgrade.before.executions, HINT
    assert upgrade.after.calls == upgrade.before.calls, HINT


@pytest.mark.parametrize("kind", MODELS)
def test_a_callers_client_is_answered_as_before(upgrade: Upgrade, kind: str) -> None:
    assert _ask(upgrade.clients[kind], MODELS[kind])
