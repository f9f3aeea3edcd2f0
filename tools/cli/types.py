"""Words that many commands take: ENV, ENV/MODEL and a model's id, each with its completion."""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from catalog.nearest import did_you_mean, similar, similar_models
from catalog.regions import regions
from tools.deployed import DeclaredStack, UnknownStackError, all_declared_stacks, declared_stack, environment_names


class StackType(click.ParamType[DeclaredStack]):
    """A declared model in one environment."""

    name = "ENV/MODEL"

    def __init__(self, *, tuned: bool = False) -> None:
        """Store which stacks are allowed.

        Args:
            tuned: Only those of fine-tuned models.
        """
        self._tuned = tuned

    def convert(
        self, value: DeclaredStack | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> DeclaredStack:
        """Return the stack of a path; remember the path for errors."""
        if isinstance(value, DeclaredStack):
            return value
        try:
            stack = declared_stack(value)
        except UnknownStackError as error:
            raise click.UsageError(str(error), ctx) from error
        if self._tuned and not stack.is_tuned:
            tuned = ", ".join(one.path for one in all_declared_stacks() if one.is_tuned)
            raise click.UsageError(f"ENV/MODEL is {value!r}: allowed are fine-tuned models, {tuned}", ctx)
        if ctx is not None:
            ctx.meta["place"] = stack.path
        return stack

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the declared stacks that begin so."""
        return _completions(
            (stack.path for stack in all_declared_stacks() if stack.is_tuned or not self._tuned), incomplete
        )


class EnvironmentType(click.ParamType[str]):
    """A declared environment."""

    name = "ENV"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, where it is declared."""
        known = environment_names()
        if value not in known:
            hint = did_you_mean(value, known) or f"declared are {', '.join(known) or 'none in stacks/models.py'}"
            raise click.UsageError(f"ENV is {value!r}: {hint}", ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the declared environments that begin so."""
        return _completions(environment_names(), incomplete)


class AnyPathType(click.ParamType[str]):
    """An ENV/MODEL that may be no longer declared; the declared ones are completed."""

    name = "ENV/MODEL"

    def __init__(self, *, environments: bool = False) -> None:
        """Store what is allowed.

        Args:
            environments: Environments, too.
        """
        self._environments = environments

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, where it has the form; remember it for errors."""
        environment, slash, model = value.partition("/")
        if not environment or "/" in model or bool(slash) != bool(model) or not (slash or self._environments):
            known = [*(environment_names() if self._environments else ()), *(one.path for one in all_declared_stacks())]
            hint = did_you_mean(value, known) or "allowed is one such as dev/mistral-7b-instruct"
            raise click.UsageError(f"{'ENV or ' * self._environments}ENV/MODEL is {value!r}: {hint}", ctx)
        if ctx is not None and slash:
            ctx.meta["place"] = value
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the declared ones that begin so."""
        environments = environment_names() if self._environments else []
        return _completions([*environments, *(stack.path for stack in all_declared_stacks())], incomplete)


class RegionType(click.ParamType[str]):
    """An AWS region."""

    name = "REGION"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, where AWS has such a region."""
        if value not in regions():
            near = similar(value, regions(), most=2)
            hint = f"AWS has no such region; try {' or '.join(near)}" if near else "AWS has no such region"
            raise click.UsageError(f"--region is {value!r}: {hint}", ctx)
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the regions that begin so."""
        return _completions(regions(), incomplete)


class ModelIdType(click.ParamType[str]):
    """A JumpStart model's id; every text is taken, and the ids of the lock are completed."""

    name = "ID"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the ids of the lock that begin so."""
        from catalog import Lock

        return _completions(Lock.load().model_ids(), incomplete)


class BaseOrStackType(click.ParamType[DeclaredStack | str]):
    """A JumpStart model's id, or a declared fine-tuned model as ENV/MODEL."""

    name = "ID|ENV/MODEL"

    def convert(
        self, value: DeclaredStack | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> DeclaredStack | str:
        """Return the stack of a path, and any other text as it is."""
        if isinstance(value, str):
            owner, slash, name = value.partition("/")
            if not slash:
                return value
            if owner not in environment_names() and any(letter.isupper() for letter in value):
                from catalog import Lock

                # Hugging Face's names have capitals; environments and models have none.
                near = ", ".join(similar_models(name, Lock.load().model_ids()))
                hint = f"; did you mean {near}?" if near else ""
                raise click.UsageError(f"model is {value!r}: JumpStart's ids have no owner{hint}", ctx)
        return TUNED_STACK.convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the declared fine-tuned stacks, then the ids of the lock, that begin so."""
        return [*TUNED_STACK.shell_complete(ctx, param, incomplete), *MODEL_ID.shell_complete(ctx, param, incomplete)]


STACK = StackType()
TUNED_STACK = StackType(tuned=True)
ENVIRONMENT = EnvironmentType()
MODEL_ID = ModelIdType()
BASE_OR_STACK = BaseOrStackType()
ANY_PATH = AnyPathType()
ENVIRONMENT_OR_PATH = AnyPathType(environments=True)
REGION = RegionType()


def _completions(known: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(one) for one in known if one.startswith(incomplete)]
