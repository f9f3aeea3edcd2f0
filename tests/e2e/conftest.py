"""Start a local AWS for each module of end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.e2e.deployment import spoken_to
from tools.local import LocalAws, running


@pytest.fixture(scope="module")
def local_aws() -> Iterator[LocalAws]:
    """A local AWS of the module's own, which boto3 talks to."""
    with running() as local_aws, spoken_to(local_aws):
        yield local_aws
