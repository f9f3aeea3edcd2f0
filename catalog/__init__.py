"""JumpStart models: what is published, which versions this app pins, and what each needs to be deployed.

The lock beside this module holds the pinned versions. `python -m catalog update` writes it from the
published catalogue, `Lock.load()` reads it, and `ModelVersion.resolve` turns one pinned version, an
instance type and a region into everything that SageMaker's `CreateModel` needs. Nothing here imports more
than the standard library when it is loaded.
"""

from catalog.lock import Lock
from catalog.spec import CatalogError, ContainerFamily, Deployment, ModelVersion

__all__ = ["CatalogError", "ContainerFamily", "Deployment", "Lock", "ModelVersion"]
