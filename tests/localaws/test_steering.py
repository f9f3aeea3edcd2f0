"""Steering: dataclasses that tests change over HTTP, and how their values are read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from localaws import steering


@dataclass(kw_only=True)
class Leg:
    side: str = field(metadata=steering.read_by(steering.one_of(("left", "right"))))
    length: float = field(default=1.0, metadata=steering.read_by(steering.number(above=0)))


@dataclass(kw_only=True)
class Beast:
    speed: float = 2.0
    eyes: int = 2
    legs: list[Leg] = field(default_factory=list, metadata=steering.read_by(steering.list_of(steering.object_of(Leg))))
    _secret: int = 0


@pytest.fixture
def client() -> Client:
    steered = steering.Steered(Beast)
    handle = steering.handler(
        [
            steered.route("/_localaws/beasts/(?P<region>[a-z]+)"),
            steering.Route("/_localaws/beasts/(?P<region>[a-z]+)/speed", {"POST": lambda _request, region: region}),
        ]
    )

    def application(environ: Any, start_response: Any) -> Any:
        answer = handle(environ, start_response)
        return Response("mine", 418)(environ, start_response) if answer is None else answer

    return Client(application)


DEFAULTS = {"speed": 2.0, "eyes": 2, "legs": [], "_secret": 0}


def test_changes_what_is_sent_in_one_region_until_it_is_reset(client: Client) -> None:
    leg = {"side": "left"}
    changed = {**DEFAULTS, "speed": 3, "legs": [{"side": "left", "length": 1.0}]}
    assert client.put("/_localaws/beasts/north", json={"speed": 3, "legs": [leg]}).json == changed
    assert client.put("/_localaws/beasts/north", json={"eyes": 1}).json == {**changed, "eyes": 1}
    assert client.get("/_localaws/beasts/south").json == DEFAULTS
    assert client.delete("/_localaws/beasts/north").json == DEFAULTS
    assert client.get("/_localaws/beasts/north").json == DEFAULTS


def test_refuses_all_that_is_wrong_at_once_and_changes_nothing(client: Client) -> None:
    body = {
        "speed": -1,
        "eyes": 1.5,
        "legs": [{"side": "up", "length": 0}, 3, {}],
        "_secret": 1,
    }
    answer = client.put("/_localaws/beasts/north", json=body)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"].splitlines() == [
        "_secret is not allowed: speed, eyes, legs",
        "speed is -1: a number of at least 0",
        "eyes is 1.5: a whole number of at least 0",
        "legs[0].side is 'up': one of left, right",
        "legs[0].length is 0: a number above 0",
        "legs[1] is 3: an object with side, length",
        "legs[2].side is None: one of left, right",
    ]
    assert client.get("/_localaws/beasts/north").json == DEFAULTS


@pytest.mark.parametrize("value", [True, "2", None, float("inf"), float("nan")])
def test_refuses_what_is_no_number(client: Client, value: Any) -> None:
    assert client.put("/_localaws/beasts/north", json={"speed": value}).status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b"3"])
def test_refuses_a_body_that_is_no_object(client: Client, body: bytes) -> None:
    answer = client.put("/_localaws/beasts/north", data=body)
    assert answer.status_code == 400
    assert json.loads(answer.data)["error"].startswith("the body is not allowed: ")


def test_refuses_other_methods_and_leaves_other_paths_to_others(client: Client) -> None:
    answer = client.patch("/_localaws/beasts/north")
    assert (answer.status_code, answer.json) == (405, {"error": "PATCH is not allowed: GET, PUT, DELETE"})
    assert client.post("/_localaws/beasts/north/speed").json == "north"
    assert client.get("/_localaws/trees").status_code == 418
    assert client.get("/beasts/north").status_code == 418


def test_null_is_read_where_it_stands_for_something() -> None:
    read = steering.number(whole=True, above=0, null="all")
    assert (read(None), read(2)) == (None, 2)
    with pytest.raises(ValueError, match="a whole number above 0, or null for all"):
        read(0)
