"""State machines on the local AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.local_aws import ClientFactory as Aws
from tests.support.state_machine_driver import StateMachines


@pytest.fixture
def machines(aws: Aws, local_aws: str) -> Iterator[StateMachines]:
    made = StateMachines(aws, local_aws)
    made.scale_waits(0)
    yield made
    made.close()
