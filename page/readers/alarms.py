"""The alarms of an environment that are on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from page.account import Account
from page.cards import Subject
from page.readers.stacks import environment_stack


@dataclass(frozen=True, kw_only=True)
class Alarm:
    name: str
    since: datetime | None
    reason: str
    is_silent: bool  # its actions are off, as while the environment sleeps


@dataclass(frozen=True, kw_only=True)
class Alarms:
    known: int
    on: Sequence[Alarm]


def alarms(account: Account, subject: Subject) -> Alarms:
    """Raises NotThere if there is no such environment."""
    suffix = environment_stack(account, subject["suffix"]).suffix
    known, on = 0, []
    pages = account.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    for page in pages:
        for alarm in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])):
            if not alarm["AlarmName"].endswith(f"-{suffix}"):
                continue
            known += 1
            if alarm["StateValue"] == "ALARM":
                on.append(
                    Alarm(
                        name=alarm["AlarmName"],
                        since=alarm.get("StateUpdatedTimestamp"),
                        reason=alarm.get("StateReason", ""),
                        is_silent=not alarm.get("ActionsEnabled", True),
                    )
                )
    return Alarms(known=known, on=sorted(on, key=lambda alarm: alarm.name))
