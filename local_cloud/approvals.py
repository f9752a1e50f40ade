"""`make approve`: shows a waiting approval with its permission diff, and answers it."""

import time
from pathlib import Path
from typing import Any

from local_cloud.answers import Ask, is_agreed
from local_cloud.pipeline.approval import NothingToDecide, decide, pending_approval
from local_cloud.pipeline.executions import execution_states
from local_cloud.server import CloudError
from local_cloud.users import user_name


def approve(state: Path, pipeline: str, *, answer: str, ask: Ask) -> bool:
    """Show the question, then approve or reject by `answer` or `ask`; True if approved.

    Raises CloudError when nothing waits, or for an answer that is neither yes nor no.
    """
    waiting = pending_approval(state, pipeline)
    if waiting is None:
        raise CloudError(f"no approval is waiting in {pipeline}")
    for log in _logs_before(state, pipeline, waiting):
        print(f"{log}:\n{log.read_text(errors='replace')}")
    minutes = max(0.0, waiting["until"] - time.time()) / 60
    print(f"{pipeline} {waiting['stage']}/{waiting['action']}: {waiting['message']}")
    print(f"Without an answer it fails in {minutes:.0f} minutes.", flush=True)
    approved = is_agreed(answer=answer, question="approve? [yes/no] ", ask=ask)
    if pending_approval(state, pipeline) != waiting:
        raise CloudError("the question changed while it was shown: run `make approve` again")
    try:
        decide(
            state,
            pipeline,
            execution=waiting["execution"],
            approved=approved,
            summary=f"by {user_name()}",
        )
    except NothingToDecide as error:
        raise CloudError(str(error)) from error
    print("approved" if approved else "rejected")
    return approved


def _logs_before(state: Path, pipeline: str, waiting: dict[str, Any]) -> list[Path]:
    """The logs of the earlier actions of the same stage: they hold the full permission diff."""
    runs = execution_states(state, pipeline)
    run: dict[str, Any] = next((r for r in runs if r["id"] == waiting["execution"]), {"stages": []})
    return [
        Path(action["log"])
        for stage in run["stages"]
        if stage["name"] == waiting["stage"]
        for action in stage["actions"]
        if action["state"] == "Succeeded" and action["log"] and Path(action["log"]).exists()
    ]
