"""Tables of what serves the models of the lock, and the page that has them."""

from typing import Any

import pytest

from bench.served import DOCUMENT, Served, served, tables, written
from catalog import Lock
from catalog.deployment import container_version
from invoke_shim.contract import TASK_CONTAINERS
from invoke_shim.settings import Settings
from stacks.declarations import JumpStartModel
from stacks.environments import DEV
from stacks.parts.spoken import spoken
from stacks.preflight import preflight


@pytest.fixture(scope="module")
def page() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def every(lock: Lock) -> list[Served]:
    return served(lock)


def test_the_page_has_the_tables_of_the_lock(every: list[Served], page: str) -> None:
    assert written(page, every) == page, "run python -m bench.coverage --only-served"


def test_the_tables_count_every_id_once(lock: Lock, every: list[Served]) -> None:
    rows = [line.split(" | ") for line in tables(every).splitlines()]
    ways = [int(row[1]) for row in rows if row[0].startswith(("| `/", "| nothing"))]

    assert len(every) == len(lock.model_ids()) == 342
    assert sum(ways) == 342
    assert sum(one.found.refusal is not None for one in every) == 12


def test_a_page_without_the_marks_is_no_page_to_write_into(every: list[Served]) -> None:
    with pytest.raises(ValueError, match=r"has no lines '<!-- python -m bench\.coverage"):
        written("# A page", every)


def test_the_api_of_every_id_that_the_preflight_takes_speaks_to_its_container(lock: Lock, every: list[Served]) -> None:
    asked = 0
    for one in every:
        version = lock.versions(one.model_id)[0]
        locked = lock.model(one.model_id, version)
        chosen: Any = one.found.prompt_format or next(iter(one.found.formats), "none")
        model = JumpStartModel(
            name="m",
            model_id=one.model_id,
            version=version,
            prompt_format=chosen if one.found.task == "text" else None,
            accept_eula=locked.requires_eula,
        )
        errors = preflight([(DEV, [model])], lock=lock).errors
        assert bool(errors) is (one.way == "refused"), [str(error) for error in errors]
        if errors:
            continue
        deployment = locked.resolve(region=locked.regions()[0])
        protocol, software = spoken(deployment, model), container_version(deployment.image)
        settings = Settings.from_environment(
            {
                "MODEL_NAME": "m",
                "ENDPOINT_NAME": "dev-m",
                "INVOKE_TIMEOUT_SECONDS": "300",
                "TASK": protocol.task,
                "CONTAINER": protocol.container,
                **({"CONTAINER_VERSION": software} if software else {}),
                **({"PROMPT_FORMAT": protocol.prompt_format} if protocol.prompt_format else {}),
            }
        )
        assert settings.container in TASK_CONTAINERS[settings.task]
        assert (settings.task == "text") is any(route.endswith("completions") for route in one.found.routes)
        # A chat whose prompt the container shall write, and cannot, would never be answered.
        assert settings.prompt_format != "container" or one.found.chats
        asked += 1

    assert asked == 330
