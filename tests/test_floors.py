"""Who may import whom: values flow up, types never flow down."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

_DEVELOPMENT = {"boto3", "botocore", "cfnlint", "httpx2", "moto", "openai", "rich", "werkzeug", "yaml"}

# With which the stand-in for training writes models that are as valid as real ones.
_MODEL_FILES = {"numpy", "safetensors", "tokenizers"}

# The modules of `constructs/` that stand in no room, and the published package of that name (`Construct`).
_GROUND = {
    *("constructs.Construct", "constructs.IConstruct", "constructs.IDependable"),
    *(f"constructs.{module.stem}" for module in (ROOT / "constructs").glob("*.py")),
}


def _ground_files() -> list[str]:
    return [str(module.relative_to(ROOT)) for module in sorted((ROOT / "constructs").glob("*.py"))]


# Folder or module, and what it may import beside the standard library and its own room.
FLOORS: dict[str, set[str]] = {
    "stacks/environments.py": set(),
    "stacks/declarations.py": set(),
    "stacks/declaration_hash.py": {"stacks.declarations"},
    "stacks/models.py": {"stacks.declarations", "stacks.environments"},
    "stacks/preflight": {"catalog", "stacks.preflight", "stacks.declarations", "stacks.environments"},
    "stacks/account_stack.py": {"aws_cdk", "constructs"},
    "stacks/endpoint_stack.py": {
        *("aws_cdk", "constructs", "catalog"),
        *("stacks.declarations", "stacks.environments", "stacks.parts.front_door", "stacks.settings"),
    },
    "stacks/settings.py": {"aws_cdk", "stacks.declarations", "stacks.environments"},
    "stacks/parts/front_door.py": {
        "aws_cdk",
        "constructs",
        "stacks.declarations",
        "stacks.environments",
        "stacks.settings",
    },
    "stacks/parts/model_import.py": {
        *("aws_cdk", "constructs"),
        *("stacks.declarations", "stacks.environments", "stacks.settings"),
    },
    "stacks/imported_model_stack.py": {
        *("aws_cdk", "constructs"),
        *(
            "stacks.parts.model_import",
            "stacks.declarations",
            "stacks.environments",
            "stacks.parts.front_door",
            "stacks.settings",
        ),
    },
    "stacks/fine_tuned_endpoint_stack.py": {
        *("aws_cdk", "constructs", "catalog"),
        *("stacks.declarations", "stacks.environments", "stacks.parts.front_door", "stacks.settings"),
        *("stacks.parts.fine_tuning", "stacks.parts.fine_tuning_runs"),
    },
    "stacks/fine_tuned_import_stack.py": {
        *("aws_cdk", "constructs", "catalog"),
        *(
            "stacks.parts.model_import",
            "stacks.declarations",
            "stacks.environments",
            "stacks.parts.front_door",
            "stacks.settings",
        ),
        *("stacks.parts.fine_tuning", "stacks.parts.fine_tuning_runs"),
    },
    "stacks/parts/fine_tuning.py": {
        *("aws_cdk", "constructs", "catalog"),
        *("stacks.declarations", "stacks.environments", "stacks.settings"),
    },
    "stacks/parts/fine_tuning_runs.py": {
        *("aws_cdk", "constructs"),
        *("stacks.declaration_hash", "stacks.declarations", "stacks.environments"),
        *("stacks.parts.fine_tuning", "stacks.settings"),
    },
    "app.py": {"aws_cdk", "cdk_nag", "catalog", "stacks"},
    "catalog": {"catalog"},
    "constructs": {"aws_cdk", "constructs", "catalog"},
    # Within the library: the ground knows no room, and the rooms that are served know not what serves them.
    **{place: {"aws_cdk", *_GROUND} for place in _ground_files()},
    "constructs/endpoint": {"aws_cdk", "catalog", "constructs.endpoint", *_GROUND},
    "constructs/model_import": {"aws_cdk", "catalog", "constructs.model_import", *_GROUND},
    "constructs/api": {"aws_cdk", "catalog", "constructs.api", "constructs.endpoint", *_GROUND},
    "constructs/fine_tuning": {
        *("aws_cdk", "catalog", "constructs.endpoint", "constructs.fine_tuning", "constructs.model_import"),
        *_GROUND,
    },
    # urllib3 comes with botocore, which leaves it to its callers to catch what a stream raises.
    "lambda/invoke_shim": {"boto3", "botocore", "urllib3", "invoke_shim"},
    "lambda/key_authorizer": {"key_authorizer"},
    "lambda/model_import": {"boto3", "botocore", "model_import"},
    # Synthesis imports them, so that they import nothing themselves.
    "lambda/model_import/contract.py": set(),
    "lambda/training/contract.py": set(),
    # The catalogue's rules are packed beside it (constructs/fine_tuning/training_function.py).
    "lambda/training": {"boto3", "botocore", "catalog", "training"},
    "localaws": {"awslambdaric", "localaws", *_DEVELOPMENT, *_MODEL_FILES} - {"openai", "httpx2", "rich"},
    # The peers that the benches measure are in venvs of their own.
    "bench": {
        *("app", "aws_cdk", "bench", "catalog", "cdklabs", "constructs", "stacks", "training"),
        *("boto3", "fastapi", "litellm", "localaws.eventstream", "mangum", "pydantic"),
    },
    # `model_import`, `training`: their checks of files and of data are commands too.
    "tools": {
        *("catalog", "model_import", "stacks", "tools", "training"),
        *(_DEVELOPMENT - {"moto", "werkzeug", "cfnlint"}),
    },
}

# What the catalogue's command does beyond reading the lock, each imported when it is asked for and not before:
# downloads, CDK's region facts while the lock is written, and how a terminal shows it.
EXCEPTIONS = {
    ("catalog/commands/output.py", "rich"),
    ("catalog/commands/update.py", "aws_cdk"),
    ("catalog/sources/downloads.py", "boto3"),
    ("catalog/sources/downloads.py", "botocore"),
    ("catalog/sources/live.py", "rich"),
}


def _modules(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _imports(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from constructs import Construct` names the published package, which every room may use.
            names.update(
                f"{node.module}.{alias.name}" if node.module == "constructs" else node.module for alias in node.names
            )
    return names


def _allowed(name: str, floor: set[str]) -> bool:
    parts = name.split(".")
    prefixes = {".".join(parts[: length + 1]) for length in range(len(parts))}
    # `_typeshed` is the type checker's part of the standard library.
    return parts[0] in {*sys.stdlib_module_names, "_typeshed"} or bool(prefixes & floor)


@pytest.mark.parametrize("place", FLOORS)
def test_imports_only_what_its_floor_allows(place: str) -> None:
    modules = _modules(place)
    assert modules, f"{place} has no modules"
    trespasses = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules
        for name in sorted(_imports(module))
        if not _allowed(name, FLOORS[place]) and (str(module.relative_to(ROOT)), name.split(".")[0]) not in EXCEPTIONS
    ]
    assert not trespasses


def test_every_module_of_the_project_has_a_floor() -> None:
    places = [module for place in FLOORS for module in _modules(place)]
    rooms = ["app.py", "bench", "catalog", "constructs", "lambda", "localaws", "stacks", "tools"]
    homeless = [
        str(module.relative_to(ROOT))
        for room in rooms
        for module in _modules(room)
        if module not in places and module.read_text(encoding="utf-8").strip()
    ]
    assert not homeless


def test_the_folders_that_share_their_names_with_others_are_no_packages() -> None:
    # `constructs` merges with the package of that name from PyPI; `lambda` is a keyword.
    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert not list((ROOT / "constructs").rglob("__init__.py"))
    assert not (ROOT / "lambda" / "__init__.py").exists()


@pytest.mark.parametrize("place", ["lambda", "catalog"])
def test_what_is_packed_into_an_asset_names_no_path_outside_of_it(place: str) -> None:
    # A comment that names a construct's file would change the asset's hash when the construct moves.
    outside = re.compile(r"(?<![\w./])(?:constructs|stacks|tools|tests|localaws|bench|docs)/\w|(?<![\w/])app\.py\b")
    named = [
        f"{module.relative_to(ROOT)}: {line.strip()}"
        for module in _modules(place)
        for line in module.read_text(encoding="utf-8").splitlines()
        if outside.search(line.replace("serving/docs/", ""))
    ]
    assert not named


@pytest.mark.parametrize("place", ["app.py", "stacks", "constructs"])
def test_synthesis_reads_no_environment_variable_clock_process_or_network(place: str) -> None:
    outside = {"boto3", "botocore", "socket", "subprocess", "urllib.request"}
    fickle = {"datetime", "os", "random", "time", "uuid"}
    for module in _modules(place):
        assert not _imports(module) & (outside | fickle), module
