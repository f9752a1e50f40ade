"""The price of tasks on Graviton and Spot follows the template of a branch's environment."""

import copy

import pytest

from docs.generators import capacity_cost, cost
from infra.config import EPHEMERAL
from infra.task_capacity import ON_DEMAND_TASKS
from tests.docs.conftest import Template


@pytest.fixture
def environment(environments: dict[str, Template]) -> Template:
    return copy.deepcopy(environments[EPHEMERAL.kind])


def scale(environment: Template, *, tasks: int) -> None:
    for resource in environment["Resources"].values():
        if resource["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget":
            resource["Properties"]["MinCapacity"] = tasks


def test_b13_without_a_setting_the_tasks_cost_what_the_first_table_says(
    environment: Template,
) -> None:
    table = cost.SERVICES["tasks (Fargate)"](environment, cost.IDLE)

    assert capacity_cost.month(environment) == pytest.approx(table)


def test_b13_the_task_on_demand_has_no_discount(environment: Template) -> None:
    scale(environment, tasks=ON_DEMAND_TASKS)

    on_demand = capacity_cost.month(environment)
    assert capacity_cost.month(environment, is_spot=True) == pytest.approx(on_demand)


def test_b13_every_further_task_is_paid_at_the_price_of_spot(environment: Template) -> None:
    scale(environment, tasks=ON_DEMAND_TASKS)
    one = capacity_cost.month(environment)
    scale(environment, tasks=ON_DEMAND_TASKS + 1)

    further = capacity_cost.month(environment, is_spot=True) - one
    assert further == pytest.approx(one * (1 - capacity_cost.SPOT_DISCOUNT))


def test_b13_both_together_are_the_cheapest(environment: Template) -> None:
    arm = capacity_cost.month(environment, is_arm=True)
    spot = capacity_cost.month(environment, is_spot=True)
    both = capacity_cost.month(environment, is_arm=True, is_spot=True)

    assert both < min(arm, spot) < max(arm, spot) < capacity_cost.month(environment)
