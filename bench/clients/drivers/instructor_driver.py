"""instructor, which makes objects of answers, in the mode that the command line names."""

from __future__ import annotations

import sys
from typing import Any

import common
import instructor
from common import Asked
from openai import OpenAI
from pydantic import BaseModel

MODE = sys.argv[1]


class City(BaseModel):
    """A city."""

    name: str
    population: int


_QUESTIONS = {
    "TOOLS": common.city_call("City"),
    "MD_JSON": common.MD_QUESTION,
    "JSON": common.JSON_QUESTION,
    "JSON_SCHEMA": common.JSON_QUESTION,
}


def _client(asked: Asked) -> Any:
    plain = OpenAI(base_url=asked.base_url, api_key=asked.key, max_retries=0, timeout=60)
    return instructor.from_openai(plain, mode=instructor.Mode[MODE])


def _ask(asked: Asked, *messages: dict[str, Any]) -> None:
    client = _client(asked)
    made = client.chat.completions.create(
        model=asked.model, messages=[*messages], response_model=City, max_retries=0, max_tokens=400
    )
    common.want(isinstance(made, City) and made.name, f"{made!r} is no city")


def schema(asked: Asked) -> None:
    """Make an object."""
    _ask(asked, {"role": "user", "content": _QUESTIONS[MODE]})


def turns(asked: Asked) -> None:
    """Make an object at the end of a chat."""
    past = [{"role": role, "content": content} for role, content in common.TURNS[:-1]]
    _ask(asked, *past, {"role": "user", "content": _QUESTIONS[MODE]})


def system(asked: Asked) -> None:
    """Make an object with a system message."""
    _ask(asked, {"role": "system", "content": "Be exact."}, {"role": "user", "content": _QUESTIONS[MODE]})


def image(asked: Asked) -> None:
    """Make an object of a picture."""
    picture = instructor.Image.from_base64(common.RED_URI)
    _ask(asked, {"role": "user", "content": [_QUESTIONS[MODE], picture]})


def stream(asked: Asked) -> None:
    """Make an object bit by bit."""
    parts = list(
        _client(asked).chat.completions.create_partial(
            model=asked.model,
            messages=[{"role": "user", "content": _QUESTIONS[MODE]}],
            response_model=City,
            max_retries=0,
            max_tokens=400,
        )
    )
    common.want(parts, "nothing came back")
    City.model_validate(parts[-1].model_dump())


TASKS = {"JSON schema": schema, "five turns": turns, "system": system, "image": image, "stream": stream}

if __name__ == "__main__":
    common.main(TASKS)
