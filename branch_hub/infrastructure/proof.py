"""The last part of the destroy machine: sweep, verify that nothing remains, forget."""

from typing import Any, Final

from aws_cdk import aws_stepfunctions as sfn

from branch_hub.infrastructure.destroy_steps import Steps, written_out
from branch_hub.infrastructure.machine import EXECUTION, SUFFIX, ask, count, message_of, notify_of

# Half an hour. Services write their last logs late, listings are eventually consistent, and AWS
# states no time for the deletion of a cluster's automated snapshots.
AGAIN_SECONDS: Final = (10, 20, 40, 80, 160, 290, 600, 600)
BEGIN: Final[dict[str, Any]] = {
    "verified": {"now": 0},
    "verify_again": [*AGAIN_SECONDS],
    "swept": {"removed": []},
}
REASON: Final = "$$.Execution.Input.reason"


def proof(steps: Steps) -> sfn.IChainable:
    """Reaches Forget only if the list of what remains is empty."""
    sweep = steps.act(
        "Sweep",
        "sweep",
        answer="sweep",
        fields=("removed", "kept"),
        images=sfn.JsonPath.object_at("$.found.images"),
    )
    verify = steps.act("Verify", "verify", answer="verification", fields=("remains",))
    counted = sfn.Pass(
        steps.scope,
        "CountRemains",
        parameters={
            "remains": sfn.JsonPath.array_length(sfn.JsonPath.list_at("$.verification.remains"))
        },
        result_path="$.count",
    )
    later = sfn.Pass(
        steps.scope,
        "VerifyLater",
        parameters={
            "pause": sfn.JsonPath.array_get_item(
                sfn.JsonPath.list_at("$.verify_again"), sfn.JsonPath.number_at("$.verified.now")
            )
        },
        result_path="$.later",
    )
    wait = sfn.Wait(steps.scope, "WaitToVerify", time=sfn.WaitTime.seconds_path("$.later.pause"))
    again = count(steps.scope, "CountVerified", "verified")
    remains = steps.give_up(
        "SomethingRemains",
        sfn.JsonPath.format("this remains: {}", written_out("$.verification.remains")),
    )
    nothing = (
        sfn.Choice(steps.scope, "NothingRemains")
        .when(sfn.Condition.number_equals("$.count.remains", 0), _forget(steps))
        .when(
            sfn.Condition.number_less_than("$.verified.now", len(AGAIN_SECONDS)),
            later.next(wait).next(again).next(sweep),
        )
        .otherwise(remains)
    )
    # A later sweep reports only what is new: the notice lists what all sweeps removed.
    both = sfn.Pass(
        steps.scope,
        "BothSweeps",
        parameters={
            "sweeps": sfn.JsonPath.array(
                sfn.JsonPath.string_at("$.swept"), sfn.JsonPath.string_at("$.sweep")
            )
        },
        result_path="$.both",
    )
    add = sfn.Pass(
        steps.scope,
        "AddSweep",
        parameters={"removed": sfn.JsonPath.list_at("$.both.sweeps[*].removed[*]")},
        result_path="$.swept",
    )
    return sweep.next(both).next(add).next(verify).next(counted).next(nothing)


def _forget(steps: Steps) -> sfn.IChainable:
    forget = ask(
        steps.scope,
        "Forget",
        steps.lifecycle,
        {
            "action": "forget",
            "suffix": sfn.JsonPath.string_at(SUFFIX),
            "branch": sfn.JsonPath.object_at("$$.Execution.Input.branch"),
            "execution": sfn.JsonPath.string_at(EXECUTION),
            "reason": sfn.JsonPath.string_at(REASON),
            "removed": sfn.JsonPath.object_at("$.swept.removed"),
        },
        answer="forgotten",
        fields=("outcome",),
    )
    forget.add_catch(steps.abandon, result_path="$.error")
    notify = notify_of(
        steps.scope,
        "NotifyDeleted",
        steps.notices,
        subject=message_of("Environment {} is deleted", SUFFIX),
        message=sfn.JsonPath.format(
            "{} ({}). Stacks: {}. Swept: {}. Shared, and kept: {}. Nothing else remains.",
            sfn.JsonPath.string_at(SUFFIX),
            sfn.JsonPath.string_at(REASON),
            written_out("$.found.stacks"),
            written_out("$.swept.removed"),
            written_out("$.sweep.kept"),
        ),
    )
    gone = sfn.Succeed(steps.scope, "Deleted")
    # It is deleted even if the notice fails.
    notify.add_catch(gone, result_path=sfn.JsonPath.DISCARD)
    return forget.next(notify).next(gone)
