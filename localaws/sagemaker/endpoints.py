"""Endpoints: their configurations' rules, their life from Creating to Deleted, and the containers they run."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from moto.core.utils import utcnow

from localaws.containers import ContainerSettings, ContainerStartError, ModelContainer
from localaws.sagemaker import deployments
from localaws.sagemaker.endpoint_behaviour import EndpointBehaviour
from localaws.sagemaker.models import artifact_of, container_of, loading_problem

# Instance types with storage of their own (EC2 documentation, "Instance store volumes"), of the families that
# SageMaker hosts.
_LOCAL_STORAGE: Final = re.compile(
    r"ml\.(?:g4dn|g5|g6|g6e|g7|g7e|p3dn|p4de?|p5(?:en?)?|p6e?-[a-z0-9]+|trn1n?|[cmr]\d[a-z]*d)\."
)


Plan = Sequence[tuple[Mapping[str, Any], Mapping[str, Any], str]]
"""The production variants of a configuration, each with its model's container, as the API gives both, and role."""


def has_local_storage(instance_type: str) -> bool:
    """Return whether instances of a type have storage of their own, which no key of the account encrypts."""
    return _LOCAL_STORAGE.match(instance_type) is not None


def config_problem(parameters: Mapping[str, Any]) -> str | None:
    """Return why CreateEndpointConfig refuses `parameters` beyond their constraints, or None.

    Source: the API reference of ProductionVariant. A KmsKeyId is taken for every type: it encrypts no local storage,
    says that of CreateEndpointConfig, and names no refusal.
    """
    for variant in parameters["ProductionVariants"]:
        instance_type = variant.get("InstanceType", "")
        if not has_local_storage(instance_type):
            continue
        if variant.get("VolumeSizeInGB"):
            return f"VolumeSizeInGB parameter is not allowed for the selected Instance type {instance_type}"
    return None


def plan_of(backend: Any, config_name: str) -> Plan:
    """Return what an endpoint configuration of moto's `backend` asks to run.

    A model may be deleted while its endpoint lives, so that all that its container needs is read here.

    Raises:
        moto.sagemaker.exceptions.ValidationError: If there is no such configuration, or a model of it is gone.
    """
    plan = []
    for variant in backend.describe_endpoint_config(config_name)["ProductionVariants"]:
        model = backend.describe_model(variant["ModelName"])
        container = container_of({"PrimaryContainer": model.primary_container, "Containers": model.containers})
        plan.append((variant, container, model.execution_role_arn))
    return plan


@dataclass(slots=True)
class _Deployment:
    """The containers of one endpoint, by the names of their production variants, in their order."""

    containers: dict[str, ModelContainer] = field(default_factory=dict)

    def stop(self) -> None:
        for container in self.containers.values():
            container.stop()


class Fleet:
    """The containers of all endpoints of this process."""

    def __init__(self) -> None:
        self._deployments: dict[tuple[str, str], _Deployment] = {}
        self._behaviours: dict[tuple[str, str], EndpointBehaviour] = {}
        self._lock = threading.Lock()

    def bring_up(
        self,
        backend: Any,
        endpoint: Any,
        config_name: str,
        plan: Plan,
        deployment_config: Mapping[str, Any] | None = None,
    ) -> None:
        """Start the containers of `endpoint` by the configuration `config_name`, in the background.

        The endpoint of moto's `backend` turns InService when they run. When one cannot start, a new endpoint turns
        Failed; one that was InService stays so with what it ran before, which is SageMaker's automatic rollback. It
        is rolled back, too, when an alarm of the deployment configuration rings while the new containers are watched.
        """
        threading.Thread(
            target=self._bring_up,
            args=(backend, endpoint, config_name, plan, deployment_config),
            name=f"endpoint-{endpoint.endpoint_name}",
            daemon=True,
        ).start()

    def take_down(self, region: str, endpoint_name: str) -> None:
        """Stop the containers of an endpoint."""
        with self._lock:
            deployment = self._deployments.pop((region, endpoint_name), None)
            self._behaviours.pop((region, endpoint_name), None)
        if deployment is not None:
            deployment.stop()

    def container(self, region: str, endpoint_name: str, variant: str | None) -> tuple[str, ModelContainer] | None:
        """Return the name and the container of a production variant, or None if it does not run.

        Args:
            region: The endpoint's region.
            endpoint_name: The endpoint's name.
            variant: The variant's name; None: the first one.
        """
        with self._lock:
            deployment = self._deployments.get((region, endpoint_name))
            if deployment is None:
                return None
            name = variant or next(iter(deployment.containers))
            container = deployment.containers.get(name)
            return None if container is None else (name, container)

    def regions_of(self, endpoint_name: str) -> list[str]:
        """Return the regions in which an endpoint of that name runs."""
        with self._lock:
            return [region for region, name in self._deployments if name == endpoint_name]

    def behaviour(self, region: str, endpoint_name: str) -> EndpointBehaviour:
        """Return the behaviour of an endpoint, which ends when it is deleted."""
        with self._lock:
            return self._behaviours.setdefault((region, endpoint_name), EndpointBehaviour())

    def change_behaviour(self, region: str, endpoint_name: str, changes: Mapping[str, Any]) -> None:
        """Set attributes of an endpoint's behaviour."""
        behaviour = self.behaviour(region, endpoint_name)
        for name, value in changes.items():
            setattr(behaviour, name, value)
        with self._lock:
            self._set_pace((region, endpoint_name))

    def reset_behaviour(self, region: str, endpoint_name: str) -> None:
        """Restore an endpoint's defaults."""
        with self._lock:
            self._behaviours.pop((region, endpoint_name), None)
            self._set_pace((region, endpoint_name))

    def _set_pace(self, key: tuple[str, str]) -> None:
        """Give the containers of an endpoint the pace of its behaviour; under the lock."""
        behaviour, deployment = self._behaviours.get(key), self._deployments.get(key)
        for container in deployment.containers.values() if deployment else ():
            pace = behaviour.pace if behaviour else None
            container.pace = container.settings.pace.changed(pace or {})

    def _bring_up(
        self,
        backend: Any,
        endpoint: Any,
        config_name: str,
        plan: Plan,
        deployment_config: Mapping[str, Any] | None,
    ) -> None:
        key = (backend.region_name, endpoint.endpoint_name)
        deployment = _Deployment()
        failure = _started(deployment, plan, backend.region_name)
        if failure is None and key in self._deployments:
            # The old containers answer meanwhile, and go on to if an alarm rings.
            failure = deployments.watch(deployment_config, backend.region_name)
        if failure is not None and key in self._deployments:
            endpoint.endpoint_status = "RollingBack"
        with self._lock:
            was_deleted = backend.endpoints.get(endpoint.endpoint_name) is not endpoint
            obsolete: _Deployment | None = deployment
            if failure is None and not was_deleted:
                obsolete = self._deployments.pop(key, None)
                self._deployments[key] = deployment
                self._set_pace(key)
                endpoint.endpoint_config_name = config_name
                endpoint.production_variants = endpoint._process_production_variants(
                    [variant for variant, _, _ in plan]
                )
            endpoint.failure_reason = failure
            endpoint.endpoint_status = "InService" if key in self._deployments else "Failed"
            endpoint.last_modified_time = utcnow()
        if obsolete is not None:
            obsolete.stop()


FLEET: Final = Fleet()


def _started(deployment: _Deployment, plan: Plan, region: str) -> str | None:
    """Start the containers of a plan; return why one of them cannot start, or None."""
    for variant, container, role_arn in plan:
        problem = loading_problem(container, role_arn=role_arn, region=region)
        if problem is not None:
            return _failure_reason(variant["VariantName"], ContainerStartError(f"cannot load the model: {problem}"))
        try:
            weights = artifact_of(container)
            settings = ContainerSettings.of(
                image=container["Image"],
                environment=container.get("Environment") or {},
                artifact="" if weights is None else weights.uri,
            )
        except ContainerStartError as error:
            return _failure_reason(variant["VariantName"], error)
        deployment.containers[variant["VariantName"]] = ModelContainer.start(settings)
    return None


def _failure_reason(variant_name: str, error: ContainerStartError) -> str:
    """Return SageMaker's words for a container that did not start, with what its log would have said."""
    return (
        f"The primary container for production variant {variant_name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. (Stand-in container: {error})"
    )
