"""SageMaker's models and endpoints: moto's back end with the service's rules, and containers that answer.

moto keeps the resources but takes nearly everything: any role, any image, names twice; it knows no instance type of
the last years, no UpdateEndpoint, and answers invocations with canned text. What is put in its place:

* `models`: what CreateModel checks of role, image and weights.
* `endpoints`: the rules of endpoint configurations, and the containers from creation to deletion.
* `runtime`, `streaming`: InvokeEndpoint and InvokeEndpointWithResponseStream.
* `endpoint_behaviour`, `endpoint_steering`: faults, time limits and pace of an endpoint, changed while it runs.
* `deployments`: blue/green updates, and the alarms that roll them back.
* `training`: training jobs, with `training_jobs`, `training_data`, `training_script` and `training_behaviour`.
* `listing`: what moto leaves out of lists and tags.

As in AWS, a model and an endpoint configuration may be deleted while an endpoint uses them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpointConfig
from moto.sagemaker.responses import SageMakerResponse

from localaws.moto_patches import add, replace
from localaws.sagemaker import (
    deployments,
    endpoint_steering,
    endpoints,
    listing,
    models,
    runtime,
    training,
    training_behaviour,
)
from localaws.sagemaker.endpoints import FLEET
from localaws.sagemaker.requests import authorize, checked

__all__ = ["ROUTES", "handle", "install"]

ROUTES: Final = (endpoint_steering.ROUTE, deployments.ROUTE, training_behaviour.ROUTE)

_SERVICE: Final = "sagemaker.amazonaws.com"

_MOTO: Final[dict[str, Callable[[Any], ActionResult]]] = {}
"""moto's own handlers, which those below go on to."""


handle: Final = runtime.handle
"""Answers invocations of endpoints."""


def install() -> None:
    """Replace moto's handlers by this module's, which go on to moto's."""
    replace(FakeEndpointConfig, "validate_production_variants", _accept)
    handlers = (_create_model, _create_endpoint_config, _create_endpoint, _delete_endpoint)
    for handler in handlers:
        name = handler.__name__.removeprefix("_")
        _MOTO.setdefault(name, getattr(SageMakerResponse, name))
        replace(SageMakerResponse, name, handler)
    add(SageMakerResponse, "update_endpoint", _update_endpoint)
    training.install()
    listing.install()


def _accept(config: FakeEndpointConfig, variants: Any) -> None:
    """Stand in for moto's check of instance types against its list; `constraints` has checked them."""


def _create_model(response: Any) -> ActionResult:
    parameters = checked("CreateModel", response)
    backend, name = response.sagemaker_backend, parameters["ModelName"]
    if name in backend._models:
        raise ValidationError(f'Cannot create already existing model "{backend._models[name].arn}".')
    authorize(response, "iam:PassRole", parameters["ExecutionRoleArn"], **{"iam:PassedToService": _SERVICE})
    problem = models.problem(parameters, region=response.region)
    if problem is not None:
        raise ValidationError(problem)
    result = _MOTO["create_model"](response)
    backend._models[name].enable_network_isolation = bool(parameters.get("EnableNetworkIsolation"))
    return result


def _create_endpoint_config(response: Any) -> ActionResult:
    parameters = checked("CreateEndpointConfig", response)
    backend, name = response.sagemaker_backend, parameters["EndpointConfigName"]
    if name in backend.endpoint_configs:
        arn = backend.endpoint_configs[name].endpoint_config_arn
        raise ValidationError(f'Cannot create already existing endpoint configuration "{arn}".')
    problem = endpoints.config_problem(parameters)
    if problem is not None:
        raise ValidationError(problem)
    return _MOTO["create_endpoint_config"](response)


def _create_endpoint(response: Any) -> ActionResult:
    parameters = checked("CreateEndpoint", response)
    backend, name = response.sagemaker_backend, parameters["EndpointName"]
    if name in backend.endpoints:
        raise ValidationError(f'Cannot create already existing endpoint "{backend.endpoints[name].arn}".')
    plan = _plan(response, parameters)
    result = _MOTO["create_endpoint"](response)
    endpoint = backend.endpoints[name]
    endpoint.endpoint_status = "Creating"
    FLEET.bring_up(backend, endpoint, parameters["EndpointConfigName"], plan)
    return result


def _update_endpoint(response: Any) -> ActionResult:
    parameters = checked("UpdateEndpoint", response)
    backend = response.sagemaker_backend
    endpoint = _endpoint(response, parameters["EndpointName"])
    if endpoint.endpoint_status != "InService":
        raise ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    plan = _plan(response, parameters)
    endpoint.endpoint_status = "Updating"
    FLEET.bring_up(
        backend, endpoint, parameters["EndpointConfigName"], plan, deployment_config=parameters.get("DeploymentConfig")
    )
    return ActionResult({"EndpointArn": endpoint.arn})


def _plan(response: Any, parameters: Mapping[str, Any]) -> endpoints.Plan:
    """Return what a call asks to run, unless its deployment configuration is refused."""
    plan = endpoints.plan_of(response.sagemaker_backend, parameters["EndpointConfigName"])
    problem = deployments.problem(
        parameters.get("DeploymentConfig"), roles=[role for _, _, role in plan], region=response.region
    )
    if problem is not None:
        raise ValidationError(problem)
    return plan


def _delete_endpoint(response: Any) -> ActionResult:
    name = response._get_param("EndpointName")
    _endpoint(response, name)
    result = _MOTO["delete_endpoint"](response)
    FLEET.take_down(response.region, name)
    return result


def _endpoint(response: Any, name: str) -> Any:
    endpoint = response.sagemaker_backend.endpoints.get(name)
    if endpoint is None:
        arn = f"arn:aws:sagemaker:{response.region}:{response.current_account}:endpoint/{name}"
        raise ValidationError(f'Could not find endpoint "{arn}".')
    return endpoint
