"""Findings of declarations and of accounts: one type, one scale, and lines of one form."""

import pytest

from stacks.preflight.findings import Finding, Level, Report


def test_a_finding_about_a_field_shows_value_problem_rule_and_remedy() -> None:
    finding = Finding(
        rule="burst", place="dev/m.burst", value="0", message="nobody gets in", allowed="1 or more", suggestion="1"
    )

    assert str(finding) == "dev/m.burst is 0: nobody gets in; allowed: 1 or more; try 1"


def test_a_finding_about_an_account_shows_place_and_message() -> None:
    assert str(Finding(level=Level.HINT, place="dev/m, dev/n", message="quota is 1")) == "dev/m, dev/n: quota is 1"


@pytest.mark.parametrize("place", ["dev", "dev.region", "dev/m-1.5", "dev/m.environment['A/B.C']", "dev/m, dev/n"])
def test_a_findings_environment_is_the_first_part_of_its_place(place: str) -> None:
    assert Finding(place=place).environment == "dev"


def test_a_report_keeps_errors_and_warnings_apart() -> None:
    findings = [Finding(place=f"dev/{level.name}", level=level) for level in Level]
    report = Report(tuple(findings))

    assert [finding.place for finding in report.errors] == ["dev/ERROR"]
    assert [finding.place for finding in report.warnings] == ["dev/WARNING"]


@pytest.mark.parametrize(
    ("finding", "paths", "matters"),
    [
        (Finding(place="dev/a.version"), ["dev/a", "dev/b"], True),
        (Finding(place="dev/a.version"), ["dev/b", "prod/a"], False),
        (Finding(place="dev"), ["dev/b"], True),
        (Finding(place="dev.quotas['ml.g5.2xlarge']"), ["prod/b"], False),
        (Finding(place="dev.quotas['ml.g5.2xlarge']", concerns=("dev", "prod")), ["prod/b"], True),
        (Finding(place="dev.imported_models", stacks=("dev/a", "prod/a")), ["prod/a"], True),
        (Finding(place="dev.imported_models", stacks=("dev/a", "prod/a")), ["dev/b"], False),
    ],
    ids=str,
)
def test_matters_to_who_deploys_a_model_that_it_is_about(finding: Finding, paths: list[str], matters: bool) -> None:
    assert finding.matters_to(paths) is matters
