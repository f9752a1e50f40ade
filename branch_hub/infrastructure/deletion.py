"""The part of the destroy machine that deletes the stacks, one by one, within one hour."""

from typing import Any, Final

from aws_cdk import aws_stepfunctions as sfn

from branch_hub.infrastructure.destroy_steps import LOOK_AGAIN_SECONDS, Steps, written_out
from branch_hub.infrastructure.machine import add, count

# For all stacks: network interfaces of functions can block one for forty minutes.
SECONDS_MAX: Final = 3600
# After each failed deletion. The hour ends before the list does.
BACK_OFF_SECONDS: Final = (30, 60, 120, 240, 480, *(600,) * 6)
BEGIN: Final[dict[str, Any]] = {
    "done": {"now": 0},
    "clock": {"spent": 0, "pause": 0, "failures": 0},
    "back_off": [*BACK_OFF_SECONDS],
}


def deletion(steps: Steps, *, then: sfn.IChainable) -> sfn.IChainable:
    """Deletes the application before the pipeline that deployed it. No call waits."""
    find = steps.act("Find", "find", answer="found", fields=("stacks", "images", "refused"))
    counted = sfn.Pass(
        steps.scope,
        "CountStacks",
        parameters={
            each: sfn.JsonPath.array_length(sfn.JsonPath.list_at(f"$.found.{each}"))
            for each in ("stacks", "refused")
        },
        result_path="$.count",
    )
    more = sfn.Choice(steps.scope, "MoreStacks")
    take = sfn.Pass(
        steps.scope,
        "TakeStack",
        parameters={"name": _item("$.found.stacks", "$.done.now")},
        result_path="$.stack",
    )
    more.when(
        sfn.Condition.number_less_than_json_path("$.done.now", "$.count.stacks"),
        take.next(_one_stack(steps, more)),
    ).otherwise(then)
    # Nothing is deleted, because a stack that stays would lose its logs and images.
    refused = steps.give_up(
        "NotAllOurs",
        sfn.JsonPath.format(
            "nothing was deleted, because these stacks may not be: {}",
            written_out("$.found.refused"),
        ),
    )
    all_ours = (
        sfn.Choice(steps.scope, "AllOurs")
        .when(sfn.Condition.number_equals("$.count.refused", 0), more)
        .otherwise(refused)
    )
    return find.next(counted).next(all_ours)


def _one_stack(steps: Steps, gone: sfn.IChainable) -> sfn.IChainable:
    which = sfn.JsonPath.string_at("$.stack.name")
    delete = steps.act(
        "Delete", "delete", answer="deletion", fields=("state", "blocked_by"), stack=which
    )
    unblock = steps.act("Unblock", "unblock", answer="unblocked", fields=("emptied",), stack=which)
    late = steps.give_up(
        "OutOfTime",
        sfn.JsonPath.format(
            "{} still exists after an hour, blocked by {}",
            which,
            written_out("$.deletion.blocked_by"),
        ),
    )
    pause = sfn.Wait(steps.scope, "Pause", time=sfn.WaitTime.seconds_path("$.clock.pause"))
    spend = _clock(steps, "Spend", spent=add("$.clock.spent", "$.clock.pause"))
    in_time = (
        sfn.Choice(steps.scope, "InTime")
        .when(
            sfn.Condition.number_less_than("$.clock.spent", SECONDS_MAX),
            pause.next(spend).next(delete),
        )
        .otherwise(late)
    )
    back_off = _clock(
        steps,
        "BackOff",
        pause=_item("$.back_off", "$.clock.failures"),
        failures=add("$.clock.failures", 1),
    )
    look_again = _clock(steps, "LookAgain", pause=LOOK_AGAIN_SECONDS)
    decide = (
        sfn.Choice(steps.scope, "Gone")
        .when(
            sfn.Condition.string_equals("$.deletion.state", "gone"),
            count(steps.scope, "NextStack", "done").next(gone),
        )
        .when(
            sfn.Condition.string_equals("$.deletion.state", "failed"),
            unblock.next(back_off).next(in_time),
        )
        .otherwise(look_again.next(in_time))
    )
    return delete.next(decide)


def _clock(steps: Steps, state: str, **changed: Any) -> sfn.Pass:
    """Set fields of the clock: seconds waited in total, next wait, failures so far."""
    now = {name: sfn.JsonPath.number_at(f"$.clock.{name}") for name in BEGIN["clock"]}
    return sfn.Pass(steps.scope, state, parameters={**now, **changed}, result_path="$.clock")


def _item(items: str, index: str) -> str:
    return sfn.JsonPath.array_get_item(sfn.JsonPath.list_at(items), sfn.JsonPath.number_at(index))
