"""The machines that put an environment to sleep and wake it, in the opposite order.

Their input is `{"suffix": ...}`; the one that wakes also takes the detail of a pipeline's event.
"""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from branch_hub.infrastructure.hub import SLEEP, WAKE, Hub
from branch_hub.infrastructure.machine import (
    EXECUTION,
    Machine,
    ask,
    count,
    message_of,
    notify_of,
)
from branch_hub.infrastructure.notices import Notices

LOOK_AGAIN_SECONDS: Final = 15
ASKED_MAX: Final = 480  # two hours: longer than the longest deletion, for which it waits
LOOKS_MAX: Final = 240  # one hour for all parts to stop or start
TASKS_LOOKS_MAX: Final = 120  # 30 minutes for the tasks to become healthy
ALARMS_LOOKS_MAX: Final = 40  # ten minutes for what the sleep caused
_INPUT: Final = "$$.Execution.Input"
_OWN: Final = "$.claim.suffix"


@dataclass(frozen=True, kw_only=True)
class Patience:
    """A step that is given up after `looks_max`; the steps after it follow all the same."""

    counter: str
    looks_max: int
    late: str | None = None  # how the notice begins that says so; None: no notice


@dataclass(frozen=True, kw_only=True)
class Step:
    """A state, and the action of the function for it (branch_hub/functions/sleep_steps).

    It is repeated until it is done. Without `patience` the execution fails after an hour of all
    such steps.
    """

    state: str
    action: str
    patience: Patience | None = None


@dataclass(frozen=True, kw_only=True)
class Direction:
    name: str  # of the machine
    claim: str
    claimed: str  # the outcome with which the steps begin
    steps: tuple[Step, ...]
    settle: str
    ended: str
    what: str  # "not woken"
    comment: str


TO_SLEEP: Final = Direction(
    name=SLEEP,
    claim="claim_sleep",
    claimed="sleep",
    steps=(
        Step(state="Silence", action="silence"),
        Step(state="StopService", action="stop_service"),
        Step(state="StopDatabase", action="stop_database"),
    ),
    settle="asleep",
    ended="Asleep",
    what="put to sleep",
    comment="Stops the tasks and the database of a branch's environment",
)
TO_WAKE: Final = Direction(
    name=WAKE,
    claim="claim_wake",
    claimed="wake",
    steps=(
        Step(state="StartDatabase", action="start_database"),
        Step(state="StartService", action="start_service"),
        Step(state="AllowDeployments", action="allow_deployments"),
        # A broken version never becomes healthy: the rest must start all the same.
        Step(
            state="AwaitTasks",
            action="await_tasks",
            patience=Patience(
                counter="tasks",
                looks_max=TASKS_LOOKS_MAX,
                late="Its tasks did not become healthy in 30 minutes",
            ),
        ),
        Step(state="Resume", action="resume"),
        # No alarm says that the environment slept; one that stays raised notifies when it is on.
        Step(
            state="AwaitAlarms",
            action="await_alarms",
            patience=Patience(counter="alarms", looks_max=ALARMS_LOOKS_MAX),
        ),
        Step(state="EnableAlarms", action="enable_alarms"),
    ),
    settle="awake",
    ended="Awake",
    what="woken",
    comment="Starts the database and the tasks of a branch's environment",
)


class SleepWakeMachine(Construct):
    """Holds the lock from Claim to Settle. It can be started twice: the second execution waits, and
    finds nothing to do."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        direction: Direction,
        lifecycle: lambda_.IFunction,
        sleep_steps: lambda_.IFunction,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        self._direction = direction
        self._lifecycle, self._sleep_steps, self._notices = lifecycle, sleep_steps, notices
        self._failed = self._failure()
        self.machine = Machine(
            self,
            "Machine",
            suffix=hub.suffix,
            name=direction.name,
            comment=direction.comment,
            definition=self._definition(),
            key=hub.key,
            notices=notices,
        ).machine

    def _definition(self) -> sfn.IChainable:
        direction = self._direction
        claim = self._decide("Claim", direction.claim, answer="claim", more=("suffix",))
        is_busy = sfn.Condition.string_equals("$.claim.outcome", "busy")
        decide = (
            sfn.Choice(self, "Decide")
            .when(
                sfn.Condition.string_equals("$.claim.outcome", direction.claimed), self._all_steps()
            )
            .when(
                sfn.Condition.and_(
                    is_busy, sfn.Condition.number_less_than("$.asked.now", ASKED_MAX)
                ),
                count(self, "CountAsked", "asked")
                .next(self._wait("WaitForLock", "It is deployed, created or deleted"))
                .next(claim),
            )
            .when(is_busy, self._still_busy())
            .otherwise(sfn.Succeed(self, "NothingToDo", comment="See the answer of Claim"))
        )
        own = [step.patience.counter for step in direction.steps if step.patience]
        begin = sfn.Pass(
            self,
            "Begin",
            result=sfn.Result.from_object(
                {counter: {"now": 0} for counter in ("asked", "looks", *own)}
                | {"late": {"message": ""}}
            ),
        )
        return begin.next(claim).next(decide)

    def _all_steps(self) -> sfn.IChainable:
        """The steps in their order, linked from the last to the first."""
        then = self._settle()
        for step in reversed(self._direction.steps):
            then = self._until_done(step, then=then)
        return then

    def _until_done(self, step: Step, *, then: sfn.IChainable) -> sfn.IChainable:
        state, patience = step.state, step.patience
        counter, most = (patience.counter, patience.looks_max) if patience else ("looks", LOOKS_MAX)
        task = ask(
            self,
            state,
            self._sleep_steps,
            {"action": step.action, "suffix": sfn.JsonPath.string_at(_OWN)},
            answer="step",
            fields=("done", "message"),
        )
        task.add_catch(self._failed, result_path="$.error")
        again = (
            count(self, f"Count{state}", counter)
            .next(self._wait(f"WaitFor{state}", "AWS needs minutes for it"))
            .next(task)
        )
        look = (
            sfn.Choice(self, f"Look{state}")
            .when(sfn.Condition.boolean_equals("$.step.done", True), then)
            .when(sfn.Condition.number_less_than(f"$.{counter}.now", most), again)
            .otherwise(self._late(step, then=then))
        )
        return task.next(look)

    def _late(self, step: Step, *, then: sfn.IChainable) -> sfn.IChainable:
        name = f"Late{step.state}"
        if step.patience is None:
            cause = message_of("after an hour: {}", "$.step.message")
            return sfn.Pass(
                self, name, parameters={"Error": name, "Cause": cause}, result_path="$.error"
            ).next(self._failed)
        if step.patience.late is None:
            return then
        message = message_of(f"{step.patience.late}: {{}}", "$.step.message")
        return sfn.Pass(self, name, parameters={"message": message}, result_path="$.late").next(
            then
        )

    def _settle(self) -> sfn.IChainable:
        settle = self._decide("Settle", self._direction.settle, answer="settled")
        end = sfn.Succeed(self, self._direction.ended)
        if self._direction is TO_WAKE:
            is_healthy = sfn.Condition.string_equals("$.late.message", "")
            late = self._notice(
                "NotifyLate",
                message_of(
                    "{}. {}. A push can deploy another version",
                    "$.settled.message",
                    "$.late.message",
                ),
                sfn.Fail(self, "NotHealthy", error="NotHealthy", cause="See the notice"),
                subject="An environment was woken, and is not healthy",
            )
            return settle.next(sfn.Choice(self, "IsHealthy").when(is_healthy, end).otherwise(late))
        notify = notify_of(
            self,
            "NotifyAsleep",
            self._notices,
            subject=message_of("Environment {} sleeps", _OWN),
            message=message_of("{}", "$.settled.message"),
        )
        notify.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        notify.next(end)
        is_new = sfn.Condition.boolean_equals("$.claim.is_new", True)
        # Each evening stops again what sleeps: only the first time says something new.
        return settle.next(sfn.Choice(self, "IsNew").when(is_new, notify).otherwise(end))

    def _decide(
        self, state: str, action: str, *, answer: str, more: tuple[str, ...] = ()
    ) -> tasks.LambdaInvoke:
        """Ask the lifecycle function, which holds the lock."""
        is_new = ("is_new",) if action == TO_SLEEP.claim else ()
        task = ask(
            self,
            state,
            self._lifecycle,
            {
                "action": action,
                "detail": sfn.JsonPath.object_at(_INPUT),
                "execution": sfn.JsonPath.string_at(EXECUTION),
            },
            answer=answer,
            fields=("outcome", "message", *more, *is_new),
        )
        task.add_catch(self._failed, result_path="$.error")
        return task

    def _failure(self) -> sfn.IChainable:
        """Handles every error: release the lock, notify, fail. The record still says `sleeping`, so
        that the environment can be woken."""
        settle = ask(
            self,
            "SettleFailure",
            self._lifecycle,
            {
                "action": "sleep_or_wake_failed",
                "detail": sfn.JsonPath.object_at(_INPUT),
                "execution": sfn.JsonPath.string_at(EXECUTION),
                "cause": sfn.JsonPath.string_at("$.error.Cause"),
            },
            answer="settled",
            fields=("outcome", "message"),
        )
        end = sfn.Fail(self, "Failed", error="RestFailed", cause="See the notice")
        what = self._direction.what
        notify = self._notice("NotifyFailure", message_of("{}", "$.settled.message"), end)
        unsettled = self._notice(
            "NotifyUnsettled",
            sfn.JsonPath.format(
                f"{{}} was not {what}, and this could not be recorded: {{}}",
                # Before the claim has answered, only the input names the environment.
                sfn.JsonPath.json_to_string(sfn.JsonPath.object_at(_INPUT)),
                sfn.JsonPath.string_at("$.unsettled.Cause"),
            ),
            end,
        )
        settle.add_catch(unsettled, result_path="$.unsettled")
        return settle.next(notify)

    def _still_busy(self) -> sfn.IChainable:
        end = sfn.Fail(self, "StillBusy", error="StillBusy", cause="See the notice")
        return self._notice(
            "NotifyStillBusy",
            message_of("{}, for two hours. It was not changed.", "$.claim.message"),
            end,
        )

    def _notice(
        self, state: str, message: str, end: sfn.Fail, *, subject: str | None = None
    ) -> sfn.IChainable:
        notify = notify_of(
            self,
            state,
            self._notices,
            subject=subject or f"An environment was not {self._direction.what}",
            message=message,
        )
        notify.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        notify.next(end)
        return notify

    def _wait(self, state: str, comment: str) -> sfn.Wait:
        duration = Duration.seconds(LOOK_AGAIN_SECONDS)
        return sfn.Wait(self, state, comment=comment, time=sfn.WaitTime.duration(duration))
