"""The destroy machine: deletes all resources of a branch without checking the branch out."""

from typing import Final

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from branch_hub.infrastructure.deletion import BEGIN as DELETION_BEGINS
from branch_hub.infrastructure.deletion import deletion
from branch_hub.infrastructure.destroy_steps import Steps
from branch_hub.infrastructure.hub import DESTROY, Hub
from branch_hub.infrastructure.machine import (
    EXECUTION,
    SUFFIX,
    Machine,
    ask,
    count,
    message_of,
    notify_of,
)
from branch_hub.infrastructure.notices import Notices
from branch_hub.infrastructure.proof import BEGIN as PROOF_BEGINS
from branch_hub.infrastructure.proof import proof
from pipeline.branch_settings import APPLY, REPORT

ASKED_MAX: Final = 240  # one hour, for an execution that creates the same environment
_WHO_TRIES_AGAIN: Final = {
    REPORT: "It is not retried: make reconcile shows it, and deletes it with APPLY=yes.",
    APPLY: "The reconciler retries within the hour.",
}
STARTS_MAX: Final = 240  # one hour for the database of an environment that sleeps
STOPS_MAX: Final = 40  # ten minutes for a run of the pipeline to end by itself


class DestroyMachine(Construct):
    """Holds the lock from Claim to Forget or Abandon. Its input is an event's detail."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        lifecycle: lambda_.IFunction,
        teardown: lambda_.IFunction,
        sleep_steps: lambda_.IFunction,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        steps = Steps(
            scope=self,
            lifecycle=lifecycle,
            teardown=teardown,
            sleep_steps=sleep_steps,
            notices=notices,
            abandon=_abandon(self, lifecycle, notices, reconcile=hub.branches.reconcile),
        )
        begin = sfn.Pass(
            self,
            "Begin",
            result=sfn.Result.from_object(
                {
                    "asked": {"now": 0},
                    "stops": {"now": 0},
                    "starts": {"now": 0},
                    **DELETION_BEGINS,
                    **PROOF_BEGINS,
                }
            ),
        )
        stop = _stop(steps, then=_start_database(steps, then=deletion(steps, then=proof(steps))))
        self.machine = Machine(
            self,
            "Destroy",
            suffix=hub.suffix,
            name=DESTROY,
            comment="Deletes the environment and the pipeline of a branch that is gone",
            definition=begin.next(_claim(steps, then=stop)),
            key=hub.key,
            notices=notices,
        ).machine


def _claim(steps: Steps, *, then: sfn.IChainable) -> sfn.IChainable:
    """Checks that the branch is gone, that deletion is allowed and that no one holds the lock."""
    claim = ask(
        steps.scope,
        "Claim",
        steps.lifecycle,
        {
            "action": "claim",
            "detail": sfn.JsonPath.object_at("$$.Execution.Input"),
            "execution": sfn.JsonPath.string_at(EXECUTION),
        },
        answer="claim",
        fields=("outcome", "message"),
    )
    claim.add_catch(steps.abandon, result_path="$.error")
    notify = notify_of(
        steps.scope,
        "NotifyStillBusy",
        steps.notices,
        subject=message_of("Environment {} was not deleted", SUFFIX),
        message=message_of("{} Another execution held the lock for an hour.", "$.claim.message"),
    )
    late = sfn.Fail(steps.scope, "StillBusy", error="StillBusy", cause="See the notice")
    notify.add_catch(late, result_path=sfn.JsonPath.DISCARD)
    is_busy = sfn.Condition.string_equals("$.claim.outcome", "busy")
    again = (
        count(steps.scope, "CountAsked", "asked")
        .next(steps.wait("WaitForLock", "Another execution creates or deletes this environment"))
        .next(claim)
    )
    decide = (
        sfn.Choice(steps.scope, "Decide")
        .when(sfn.Condition.string_equals("$.claim.outcome", "delete"), then)
        .when(
            sfn.Condition.and_(is_busy, sfn.Condition.number_less_than("$.asked.now", ASKED_MAX)),
            again,
        )
        .when(is_busy, notify.next(late))
        .otherwise(
            sfn.Succeed(
                steps.scope, "NothingToDo", comment="Alive, protected, not expired, or gone"
            )
        )
    )
    return claim.next(decide)


def _stop(steps: Steps, *, then: sfn.IChainable) -> sfn.IChainable:
    """Stops runs of the pipeline first: a run that deploys would create the stacks again."""
    stop = steps.act("Stop", "stop", answer="stop", fields=("running",), force=False)
    force = steps.act("Force", "stop", answer="stop", fields=("running",), force=True)
    again = (
        count(steps.scope, "CountStops", "stops")
        .next(steps.wait("WaitForRuns", "A running action may finish first"))
        .next(stop)
    )
    look = (
        sfn.Choice(steps.scope, "StillRunning")
        .when(sfn.Condition.number_equals("$.stop.running", 0), then)
        .when(sfn.Condition.number_less_than("$.stops.now", STOPS_MAX), again)
        .otherwise(force.next(then))
    )
    return stop.next(look)


def _start_database(steps: Steps, *, then: sfn.IChainable) -> sfn.IChainable:
    """AWS deletes no cluster that is stopped
    (https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_DeleteCluster.html)."""
    start = steps.start("StartDatabase", "start_database_to_delete", answer="start")
    again = (
        count(steps.scope, "CountStarts", "starts")
        .next(steps.wait("WaitForDatabase", "A stopped cluster needs minutes to start"))
        .next(start)
    )
    look = (
        sfn.Choice(steps.scope, "DatabaseStarted")
        .when(sfn.Condition.boolean_equals("$.start.done", True), then)
        .when(sfn.Condition.number_less_than("$.starts.now", STARTS_MAX), again)
        .otherwise(steps.give_up("DatabaseNotStarted", "its database did not start in an hour"))
    )
    return start.next(look)


def _abandon(
    scope: Construct, lifecycle: lambda_.IFunction, notices: Notices, *, reconcile: str
) -> sfn.IChainable:
    """Handles every error: release the lock, notify, fail."""
    abandon = ask(
        scope,
        "Abandon",
        lifecycle,
        {
            "action": "abandon",
            "suffix": sfn.JsonPath.string_at(SUFFIX),
            "execution": sfn.JsonPath.string_at(EXECUTION),
            "cause": sfn.JsonPath.string_at("$.error.Cause"),
        },
        answer="abandoned",
        fields=("outcome",),
    )
    notify = notify_of(
        scope,
        "NotifyAbandoned",
        notices,
        subject=message_of("Environment {} was not deleted", SUFFIX),
        message=message_of(
            f"{{}}: {{}}. It still exists. {_WHO_TRIES_AGAIN[reconcile]}",
            SUFFIX,
            "$.error.Cause",
        ),
    )
    end = sfn.Fail(scope, "NotDeleted", error="NotDeleted", cause="See the notice")
    abandon.add_catch(notify, result_path=sfn.JsonPath.DISCARD)
    notify.add_catch(end, result_path=sfn.JsonPath.DISCARD)
    return abandon.next(notify).next(end)
