"""The costs of delivery follow the templates of a branch's pipeline and of the hub."""

import copy
import json
from typing import Any

import pytest

from checks.assembly import StackTemplate
from docs.generators import cost, delivery_cost
from infra.config import EPHEMERAL
from tests.docs.conftest import Template


def template(branch: list[StackTemplate], stack: str) -> Template:
    (file,) = (t.file for t in branch if t.stack == stack and t.configuration == stack)
    return dict(json.loads(file.read_text()))


@pytest.fixture
def pipeline(branch: list[StackTemplate]) -> Template:
    return template(branch, "DeliveryPipeline")


def stages_of(pipeline: Template) -> list[dict[str, Any]]:
    (found,) = (
        r["Properties"]
        for r in pipeline["Resources"].values()
        if r["Type"] == "AWS::CodePipeline::Pipeline"
    )
    return list(found["Stages"])


def test_every_action_of_the_pipeline_is_charged(pipeline: Template) -> None:
    charged = [(a.stage, a.name) for a in delivery_cost.actions_of(pipeline)]

    assert charged == [
        (stage["Name"], action["Name"].rpartition(".")[2])
        for stage in stages_of(pipeline)
        for action in stage["Actions"]
    ]
    assert all(action.pipeline_cost > 0 for action in delivery_cost.actions_of(pipeline))


def test_every_build_is_charged_by_its_size(pipeline: Template) -> None:
    larger = copy.deepcopy(pipeline)
    for resource in larger["Resources"].values():
        if resource["Type"] == "AWS::CodeBuild::Project":
            resource["Properties"]["Environment"]["ComputeType"] = "BUILD_GENERAL1_LARGE"

    for now, then in zip(
        delivery_cost.actions_of(pipeline), delivery_cost.actions_of(larger), strict=True
    ):
        assert (then.build_cost > now.build_cost) == bool(now.compute), now.name


def test_an_action_without_an_estimate_is_named(pipeline: Template) -> None:
    stages_of(pipeline)[-1]["Actions"][-1]["Name"] = "LoadTests"

    with pytest.raises(KeyError, match="LoadTests"):
        list(delivery_cost.actions_of(pipeline))


def test_what_a_stack_owns_is_charged_while_nothing_runs(pipeline: Template) -> None:
    before = delivery_cost.idle(pipeline)
    pipeline["Resources"]["Another"] = {"Type": "AWS::KMS::Key", "Properties": {}}
    pipeline["Resources"]["Alarm"] = {"Type": "AWS::CloudWatch::Alarm", "Properties": {}}

    grown = cost.KEY_MONTH + cost.ALARM_METRIC_MONTH
    assert delivery_cost.idle(pipeline) - before == pytest.approx(grown)


def test_ten_branches_cost_ten_environments(
    environments: dict[str, Template], branch: list[StackTemplate]
) -> None:
    one = sum(c(environments[EPHEMERAL.kind], cost.IDLE) for c in cost.SERVICES.values())

    page = delivery_cost.section(
        environments[EPHEMERAL.kind],
        template(branch, "DeliveryPipeline"),
        template(branch, "BranchHub"),
    )
    assert f"| environments, idle | {10 * one:,.0f} | {10 * one:,.0f} |" in page
