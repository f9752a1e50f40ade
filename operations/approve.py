"""`make approve BRANCH=...`: shows what a branch's pipeline waits for, and approves or rejects it.

Without ANSWER it asks at the terminal. With EXECUTION it answers only for that run: an answer that
was meant for an older question is refused.
"""

import argparse
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from operations.account import open_session
from operations.approvals import Approval, QuestionChanged, answer_approval, waiting_approval
from operations.pipelines import NoPipeline, pipeline_of_branch

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

_ANSWERS: Final = {"yes": True, "y": True, "no": False, "n": False}


class NotDecided(Exception):
    """There is nothing to decide, or no decision; nothing was changed."""


def approve(
    codepipeline: "CodePipelineClient", pipeline: str, *, execution: str, answer: str
) -> bool:
    """Show the question, then answer it; True if approved. Raises NotDecided, QuestionChanged."""
    approval = waiting_approval(codepipeline, pipeline)
    if approval is None:
        raise NotDecided(f"no approval is waiting in {pipeline}")
    if execution not in ("", approval.execution):
        raise NotDecided(
            f"EXECUTION={execution!r} does not wait: run {approval.execution} waits in {pipeline}. "
            "Nothing was decided; look at what that run changes"
        )
    _show(approval)
    is_approved = _decision(answer)
    answer_approval(codepipeline, approval, is_approved=is_approved, by=getpass.getuser())
    print("approved" if is_approved else "rejected")
    return is_approved


def _show(approval: Approval) -> None:
    for log in approval.logs:
        file = Path(log)  # the local cloud's logs are files
        is_file = file.is_absolute() and file.is_file()
        print(f"{log}:\n{file.read_text(errors='replace')}" if is_file else f"log: {log}")
    print(
        f"{approval.pipeline} {approval.stage}/{approval.action}, run {approval.execution}: "
        f"{approval.message}",
        flush=True,
    )


def _decision(answer: str) -> bool:
    """Raises NotDecided."""
    if not answer and not sys.stdin.isatty():
        raise NotDecided("there is no terminal to ask on: add ANSWER=yes or ANSWER=no")
    text = answer or input("approve? [yes/no] ")
    decision = _ANSWERS.get(text.strip().lower())
    if decision is None:
        raise NotDecided(f"ANSWER is {text!r}: it must be yes or no; nothing was changed")
    return decision


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make approve", description=__doc__)
    parser.add_argument("--branch", default="")
    parser.add_argument("--execution", default="", help="the only run that may be answered")
    parser.add_argument("--answer", default="", help="yes or no; without it, asked")
    chosen = parser.parse_args(arguments)
    try:
        if not chosen.branch:
            raise NoPipeline("BRANCH is empty: AWS=yes needs the name of the branch")
        account = open_session()
        pipeline = pipeline_of_branch(account.client("cloudformation"), chosen.branch)
        approve(
            account.client("codepipeline"),
            pipeline,
            execution=chosen.execution,
            answer=chosen.answer,
        )
    except KeyboardInterrupt:
        print("\ninterrupted; nothing was decided", file=sys.stderr)
        return 130
    except (NoPipeline, NotDecided, QuestionChanged, BotoCoreError, ClientError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
