"""The README of the local AWS names files that exist and paths that are served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder

import localaws
from localaws import bedrock, events, functions, sagemaker, stepfunctions

ROOM = Path(localaws.__file__).parent
README = (ROOM / "README.md").read_text(encoding="utf-8")
ROUTES = (*bedrock.ROUTES, *events.ROUTES, *functions.ROUTES, *sagemaker.ROUTES, *stepfunctions.ROUTES)

FILES = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*(?:\.py|\.js|/))`", README)) - {"tests/localaws/"})
PATHS = sorted(set(re.findall(r"`(/_localaws/[^`]+)`", README)))


@pytest.mark.parametrize("name", FILES)
def test_names_files_that_exist(name: str) -> None:
    rooms = [ROOM, *(path for path in ROOM.iterdir() if path.is_dir()), ROOM.parent]
    assert any((room / name).exists() for room in rooms)


@pytest.mark.parametrize("path", [path for path in PATHS if "/execute-api/" not in path])
def test_names_paths_that_are_served(path: str) -> None:
    environ = EnvironBuilder(re.sub(r"\{[a-z]+\}", "none", path), method="TRACE").get_environ()
    assert [answer.status_code for route in ROUTES if (answer := route.answer(environ))] == [405]
