"""`make sleep` and `make wake`: start the branch hub's own machine, and wait for its result."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambda_src.shared.branch_suffix import InvalidBranch, suffix_of_branch
from operations.account import open_session
from operations.hubs import hub_outputs

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_stepfunctions import SFNClient

_POLL_SECONDS: Final = 1.0


class CannotSleepOrWake(Exception):
    """Nothing was started, or it failed; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Command:
    name: str  # of the make target
    output: str  # of the hub's stack: the machine
    purpose: str
    # Outcomes of the first and of the last step with which the wish is fulfilled.
    fulfilled: tuple[str, ...]


SLEEP: Final = Command(
    name="sleep",
    output="SleepStateMachineArn",
    purpose="put the environment of a branch to sleep",
    fulfilled=("asleep",),
)
WAKE: Final = Command(
    name="wake",
    output="WakeStateMachineArn",
    purpose="wake the environment of a branch",
    fulfilled=("awake",),
)


def main(command: Command, arguments: Sequence[str] | None = None) -> int:
    """Return 0 if the environment sleeps or is awake, as was asked for."""
    parser = argparse.ArgumentParser(prog=f"make {command.name}", description=command.purpose)
    parser.add_argument("--branch", default="")
    parser.add_argument("--hub", default="", help="which hub, where there are several: hub-0a1b2c")
    chosen = parser.parse_args(arguments)
    try:
        suffix = _suffix(chosen.branch)
        account = open_session()
        machine = find_machine(account.client("cloudformation"), command, wanted=chosen.hub)
        outcome, message = run(account.client("stepfunctions"), machine, suffix)
    except (CannotSleepOrWake, BotoCoreError, ClientError) as error:
        print(f"{command.name}: {error}", file=sys.stderr)
        return 1
    print(message)
    return 0 if outcome in command.fulfilled else 1


def _suffix(branch: str) -> str:
    if not branch:
        raise CannotSleepOrWake("BRANCH is empty: name a branch, as in BRANCH=feature/x")
    try:
        return suffix_of_branch(branch)
    except InvalidBranch as error:
        raise CannotSleepOrWake(f"BRANCH={branch!r}: {error}") from None


def find_machine(
    cloudformation: "CloudFormationClient", command: Command, *, wanted: str = ""
) -> str:
    """Return the ARN of the machine.

    Raises CannotSleepOrWake if there is no hub, or several and none is `wanted`.
    """
    found = {
        hub: outputs[command.output]
        for hub, outputs in hub_outputs(cloudformation).items()
        if command.output in outputs and wanted in ("", hub)
    }
    if not found:
        raise CannotSleepOrWake(
            f"there is no branch hub{f' {wanted}' if wanted else ''} here that can do this: "
            "`make up` deploys it locally, `cdk deploy -c hub=only` on AWS (docs/aws.md)"
        )
    if len(found) > 1:
        raise CannotSleepOrWake(
            f"there are several hubs, say which: HUB={' or HUB='.join(sorted(found))}"
        )
    (machine,) = found.values()
    return machine


def run(states: "SFNClient", machine: str, suffix: str) -> tuple[str, str]:
    """Start an execution and wait for its end; return its outcome and its message.

    Raises CannotSleepOrWake if it failed. Ctrl-C leaves it running.
    """
    execution = states.start_execution(
        # A person asks: also if the hub's record says that nothing is to do.
        stateMachineArn=machine,
        input=json.dumps({"suffix": suffix, "always": True}),
    )["executionArn"]
    print(f"{suffix}: {execution.rpartition(':')[2]} runs; Ctrl-C leaves it running", flush=True)
    shown = ""
    while True:
        described = states.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            break
        shown = _show_step(states, execution, shown)
        time.sleep(_POLL_SECONDS)
    if described["status"] != "SUCCEEDED":
        raise CannotSleepOrWake(
            f"{suffix}: the execution {described['status'].lower()}: "
            f"{described.get('error', '')} {described.get('cause', '')}. The hub's notice says why "
            f"(docs/runbooks/hub/). Execution: {execution}"
        )
    answer: dict[str, Any] = json.loads(described["output"])
    last = answer.get("settled") or answer["claim"]
    return str(last["outcome"]), str(last["message"])


def _show_step(states: "SFNClient", execution: str, shown: str) -> str:
    """Print the state that runs now, if it is another one than `shown`; return it."""
    events = states.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=20)[
        "events"
    ]
    entered = (event.get("stateEnteredEventDetails") for event in events)
    now = next((details["name"] for details in entered if details), shown)
    # The states around a step repeat it; its own name says enough.
    if now != shown and not now.startswith(("Count", "Look", "WaitFor")):
        print(f"  {now}", flush=True)
        return now
    return shown
