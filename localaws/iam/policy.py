"""Evaluation of IAM policies: pure functions over policy documents.

The rules are those of the IAM User Guide ("Policy evaluation logic", "IAM JSON policy elements reference"): what no
statement allows is denied, and a statement that denies outweighs any that allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any, Final

Statement = Mapping[str, Any]

Context = Mapping[str, str | Sequence[str]]
"""The values of condition keys; of a key that has several, all of them."""

# Every call that the local AWS answers passes for one over TLS, which it does not speak: without this a bucket
# whose policy demands TLS, or a version of it, could not be used.
_BASE_CONTEXT: Final[Mapping[str, str]] = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}


class Decision(Enum):
    """The verdict of policies on a request."""

    ALLOWED = "allowed"
    IMPLICIT_DENY = "no statement allows it"
    EXPLICIT_DENY = "a statement denies it"


class UnsupportedConditionError(NotImplementedError):
    """A policy uses a condition operator that is not evaluated here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The caller, as resource-based policies name it.

    Attributes:
        kind: The key in the statement's `Principal`: `AWS` or `Service`.
        names: All names that stand for the principal: of an assumed role's session its own ARN, the role's
            ARN and the account's; of a service its host name.
    """

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request that policies are evaluated for.

    Attributes:
        action: The action with its service prefix, e.g. `sagemaker:InvokeEndpoint`.
        resource: The resource's ARN; None where it is not known, and then every `Resource` element matches.
        principal: The caller, for resource-based policies; None for identity-based ones, which name nobody.
        context: The values of the condition keys: a text, or several of a key that has more, such as `aws:TagKeys`; a
            key that is not here is absent from the request.
    """

    action: str
    resource: str | None = None
    principal: Principal | None = None
    context: Context = field(default_factory=dict)


def statements_of(document: str | Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a policy document, given as JSON text or parsed."""
    parsed = json.loads(document) if isinstance(document, str) else document
    return _as_list(parsed.get("Statement", []))


def evaluate(statements: Iterable[Statement], request: Request) -> Decision:
    """Decide on `request` by `statements`.

    Raises:
        UnsupportedConditionError: If a statement that concerns the request has a condition that is not
            evaluated here.
    """
    decision = Decision.IMPLICIT_DENY
    for statement in statements:
        if not _concerns(statement, request):
            continue
        if statement["Effect"] == "Deny":
            return Decision.EXPLICIT_DENY
        decision = Decision.ALLOWED
    return decision


def _concerns(statement: Statement, request: Request) -> bool:
    return (
        _element_matches(statement, "Action", lambda pattern: matches(pattern.lower(), request.action.lower()))
        and _resource_matches(statement, request.resource)
        and _principal_matches(statement, request.principal)
        and _conditions_hold(statement, request.context)
    )


def _resource_matches(statement: Statement, resource: str | None) -> bool:
    if resource is None or not ("Resource" in statement or "NotResource" in statement):
        return True
    return _element_matches(statement, "Resource", lambda pattern: matches(pattern, resource))


def _element_matches(statement: Statement, element: str, matches_one: Callable[[str], bool]) -> bool:
    """Return whether `element` of the statement, or its `Not...` form, covers the request."""
    if element in statement:
        return any(matches_one(pattern) for pattern in _as_list(statement[element]))
    return not any(matches_one(pattern) for pattern in _as_list(statement[f"Not{element}"]))


def _principal_matches(statement: Statement, principal: Principal | None) -> bool:
    if principal is None:
        return True
    if "NotPrincipal" in statement:
        return not _names(statement["NotPrincipal"], principal)
    return _names(statement.get("Principal", {}), principal)


def _names(element: Any, principal: Principal) -> bool:
    if element == "*":
        return True
    named = _as_list(element.get(principal.kind, []))
    return "*" in named or any(name in named for name in principal.names)


def _conditions_hold(statement: Statement, context: Context) -> bool:
    given: dict[str, str | Sequence[str]] = {**_BASE_CONTEXT, **{key.lower(): value for key, value in context.items()}}
    values = {key: [value] if isinstance(value, str) else list(value) for key, value in given.items()}
    for operator, keys in statement.get("Condition", {}).items():
        for key, expected in keys.items():
            wanted = [_as_text(value) for value in _as_list(expected)]
            if not _condition_holds(operator, wanted, values.get(key.lower())):
                return False
    return True


def _condition_holds(operator: str, wanted: Sequence[str], actual: Sequence[str] | None) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return (not actual) == (wanted[0].lower() == "true")
    name, if_exists = name.removesuffix("IfExists"), name.endswith("IfExists")
    negated = name.replace("Not", "") if "Not" in name else None
    compare = _COMPARISONS.get(negated or name)
    if compare is None:
        raise UnsupportedConditionError(
            f"the condition operator {operator!r} is not evaluated here: {', '.join(_COMPARISONS)}"
        )
    if not actual:
        return if_exists or quantifier == "ForAllValues" or (negated is not None and quantifier != "ForAnyValue")
    if len(actual) > 1 and not quantifier:
        # IAM User Guide, "Multivalued context keys": such a key requires a set operator.
        raise UnsupportedConditionError(f"{operator!r} is about one value, and the request has {', '.join(actual)}")
    met = [any(compare(value, one) for value in wanted) is (negated is None) for one in actual]
    return any(met) if quantifier == "ForAnyValue" else all(met)


def matches(pattern: str, text: str) -> bool:
    """Return whether `text` is what `pattern` stands for; `*` is any text and `?` any one character."""
    return _compiled(pattern).fullmatch(text) is not None


_COMPARISONS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
    "NumericEquals": lambda wanted, actual: float(actual) == float(wanted),
    "NumericLessThan": lambda wanted, actual: float(actual) < float(wanted),
    "NumericLessThanEquals": lambda wanted, actual: float(actual) <= float(wanted),
    "NumericGreaterThan": lambda wanted, actual: float(actual) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, actual: float(actual) >= float(wanted),
}


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(character, re.escape(character)) for character in pattern), re.DOTALL)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
