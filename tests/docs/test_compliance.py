"""What NIST 800-53 and PCI DSS find stays open with a reason, and no reason is for nothing."""

import pytest

from infra.errors import ConfigurationError
from scripts.compliance import REPORTS, open_rules, page
from scripts.findings import Finding
from scripts.open_controls import WHY_OPEN


def test_a_rule_that_is_open_without_a_reason_is_named() -> None:
    report = REPORTS[0]
    novelty = Finding(rule=f"{report.prefix}Novelty", where="Shop/Till")

    with pytest.raises(ConfigurationError, match=r"open_controls\.py has no Novelty: .* needs its"):
        page(report, [novelty])


def test_no_reason_is_for_a_rule_that_is_not_open(reported: list[Finding]) -> None:
    assert set(WHY_OPEN) == {rule for report in REPORTS for rule in open_rules(report, reported)}
