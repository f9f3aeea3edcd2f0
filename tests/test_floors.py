"""Hold the floors, which say who may import whom: values flow up, types never flow down."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

_DEVELOPMENT = {"boto3", "botocore", "cfnlint", "httpx2", "moto", "openai", "rich", "werkzeug", "yaml"}

# With which the stand-in for training writes models that are as valid as real ones.
_MODEL_FILES = {"numpy", "safetensors", "tokenizers"}

# The ground of `constructs/`: modules and rooms that know nothing of what is built of them, and the names of the
# published package (`Construct`).
_GROUND = {
    *("constructs.Construct", "constructs.IConstruct", "constructs.IDependable"),
    *(f"constructs.{room}" for room in ("values", "permissions", "functions", "state_machines")),
    *(f"constructs.{module.stem}" for module in (ROOT / "constructs").glob("*.py")),
}


def _ground_files() -> list[str]:
    return [str(module.relative_to(ROOT)) for module in sorted((ROOT / "constructs").glob("*.py"))]


# What both backends of the shim stand on.
_BACKEND_GROUND = [".base", ".connections", ".containers", ".retry", ".service_errors", ".streams", ".target"]

# What every stack, and every part of one, is defined from.
_DECLARED = {"stacks.declarations", "stacks.environments", "stacks.placement", "stacks.placed_stack"}

# The API of an endpoint, in its container's dialect.
_SPOKEN_API = {"stacks.parts.front_door", "stacks.parts.spoken"}

# Contracts of the packages of Lambda functions: the one thing of `lambda/` that synthesis may import.
_CONTRACTS = {f"{module.parent.name}.contract" for module in (ROOT / "lambda").glob("*/contract.py")}


# Folder or module, and what it may import beside the standard library and its own room.
FLOORS: dict[str, set[str]] = {
    "stacks/environments.py": set(),
    "stacks/declarations.py": set(),
    "stacks/declaration_hash.py": {"stacks.declarations"},
    "stacks/models.py": {"stacks.declarations", "stacks.environments"},
    "stacks/placement.py": {"stacks.declarations", "stacks.environments"},
    "stacks/preflight": {
        *("catalog", "stacks.declarations", "stacks.environments", "stacks.placement", "stacks.preflight"),
    },
    "stacks/reading.py": {"catalog"},
    "stacks/selection.py": {"catalog", "stacks.placement"},
    "stacks/account_stack.py": {"aws_cdk", "constructs", "stacks.placement"},
    "stacks/placed_stack.py": {"aws_cdk", "constructs.Construct", "constructs.values", *_DECLARED},
    "stacks/parts/front_door.py": {"aws_cdk", "constructs", *_DECLARED},
    "stacks/parts/model_import.py": {"constructs", *_DECLARED},
    "stacks/parts/fine_tuning.py": {"aws_cdk", "constructs", "catalog", "stacks.declaration_hash", *_DECLARED},
    "stacks/parts/spoken.py": {"catalog", "stacks.declarations"},
    "stacks/endpoint_stack.py": {"catalog", "constructs", *_SPOKEN_API, *_DECLARED},
    "stacks/imported_model_stack.py": {
        *("aws_cdk", "constructs", "stacks.parts.front_door", "stacks.parts.model_import"),
        *_DECLARED,
    },
    "stacks/fine_tuned_endpoint_stack.py": {
        *("catalog", "constructs", "stacks.parts.fine_tuning"),
        *_SPOKEN_API,
        *_DECLARED,
    },
    "stacks/fine_tuned_import_stack.py": {
        *("catalog", "constructs"),
        *("stacks.parts.fine_tuning", "stacks.parts.front_door", "stacks.parts.model_import"),
        *_DECLARED,
    },
    "app.py": {"aws_cdk", "cdk_nag", "catalog", "constructs.Construct", "stacks"},
    "catalog": {"catalog"},
    "constructs": {"aws_cdk", "constructs", "catalog", *_CONTRACTS},
    # Within the library: the ground knows no room, and the rooms that are served know not what serves them.
    "constructs/values": {"aws_cdk", *_GROUND},
    "constructs/permissions": {"aws_cdk", *_GROUND},
    "constructs/functions": {"aws_cdk", *_GROUND},
    "constructs/state_machines": {"aws_cdk", *_CONTRACTS, *_GROUND},
    **{place: {"aws_cdk", *_CONTRACTS, *_GROUND} for place in _ground_files()},
    "constructs/endpoint": {"aws_cdk", "catalog", "constructs.endpoint", *_CONTRACTS, *_GROUND},
    "constructs/model_import": {"aws_cdk", "catalog", "constructs.model_import", *_CONTRACTS, *_GROUND},
    "constructs/api": {"aws_cdk", "catalog", "constructs.api", "constructs.endpoint", *_CONTRACTS, *_GROUND},
    "constructs/fine_tuning": {
        *("aws_cdk", "catalog", "constructs.endpoint", "constructs.fine_tuning", "constructs.model_import"),
        *_CONTRACTS,
        *_GROUND,
    },
    # The shim: a request passes the runtime, the handler, HTTP, OpenAI's API and a backend, which stand on the rest.
    "lambda/invoke_shim/__init__.py": set(),
    "lambda/invoke_shim/__main__.py": {"invoke_shim.runtime"},
    "lambda/invoke_shim/runtime": {"invoke_shim.http.proxy", "invoke_shim.runtime", "invoke_shim.telemetry.logs"},
    "lambda/invoke_shim/handler.py": {
        *("invoke_shim.backends.base", "invoke_shim.deadline", "invoke_shim.errors"),
        *("invoke_shim.http", "invoke_shim.settings", "invoke_shim.telemetry"),
    },
    "lambda/invoke_shim/http": {
        *("invoke_shim.backends.base", "invoke_shim.deadline", "invoke_shim.errors", "invoke_shim.generation"),
        *("invoke_shim.http", "invoke_shim.openai", "invoke_shim.settings", "invoke_shim.telemetry"),
    },
    "lambda/invoke_shim/openai": {
        *("invoke_shim.backends.base", "invoke_shim.deadline", "invoke_shim.errors", "invoke_shim.formats"),
        *("invoke_shim.generation", "invoke_shim.openai", "invoke_shim.rules", "invoke_shim.settings"),
        "invoke_shim.telemetry",
        # The forms of the tasks that are not text.
        *("invoke_shim.backends.tasks", "invoke_shim.backends.containers", "invoke_shim.backends.streams"),
    },
    "lambda/invoke_shim/telemetry": {
        *("invoke_shim.contract", "invoke_shim.deadline", "invoke_shim.errors", "invoke_shim.generation"),
        "invoke_shim.telemetry",
    },
    # urllib3 comes with botocore, which leaves it to its callers to catch what a stream raises.
    **{
        f"lambda/invoke_shim/backends{room}": {
            *("botocore", "urllib3", "invoke_shim.contract", "invoke_shim.deadline", "invoke_shim.errors"),
            *("invoke_shim.generation", "invoke_shim.rules", "invoke_shim.settings"),
            *(f"invoke_shim.backends{known}" for known in knows),
        }
        for room, knows in {
            "": [""],
            # Neither of the two knows the other.
            "/bedrock": [".bedrock", *_BACKEND_GROUND],
            "/sagemaker": [".sagemaker", *_BACKEND_GROUND],
            "/containers": [".containers", ".retry", ".streams"],
            "/tasks": [".tasks", ".base", ".containers", ".streams"],
        }.items()
    },
    "lambda/invoke_shim/settings.py": {"invoke_shim.contract", "invoke_shim.formats"},
    # Packed into functions that count tokens themselves (constructs/functions/wheels.py).
    "lambda/invoke_shim/generation": {"invoke_shim.generation", "tokenizers"},
    "lambda/invoke_shim/rules": {"invoke_shim.errors", "invoke_shim.rules"},
    "lambda/invoke_shim/formats": {"invoke_shim.errors", "invoke_shim.formats", "invoke_shim.generation.messages"},
    "lambda/invoke_shim/contract.py": set(),
    "lambda/invoke_shim/deadline.py": set(),
    "lambda/invoke_shim/errors.py": set(),
    "lambda/key_authorizer": {"key_authorizer"},
    "lambda/model_import": {"boto3", "botocore", "model_import"},
    # Synthesis imports them, so that they import nothing themselves.
    "lambda/model_import/contract.py": set(),
    "lambda/training/contract.py": set(),
    # The catalogue's rules are packed beside it (constructs/functions/packages.py).
    "lambda/training": {"boto3", "botocore", "catalog", "training"},
    "localaws": {"awslambdaric", "jsonschema", "localaws", *_DEVELOPMENT, *_MODEL_FILES} - {"openai", "httpx2", "rich"},
    # The peers that the benches measure are in venvs of their own.
    "bench": {
        *("app", "aws_cdk", "bench", "catalog", "cdklabs", "constructs", "jsii", "stacks", "training"),
        *("boto3", "fastapi", "litellm", "localaws.eventstream", "mangum", "pydantic", "rich"),
        *("tools.cdk", "tools.demo.weights", "tools.deployed", "tools.keys", "tools.local", "tools.processes"),
        # The clients of docs/clients.md are in venvs of their own, where `common` is a module beside the drivers.
        *("agents", "common", "instructor", "langchain_core", "langchain_openai", "llama_index", "openai"),
        "pydantic_ai",
    },
    # `model_import`, `training`: their checks of files and of data are commands too.
    "tools": {
        "click",
        *("catalog", "model_import", "stacks", "tools", "training"),
        *(_DEVELOPMENT - {"moto", "werkzeug", "cfnlint"}),
    },
}

# What the catalogue's command does beyond reading the lock, each imported when it is asked for and not before:
# downloads, CDK's region facts while the lock is written, and how a terminal shows it.
EXCEPTIONS = {
    ("catalog/__main__.py", "tools"),
    ("catalog/sources/downloads.py", "boto3"),
    ("catalog/sources/downloads.py", "botocore"),
    ("catalog/sources/live.py", "rich"),
    ("tools/cli/catalog/update.py", "aws_cdk"),
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
            is_folder = any((ROOT / root / node.module.replace(".", "/")).is_dir() for root in ("", "lambda"))
            names.update(f"{node.module}.{alias.name}" if is_folder else node.module for alias in node.names)
    return names


def _arrows(package: Path) -> dict[str, set[str]]:
    """Return the rooms at the top of a package, each with those that it imports."""
    arrows: dict[str, set[str]] = {}
    for module in package.rglob("*.py"):
        room = module.relative_to(package).parts[0].removesuffix(".py")
        imported = {name.split(".")[1] for name in _imports(module) if name.startswith(f"{package.name}.")}
        arrows.setdefault(room, set()).update(imported - {room})
    # The published package `constructs` has names of its own.
    return {room: imported & set(arrows) for room, imported in arrows.items() if room != "__init__"}


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


@pytest.mark.parametrize("package", ["constructs", "lambda/invoke_shim"])
def test_a_package_shows_a_stranger_few_rooms_and_no_circle(package: str) -> None:
    arrows = _arrows(ROOT / package)
    assert 1 < len(arrows) <= 15
    assert sum(len(imported) for imported in arrows.values()) <= 40
    # Raises CycleError at a circle.
    assert set(TopologicalSorter(arrows).static_order()) == set(arrows)


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
