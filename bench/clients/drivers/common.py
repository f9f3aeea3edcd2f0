"""The tasks that every client of Python does, what it is asked, and how its results come out.

A driver defines a function for each task that its client can do, and calls `main`. It runs in the client's own venv,
as a script: it reads one line of JSON, and writes one for each task.

The stand-ins follow what a message steers: `[[stand-in say=TEXT]]` and `[[stand-in call=NAME ARGUMENTS]]`. So a task
shows that the message arrived: the text comes back only if it did.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

QUESTION: Final = "Which country has the most lakes?"
FIRST: Final = "My number is 7351. [[stand-in say=You told me 7351.]]"
"""First of five turns: only a model that gets all of them can say it."""
TURNS: Final = (
    ("user", FIRST),
    ("assistant", "I know it."),
    ("user", "Name a colour."),
    ("assistant", "Blue."),
    ("user", "Which number is mine?"),
)
REMEMBERED: Final = "You told me 7351."
SYSTEM: Final = "Answer in capitals. [[stand-in say=FINLAND.]]"
OBEYED: Final = "FINLAND."
CITY: Final = {"name": "Rome", "population": 2800000}
CITY_TEXT: Final = json.dumps(CITY)
JSON_QUESTION: Final = f"Describe a city as JSON. [[stand-in say={CITY_TEXT}]]"
MD_QUESTION: Final = f"Describe a city as JSON. [[stand-in say=```json\n{CITY_TEXT}\n```]]"
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["name", "population"],
    "additionalProperties": False,
}
ONE_CALL: Final = 'What is the weather in Rome? [[stand-in call=get_weather {"city": "Rome"}]]'
TWO_CALLS: Final = (
    'Weather and time? [[stand-in call=get_weather {"city": "Rome"}]] [[stand-in call=get_time {"city": "Oslo"}]]'
)
WEATHER: Final = "21 degrees, report K7Q. [[stand-in say=It is 21 degrees, report K7Q.]]"
TIME: Final = "noon, clock Z9. [[stand-in say=It is noon, clock Z9.]]"
WEATHER_TOLD: Final = "K7Q"
TIME_TOLD: Final = "Z9"
RED: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg=="
)
"""A red picture of 16 pixels a side, a PNG."""
RED_URI: Final = f"data:image/png;base64,{base64.b64encode(RED).decode()}"
PROMPT: Final = "Building a website can be done in 10 simple steps:"
TEXTS: Final = ("Lakes of Finland", "Mountains of Nepal")


class Asked(NamedTuple):
    """The model that a driver asks, and how.

    Attributes:
        base_url: The API's address, which ends in `/v1`.
        key: A key.
        model: The model's name.
        picture: The name by which the stand-in speaks of the picture that it got.
    """

    base_url: str
    key: str
    model: str
    picture: str


def city_call(name: str) -> str:
    """Return a question that a tool with the name answers, whose arguments are a city."""
    return f"Describe a city. [[stand-in call={name} {CITY_TEXT}]]"


class Ran:
    """The tools, and what they were called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def get_weather(self, city: str) -> str:
        """Get the weather of a city."""
        self.calls.append(("get_weather", city))
        return WEATHER

    def get_time(self, city: str) -> str:
        """Get the time of a city."""
        self.calls.append(("get_time", city))
        return TIME

    def run(self, name: str, arguments: str | Mapping[str, Any]) -> str:
        """Run a tool by its name."""
        given = json.loads(arguments) if isinstance(arguments, str) else arguments
        return str({"get_weather": self.get_weather, "get_time": self.get_time}[name](**given))


class Wrong(Exception):  # noqa: N818 - a result, no error
    """The client returned something else than it should."""


def tool(name: str) -> dict[str, Any]:
    """Return a tool as OpenAI's chats have it."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    description = f"Get the {name.removeprefix('get_')} of a city."
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def want(held: object, what: str) -> None:
    """Check one thing of a result.

    Raises:
        Wrong: It does not hold.
    """
    if not held:
        raise Wrong(what)


def said(text: object, expected: str = "") -> None:
    """Check that an answer has a text."""
    want(isinstance(text, str) and text.strip(), f"no text came back: {text!r}")
    want(expected in str(text), f"the answer is not {expected!r}: {text!r}")


def plain(text: object) -> None:
    """Check the answer to the question."""
    said(text, "lakes")


def streamed(pieces: list[str]) -> None:
    """Check the pieces of an answer to the question."""
    plain("".join(pieces))
    want(len([piece for piece in pieces if piece]) > 1, "the answer came in one piece")


def one_tool(ran: Ran, text: object) -> None:
    """Check that one tool ran, and that its output came back."""
    want(ran.calls == [("get_weather", "Rome")], f"the tool did not run once, but {ran.calls}")
    said(text, WEATHER_TOLD)


def two_tools(ran: Ran, text: object) -> None:
    """Check that two tools ran, and that the last one's output came back."""
    wanted = [("get_time", "Oslo"), ("get_weather", "Rome")]
    want(sorted(ran.calls) == wanted, f"the tools did not run once each, but {ran.calls}")
    want(WEATHER_TOLD in str(text) or TIME_TOLD in str(text), f"no tool's output came back: {text!r}")


def vectors(found: list[list[float]]) -> None:
    """Check the vectors of two texts."""
    want(len(found) == len(TEXTS), f"{len(found)} vectors came back")
    want(len({len(vector) for vector in found}) == 1 and len(found[0]) > 1, "they are of different lengths")
    want(found[0] != found[1], "both are the same")


def main(tasks: Mapping[str, Callable[[Asked], object]]) -> None:
    """Do the tasks that standard input asks for, and print a line of JSON for each."""
    question = json.loads(sys.stdin.readline())
    asked = Asked(**question["asked"])
    for name in question["tasks"]:
        task = tasks.get(name)
        if task is None:
            continue
        try:
            result = task(asked)
            if inspect.iscoroutine(result):
                asyncio.run(result)
        except Exception as error:  # whatever a client raises is its result
            print(json.dumps({"task": name, "failed": _told(error)}), flush=True)
        else:
            print(json.dumps({"task": name, "failed": None}), flush=True)


def _told(error: Exception) -> str:
    """Return an error in one line, with the place in the driver that saw it."""
    kind = "" if isinstance(error, Wrong) else f"{type(error).__name__}: "
    here = [frame for frame in traceback.extract_tb(error.__traceback__) if "drivers" in Path(frame.filename).parts]
    place = f" [{Path(here[-1].filename).name}:{here[-1].lineno}]" if here and kind else ""
    return re.sub(r"\s+", " ", f"{kind}{error}")[:600] + place
