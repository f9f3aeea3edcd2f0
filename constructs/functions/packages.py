"""Assets of Lambda functions: a package of `lambda/`, with the modules of `catalog` that it imports."""

import ast
import atexit
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs.functions.wheels import unpack_wheel

_ROOT = Path(__file__).resolve().parents[2]
_RULES = "catalog"


def package_code(package: str, tokenizer: Path | None = None) -> lambda_.AssetCode:
    """Return the code of one package; the asset's hash changes with what is packed, and with nothing else.

    Args:
        package: Name of a folder in `lambda/`, such as `training`.
        tokenizer: A model's `tokenizer.json`, packed beside the package with the library that reads it.

    Raises:
        ValueError: If the library is not there, or not the pinned one.
    """
    return lambda_.Code.from_asset(str(packed(package, tokenizer)))


@cache
def packed(package: str, tokenizer: Path | None = None) -> Path:
    """Copy a package into a folder of its own, once a process; return the folder, which is deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"{package}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(_ROOT / "lambda" / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    modules = sorted(_imported_rules(package))
    texts = [module.read_text(encoding="utf-8") for module in modules]
    # Tables lie beside the modules that read them by their names.
    data = [table for table in (_ROOT / _RULES).glob("*.json") if any(table.name in text for text in texts)]
    for source in [*modules, *data]:
        target = folder / source.relative_to(_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    if tokenizer is not None:
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
        unpack_wheel("tokenizers", folder)
    return folder


def _imported_rules(package: str) -> set[Path]:
    """Return the modules of `catalog` that a package imports, with all that those import in turn."""
    waiting = list((_ROOT / "lambda" / package).rglob("*.py"))
    found: set[Path] = set()
    while waiting:
        for module in _rules_of(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return found


def _rules_of(module: Path) -> Iterator[Path]:
    # What is imported in functions only is for commands (catalog/sources/downloads.py's boto3), yet harmless to carry.
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from catalog.limits import gateway` names a module, `from catalog.nearest import similar` a name in one.
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] != _RULES:
                continue
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                place = _ROOT.joinpath(*parts[:length])
                if (place / "__init__.py").is_file():
                    yield place / "__init__.py"
                elif place.with_suffix(".py").is_file():
                    yield place.with_suffix(".py")
