"""B2: `make reconcile` finds the hub, asks its function, and shows a plan that people can read."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_src.shared.branch_suffix import suffix_of_branch
from operations.reconcile import CannotReconcile, ask, find_hub, report
from tests.account import Account
from tests.branch_hub.functions.reconciler.deployed import deploy_function
from tests.branch_hub.functions.reconciler.hub import Hub
from tests.branch_hub.git_server import GitServer

PLAN: list[dict[str, Any]] = [
    {
        "action": "destroy",
        "suffix": "feature-a-0a1b2c",
        "branch": None,
        "reason": "its branch is gone",
        "age_days": 3,
        "expires_at": None,
    },
    {
        "action": "leave",
        "suffix": "main-v4grq1",
        "branch": "main",
        "reason": "protected",
        "age_days": None,
        "expires_at": None,
    },
]


def deploy_hub(account: Account, function: str) -> str:
    hub = account.name("hub")
    account.client("cloudformation").create_stack(
        StackName=f"BranchHub-{hub}",
        TemplateBody=json.dumps(
            {
                "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
                "Outputs": {
                    "Other": {"Value": "not this"},
                    "ReconcilerFunctionName": {"Value": function},
                },
            }
        ),
        Tags=[{"Key": "branch-hub", "Value": hub}],
    )
    account.wait_for(f"BranchHub-{hub}", "CREATE_COMPLETE")
    return hub


def test_b2_the_hub_is_found_by_its_tag_and_its_output(account: Account) -> None:
    cloudformation = account.client("cloudformation")
    with pytest.raises(CannotReconcile, match="there is no branch hub here: `make up` deploys it"):
        find_hub(cloudformation)

    hub = deploy_hub(account, "branch-reconciler-one")
    assert find_hub(cloudformation) == (hub, "branch-reconciler-one")

    other = deploy_hub(account, "branch-reconciler-two")
    with pytest.raises(CannotReconcile, match="there are several hubs, say which: HUB="):
        find_hub(cloudformation)
    assert find_hub(cloudformation, wanted=other) == (other, "branch-reconciler-two")
    with pytest.raises(CannotReconcile, match="there is no branch hub hub-none here"):
        find_hub(cloudformation, wanted="hub-none")


def test_b2_the_plan_is_the_answer_of_the_function(
    account: Account, git: GitServer, tmp_path: Path
) -> None:
    hub = Hub(account, git)
    orphan = hub.branch(is_live=False)
    account.deploy_environment(suffix_of_branch(orphan))
    git.branches["main"] = "2026-11-22T03:00:00Z"
    function = deploy_function(account, hub, tmp_path)

    answer = ask(account.client("lambda"), function, apply=False)

    assert answer["applied"] is False
    plan = {step["suffix"]: step["action"] for step in answer["plan"]}
    assert plan[suffix_of_branch(orphan)] == "destroy"

    git.refusals = {"": 503}
    with pytest.raises(CannotReconcile, match="answered 503"):
        ask(account.client("lambda"), function, apply=True)


def test_b2_the_plan_is_a_table() -> None:
    lines = list(report({"plan": PLAN, "applied": False}))

    assert lines == [
        "action   suffix            branch  age  reason",
        "destroy  feature-a-0a1b2c  -       3 d  its branch is gone",
        "leave    main-v4grq1       main    -    protected",
        "",
        "To be done: 1 destroy. Nothing was changed; APPLY=yes has it done.",
    ]


@pytest.mark.parametrize(
    ("plan", "applied", "last"),
    [
        (PLAN, True, "Said on the hub's bus: 1 destroy. Its state machines look again, and do it."),
        (PLAN[1:], False, "Nothing is to be done."),
        ([], True, "Nothing is to be done."),
    ],
)
def test_b2_the_table_ends_with_what_was_or_can_be_done(
    plan: list[dict[str, Any]], applied: bool, last: str
) -> None:
    assert list(report({"plan": plan, "applied": applied}))[-1] == last


def test_b2_a_step_that_failed_is_shown() -> None:
    failed = {**PLAN[0], "error": "bus hub refused 1 events"}

    assert "its branch is gone; failed: bus hub refused 1 events" in "\n".join(
        report({"plan": [failed], "applied": True})
    )
