"""Declarations that the app refuses, with the messages that it prints."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk
import pytest

import app
from stacks.declarations import JumpStartModel
from stacks.environments import DEV, Environment, Removal
from stacks.models import DEPLOYMENTS, FALCON_7B, MISTRAL_7B_INSTRUCT
from tests.support.assembly import templates_of

pytestmark = pytest.mark.xdist_group("app")


def _problems(*models: JumpStartModel, environment: Environment = DEV) -> list[str]:
    with pytest.raises(app.DeclarationError) as refused:
        app.build([(environment, models)])
    return list(refused.value.problems)


def test_refuses_an_unknown_model_id_and_suggests_the_right_one() -> None:
    [problem] = _problems(replace(MISTRAL_7B_INSTRUCT, model_id="huggingface-llm-mistral-7b-instuct"))

    assert problem.startswith("dev/mistral-7b-instruct.model_id is 'huggingface-llm-mistral-7b-instuct'")
    assert "try huggingface-llm-mistral-7b-instruct" in problem


def test_refuses_a_version_that_is_not_pinned() -> None:
    [problem] = _problems(replace(MISTRAL_7B_INSTRUCT, version="9.9.9"))

    assert problem.startswith("dev/mistral-7b-instruct.version is '9.9.9'")
    assert "2.0.0" in problem


def test_refuses_an_unsupported_instance_type() -> None:
    [problem] = _problems(replace(MISTRAL_7B_INSTRUCT, instance_type="ml.g5.48xlarge"))

    assert "instance_type is 'ml.g5.48xlarge': AWS does not list it" in problem


def test_refuses_an_environment_that_the_clients_would_wait_for_in_vain() -> None:
    [problem] = _problems(replace(MISTRAL_7B_INSTRUCT, invoke_timeout_seconds=1000))

    assert problem == "dev/mistral-7b-instruct.invoke_timeout_seconds is 1000 s; allowed: 5 to 900 s"


@pytest.mark.parametrize("count", [0, -1])
def test_refuses_a_count_of_no_instances(count: int) -> None:
    assert _problems(replace(MISTRAL_7B_INSTRUCT, instance_count=count)) == [
        f"dev/mistral-7b-instruct.instance_count is {count}; allowed: 1 or more"
    ]


def test_reports_every_problem_of_every_model_at_once() -> None:
    problems = _problems(
        replace(MISTRAL_7B_INSTRUCT, instance_type="ml.g5.48xlarge", environment={"1": "x"}),
        replace(FALCON_7B, version="0.0.1"),
    )

    assert len(problems) == 3
    assert {problem.split(".")[0] for problem in problems} == {"dev/mistral-7b-instruct", "dev/falcon-7b"}


def test_refuses_the_same_name_twice() -> None:
    assert _problems(MISTRAL_7B_INSTRUCT, replace(FALCON_7B, name="mistral-7b-instruct")) == [
        "dev/mistral-7b-instruct.name is declared 2 times; allowed: each model's name once an environment"
    ]


def test_refuses_two_environments_whose_stacks_would_share_a_name() -> None:
    environments = [replace(DEV, name="eu"), replace(DEV, name="eu-mistral")]
    models = [[replace(MISTRAL_7B_INSTRUCT, name="mistral-small")], [replace(MISTRAL_7B_INSTRUCT, name="small")]]

    with pytest.raises(app.DeclarationError, match="its stack 'eu-mistral-small' has the name of eu/mistral-small's"):
        app.build(list(zip(environments, models, strict=True)))


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        (replace(DEV, name="Dev"), "name is 'Dev'"),
        (replace(DEV, name="account"), "taken by the accounts' own stacks"),
        (replace(DEV, account="123"), "account is '123'; allowed: 12 digits"),
        (replace(DEV, log_retention_days=31), "log_retention_days is 31; allowed: 1, 3, 5"),
    ],
)
def test_refuses_environments_that_cannot_be(environment: Environment, named: str) -> None:
    [problem] = _problems(MISTRAL_7B_INSTRUCT, environment=environment)

    assert named in problem


def test_only_dev_and_staging_delete_their_data() -> None:
    assert {environment.name: environment.removal for environment, _ in DEPLOYMENTS} == {
        "dev": Removal.DESTROY,
        "staging": Removal.DESTROY,
        "prod": Removal.RETAIN,
    }


def test_prints_problems_without_a_stack_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> cdk.App:
        raise app.DeclarationError(["dev/some-model: version is wrong"])

    monkeypatch.setattr(app, "build", refuse)

    assert app.main() == 1
    assert capsys.readouterr().err == (
        "the declarations in stacks/ cannot be deployed:\n  dev/some-model: version is wrong\n"
    )


def test_prints_warnings_and_builds_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    doubtful = replace(MISTRAL_7B_INSTRUCT, accept_eula=True)
    build = app.build
    monkeypatch.setattr(app, "build", lambda warn: build([(DEV, [doubtful])], outdir=str(tmp_path), warn=warn))

    assert app.main() == 0
    assert capsys.readouterr().err.startswith("warning: dev/mistral-7b-instruct.accept_eula is True: ")
    assert "dev/mistral-7b-instruct" in templates_of(tmp_path)


def test_warns_of_what_is_built_only(tmp_path: Path) -> None:
    doubtful = replace(MISTRAL_7B_INSTRUCT, name="doubtful", accept_eula=True)
    said: list[str] = []

    for name in ("doubtful", "falcon-7b"):
        context = {"models": name}
        app.build([(DEV, [doubtful, FALCON_7B])], outdir=str(tmp_path), context=context, warn=said.append)

    assert [line.partition(" ")[0] for line in said] == ["dev/doubtful.accept_eula"]


def test_refuses_before_any_construct_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk, "App", lambda **_: pytest.fail("an app was made"))

    assert _problems(replace(FALCON_7B, version="0.0.1"))


def test_an_interrupted_synthesis_prints_no_stack_trace(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", str(Path(app.__file__))]

    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as synthesis:
        assert synthesis.stderr
        # CDK's own modules follow, which take a second.
        assert any("jsii._kernel.types" in line for line in synthesis.stderr)
        synthesis.send_signal(signal.SIGINT)
        rest = synthesis.stderr.read()

    assert "Traceback" not in rest
    assert synthesis.returncode == -signal.SIGINT
