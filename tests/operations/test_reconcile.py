"""B2: `make reconcile` finds the hub, invokes its reconciler, and shows the plan as a table."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambda_src.shared.branch_suffix import suffix_of_branch
from operations import reconcile
from operations.reconcile import CannotReconcile, find_hub, report
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
    asked: Account, git: GitServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Hub(asked, git)
    orphan = hub.branch(is_live=False)
    asked.deploy_environment(suffix_of_branch(orphan))
    git.branches["main"] = "2026-11-22T03:00:00Z"
    name = deploy_hub(asked, deploy_function(asked, hub, tmp_path))

    assert reconcile.main(["--hub", name]) == 0

    said = capsys.readouterr().out
    assert said.startswith(f"{name} at {asked.endpoint_url}:\n")
    assert f"destroy  {suffix_of_branch(orphan)}" in said
    assert "Nothing was changed; APPLY=yes does it." in said

    git.refusals = {"": 503}
    assert reconcile.main(["--hub", name, "--apply"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("reconcile: there is no plan: ")
    assert "answered 503" in said

    git.refusals = {}
    git.branches.clear()
    assert reconcile.main(["--hub", name]) == 1
    said = capsys.readouterr().err
    assert said.startswith("reconcile: there is no plan: the git host lists no branch: push one")


def test_b2_the_plan_is_a_table() -> None:
    lines = list(report({"plan": PLAN, "applied": False}))

    assert lines == [
        "action   suffix            branch  age  reason",
        "destroy  feature-a-0a1b2c  -       3 d  its branch is gone",
        "leave    main-v4grq1       main    -    protected",
        "",
        "To do: 1 destroy. Nothing was changed; APPLY=yes does it.",
    ]


@pytest.mark.parametrize(
    ("plan", "applied", "last"),
    [
        (
            PLAN,
            True,
            "Sent to the hub's bus: 1 destroy. Its state machines check and do it.",
        ),
        (PLAN[1:], False, "Nothing to do."),
        ([], True, "Nothing to do."),
    ],
)
def test_b2_the_table_ends_with_what_was_or_can_be_done(
    plan: list[dict[str, Any]], applied: bool, last: str
) -> None:
    assert list(report({"plan": plan, "applied": applied}))[-1] == last


def test_b2_a_step_that_failed_is_shown_and_fails_the_command(
    asked: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = {**PLAN[0], "error": "bus hub refused 1 events"}
    monkeypatch.setattr(reconcile, "find_hub", lambda *_, **__: ("hub", "function"))
    monkeypatch.setattr(reconcile, "ask", lambda *_, **__: {"plan": [failed], "applied": True})

    assert reconcile.main([]) == 1

    assert "its branch is gone; failed: bus hub refused 1 events" in capsys.readouterr().out
