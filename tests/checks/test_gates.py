"""What scanners find in every stack of the app is corrected, or accepted with its reason."""

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

from checks.assembly import StackTemplate, stack_templates
from checks.checkov_scan import checkov
from checks.compliance import REPORTS, open_rules, page
from checks.findings import Finding, not_accepted, unneeded
from checks.lint import lint
from checks.nag import GATES, nag
from checks.open_controls import WHY_OPEN
from checks.suppressions.action_families import FAMILIES
from checks.suppressions.branch_hub import HUB
from checks.suppressions.environment import ENVIRONMENT
from checks.suppressions.fault_injection import FAULTS
from checks.suppressions.pipeline import PIPELINE
from checks.wildcards import RULE as WILDCARD
from checks.wildcards import action_families, wildcards
from infra.errors import ConfigurationError
from tests.delivered import Delivered
from tests.infra.context import REPOSITORY

SUPPRESSIONS = (*ENVIRONMENT, *FAULTS, *PIPELINE, *HUB, *FAMILIES)


@pytest.fixture(scope="session")
def templates(delivered: Delivered, trunk: Delivered) -> list[StackTemplate]:
    """Those of a branch and of the trunk: every stack, in every configuration."""
    return [*stack_templates(delivered.outdir), *stack_templates(trunk.outdir)]


@pytest.fixture(scope="session")
def nagged(templates: list[StackTemplate]) -> list[Finding]:
    return list(nag(templates, [*GATES, *(report.pack for report in REPORTS)]))


@pytest.fixture(scope="session")
def findings(
    templates: list[StackTemplate], nagged: list[Finding], across_accounts: Delivered
) -> list[Finding]:
    """All that need a suppression; NIST and PCI DSS findings need a reason instead.

    Wildcards are those of checks/wildcards.py, which says more about each than cdk-nag.
    """
    elsewhere = tuple(report.prefix for report in REPORTS)
    gated = [f for f in nagged if not f.rule.startswith(elsewhere) and f.rule != WILDCARD]
    dockerfile = REPOSITORY / "app_service/Dockerfile"
    every = [*templates, *stack_templates(across_accounts.outdir)]
    ours = [*wildcards(every), *action_families(every)]
    return [*gated, *ours, *checkov(templates, dockerfile)]


def test_every_stack_is_checked_in_every_configuration(templates: list[StackTemplate]) -> None:
    assert {(t.configuration, t.stack) for t in templates} >= {
        ("BranchHub", "BranchHub"),
        ("DeliveryPipeline", "DeliveryPipeline"),
        ("Environment", "FaultInjection"),
        ("Environment", "Transaction"),
        ("Production", "FaultInjection"),
        ("Production", "Transaction"),
        ("Staging", "Transaction"),
    }


def test_a_new_stack_is_checked_without_further_work(tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), analytics_reporting=False)
    s3.CfnBucket(cdk.Stack(app, "Novelty-dev"), "Logs")
    app.synth()

    found = not_accepted(nag(stack_templates(tmp_path), GATES), SUPPRESSIONS)

    assert found == ["AwsSolutions-S1 at Novelty/Logs", "AwsSolutions-S10 at Novelty/Logs"]


def test_s64_every_wildcard_that_cdk_nag_finds_is_found_with_its_action(
    templates: list[StackTemplate], nagged: list[Finding]
) -> None:
    ours = {
        (found.where, f"{kind}::{text}")
        for found in wildcards(templates)
        for kind, text in zip(("Action", "Resource"), found.detail.split(" on "), strict=True)
        if "*" in text
    }

    assert {(found.where, found.detail) for found in nagged if found.rule == WILDCARD} == ours


def test_s64_no_policy_of_a_role_has_a_wildcard_action(
    templates: list[StackTemplate], across_accounts: Delivered
) -> None:
    """Of every role in every stack: environments, pipelines and hub.

    Not of the boundary of branches, with which CloudFormation creates every kind of resource:
    tests/branch_hub/infrastructure/test_branch_boundary.py evaluates it.
    """
    every = [*templates, *stack_templates(across_accounts.outdir)]
    found = [f for f in wildcards(every) if not f.where.endswith("/Boundary/Resource")]

    assert [f for f in found if "*" in f.detail.split(" on ")[0]] == []
    assert found  # wildcards in resources, each accepted for a reason


def test_every_finding_is_corrected_or_accepted(findings: list[Finding]) -> None:
    """docs/compliance/README.md says what to do."""
    assert "\n".join(not_accepted(findings, SUPPRESSIONS)) == ""


def test_every_suppression_is_still_needed(findings: list[Finding]) -> None:
    assert "\n".join(unneeded(findings, SUPPRESSIONS)) == ""


def test_a_suppression_covers_less_than_a_stack() -> None:
    for entry in SUPPRESSIONS:
        for where in entry.where:
            stack, _, construct = where.partition("/")
            assert stack.isidentifier()
            assert construct.partition("/")[0] not in ("", "*")


def test_the_templates_obey_the_cloudformation_specification(
    templates: list[StackTemplate], across_accounts: Delivered
) -> None:
    locked = [t for t in stack_templates(across_accounts.outdir) if t.configuration == "Production"]
    assert lint([*templates, *locked]) == ""


def test_an_open_nist_or_pci_rule_without_a_reason_is_named() -> None:
    report = REPORTS[0]
    novelty = Finding(rule=f"{report.prefix}Novelty", where="Shop/Till")

    with pytest.raises(ConfigurationError, match=r"open_controls\.py has no Novelty: .* needs its"):
        page(report, [novelty])


def test_every_open_nist_and_pci_rule_has_a_reason_and_no_other_rule_has(
    nagged: list[Finding],
) -> None:
    """docs/compliance/README.md says what to do."""
    assert set(WHY_OPEN) == {rule for report in REPORTS for rule in open_rules(report, nagged)}
