"""S8: the hub's functions find a branch's stacks by the names and tags that its delivery sets."""

from datetime import UTC, datetime

import pytest
from aws_cdk import cx_api

from branch_hub.functions.shared.pipeline_runs import PIPELINE
from branch_hub.functions.shared.stacks import DeployedStack, Environment, StackFinder, stack_names
from branch_hub.functions.teardown.task_definitions import FAMILY
from lambda_src.shared.branch_suffix import suffix_of_branch
from pipeline.stack_tags import source_tags
from tests.delivered import Delivered

SUFFIX = suffix_of_branch("feature/x")


def deployed(delivered: Delivered) -> list[DeployedStack]:
    return [
        DeployedStack(
            name=stack.stack_name,
            arn="",
            status="CREATE_COMPLETE",
            tags=stack.tags,
            changed_at=datetime.now(UTC),
            is_termination_protected=False,
        )
        for stack in cx_api.CloudAssembly(str(delivered.outdir)).stacks_recursively
        # The hub's own stack may be among them; it never belongs to an environment.
        if not stack.stack_name.startswith("BranchHub-")
    ]


def test_s8_every_stack_of_a_branch_is_found_by_its_name_and_its_tags(
    delivered: Delivered,
) -> None:
    finder = StackFinder(cloudformation=None, repository="transaction-pipeline")  # type: ignore[arg-type]  # nothing is asked of it
    stacks = deployed(delivered)

    assert {stack.name for stack in stacks} == set(stack_names(SUFFIX))
    assert [finder.why_not_ours(stack, SUFFIX) for stack in stacks] == [None] * 3


def test_b2_each_stack_of_a_branch_is_tagged_with_its_branch(delivered: Delivered) -> None:
    for stack in deployed(delivered):
        assert Environment(suffix=SUFFIX, pipeline=stack).branch == "feature/x"


@pytest.mark.parametrize("branch", ["release/ä", "支付", "a\udc80", "a,b", "a" * 257])
def test_b2_a_branch_that_is_no_valid_tag_value_gets_no_tag(branch: str) -> None:
    assert source_tags(repository="acme/ledger", branch=branch) == {"repository": "acme/ledger"}


@pytest.mark.parametrize("branch", ["release/1.2", "fix+a=b@c_d-e"])
def test_b2_any_other_branch_is_a_tag(branch: str) -> None:
    assert source_tags(repository="ledger", branch=branch)["branch"] == branch


def test_s8_the_hub_stops_runs_of_the_branchs_pipeline(delivered: Delivered) -> None:
    pipeline = delivered.pipeline.one("AWS::CodePipeline::Pipeline")

    assert pipeline["Name"] == f"{PIPELINE}-{SUFFIX}"


def test_s8_the_hub_sweeps_revisions_of_the_service(delivered: Delivered) -> None:
    assembly = cx_api.CloudAssembly(str(delivered.outdir))
    (environment,) = (
        stack.template
        for stack in assembly.stacks_recursively
        if stack.stack_name == f"transaction-{SUFFIX}"
    )
    (definition,) = (
        resource["Properties"]
        for resource in environment["Resources"].values()
        if resource["Type"] == "AWS::ECS::TaskDefinition"
    )

    assert definition["Family"] == f"{FAMILY}-{SUFFIX}"
