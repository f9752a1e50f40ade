"""From "a branch is gone" to nothing left. It never checks the branch out."""

from typing import Any, Final

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from pipeline.branches.hub import DESTROY, Hub
from pipeline.branches.machine import EXECUTION, SUFFIX, Machine, add, ask, count, says, tell
from pipeline.branches.notices import Notices

LOOK_AGAIN_SECONDS: Final = 15
ASKED_MAX: Final = 240  # an hour for a run that makes the same environment
STOPS_MAX: Final = 40  # ten minutes for a run to end by itself
DELETING_SECONDS_MAX: Final = (
    3600  # for all stacks; network interfaces of functions take their time
)
# After each failure, once what blocks was emptied. An hour is over before the list is.
BACK_OFF_SECONDS: Final = (30, 60, 120, 240, 480, *(600,) * 6)
VERIFICATIONS_MAX: Final = 5
VERIFY_AGAIN_SECONDS: Final = (10, 20, 40, 80, 160)


class DestroyMachine(Construct):
    """Holds the lock from Claim to Forget or Abandon. Started with an event's detail."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        hub: Hub,
        lifecycle: lambda_.IFunction,
        teardown: lambda_.IFunction,
        notices: Notices,
    ) -> None:
        super().__init__(scope, construct_id)
        self._lifecycle, self._teardown, self._notices = lifecycle, teardown, notices
        self._abandon = self._abandoning()
        self.machine = Machine(
            self,
            "Destroy",
            suffix=hub.suffix,
            name=DESTROY,
            comment="Unmakes the environment and the pipeline of a branch that is gone",
            definition=self._definition(),
            key=hub.key,
        ).machine

    def _definition(self) -> sfn.IChainable:
        begin = sfn.Pass(
            self,
            "Begin",
            result=sfn.Result.from_object(
                {
                    "asked": {"now": 0},
                    "stops": {"now": 0},
                    "done": {"now": 0},
                    "verified": {"now": 0},
                    "clock": {"spent": 0, "pause": 0, "failures": 0},
                    "back_off": [*BACK_OFF_SECONDS],
                    "verify_again": [*VERIFY_AGAIN_SECONDS],
                }
            ),
        )
        swept = self._sweeping()
        deleted = self._deleting(then=swept)
        stopped = self._stopping(then=deleted)
        return begin.next(self._claiming(then=stopped))

    def _claiming(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Is it true? Is it allowed? Is nobody else at it?"""
        claim = ask(
            self,
            "Claim",
            self._lifecycle,
            {
                "action": "claim",
                "detail": sfn.JsonPath.object_at("$$.Execution.Input"),
                "execution": sfn.JsonPath.string_at(EXECUTION),
            },
            answer="claim",
            fields=("outcome", "message"),
        )
        claim.add_catch(self._abandon, result_path="$.error")
        wait = self._wait("WaitForTheOther", "Another run makes or unmakes this environment")
        told = tell(
            self,
            "TellStillBusy",
            self._notices,
            subject=says("Environment {} was not unmade", SUFFIX),
            message=says("{} Another run held it for an hour.", "$.claim.message"),
        )
        busy = sfn.Fail(self, "StillBusy", error="StillBusy", cause="The notice says why")
        told.add_catch(busy, result_path=sfn.JsonPath.DISCARD)
        is_busy = sfn.Condition.string_equals("$.claim.outcome", "busy")
        decide = (
            sfn.Choice(self, "Decide")
            .when(sfn.Condition.string_equals("$.claim.outcome", "unmake"), then)
            .when(
                sfn.Condition.and_(
                    is_busy, sfn.Condition.number_less_than("$.asked.now", ASKED_MAX)
                ),
                count(self, "CountAsked", "asked").next(wait).next(claim),
            )
            .when(is_busy, told.next(busy))
            .otherwise(
                sfn.Succeed(self, "NothingToDo", comment="Alive, protected, not expired, or gone")
            )
        )
        return claim.next(decide)

    def _stopping(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Runs of the pipeline end first: one that deploys would make again what is deleted."""
        stop, force = (
            self._stop(state, force=f) for state, f in (("Stop", False), ("Force", True))
        )
        look = (
            sfn.Choice(self, "StillRunning")
            .when(sfn.Condition.number_equals("$.stop.running", 0), then)
            .when(
                sfn.Condition.number_less_than("$.stops.now", STOPS_MAX),
                count(self, "CountStops", "stops")
                .next(self._wait("WaitForRuns", "An action that runs may end first"))
                .next(stop),
            )
            .otherwise(force.next(then))
        )
        return stop.next(look)

    def _stop(self, state: str, *, force: bool) -> tasks.LambdaInvoke:
        return self._act(state, "stop", {"force": force}, answer="stop", fields=("running",))

    def _deleting(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """One stack after the other, applications before the pipeline that made them."""
        find = self._act("Find", "find", {}, answer="found", fields=("stacks", "images", "refused"))
        counted = sfn.Pass(
            self,
            "CountStacks",
            parameters={
                "stacks": sfn.JsonPath.array_length(sfn.JsonPath.list_at("$.found.stacks"))
            },
            result_path="$.count",
        )
        take = sfn.Pass(
            self,
            "TakeStack",
            parameters={
                "name": sfn.JsonPath.array_get_item(
                    sfn.JsonPath.list_at("$.found.stacks"), sfn.JsonPath.number_at("$.done.now")
                )
            },
            result_path="$.stack",
        )
        which = {"stack": sfn.JsonPath.string_at("$.stack.name")}
        delete = self._act(
            "Delete", "delete", which, answer="deletion", fields=("state", "blocked_by")
        )
        unblock = self._act("Unblock", "unblock", which, answer="unblocked", fields=("emptied",))
        spend = self._clock("Spend", spent=add("$.clock.spent", "$.clock.pause"))
        pause = sfn.Wait(self, "Pause", time=sfn.WaitTime.seconds_path("$.clock.pause"))
        late = sfn.Pass(
            self,
            "OutOfTime",
            parameters={
                "Error": "OutOfTime",
                "Cause": sfn.JsonPath.format(
                    "{} is not gone after an hour, blocked by {}",
                    sfn.JsonPath.string_at("$.stack.name"),
                    sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$.deletion.blocked_by")),
                ),
            },
            result_path="$.error",
        )
        in_time = (
            sfn.Choice(self, "InTime")
            .when(
                sfn.Condition.number_less_than("$.clock.spent", DELETING_SECONDS_MAX),
                pause.next(spend).next(delete),
            )
            .otherwise(late.next(self._abandon))
        )
        look_again = self._clock("LookAgain", pause=LOOK_AGAIN_SECONDS)
        back_off = self._clock(
            "BackOff",
            pause=sfn.JsonPath.array_get_item(
                sfn.JsonPath.list_at("$.back_off"), sfn.JsonPath.number_at("$.clock.failures")
            ),
            failures=add("$.clock.failures", 1),
        )
        more = sfn.Choice(self, "MoreStacks")
        gone = (
            sfn.Choice(self, "Gone")
            .when(
                sfn.Condition.string_equals("$.deletion.state", "gone"),
                count(self, "NextStack", "done").next(more),
            )
            .when(
                sfn.Condition.string_equals("$.deletion.state", "failed"),
                unblock.next(back_off).next(in_time),
            )
            .otherwise(look_again.next(in_time))
        )
        more.when(
            sfn.Condition.number_less_than_json_path("$.done.now", "$.count.stacks"),
            take.next(delete).next(gone),
        ).otherwise(then)
        return find.next(counted).next(more)

    def _sweeping(self) -> sfn.IChainable:
        """What no stack owns, then the proof that nothing remains."""
        sweep = self._act(
            "Sweep",
            "sweep",
            {"images": sfn.JsonPath.object_at("$.found.images")},
            answer="sweep",
            fields=("removed", "kept"),
        )
        verify = self._act("Verify", "verify", {}, answer="verification", fields=("remains",))
        counted = sfn.Pass(
            self,
            "CountRemains",
            parameters={
                "remains": sfn.JsonPath.array_length(sfn.JsonPath.list_at("$.verification.remains"))
            },
            result_path="$.count",
        )
        pause = sfn.Pass(
            self,
            "VerifyLater",
            parameters={
                "pause": sfn.JsonPath.array_get_item(
                    sfn.JsonPath.list_at("$.verify_again"), sfn.JsonPath.number_at("$.verified.now")
                )
            },
            result_path="$.later",
        )
        wait = sfn.Wait(self, "WaitToVerify", time=sfn.WaitTime.seconds_path("$.later.pause"))
        remains = sfn.Pass(
            self,
            "SomethingRemains",
            parameters={
                "Error": "SomethingRemains",
                "Cause": sfn.JsonPath.format(
                    "still there: {}",
                    sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$.verification.remains")),
                ),
            },
            result_path="$.error",
        )
        nothing = (
            sfn.Choice(self, "NothingRemains")
            .when(sfn.Condition.number_equals("$.count.remains", 0), self._forgetting())
            .when(
                sfn.Condition.number_less_than("$.verified.now", VERIFICATIONS_MAX),
                pause.next(wait).next(count(self, "CountVerified", "verified")).next(sweep),
            )
            .otherwise(remains.next(self._abandon))
        )
        return sweep.next(verify).next(counted).next(nothing)

    def _forgetting(self) -> sfn.IChainable:
        forget = ask(
            self,
            "Forget",
            self._lifecycle,
            {
                "action": "forget",
                "suffix": sfn.JsonPath.string_at(SUFFIX),
                "branch": sfn.JsonPath.object_at("$$.Execution.Input.branch"),
                "execution": sfn.JsonPath.string_at(EXECUTION),
                "reason": sfn.JsonPath.string_at("$$.Execution.Input.reason"),
                "removed": sfn.JsonPath.object_at("$.sweep.removed"),
            },
            answer="forgotten",
            fields=("outcome",),
        )
        forget.add_catch(self._abandon, result_path="$.error")
        told = tell(
            self,
            "TellGone",
            self._notices,
            subject=says("Environment {} is gone", SUFFIX),
            message=sfn.JsonPath.format(
                "{} ({}). Stacks: {}. Swept: {}. Shared, and kept: {}. Nothing else remains.",
                sfn.JsonPath.string_at(SUFFIX),
                sfn.JsonPath.string_at("$$.Execution.Input.reason"),
                sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$.found.stacks")),
                sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$.sweep.removed")),
                sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$.sweep.kept")),
            ),
        )
        gone = sfn.Succeed(self, "Unmade")
        # It is gone, whether anybody hears of it or not.
        told.add_catch(gone, result_path=sfn.JsonPath.DISCARD)
        return forget.next(told).next(gone)

    def _abandoning(self) -> sfn.IChainable:
        """The way of every error: give the lock back, say what stands, end red."""
        abandon = ask(
            self,
            "Abandon",
            self._lifecycle,
            {
                "action": "abandon",
                "suffix": sfn.JsonPath.string_at(SUFFIX),
                "execution": sfn.JsonPath.string_at(EXECUTION),
                "cause": sfn.JsonPath.string_at("$.error.Cause"),
            },
            answer="abandoned",
            fields=("outcome",),
        )
        told = tell(
            self,
            "TellAbandoned",
            self._notices,
            subject=says("Environment {} was not unmade", SUFFIX),
            message=says(
                "{}: {}. The reconciler tries again; until then it is still there.",
                SUFFIX,
                "$.error.Cause",
            ),
        )
        end = sfn.Fail(self, "NotUnmade", error="NotUnmade", cause="The notice says why")
        abandon.add_catch(told, result_path=sfn.JsonPath.DISCARD)
        told.add_catch(end, result_path=sfn.JsonPath.DISCARD)
        return abandon.next(told).next(end)

    def _act(
        self,
        state: str,
        action: str,
        payload: dict[str, Any],
        *,
        answer: str,
        fields: tuple[str, ...],
    ) -> tasks.LambdaInvoke:
        task = ask(
            self,
            state,
            self._teardown,
            {"action": action, "suffix": sfn.JsonPath.string_at(SUFFIX), **payload},
            answer=answer,
            fields=fields,
        )
        task.add_catch(self._abandon, result_path="$.error")
        return task

    def _clock(self, state: str, **changed: Any) -> sfn.Pass:
        now = {
            name: sfn.JsonPath.number_at(f"$.clock.{name}")
            for name in ("spent", "pause", "failures")
        }
        return sfn.Pass(self, state, parameters={**now, **changed}, result_path="$.clock")

    def _wait(self, state: str, comment: str) -> sfn.Wait:
        duration = Duration.seconds(LOOK_AGAIN_SECONDS)
        return sfn.Wait(self, state, comment=comment, time=sfn.WaitTime.duration(duration))
