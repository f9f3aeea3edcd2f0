"""Values of wrong types in declarations: one line each, all at once, whatever they are and wherever they stand."""

import math
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, get_origin, get_type_hints

import aws_cdk as cdk
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import app
from catalog import Lock
from stacks.declarations import ImportedModel, JumpStartModel, Model, S3Weights, SageMakerWeights
from stacks.environments import (
    DEV,
    ApiKeys,
    Domain,
    Environment,
    FrontDoor,
    Network,
    Period,
    Quota,
    Removal,
    WebAcl,
)
from stacks.models import FALCON_7B, GRANITE_3B_CODE, LLAMA_3_2_3B_10K, MISTRAL_7B_DOLLY, MISTRAL_7B_INSTRUCT
from stacks.preflight import preflight
from stacks.preflight.meant import options
from stacks.preflight.types import check_types, type_findings
from tests.stacks.preflight.mistakes.makers import CERTIFICATE, GROUP, SUBNET, door, env, model

pytestmark = pytest.mark.xdist_group("app")

WHOLE = "allowed: a whole number"
TEXTS = "allowed: a mapping of texts to texts"
KEPT = "allowed: Removal.DESTROY or Removal.RETAIN"
MODELS = (
    "JumpStartModel(name=..., model_id=..., version=...), FineTunedModel(...) or ImportedModel(name=..., weights=...)"
)
PAIR = "(an environment, (its models, ...))"


def _of_any_type(value: object) -> Any:
    """Return a value as the type checker would not let it be declared."""
    return value


def _lines(deployments: object, lock: Lock) -> list[str]:
    return [str(error) for error in preflight(_of_any_type(deployments), lock=lock).errors]


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (env(account=111122223333), "account is 111122223333, a whole number; allowed: a text, or None; "
         "try '111122223333'"),
        (env(instance_count="2"), f"instance_count is '2', a text; {WHOLE}; try 2"),
        (env(instance_count="two"), f"instance_count is 'two', a text; {WHOLE}"),
        (env(instance_count=2.0), f"instance_count is 2.0, a number with a point; {WHOLE}; try 2"),
        (env(instance_count=2.5), f"instance_count is 2.5, a number with a point; {WHOLE}"),
        (env(instance_count=True), f"instance_count is True; {WHOLE}"),
        (env(lambda_concurrency=math.inf), f"lambda_concurrency is inf, a number with a point; {WHOLE}"),
        (env(reserved_concurrency=math.nan), f"reserved_concurrency is nan, a number with a point; {WHOLE}, or None"),
        (env(imported_models=10**5000), "imported_models is too large a number; allowed: a number of at most 63 bits"),
        (env(log_retention_days=None), f"log_retention_days is None; {WHOLE}; try leaving it out"),
        (env(region=None), "region is None; allowed: a text"),
        (env(region=b"us-west-2"), "region is b'us-west-2', bytes; allowed: a text"),
        (env(region="\ud800"), r"region is '\ud800', a text; allowed: a text that UTF-8 can hold, without halves of "
         "surrogate pairs"),
        (env(removal="delete"), f"removal is 'delete', a text; {KEPT}"),
        (env(removal="destroys"), f"removal is 'destroys', a text; {KEPT}; try Removal.DESTROY"),
        (env(removal=Period.DAY), f"removal is an object of the type Period; {KEPT}"),
        (env(tags={"cost": 42}), "tags['cost'] is 42, a whole number; allowed: a text; try '42'"),
        (env(tags=None), f"tags is None; {TEXTS}; try leaving it out"),
        (env(tags=[("cost", "42")]), f"tags is [('cost', '42')], a list; {TEXTS}"),
        (env(tags="x" * 100), f"tags is '{'x' * 56}..., a text; {TEXTS}"),
        (env(quotas={"ml.g5.2xlarge": "1"}), f"quotas['ml.g5.2xlarge'] is '1', a text; {WHOLE}; try 1"),
        (env(strict="no"), "strict is 'no', a text; allowed: True or False; try False"),
        (env(strict=1), "strict is 1, a whole number; allowed: True or False; try True"),
        (env(front_door=True), "front_door is True; allowed: FrontDoor(...); try FrontDoor()"),
        (env(front_door=FrontDoor), "front_door is the class FrontDoor; allowed: FrontDoor(...); try FrontDoor()"),
        (env(front_door=object), "front_door is the class object; allowed: FrontDoor(...)"),
        (env(front_door={"api_keys": {}}), "front_door is {'api_keys': {}}, a mapping; allowed: FrontDoor(...)"),
        (env(network=SUBNET), "network is 'subnet-0123abcd', a text; allowed: Network(subnet_ids=..., "
         "security_group_ids=...), or None"),
        (env(network=Network(subnet_ids=_of_any_type(SUBNET), security_group_ids=[GROUP])),
         "network.subnet_ids is 'subnet-0123abcd', a text; allowed: a sequence of texts, in parentheses or brackets; "
         "try ('subnet-0123abcd',)"),
        (door(api_keys=True), "front_door.api_keys is True; allowed: ApiKeys(...), or None; try ApiKeys()"),
        (door(web_acl=True), f"front_door.web_acl is True; allowed: WebAcl(...) or {TEXTS[9:]}, or None; try WebAcl()"),
        (door(api_keys=ApiKeys(quota=Quota(requests=9, per=_of_any_type("week")))),
         "front_door.api_keys.quota.per is 'week', a text; allowed: Period.DAY or Period.WEEK or Period.MONTH; "
         "try Period.WEEK"),
    ],
)  # fmt: skip
def test_says_which_field_of_an_environment_has_a_wrong_type(lock: Lock, environment: Environment, line: str) -> None:
    assert _lines([(environment, [model()])], lock) == [f"dev.{line}"]


def _tuned(**changes: Any) -> Model:
    return replace(MISTRAL_7B_DOLLY, name="m", **changes)


def _imported(**changes: Any) -> Model:
    return replace(GRANITE_3B_CODE, name="m", **changes)


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        (model(instance_count="1"), f"instance_count is '1', a text; {WHOLE}, or None; try 1"),
        (model(invoke_timeout_seconds="300"), f"invoke_timeout_seconds is '300', a text; {WHOLE}; try 300"),
        (model(environment=None), f"environment is None; {TEXTS}; try leaving it out"),
        (model(environment={"A": 1}), "environment['A'] is 1, a whole number; allowed: a text; try '1'"),
        (model(prompt_template={"prompt": "{a}"}), "prompt_template is {'prompt': '{a}'}, a mapping; allowed: a text, "
         "or None; try json.dumps of it"),
        (model(accept_eula="true"), "accept_eula is 'true', a text; allowed: True or False; try True"),
        (_tuned(hyperparameters=None), f"hyperparameters is None; {TEXTS}; try leaving it out"),
        (_tuned(hyperparameters={"epoch": 1}), "hyperparameters['epoch'] is 1, a whole number; allowed: a text; "
         "try '1'"),
        (_tuned(hyperparameters={"chat": False}), "hyperparameters['chat'] is False; allowed: a text; try 'False'"),
        (_tuned(validation_split="0.1"), "validation_split is '0.1', a text; allowed: a number, or None; try 0.1"),
        (_tuned(start="marker"), "start is 'marker', a text; allowed: a sequence of texts, in parentheses or brackets; "
         "try ('marker',)"),
        (_tuned(start=("marker", 7)), "start[1] is 7, a whole number; allowed: a text; try '7'"),
        (_tuned(start={"marker"}), "start is {'marker'}, a set; allowed: a sequence of texts, in parentheses or "
         "brackets"),
        (_tuned(bedrock=True), "bedrock is True; allowed: BedrockImport(...), or None; try BedrockImport()"),
        (_tuned(method=None), "method is None; allowed: 'instruction', 'domain', 'chat'"),
        (_imported(weights="s3://b/p/"), "weights is 's3://b/p/', a text; allowed: S3Weights(bucket=...)"),
        (_imported(weights=S3Weights(bucket="models", account=_of_any_type(111122223333))),
         "weights.account is 111122223333, a whole number; allowed: a text, or None; try '111122223333'"),
    ],
)  # fmt: skip
def test_says_which_field_of_a_model_has_a_wrong_type(lock: Lock, declared: Model, line: str) -> None:
    assert _lines([(DEV, [declared])], lock) == [f"dev/m.{line}"]


@pytest.mark.parametrize(
    ("deployments", "lines"),
    [
        (None, [f"DEPLOYMENTS is None; allowed: a sequence of {PAIR}"]),
        (
            (DEV, (FALCON_7B,)),
            [
                f"DEPLOYMENTS[0] is an object of the type Environment; allowed: {PAIR}; try a comma after each pair: "
                "((DEV, (FALCON_7B,)),)",
                "DEPLOYMENTS[1] is (JumpStartModel(name='falcon-7b', prompt_format='none', p..., a tuple; "
                f"allowed: {PAIR}",
            ],
        ),
        ([("dev", ())], ["DEPLOYMENTS[0][0] is 'dev', a text; allowed: Environment(name=..., region=...)"]),
        (
            [(DEV, FALCON_7B)],
            [
                "what dev runs is an object of the type JumpStartModel; allowed: a sequence of models; try parentheses "
                "with a comma: (FALCON_7B,)"
            ],
        ),
        ([(DEV, "falcon-7b")], ["what dev runs is 'falcon-7b', a text; allowed: a sequence of models"]),
        ([(None, None)], [
            "DEPLOYMENTS[0][0] is None; allowed: Environment(name=..., region=...)",
            "DEPLOYMENTS[0][1] is None; allowed: a sequence of models",
        ]),
        ([(DEV, [FALCON_7B, "x"])], [f"DEPLOYMENTS[0][1][1] is 'x', a text; allowed: {MODELS}"]),
        ([(DEV, [JumpStartModel])], [f"DEPLOYMENTS[0][1][0] is the class JumpStartModel; allowed: {MODELS}"]),
        ([(DEV, [Model(name="m")])], [f"dev/m is an object of the type Model; allowed: {MODELS}"]),
        ([(DEV, [model(name=7)])], ["DEPLOYMENTS[0][1][0].name is 7, a whole number; allowed: a text; try '7'"]),
        ([(env(name=None), [model(name=7)])], [
            "DEPLOYMENTS[0][0].name is None; allowed: a text",
            "DEPLOYMENTS[0][1][0].name is 7, a whole number; allowed: a text; try '7'",
        ]),
        ([(DEV, [FALCON_7B, FALCON_7B])], [
            "dev/falcon-7b.name is declared 2 times; allowed: each model's name once an environment"
        ]),
    ],
)  # fmt: skip
def test_says_what_is_wrong_with_the_list_of_deployments(lock: Lock, deployments: object, lines: list[str]) -> None:
    assert _lines(deployments, lock) == lines


def test_reports_all_wrong_types_and_whatever_is_wrong_with_the_other_declarations(lock: Lock) -> None:
    deployments = [
        (env(account=1, removal="destroy"), [model(instance_count="1", accept_eula=1), model(name="n")]),
        (env(name="qa"), [model(instance_type=5), model(FALCON_7B, name="f", version="0.0.1")]),
    ]

    places = [error.place for error in preflight(deployments, lock=lock).errors]

    assert places == [
        *("dev.account", "dev.removal", "dev/m.instance_count", "dev/m.accept_eula"),
        *("qa/m.instance_type", "qa/f.version"),
    ]


def test_every_environment_reads_of_what_is_wrong_with_the_list_itself() -> None:
    deployments: Any = [(DEV, [FALCON_7B, None]), (env(name="qa"), []), ("prod", []), None]

    assert [finding.concerns for finding in check_types(deployments)[1]] == [("dev",), ("dev", "qa"), ("dev", "qa")]


def test_an_error_that_a_value_raises_when_it_is_shown_is_not_ours() -> None:
    class Raising:
        def __repr__(self) -> str:
            raise RuntimeError

    assert [str(one) for one in type_findings([Raising()], str, "dev.name")] == ["dev.name is a list; allowed: a text"]


def test_refuses_to_check_a_type_that_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="a type that the preflight cannot check"):
        list(type_findings({1}, set[int], "dev.numbers"))


# Declarations in which every field of every class has a value, below which others can be put.
FULL = env(
    network=Network(subnet_ids=[SUBNET], security_group_ids=[GROUP]),
    front_door=FrontDoor(
        api_keys=ApiKeys(quota=Quota(requests=100)),
        web_acl=WebAcl(),
        domain=Domain(name="models.example.com", certificates={"us-west-2": CERTIFICATE}),
    ),
)
RUNS: tuple[Model, ...] = (
    MISTRAL_7B_INSTRUCT,
    MISTRAL_7B_DOLLY,
    LLAMA_3_2_3B_10K,
    ImportedModel(name="imported", weights=SageMakerWeights(bucket="models", model_name="model")),
)
Put = Callable[[object], tuple[Environment, list[Model]]]


def _fields(declared: Any, put: Callable[[Any], Any], path: str) -> Iterator[tuple[str, Any, Callable[[Any], Any]]]:
    """Yield each field of a dataclass and of those in it: path, type, and what makes the whole with another value."""
    hints = get_type_hints(type(declared))
    for field in fields(declared):

        def changed(value: object, name: str = field.name) -> Any:
            return put(replace(declared, **{name: value}))

        yield f"{path}.{field.name}", hints[field.name], changed
        inner = getattr(declared, field.name)
        if is_dataclass(inner):
            yield from _fields(inner, changed, f"{path}.{field.name}")


def _instead_of(number: int) -> Put:
    return lambda value: (FULL, [*RUNS[:number], _of_any_type(value), *RUNS[number + 1 :]])


FIELDS: list[tuple[str, Any, Put]] = [
    *_fields(FULL, lambda value: (value, list(RUNS)), "dev"),
    *(field for number, run in enumerate(RUNS) for field in _fields(run, _instead_of(number), run.name)),
]
ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**63, -(2**70), 0.5, -0.0, 1e308, math.nan, math.inf, -math.inf, 1j),
    *("", " ", "x", "7", "\0", "\n", "\ud800", "{", "{}", "ä", "s3://", "arn:", "a" * 5000, b"x", ...),
    *((), ("",), (None,), [[]], [("x", 1)], {"x"}, {}, {"": ""}, {"x": None}, {1: 2}, {None: {}}),
    *(object(), int, JumpStartModel, FALCON_7B, DEV, Removal.RETAIN, Period.DAY, BaseException(), range(3), print),
    *(FrontDoor(), S3Weights(bucket=_of_any_type(None))),
]


# The odd values at all fields take 12 s; one part of them is tried at every run of the tests.
PARTS = 29


def _refused(put: Put, value: object, lock: Lock) -> bool:
    """Check declarations with a value in them, which raises nothing; return whether they are refused."""
    return bool(preflight([put(value)], lock=lock).errors)


def test_the_declarations_that_odd_values_are_put_into_are_right_ones(lock: Lock) -> None:
    assert not preflight([(FULL, RUNS)], lock=lock).errors
    # Whoever declares a new class puts one into the declarations above.
    assert {path.split(".")[0] for path, _, _ in FIELDS} == {"dev", *(run.name for run in RUNS)}
    assert len({path for path, _, _ in FIELDS}) == len(FIELDS) > 100


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.sweep) for part in range(1, PARTS))])
def test_odd_values_anywhere_raise_nothing_and_those_of_a_wrong_type_are_refused(lock: Lock, part: int) -> None:
    cases = [(path, hint, put, value) for path, hint, put in FIELDS for value in ODD]
    for path, hint, put, value in cases[part::PARTS]:
        refused = _refused(put, value, lock)
        assert refused or not list(type_findings(value, hint, path)), f"{path} is {value!r}"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
    | st.sampled_from(ODD),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=5,
)


def _check_any(examples: int, lock: Lock) -> None:
    @hypothesis_settings(max_examples=examples)
    @given(field=st.sampled_from(FIELDS), value=VALUES)
    def check(field: tuple[str, Any, Put], value: object) -> None:
        path, hint, put = field
        assert _refused(put, value, lock) or not list(type_findings(value, hint, path))

    check()


def test_any_value_at_any_field_raises_nothing(lock: Lock) -> None:
    _check_any(12, lock)


@pytest.mark.sweep
def test_many_values_at_all_fields_raise_nothing(lock: Lock) -> None:
    _check_any(3000, lock)


def test_refuses_nonsense_where_words_are_listed_and_no_numbers_where_numbers_are_wanted(lock: Lock) -> None:
    for path, hint, put in FIELDS:
        if any(get_origin(one) is Literal for one in options(hint)):
            assert _refused(put, "nonsense", lock), path
        if float in options(hint):
            assert _refused(put, math.nan, lock), path
            assert _refused(put, math.inf, lock), path


def test_synthesis_does_not_start_with_a_wrong_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk, "App", lambda **_: pytest.fail("an app was made"))

    with pytest.raises(app.DeclarationError) as refused:
        app.build([(env(account=1), [model(instance_count="1")])])
    assert [problem.partition(" ")[0] for problem in refused.value.problems] == ["dev.account", "dev/m.instance_count"]
