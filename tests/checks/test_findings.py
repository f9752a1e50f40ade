"""A suppression covers what it names, and must be removed when it covers nothing."""

from typing import Any

import pytest

from checks.findings import Finding, not_accepted, unneeded
from checks.suppressions.suppression import Suppression


def found(where: str = "Shop/Bucket/Resource", rule: str = "S1", detail: str = "") -> Finding:
    return Finding(rule=rule, where=where, detail=detail)


def entry(**fields: Any) -> Suppression:
    said: dict[str, Any] = {"rules": ("S1",), "where": ("Shop/Bucket",), "reason": "because"}
    return Suppression(**{**said, **fields})


def test_a_finding_that_no_entry_covers_is_named_once() -> None:
    same_in_two_environments = [found(), found()]

    assert not_accepted(same_in_two_environments, []) == ["S1 at Shop/Bucket/Resource"]


@pytest.mark.parametrize(
    "where", ["Shop/Bucket", "Shop/Bucket/Resource", "Shop/*/Resource", "Shop/*"]
)
def test_a_place_includes_what_is_below_it(where: str) -> None:
    assert not_accepted([found()], [entry(where=(where,))]) == []


@pytest.mark.parametrize(
    "where", ["Shop/Buck", "Other/Bucket", "Bucket", "*/Resource", "Shop/Bucket/Resource/More"]
)
def test_a_place_includes_no_other(where: str) -> None:
    assert not_accepted([found()], [entry(where=(where,))]) != []


def test_an_entry_is_for_its_rules_alone() -> None:
    assert not_accepted([found(rule="S10")], [entry()]) == ["S10 at Shop/Bucket/Resource"]


def test_a_rule_with_details_is_never_accepted_as_a_whole() -> None:
    wildcards = [found(detail="Action::s3:Get*"), found(detail="Action::s3:*")]

    assert len(not_accepted(wildcards, [entry()])) == 2
    assert not_accepted(wildcards, [entry(details=(r"Action::s3:Get\*",))]) == [
        "S1 [Action::s3:*] at Shop/Bucket/Resource"
    ]


def test_an_entry_that_matches_nothing_is_named_part_by_part() -> None:
    said = entry(
        rules=("S1", "S2"), where=("Shop/Bucket", "Shop/Till"), details=("Action::.*", "Gone")
    )

    assert unneeded([found(detail="Action::s3:*")], [said]) == [
        "S1 at Shop/Bucket: rule S2 finds nothing",
        "S1 at Shop/Bucket: nothing is found at Shop/Till",
        "S1 at Shop/Bucket: nothing is found by Gone",
    ]


def test_an_entry_that_is_needed_is_not_named() -> None:
    assert unneeded([found()], [entry()]) == []
