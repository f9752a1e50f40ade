"""What a branch's pipeline waits for, as the question before a decision shows it."""

from operations.approvals import Approval, waiting_approval
from page.account import Account
from page.readers.stacks import pipelines


def branch_of_pipeline(account: Account, pipeline: str) -> str:
    """Return the branch that `pipeline` delivers; empty if it is not known."""
    stack = pipelines(account).get(pipeline)
    return stack.branch if stack else ""


def approval_of_pipeline(account: Account, pipeline: str) -> Approval | None:
    """Return what the pipeline waits for; the answer may be some seconds old."""
    return account.remember(
        ("approval", pipeline), lambda: waiting_approval(account.codepipeline, pipeline)
    )


def approval_of_branch(account: Account, branch: str) -> Approval | None:
    """Return what a pipeline of the branch waits for, asked now."""
    for pipeline, stack in pipelines(account).items():
        if stack.branch == branch:
            return waiting_approval(account.codepipeline, pipeline)
    return None
