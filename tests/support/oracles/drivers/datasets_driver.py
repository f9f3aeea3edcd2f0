"""Read files as `datasets.load_dataset` does, with the version of this venv."""

from __future__ import annotations

import logging
import tempfile
from typing import Any

import datasets
from lines import described, serve


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Read files as one split.

    Args:
        question: `kind`, which is "json", "csv" or "text", and `files`.

    Returns:
        `rows` and `columns` (types by name), or `error` and the `cause` of it.
    """
    with tempfile.TemporaryDirectory() as cache:
        try:
            read = datasets.load_dataset(question["kind"], data_files=question["files"], split="train", cache_dir=cache)
            rows = [_plain(row) for row in read]
            columns = {name: str(getattr(feature, "dtype", feature)) for name, feature in read.features.items()}
        except Exception as error:  # the answer
            cause = error.__cause__ or error.__context__ or error
            return {"error": described(error), "cause": described(cause)}
    return {"rows": rows, "columns": columns}


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it; of another type, such as a time, its name and its text."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return {"__type__": type(value).__name__, "text": str(value)}


if __name__ == "__main__":
    datasets.disable_progress_bar()
    logging.disable(logging.CRITICAL)
    serve(datasets.__version__, answer)
