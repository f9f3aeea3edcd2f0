"""Where a command reads published facts: the options for it, and the source that they name."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.sources.source import Source
from catalog.spec import CatalogError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--source` and `--wheel` to a command."""
    parser.add_argument(
        "--source",
        choices=("wheel", "live"),
        help="the published wheel, downloaded by pip, or JumpStart's public cache in S3 (wheel)",
    )
    parser.add_argument("--wheel", type=Path, metavar="PATH", help="read this wheel instead of downloading one")


@contextmanager
def opened(options: argparse.Namespace) -> Iterator[Source]:
    """Opens the source that the options name.

    Raises:
        CatalogError: The source cannot be read, or the options contradict each other.
    """
    if options.source == "live":
        if options.wheel:
            raise CatalogError(["--wheel is given with --source live: allowed is one of the two"])
        from catalog.sources.live import LiveCatalogue  # noqa: PLC0415 - brings an AWS client

        yield LiveCatalogue()
        return
    from catalog.sources import wheel  # noqa: PLC0415 - most commands read the lock only

    with tempfile.TemporaryDirectory() as folder:
        yield wheel.PublishedCatalogue.from_wheel(options.wheel or wheel.download(Path(folder)))
