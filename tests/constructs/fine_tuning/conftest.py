"""State machines of the pipeline's states, run on the local AWS."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.state_machine_driver import StateMachines


@pytest.fixture
def machines(aws: Callable[..., Any], local_aws: str) -> Iterator[StateMachines]:
    """State machines that wait for nothing."""
    made = StateMachines(aws, local_aws)
    made.scale_waits(0)
    yield made
    made.close()
