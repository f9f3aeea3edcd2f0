"""Releases that can be served, and what a rollback will do before it does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stacks.models import LLAMA_3_2_3B_10K
from tests.tools.finetune.conftest import Pipeline
from tools.finetune import FineTuningError, plan_rollback, releases, rollback, rollbacks
from tools.finetune.pipeline import client

_ONE, _TWO, _THREE = (f"{digit * 12}-192a6f" for digit in "123")
_KNOWS = {"Type": "Pass", "Parameters": {"release.$": "$.release"}, "ResultPath": "$.before", "End": True}


class _Pages:
    def __init__(self, page: dict[str, Any]) -> None:
        self._page = page

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [self._page]


class _SageMaker:
    """SageMaker with releases of a pipeline, and of one with a longer name; the models are gone where none is named."""

    def __init__(self, pipeline: str) -> None:
        self.pipeline = pipeline
        self.made = {_ONE: 1, _TWO: 2}
        self.live = _TWO

    def get_paginator(self, _name: str) -> _Pages:
        names = [*(f"{self.pipeline}-{one}" for one in self.made), f"{self.pipeline}-v2-{_ONE}"]
        return _Pages({"EndpointConfigs": [{"EndpointConfigName": name} for name in names]})

    def describe_endpoint_config(self, **names: str) -> dict[str, Any]:
        release = names["EndpointConfigName"].removeprefix(f"{self.pipeline}-")
        return {"CreationTime": datetime(2026, 11, self.made[release], tzinfo=UTC)}

    def describe_model(self, **names: str) -> dict[str, Any]:
        if names["ModelName"].endswith(_ONE):
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "gone"}}, "DescribeModel")
        uri = f"s3://b/training/runs/{self.pipeline}-{'2' * 12}-3/output/model/"
        return {"PrimaryContainer": {"ModelDataSource": {"S3DataSource": {"S3Uri": uri}}}}

    def describe_training_job(self, **names: str) -> dict[str, Any]:
        source = {"S3DataSource": {"S3Uri": "s3://b/training/data/"}}
        return {"InputDataConfig": [{"ChannelName": "training", "DataSource": source}]}

    def describe_endpoint(self, **_: str) -> dict[str, str]:
        return {"EndpointConfigName": f"{self.pipeline}-{self.live}"}


@pytest.fixture
def sagemaker(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> _SageMaker:
    made = _SageMaker(pipeline.stack.stack_name)
    monkeypatch.setattr(rollbacks, "client", lambda stack, name: made if name == "sagemaker" else client(stack, name))
    monkeypatch.setattr(rollbacks, "endpoint", lambda _stack: made.describe_endpoint())
    pipeline.point(served=_TWO, previous=_ONE)
    pipeline.create({"Take the given release": _KNOWS})
    return made


def test_lists_the_releases_with_their_dates_and_data(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    newest, oldest = (one.to_dict() for one in releases(pipeline.stack))

    assert newest == {
        "release": _TWO,
        "created": "2026-11-02T00:00:00+00:00",
        "served": True,
        "previous": False,
        "job": f"{pipeline.stack.stack_name}-{'2' * 12}-3",
        "data": "s3://b/training/data/",
        "importedModelArn": None,
    }
    # A release whose model is gone is listed with what is known.
    assert (oldest["release"], oldest["previous"], oldest["job"]) == (_ONE, True, None)


def test_goes_back_and_says_that_a_second_rollback_goes_forward(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    back = plan_rollback(pipeline.stack)
    assert (back.served, back.to, back.forward, back.given) == (_TWO, _ONE, False, {"action": "rollback"})

    pipeline.point(served=_ONE, previous=_TWO)
    again = plan_rollback(pipeline.stack)
    assert (again.served, again.to, again.forward) == (_ONE, _TWO, True)


@pytest.mark.parametrize("name", [_THREE, "333"])
def test_goes_to_a_given_release_by_its_name_or_its_beginning(
    pipeline: Pipeline, sagemaker: _SageMaker, name: str
) -> None:
    sagemaker.made[_THREE] = 3

    rollback(pipeline.stack, plan_rollback(pipeline.stack, to=name))

    assert pipeline.inputs() == [{"action": "serve", "release": _THREE}]


def test_asks_a_pipeline_of_an_earlier_version_for_the_release_before_only(
    pipeline: Pipeline, sagemaker: _SageMaker
) -> None:
    sagemaker.made[_THREE] = 3
    pipeline.create({"Read previous release": {"Type": "Succeed"}})

    assert plan_rollback(pipeline.stack, to=_ONE).given == {"action": "rollback"}
    name = pipeline.stack.path.replace("/", " ")
    with pytest.raises(
        FineTuningError, match=f"goes back to the release before only, {_ONE}: ./jumpstack deploy {name}"
    ):
        plan_rollback(pipeline.stack, to=_THREE)


def _without_previous(pipeline: Pipeline, _sagemaker: _SageMaker) -> None:
    pipeline.point(served=_TWO)


def _pruned(_pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    del sagemaker.made[_ONE]


def _nothing(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    pipeline.point()
    sagemaker.made.clear()


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        (None, _THREE, f"--to is '{_THREE}': there is no such release; there are {_TWO} (served), {_ONE} (previous): "),
        (None, "", "--to is '': there is no such release; there are"),
        (None, _TWO, f"release {_TWO} is served already; there are"),
        (_without_previous, None, f"no release was served before {_TWO}; there are {_TWO} (served), {_ONE}: "),
        (_pruned, None, f"the release before, {_ONE}, is not there any more; there are {_TWO} (served): "),
        (_pruned, _ONE, f"--to is '{_ONE}': there is no such release; there are {_TWO} (served): "),
        (_nothing, None, "nothing is served yet; no release is there: ./jumpstack finetune start dev/"),
    ],
)
def test_refuses_what_cannot_be_served_and_says_what_can(
    pipeline: Pipeline,
    sagemaker: _SageMaker,
    change: Callable[[Pipeline, _SageMaker], None] | None,
    to: str | None,
    said: str,
) -> None:
    if change:
        change(pipeline, sagemaker)

    with pytest.raises(FineTuningError) as refused:
        plan_rollback(pipeline.stack, to=to)

    assert str(refused.value).startswith(said)
    assert pipeline.inputs() == []


def test_refuses_a_beginning_that_several_releases_have(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    sagemaker.made["1" * 11 + "2-192a6f"] = 3

    with pytest.raises(FineTuningError, match="--to is '1111': several releases begin so"):
        plan_rollback(pipeline.stack, to="1111")


def test_returns_an_endpoint_on_which_a_stopped_run_has_left_another_release(
    pipeline: Pipeline, sagemaker: _SageMaker
) -> None:
    sagemaker.live = _ONE

    assert plan_rollback(pipeline.stack, to=_TWO).given == {"action": "serve", "release": _TWO}


class _Bedrock:
    """Bedrock with two imported models of a name, of which one has the model's tag."""

    def __init__(self, model: str) -> None:
        self._names = [f"{model}-{'a' * 12}", f"{model}-{'b' * 12}", f"{model}-v2-{'a' * 12}"]
        self._model = model

    def get_paginator(self, _name: str) -> _Pages:
        made = datetime(2026, 11, 1, tzinfo=UTC)
        found = [{"modelName": name, "modelArn": f"arn:{name}", "creationTime": made} for name in self._names]
        return _Pages({"modelSummaries": found})

    def list_tags_for_resource(self, **names: str) -> dict[str, Any]:
        own = self._model if names["resourceARN"] == f"arn:{self._names[0]}" else "another"
        return {"tags": [{"key": "jumpstack:model", "value": own}]}

    def get_imported_model(self, **names: str) -> dict[str, Any]:
        uri = f"s3://b/training/runs/{self._model}-{'c' * 12}/output/"
        return {"modelDataSource": {"s3DataSource": {"s3Uri": uri}}}


def test_lists_the_imported_models_of_this_model_with_their_arns(
    pipeline: Pipeline, sagemaker: _SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(pipeline.stack, "model", LLAMA_3_2_3B_10K)
    pipeline.point(served="a" * 12)
    name = pipeline.stack.stack_name
    made = {"bedrock": _Bedrock(name), "sagemaker": sagemaker}
    monkeypatch.setattr(rollbacks, "client", lambda _stack, service: made[service])

    [found] = releases(pipeline.stack)

    assert (found.name, found.role, found.arn) == ("a" * 12, "served", f"arn:{name}-{'a' * 12}")
    assert (found.job, found.data) == (f"{name}-{'c' * 12}", "s3://b/training/data/")
