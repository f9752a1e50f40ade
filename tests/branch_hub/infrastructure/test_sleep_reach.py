"""B13: what the hub may stop is what an environment has, and nothing of the trunk.

The scaling of services is an exception: IAM cannot limit it
(branch_hub/infrastructure/sleep_steps.py).
"""

import json

import pytest

from branch_hub.functions.sleep_steps import names
from tests.branch_hub.infrastructure.hubs import CODECOMMIT_HUB
from tests.branch_hub.infrastructure.iam import Role
from tests.branch_hub.infrastructure.iam_request import Request, is_allowed
from tests.delivered import Delivered
from tests.infra.templates import Synthesized

PLACE = "us-east-1:000000000000"
BRANCH = "feature-x-5femoa"


@pytest.fixture
def sleep_steps(hub: Synthesized) -> Role:
    return Role.of(hub, f"branch-sleep-steps-role-{CODECOMMIT_HUB}")


def parts(suffix: str) -> dict[str, str]:
    cluster = f"{names.ECS_CLUSTER}-{suffix}"
    return {
        "cloudwatch:DisableAlarmActions": f"arn:aws:cloudwatch:{PLACE}:alarm:queue-age-{suffix}",
        "cloudwatch:SetAlarmState": f"arn:aws:cloudwatch:{PLACE}:alarm:queue-age-{suffix}",
        "ecs:TagResource": f"arn:aws:ecs:{PLACE}:cluster/{cluster}",
        "ecs:UpdateService": f"arn:aws:ecs:{PLACE}:service/{cluster}/{names.SERVICE}-{suffix}",
        "events:DisableRule": f"arn:aws:events:{PLACE}:rule/{names.RULE}-{suffix}",
        "rds:StopDBCluster": f"arn:aws:rds:{PLACE}:cluster:{names.DATABASE}-{suffix}",
    }


@pytest.mark.parametrize("suffix", ["staging", "production", "main-v4grq1"])
def test_b13_nothing_of_the_trunk_can_be_stopped(sleep_steps: Role, suffix: str) -> None:
    for action, arn in parts(suffix).items():
        assert not sleep_steps.may(action, arn), action


def test_b13_the_parts_of_a_branch_can_be_stopped_and_not_deleted(sleep_steps: Role) -> None:
    for action, arn in parts(BRANCH).items():
        assert sleep_steps.may(action, arn), action
    assert not sleep_steps.may("rds:DeleteDBCluster", parts(BRANCH)["rds:StopDBCluster"])
    assert not sleep_steps.may("ecs:DeleteService", parts(BRANCH)["ecs:UpdateService"])


@pytest.mark.parametrize(("suffix", "may"), [(BRANCH, True), ("main-v4grq1", False)])
def test_b13_the_queue_of_the_trunk_stays_connected(
    sleep_steps: Role, suffix: str, may: bool
) -> None:
    request = Request(
        action="lambda:UpdateEventSourceMapping",
        resource=f"arn:aws:lambda:{PLACE}:event-source-mapping:{'0' * 36}",
        context={
            "lambda:FunctionArn": f"arn:aws:lambda:{PLACE}:function:{names.QUEUE_FUNCTION}-{suffix}"
        },
    )
    used = [s for s in sleep_steps.statements if "lambda:UpdateEventSourceMapping" in s["Action"]]
    assert is_allowed(used, request) is may


def test_b13_the_names_are_those_of_an_environment(delivered: Delivered) -> None:
    (file,) = delivered.outdir.glob("assembly-*/*Transaction*.template.json")
    text = json.dumps(json.loads(file.read_text()))
    for name in (
        names.ECS_CLUSTER, names.SERVICE, names.DATABASE, names.QUEUE_FUNCTION, names.RULE,
    ):  # fmt: skip
        assert f'"{name}-{BRANCH}"' in text, name
