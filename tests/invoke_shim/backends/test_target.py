"""The target can be looked up, and changes without a deployment."""

import json
from collections.abc import Iterator

import pytest

from invoke_shim.backends import target
from invoke_shim.backends.target import ParameterTarget, create_client, create_target
from invoke_shim.errors import ApiError
from tests.invoke_shim.backend_stub import Reply, Stub, environment

PARAMETER = "/jumpstack/prod/tuned/version"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def running() -> Iterator[Stub]:
    with Stub().running() as stub:
        yield stub


@pytest.fixture
def ssm(running: Stub, monkeypatch: pytest.MonkeyPatch) -> Stub:
    running.reset()
    for name, value in environment(running).items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def looked_up(ssm: Stub, clock: Clock) -> Iterator[ParameterTarget]:
    clients = []

    def client() -> object:
        clients.append(create_client())
        return clients[-1]

    yield ParameterTarget(PARAMETER, client=client, clock=clock)
    assert len(clients) <= 1
    for made in clients:
        made.close()


def holds(value: str) -> Reply:
    body = json.dumps({"Parameter": {"Name": PARAMETER, "Type": "String", "Value": value}}).encode()
    return Reply(body=body, headers={"content-type": "application/x-amz-json-1.1"})


def held(*values: str, token: str | None = None) -> Reply:
    """The history of the parameter, the oldest version first."""
    versions = [{"Name": PARAMETER, "Type": "String", "Value": value} for value in values]
    document = {"Parameters": versions, **({"NextToken": token} if token else {})}
    return Reply(body=json.dumps(document).encode(), headers={"content-type": "application/x-amz-json-1.1"})


def fails(code: str, message: str = "no", status: int = 400) -> Reply:
    return Reply(status=status, body=json.dumps({"__type": code, "message": message}).encode())


def test_a_fixed_name_needs_no_ssm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "create_client", None)
    assert create_target("falcon-endpoint", None).resolve() == "falcon-endpoint"
    assert isinstance(create_target(None, PARAMETER), ParameterTarget)


def test_there_is_no_target_of_nothing() -> None:
    with pytest.raises(ValueError, match="neither a target nor a parameter"):
        create_target(None, None)


def test_looks_the_name_up_and_remembers_it_for_ten_seconds(
    looked_up: ParameterTarget, ssm: Stub, clock: Clock
) -> None:
    ssm.replies = [holds("blue"), holds("green\n")]
    assert looked_up.resolve() == "blue"
    assert json.loads(ssm.bodies[0]) == {"Name": PARAMETER}
    assert ssm.headers[0]["x-amz-target"] == "AmazonSSM.GetParameter"
    clock.now += 9.9
    assert looked_up.resolve() == "blue"
    clock.now += 0.2
    assert looked_up.resolve() == "green"
    assert len(ssm.bodies) == 2


def test_a_clock_that_was_set_back_makes_nothing_eternal(looked_up: ParameterTarget, ssm: Stub, clock: Clock) -> None:
    ssm.replies = [holds("blue"), holds("green")]
    looked_up.resolve()
    clock.now -= 1000
    assert looked_up.resolve() == "green"


@pytest.mark.parametrize("reply", [holds("none"), holds(" None "), fails("ParameterNotFound")])
def test_no_version_is_served_yet(looked_up: ParameterTarget, ssm: Stub, clock: Clock, reply: Reply) -> None:
    history = [] if b"ParameterNotFound" in reply.body else [held("none")]
    ssm.replies = [reply, *history, holds("blue")]
    for _ in range(2):
        with pytest.raises(ApiError, match="no version of the model is served yet; try again in 30 s") as caught:
            looked_up.resolve()
        assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "30"})
    assert len(ssm.bodies) == 1 + len(history)
    clock.now += 10
    assert looked_up.resolve() == "blue"


def test_a_model_that_was_never_trained_is_not_asked_again_soon(ssm: Stub) -> None:
    ssm.replies = [holds("none"), held("none")]
    target = ParameterTarget(PARAMETER, pipeline="dev/mistral-7b-dolly")
    with pytest.raises(ApiError) as caught:
        target.resolve()
    assert str(caught.value) == (
        "no version of the model is served yet: ./jumpstack finetune start dev/mistral-7b-dolly trains a first one, "
        "./jumpstack finetune status dev/mistral-7b-dolly shows those that run"
    )
    assert (caught.value.status, caught.value.headers) == (503, {"x-should-retry": "false"})


def test_a_none_that_cloudformation_wrote_over_a_version_is_passed_over(looked_up: ParameterTarget, ssm: Stub) -> None:
    ssm.replies = [holds("none"), held("none", "blue", "green", token="more"), held("red", "none", "none")]
    assert looked_up.resolve() == "red"
    assert [headers["x-amz-target"].partition(".")[2] for headers in ssm.headers] == [
        *("GetParameter", "GetParameterHistory", "GetParameterHistory"),
    ]
    assert json.loads(ssm.bodies[2]) == {"Name": PARAMETER, "NextToken": "more"}


@pytest.mark.parametrize(
    "replies",
    [[holds("removed")], [holds("none"), held("none", "blue", "removed", "none")]],
    ids=["as it stands", "and overwritten since"],
)
def test_a_version_that_was_removed_on_purpose_is_not_served_from_the_history(
    looked_up: ParameterTarget, ssm: Stub, replies: list[Reply]
) -> None:
    ssm.replies = replies
    with pytest.raises(ApiError, match="no version of the model is served yet"):
        looked_up.resolve()


def test_a_history_that_breaks_off_leaves_the_last_name(
    looked_up: ParameterTarget, ssm: Stub, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    ssm.replies = [holds("green"), holds("none"), held("none", "blue", token="more"), fails("ThrottlingException")]
    assert looked_up.resolve() == "green"
    clock.now += 10
    assert looked_up.resolve() == "green"


def test_without_a_right_to_the_history_a_none_is_none(looked_up: ParameterTarget, ssm: Stub) -> None:
    ssm.replies = [holds("none"), fails("AccessDeniedException")]
    with pytest.raises(ApiError, match="no version of the model is served yet"):
        looked_up.resolve()


@pytest.mark.parametrize("reply", [fails("ThrottlingException"), fails("InternalServerError", status=500)])
def test_the_last_name_is_good_while_ssm_does_not_answer(
    looked_up: ParameterTarget, ssm: Stub, clock: Clock, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    ssm.replies = [holds("blue"), reply]
    looked_up.resolve()
    clock.now += 10
    assert looked_up.resolve() == "blue"


def test_a_name_that_never_could_be_looked_up_is_unavailable(
    looked_up: ParameterTarget, ssm: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    ssm.replies = [fails("InternalServerError", status=500)]
    with pytest.raises(ApiError, match="cannot be looked up now") as caught:
        looked_up.resolve()
    assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "1"})
    ssm.replies = [holds("blue")]
    assert looked_up.resolve() == "blue"


def test_a_connection_that_fails_is_the_same(looked_up: ParameterTarget, ssm: Stub) -> None:
    ssm.replies = [Reply(drop=True)]
    with pytest.raises(ApiError, match="cannot be looked up now"):
        looked_up.resolve()


def test_a_missing_permission_is_named_and_nobodys_account(looked_up: ParameterTarget, ssm: Stub) -> None:
    who = "arn:aws:sts::123456789012:assumed-role/secret-role/session"
    ssm.replies = [fails("AccessDeniedException", f"User: {who} is not authorized to perform: kms:Decrypt on x")]
    with pytest.raises(ApiError, match=f"lacks the permission kms:Decrypt for the parameter {PARAMETER}") as caught:
        looked_up.resolve()
    assert (caught.value.status, caught.value.headers) == (500, {"x-should-retry": "false"})
    assert "123456789012" not in caught.value.message
