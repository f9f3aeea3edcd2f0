"""The matrix of clients: its page, its reasons, and a sample of it on the local AWS."""

import json

import pytest

from bench.clients import homes, page
from bench.clients.app import KINDS, Kind
from bench.clients.asking import FAULT, ask, judged, version
from bench.clients.clients import CLIENTS, TASKS, Client
from bench.clients.served import served

TGI, CHATS, _, VLLM, _, CONVERSE, EMBEDDING = KINDS
OPENAI = CLIENTS[0]
TOOLS = next(client for client in CLIENTS if client.arguments == ("TOOLS",))
# Of each kind of home, and one whose requests are an application's.
SAMPLE = ("openai, Python", "AI SDK, `openai-compatible`", "Open WebUI")


def _cell(kind: Kind, task: str, failed: str | None, client: Client = OPENAI) -> str:
    return judged(client, kind, task, failed)


def test_the_page_is_that_of_the_recorded_results() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.read()), "run python -m bench.clients"


def test_every_cell_is_recorded_and_has_a_reason_where_it_is_not_green() -> None:
    results = page.read()

    assert set(results) == {kind.model.name for kind in KINDS}
    for cells in results.values():
        assert set(cells) == {client.title for client in CLIENTS}
        assert all(set(by_task) == set(TASKS) for by_task in cells.values())
    assert not page.faults(results)


def test_all_that_a_kind_does_not_lack_is_green_by_every_client_that_does_it() -> None:
    results = page.read()
    cells = {
        (kind.title, client.title, task): results[kind.model.name][client.title][task]
        for kind in KINDS
        for client in CLIENTS
        for task in client.does
        if task not in kind.lacks and client.needs not in kind.lacks
    }

    assert len(cells) > len(KINDS) * len(CLIENTS)
    assert {cell: why for cell, why in cells.items() if why} == {}


def test_a_refusal_of_what_a_model_lacks_is_a_reason() -> None:
    assert _cell(TGI, "image", "BadRequestError: Error code: 400 - messages[0] is an image") == TGI.lacks["image"]
    assert _cell(CHATS, "two tools", "the tools did not run once each, but [...]") == CHATS.lacks["two tools"]
    assert _cell(TGI, "system", "Error: 400 tools is not supported", TOOLS) == TGI.lacks["one tool"]


def test_everything_else_that_fails_is_a_fault() -> None:
    crashed = "TypeError: 'NoneType' object is not iterable"

    assert _cell(TGI, "image", crashed) == f"{FAULT}{crashed}"
    assert _cell(TGI, "plain", "Error: 400 no") == f"{FAULT}Error: 400 no"
    assert _cell(VLLM, "two tools", "the tools did not run once each") == f"{FAULT}the tools did not run once each"
    assert page.faults({"m": {"c": {"plain": f"{FAULT}why", "image": "no eyes", "system": ""}}}) == ["m, c, plain: why"]


def test_a_client_says_itself_what_it_cannot_ask() -> None:
    assert _cell(CONVERSE, "completion", None, TOOLS) == TOOLS.otherwise
    assert all(client.otherwise for client in CLIENTS if set(client.does) != set(TASKS))
    assert _cell(EMBEDDING, "embeddings", None) == ""


def test_the_page_says_the_pinned_version_of_each_client() -> None:
    pinned = json.loads((homes.ROOT / "bench/clients/node/openai/package.json").read_text(encoding="utf-8"))

    assert version(CLIENTS[1]) == pinned["dependencies"]["openai"]
    assert all(version(client) for client in CLIENTS if client.package)


@pytest.mark.local
@pytest.mark.sweep
@pytest.mark.xdist_group("clients")
def test_a_sample_of_clients_does_what_the_page_says() -> None:
    sample = [client for client in CLIENTS if client.title in SAMPLE]
    for client in sample:
        homes.require(client)
    recorded = page.read()
    with served((CHATS, CONVERSE)) as models:
        found = {model.kind.model.name: {client.title: ask(client, model) for client in sample} for model in models}

    assert found == {
        name: {title: cells for title, cells in recorded[name].items() if title in SAMPLE} for name in found
    }


@pytest.mark.local
@pytest.mark.nightly
@pytest.mark.xdist_group("clients")
def test_all_clients_do_what_the_page_says() -> None:
    for client in CLIENTS:
        homes.require(client)
    with served() as models:
        found = {model.kind.model.name: {client.title: ask(client, model) for client in CLIENTS} for model in models}

    assert not page.faults(found)
    assert found == page.read()
