"""Hardware facts of the instance types that models run on.

The table (`instances.json`, beside this module) is second-hand: EC2's published facts under SageMaker's `ml.`
names. It says nothing about prices or regions.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("instances.json")


@dataclass(frozen=True, slots=True)
class InstanceHardware:
    """Hardware of one SageMaker instance type.

    Attributes:
        instance_type: SageMaker's name, such as `ml.g5.2xlarge`.
        gpus: Number of GPUs.
        gpu_memory_mib: Memory of each GPU, in MiB.
        local_nvme_gb: Instance-store NVMe, in GB; 0 where the type has only EBS volumes.
    """

    instance_type: str
    gpus: int
    gpu_memory_mib: int
    local_nvme_gb: int

    @property
    def total_gpu_memory_bytes(self) -> int:
        """Memory of all GPUs together, in bytes."""
        return self.gpus * self.gpu_memory_mib * 1024 * 1024


@cache
def _table() -> dict[str, InstanceHardware]:
    rows = json.loads(_TABLE.read_text(encoding="utf-8"))["instances"]
    return {
        name: InstanceHardware(
            instance_type=name,
            gpus=row["gpus"],
            gpu_memory_mib=row["gpu_memory_mib"],
            local_nvme_gb=row["local_nvme_gb"],
        )
        for name, row in rows.items()
    }


def hardware(instance_type: str) -> InstanceHardware | None:
    """Return the hardware of an instance type such as `ml.p4de.24xlarge`, or None where the table lacks it."""
    return _table().get(instance_type)
