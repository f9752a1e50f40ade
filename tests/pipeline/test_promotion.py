"""The environments to which a commit is deployed, and the stages of the trunk's pipeline."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.config import EPHEMERAL, KINDS, PRODUCTION, PROMOTED, EnvironmentConfig
from infra.fault_injection import FAULTS_STACK
from infra.naming import EnvironmentSuffix
from lambda_src.shared.branch_suffix import is_branch_suffix
from pipeline.promotion import RESERVED_SUFFIXES, promotions_of
from tests.delivered import Delivered


def test_s8_every_branch_except_the_trunk_deploys_its_own_ephemeral_environment() -> None:
    for promotion in ("environment", "production"):
        (only,) = promotions_of(is_trunk=False, promotion=promotion)
        assert (only.config, only.suffix, only.needs_approval) == (EPHEMERAL, None, False)


def test_the_trunk_deploys_every_promoted_environment_with_approval_before_production() -> None:
    promotions = promotions_of(is_trunk=True, promotion="production")

    assert [p.config for p in promotions] == [*PROMOTED]
    assert promotions[-1].config is PRODUCTION
    assert [p.config for p in promotions if p.needs_approval] == [PRODUCTION]


def test_the_trunk_can_deploy_one_environment_without_approval() -> None:
    (only,) = promotions_of(is_trunk=True, promotion="environment")

    assert (only.config, only.needs_approval) == (EPHEMERAL, False)


@given(st.text(min_size=1).filter(lambda branch: not branch.startswith("refs/")))
def test_b4_no_branch_has_the_suffix_of_a_promoted_environment(branch: str) -> None:
    assert str(EnvironmentSuffix.of_branch(branch)) not in RESERVED_SUFFIXES


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.kind)
def test_b4_no_kind_looks_like_the_suffix_of_a_branch(config: EnvironmentConfig) -> None:
    """The hub would treat such an environment as a branch's and delete it."""
    assert not is_branch_suffix(str(EnvironmentSuffix(config.kind)))


def deployed_stacks(delivered: Delivered) -> dict[str, set[str]]:
    """The stacks that each stage deploys; other stages are left out."""
    found = {
        stage: {
            action["Configuration"]["StackName"]
            for action in actions
            if action["ActionTypeId"]["Provider"] == "CloudFormation"
        }
        for stage, actions in delivered.stages.items()
    }
    return {stage: stacks for stage, stacks in found.items() if stacks}


def test_s3_the_trunk_deploys_the_whole_application_once_per_suffix(trunk: Delivered) -> None:
    hub = EnvironmentSuffix.of_repository("acme/ledger")

    assert deployed_stacks(trunk) == {
        "BranchHub": {f"BranchHub-{hub}"},
        **{
            config.kind.title(): {f"transaction-{config.kind}", f"{FAULTS_STACK}-{config.kind}"}
            for config in PROMOTED
        },
    }


def kind_of(delivered: Delivered, stage: str) -> str:
    prepare = delivered.action(stage, f"transaction-{stage.lower()}.Prepare")
    path: Path = delivered.outdir / prepare["Configuration"]["TemplatePath"].split("::")[1]
    template: dict[str, Any] = json.loads(path.read_text())
    return str(template["Description"])


def test_an_environment_is_of_the_kind_of_its_stage(trunk: Delivered) -> None:
    for config in PROMOTED:
        assert kind_of(trunk, config.kind.title()).endswith(f"({config.kind})")


def test_s5_staging_gets_integration_tests_and_production_smoke_tests(trunk: Delivered) -> None:
    staging = trunk.build_spec("Staging", "IntegrationTests")["phases"]["build"]["commands"]
    production = trunk.build_spec("Production", "SmokeTests")["phases"]["build"]["commands"]

    assert staging[-1] == "make integration-test"
    assert production[-1] == "make smoke-test"
    assert trunk.project("Staging", "IntegrationTests")["Name"].endswith("-staging")
    assert trunk.project("Production", "SmokeTests")["Name"].endswith("-production")


def test_s64_smoke_tests_have_no_permissions_in_production(trunk: Delivered) -> None:
    assert "sqs:SendMessage" in trunk.permissions("Staging", "IntegrationTests")
    assert set(trunk.permissions("Production", "SmokeTests")) == {
        "codeconnections:UseConnection",  # the clone that it runs from
        "codestar-connections:UseConnection",
    }
