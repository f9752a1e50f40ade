"""A branch that synthesizes more than its own pipeline, in the hub's own machine and build."""

from branch_hub.functions.shared.records import State
from lambda_src.shared.branch_suffix import suffix_of_branch
from local_cloud.branch_hub import webhook
from tests.local_cloud.branches.hub import Branches


def test_s64_a_branch_with_another_stack_gets_nothing_and_is_told_why(branches: Branches) -> None:
    branch = "feature/second-stack"
    suffix = suffix_of_branch(branch)
    file = branches.cloud.checkout / "second-stack"
    file.write_text("")
    try:
        result = branches.create(branch)
    finally:
        file.unlink()

    assert branches.steps(result)[-2:] == ["NotifyRefusedByCheck", "RefusedByCheck"]
    record = branches.record(suffix)
    assert record["state"] == State.FAILED
    assert "the stacks of the app are DeliveryPipeline-" in record["cause"]
    assert branches.hub.environments()
    assert branches.remains(suffix) == []

    # Without the other stack, the next push is accepted.
    commit = branches.push(branch)
    branches.created(branches.send_event(webhook.pushed(branch, commit=commit)))
    assert branches.record(suffix)["state"] == State.LIVE
    branches.delete(branch)
