"""Which environments a commit passes: data, and what the trunk's pipeline makes of it."""

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.config import EPHEMERAL, PRODUCTION, STAGING
from infra.naming import EnvironmentSuffix
from pipeline.promotion import RESERVED_SUFFIXES, promotions_of
from tests.delivered import Delivered


def test_s8_every_branch_but_the_trunk_ends_in_an_ephemeral_environment_of_its_own() -> None:
    for promotion in ("environment", "production"):
        (only,) = promotions_of(is_trunk=False, promotion=promotion)
        assert (only.config, only.suffix, only.needs_approval) == (EPHEMERAL, None, False)


def test_the_trunk_passes_staging_then_a_person_then_production() -> None:
    staging, production = promotions_of(is_trunk=True, promotion="production")

    assert (staging.config, str(staging.suffix)) == (STAGING, "staging")
    assert (production.config, str(production.suffix)) == (PRODUCTION, "production")
    assert not staging.needs_approval
    assert production.needs_approval


def test_the_trunk_can_end_in_one_environment_without_a_person() -> None:
    (only,) = promotions_of(is_trunk=True, promotion="environment")

    assert (only.config, only.needs_approval) == (EPHEMERAL, False)


@given(st.text(min_size=1).filter(lambda branch: not branch.startswith("refs/")))
def test_b4_no_branch_has_the_suffix_of_staging_or_production(branch: str) -> None:
    assert str(EnvironmentSuffix.of_branch(branch)) not in RESERVED_SUFFIXES


def test_b4_a_reserved_suffix_does_not_look_like_a_branchs() -> None:
    assert RESERVED_SUFFIXES == ("staging", "production")
    assert not any(re.fullmatch(r".*-[0-9a-f]{6}", suffix) for suffix in RESERVED_SUFFIXES)


def deployed_stacks(delivered: Delivered) -> dict[str, str]:
    return {
        stage: action["Configuration"]["StackName"]
        for stage, actions in delivered.stages.items()
        for action in actions
        if action["ActionTypeId"]["Provider"] == "CloudFormation"
    }


def test_s3_the_trunk_deploys_the_whole_application_once_per_suffix(trunk: Delivered) -> None:
    hub = EnvironmentSuffix.of_repository("acme/ledger")

    assert deployed_stacks(trunk) == {
        "BranchHub": f"BranchHub-{hub}",
        "Staging": "transaction-staging",
        "Production": "transaction-production",
    }


def kind_of(delivered: Delivered, stage: str) -> str:
    (prepare,) = (a for a in delivered.stages[stage] if a["Name"].endswith(".Prepare"))
    path: Path = delivered.outdir / prepare["Configuration"]["TemplatePath"].split("::")[1]
    template: dict[str, Any] = json.loads(path.read_text())
    return str(template["Description"])


def test_an_environment_is_of_the_kind_of_its_stage(trunk: Delivered) -> None:
    assert kind_of(trunk, "Staging").endswith("(staging)")
    assert kind_of(trunk, "Production").endswith("(production)")


def test_s5_staging_is_tested_and_production_only_looked_at(trunk: Delivered) -> None:
    staging = trunk.build_spec("Staging", "IntegrationTests")["phases"]["build"]["commands"]
    production = trunk.build_spec("Production", "SmokeTests")["phases"]["build"]["commands"]

    assert staging[-1] == "make integration-test"
    assert production[-1] == "make smoke-test"
    assert trunk.project("Staging", "IntegrationTests")["Name"].endswith("-staging")
    assert trunk.project("Production", "SmokeTests")["Name"].endswith("-production")


def test_s64_what_only_looks_at_production_may_do_nothing_there(trunk: Delivered) -> None:
    assert "sqs:SendMessage" in trunk.permissions("Staging", "IntegrationTests")
    assert set(trunk.permissions("Production", "SmokeTests")) == {
        "codeconnections:UseConnection",  # the clone that it runs from
        "codestar-connections:UseConnection",
    }
