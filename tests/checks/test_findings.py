"""An acknowledgement covers what it spells out, and is missed when it covers nothing."""

from typing import Any

import pytest

from checks.findings import Finding, unacknowledged, unneeded
from checks.suppressions.suppression import Suppression


def found(where: str = "Shop/Bucket/Resource", rule: str = "S1", detail: str = "") -> Finding:
    return Finding(rule=rule, where=where, detail=detail)


def entry(**fields: Any) -> Suppression:
    said: dict[str, Any] = {"rules": ("S1",), "where": ("Shop/Bucket",), "reason": "because"}
    return Suppression(**{**said, **fields})


def test_a_finding_that_nobody_speaks_of_is_named_once() -> None:
    same_in_two_environments = [found(), found()]

    assert unacknowledged(same_in_two_environments, []) == ["S1 at Shop/Bucket/Resource"]


@pytest.mark.parametrize(
    "where", ["Shop/Bucket", "Shop/Bucket/Resource", "Shop/*/Resource", "Shop/*"]
)
def test_a_place_means_itself_and_what_is_below(where: str) -> None:
    assert unacknowledged([found()], [entry(where=(where,))]) == []


@pytest.mark.parametrize(
    "where", ["Shop/Buck", "Other/Bucket", "Bucket", "*/Resource", "Shop/Bucket/Resource/More"]
)
def test_a_place_means_no_other(where: str) -> None:
    assert unacknowledged([found()], [entry(where=(where,))]) != []


def test_an_entry_is_for_its_rules_alone() -> None:
    assert unacknowledged([found(rule="S10")], [entry()]) == ["S10 at Shop/Bucket/Resource"]


def test_a_rule_with_details_is_never_acknowledged_as_a_whole() -> None:
    wildcards = [found(detail="Action::s3:Get*"), found(detail="Action::s3:*")]

    assert len(unacknowledged(wildcards, [entry()])) == 2
    assert unacknowledged(wildcards, [entry(details=(r"Action::s3:Get\*",))]) == [
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


def test_an_entry_that_is_needed_is_left_alone() -> None:
    assert unneeded([found()], [entry()]) == []
