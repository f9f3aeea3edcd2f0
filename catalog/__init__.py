"""JumpStart models: what is published, which versions this app locks, and what each needs to be deployed.

The lock beside this module holds every published model. `./jumpstack catalog update` writes it from a source, the
published wheel or the live cache; `Lock.load()` reads it; and `ModelVersion.resolve` turns one locked version, an
instance type and a region into everything that SageMaker's `CreateModel` needs. Nothing here imports more than the
standard library when it is loaded.
"""

from catalog.lock import Lock
from catalog.spec import CatalogError, ContainerFamily, Deployment, ModelVersion

__all__ = ["CatalogError", "ContainerFamily", "Deployment", "Lock", "ModelVersion"]
