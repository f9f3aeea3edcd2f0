"""No right of one model reaches what belongs to another, whatever the two are called."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stacks.models import DEPLOYMENTS
from stacks.placement import placements
from stacks.preflight.naming import derived_names
from tests.app.state_machine_calls import machines, text

pytestmark = pytest.mark.xdist_group("app")

Templates = dict[str, dict[str, Any]]

# A stack of each kind: an endpoint, an endpoint of a tuned model, a tuned import, and an import. A model of any kind
# may stand beside one of any other.
KINDS = ("dev/mistral-7b-instruct", "dev/mistral-7b-dolly", "dev/llama-3-2-3b-10k", "staging/granite-3b-code-instruct")
REGION = "us-west-2"
ACCOUNT = "<AWS::AccountId>"
VERSION, SETTINGS = "0123456789ab", "abcdef"

_words = st.sampled_from(["m", "v2", "x", "import", VERSION, SETTINGS, "0123456789ab-abcdef", "2", "10"])
_names = st.lists(_words, min_size=1, max_size=3).map(lambda words: "-".join(["m", *words]))
# The second name often begins with the first, as `dolly-v2` does with `dolly`.
_pairs = st.tuples(_names, _names) | st.tuples(_names, _words).map(lambda pair: (pair[0], "-".join(pair)))


def _statements(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield all statements of policies, wherever they are in a template."""
    if isinstance(value, Mapping):
        if "Effect" in value:
            yield value
        for inner in value.values():
            yield from _statements(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _statements(inner)


def _texts(value: Any) -> list[str]:
    return [text(one) for one in (value if isinstance(value, list) else [value])]


def _patterns(template: Mapping[str, Any]) -> set[str]:
    """Return the ARNs that a stack's policies name, in resources and in conditions; without those of all models."""
    found: set[str] = set()
    for statement in _statements(template):
        found.update(_texts(statement.get("Resource", [])))
        for keys in statement.get("Condition", {}).values():
            for values in keys.values():
                found.update(_texts(values))
    return {one for one in found if one.startswith("arn:")}


def _arn(service: str, resource: str) -> str:
    return f"arn:<AWS::Partition>:{service}:{REGION}:{ACCOUNT}:{resource}"


def _resources(template: Mapping[str, Any], name: str) -> set[str]:
    """Return the ARNs of what a stack makes: with the names of its template, or as CloudFormation calls it."""
    found: set[str] = set()
    for logical, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        made = f"{name}-{logical}-AbCdEf012345"
        match resource["Type"]:
            case "AWS::StepFunctions::StateMachine":
                machine = properties.get("StateMachineName", made)
                found |= {_arn("states", f"stateMachine:{machine}"), _arn("states", f"execution:{machine}:run")}
            case "AWS::Logs::LogGroup":
                group = text(properties.get("LogGroupName", made))
                found |= {_arn("logs", f"log-group:{group}"), _arn("logs", f"log-group:{group}:log-stream:x")}
            case "AWS::SSM::Parameter":
                found.add(_arn("ssm", f"parameter{properties['Name']}"))
            case "AWS::Lambda::Function":
                found.add(_arn("lambda", f"function:{made}"))
            case "AWS::IAM::Role":
                found.add(f"arn:<AWS::Partition>:iam::{ACCOUNT}:role/{made}")
            case "AWS::SageMaker::Endpoint":
                found.add(_arn("sagemaker", f"endpoint/{name}"))
            case "Custom::FineTuning":
                releases = [f"{kind}/{name}-{VERSION}-{SETTINGS}" for kind in ("model", "endpoint-config")]
                jobs = [f"training-job/{name}-{VERSION}{attempt}" for attempt in ("", "-2", "-10")]
                found |= {_arn("sagemaker", one) for one in (*releases, *jobs, f"endpoint/{name}")}
    return found


@cache
def _matcher(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))


def _called(arns: Iterable[str], path: str, name: str) -> set[str]:
    """Return ARNs that hold a model's name, with another name in its place, in `dev`."""
    old = (path, path.replace("/", "-"))
    return {
        one.replace(old[0], f"dev/{name}").replace(old[1], f"dev-{name}")
        for one in arns
        if any(part in one for part in old)
    }


class Kinds(dict[str, tuple[set[str], set[str]]]):
    """Patterns and resources of a stack of each kind, by its path."""

    def __repr__(self) -> str:
        """Return a short text, for reports of examples."""
        return ", ".join(self)


@pytest.fixture(scope="module")
def kinds(templates: Templates) -> Kinds:
    plain = {path: _plain(templates[path]) for path in KINDS}
    return Kinds(
        {path: (_patterns(template), _resources(template, path.replace("/", "-"))) for path, template in plain.items()}
    )


def _plain(template: Any) -> Any:
    """Return a template with one name for its partition, which some policies write out."""
    if isinstance(template, dict):
        return {name: _plain(value) for name, value in template.items()}
    if isinstance(template, list):
        return [_plain(value) for value in template]
    return template.replace("arn:aws:", "arn:<AWS::Partition>:") if isinstance(template, str) else template


@settings(max_examples=25)
@given(names=_pairs)
def test_rights_of_one_model_match_no_resource_of_another(kinds: Kinds, names: tuple[str, str]) -> None:
    one, other = names
    # Preflight refuses a model whose state machine would have the name of another's.
    assume(one != other and other != f"{one}-import" and one != f"{other}-import")
    for path, (patterns, _) in kinds.items():
        rights = [_matcher(pattern) for pattern in _called(patterns, path, one)]
        for other_path, (_, resources) in kinds.items():
            reached = [
                (right.pattern, arn)
                for arn in _called(resources, other_path, other)
                for right in rights
                if right.fullmatch(arn)
            ]
            assert reached == []


def test_rights_reach_a_models_own_resources(kinds: Kinds) -> None:
    """The comparison above would find nothing either if it compared nothing."""
    patterns, resources = kinds["dev/mistral-7b-dolly"]
    rights = [_matcher(pattern) for pattern in _called(patterns, "dev/mistral-7b-dolly", "m")]
    own = _called(resources, "dev/mistral-7b-dolly", "m")
    reached = {arn for arn in own for right in rights if right.fullmatch(arn)}
    kinds_reached = {arn.rsplit(":", 1)[-1].split("/")[0] for arn in reached if ":sagemaker:" in arn}
    assert kinds_reached == {"model", "endpoint-config", "training-job", "endpoint"}
    assert any(":logs:" in arn for arn in reached)


def test_no_policy_has_a_wildcard_right_after_a_models_name(kinds: Kinds) -> None:
    names = {path: path.replace("/", "-") for path in kinds}
    assert [one for path, (patterns, _) in kinds.items() for one in patterns if one.endswith(f"{names[path]}-*")] == []
    assert all(any(name in one for one in kinds[path][0]) for path, name in names.items())


def test_state_machines_are_called_as_preflight_expects(templates: Templates) -> None:
    expected = {
        placement.path: {name for kind, name in derived_names(placement) if kind == "state machine"}
        for placement in placements(DEPLOYMENTS)
    }
    named = {
        path: {one["StateMachineName"] for _, one in machines(templates[path]) if "StateMachineName" in one}
        for path in expected
    }
    assert any(named.values())
    assert named == expected
