"""The registry of environments: every change is one conditional write.

Needs `dynamodb:GetItem`, `UpdateItem`, `DeleteItem` and `Scan` on the table.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from branch_hub.functions.shared.records import SLEEPING, EnvironmentRecord, Purpose, State
from branch_hub.moments import as_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

FORGET_AFTER: Final = "forget_after_epoch_seconds"  # the table's TTL attribute
TOMBSTONE_LIFETIME: Final = timedelta(days=30)
WARNING_INTERVAL: Final = timedelta(days=1)
_CAUSE_LENGTH_MAX: Final = 1000
# Two branches may have one suffix: the record of one is never changed for the other.
_OF_BRANCH: Final = "(attribute_not_exists(branch) OR branch = :branch)"
# Locks under which a push may extend an environment.
_KEEP: Final = (Purpose.CREATE, Purpose.SLEEP, Purpose.WAKE)

_INITIAL_STATE: Final[Mapping[Purpose, State]] = {
    Purpose.CREATE: State.CREATING,
    Purpose.DESTROY: State.DESTROYING,
}


class Registry:
    """A lock is held by an execution; only its holder records the result."""

    def __init__(self, *, table: "Table") -> None:
        self._table = table

    def get(self, suffix: str) -> EnvironmentRecord | None:
        answer = self._table.get_item(Key={"suffix": suffix}, ConsistentRead=True)
        return EnvironmentRecord.parse(answer["Item"]) if "Item" in answer else None

    def all(self) -> Iterator[EnvironmentRecord]:
        """All records of environments, over all pages."""
        pages = self._table.meta.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            ConsistentRead=True,
            # The table also holds the quota, deliveries and retries.
            FilterExpression="attribute_exists(created_at)",
        )
        for page in pages:
            yield from map(EnvironmentRecord.parse, page["Items"])

    def lock(
        self,
        suffix: str,
        *,
        purpose: Purpose,
        holder: str,
        branch: str | None,
        now: datetime,
        only_if_expired: bool = False,
    ) -> bool:
        """Take the lock, or keep it. False: another execution holds it, the record is another
        branch's, or it has not expired."""
        values = {
            ":holder": holder,
            ":purpose": purpose.value,
            ":state": _INITIAL_STATE[purpose].value,
            ":now": as_text(now),
        }
        sets = (
            "lock_holder = :holder, lock_purpose = :purpose, lock_taken_at = :now, #state = :state"
            ", created_at = if_not_exists(created_at, :now)"
        )
        condition = "(attribute_not_exists(lock_holder) OR lock_holder = :holder)"
        if branch is None:
            condition += " AND attribute_not_exists(branch)"
        else:
            sets += ", branch = :branch"
            values[":branch"] = branch
            condition += f" AND {_OF_BRANCH}"
        if only_if_expired:
            # A push after the check must keep its environment.
            condition += " AND (attribute_not_exists(expires_at) OR expires_at <= :now)"
        return self.update(
            suffix, f"SET {sets} REMOVE cause, {FORGET_AFTER}", values, condition=condition
        )

    def extend(
        self,
        suffix: str,
        *,
        branch: str,
        commit: str | None,
        now: datetime,
        expires_at: datetime | None,
    ) -> bool:
        """Record a push: the environment is live, and expires later. False: it is being deleted, or
        is another branch's.

        While it is being created, put to sleep or woken, only its expiry changes.
        """
        sets = "branch = :branch, pushed_at = :now, created_at = if_not_exists(created_at, :now)"
        removes = f"warned_at, cause, {FORGET_AFTER}"
        values = {":branch": branch, ":now": as_text(now)}
        if commit is not None:
            sets += ", last_commit = :commit"
            values[":commit"] = commit
        if expires_at is None:
            removes += ", expires_at"
        else:
            sets += ", expires_at = :expires"
            values[":expires"] = as_text(expires_at)
        if self.update(
            suffix,
            f"SET {sets}, #state = :state REMOVE {removes}",
            {**values, ":state": State.LIVE.value},
            condition=f"attribute_not_exists(lock_holder) AND {_OF_BRANCH}",
        ):
            return True
        return self.update(
            suffix,
            f"SET {sets} REMOVE {removes}",
            {**values, **{f":{p.value}": p.value for p in _KEEP}},
            condition=(
                f"lock_purpose IN ({', '.join(f':{p.value}' for p in _KEEP)})"
                f" AND attribute_exists(#state) AND {_OF_BRANCH}"
            ),
        )

    def release(self, suffix: str, *, holder: str, state: State, cause: str | None = None) -> bool:
        """Release the lock and record the result. False: `holder` did not hold it (any more)."""
        sets, values = "#state = :state", {":state": state.value, ":holder": holder}
        if cause:
            sets += ", cause = :cause"
            values[":cause"] = cause[:_CAUSE_LENGTH_MAX]
        return self.update(
            suffix,
            f"SET {sets} REMOVE lock_holder, lock_purpose, lock_taken_at",
            values,
            condition="lock_holder = :holder",
        )

    def mark_expired(self, suffix: str, *, holder: str, now: datetime) -> bool:
        """Record temporarily that it expired, so that only a push creates it again."""
        forget_after = int((now + TOMBSTONE_LIFETIME).timestamp())
        return self.update(
            suffix,
            f"SET #state = :state, {FORGET_AFTER} = :forget"
            " REMOVE lock_holder, lock_purpose, lock_taken_at, expires_at, warned_at, cause"
            f", {SLEEPING}",
            {":state": State.EXPIRED.value, ":holder": holder, ":forget": forget_after},
            condition="lock_holder = :holder",
        )

    def remove(self, suffix: str, *, holder: str) -> bool:
        """Delete the record. False: `holder` did not hold its lock (any more)."""
        try:
            self._table.delete_item(
                Key={"suffix": suffix},
                ConditionExpression="lock_holder = :holder",
                ExpressionAttributeValues={":holder": holder},
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def remove_expired(self, suffix: str, *, branch: str) -> bool:
        """Delete the record of an expired environment of `branch`. False: it is another one."""
        try:
            self._table.delete_item(
                Key={"suffix": suffix},
                ConditionExpression=(
                    "#state = :expired AND branch = :branch AND attribute_not_exists(lock_holder)"
                ),
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":expired": State.EXPIRED.value, ":branch": branch},
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def may_warn(self, suffix: str, *, branch: str, now: datetime, expires_at: datetime) -> bool:
        """Record a warning. False: there was one within a day, or it is another branch's. Of two
        concurrent calls one returns True."""
        return self.update(
            suffix,
            "SET warned_at = :now, branch = :branch, #state = if_not_exists(#state, :live)"
            ", created_at = if_not_exists(created_at, :now)"
            ", expires_at = if_not_exists(expires_at, :expires)",
            {
                ":now": as_text(now),
                ":branch": branch,
                ":live": State.LIVE.value,
                ":expires": as_text(expires_at),
                ":before": as_text(now - WARNING_INTERVAL),
            },
            condition=(
                f"(attribute_not_exists(warned_at) OR warned_at <= :before) AND {_OF_BRANCH}"
            ),
        )

    def update(
        self, suffix: str, expression: str, values: Mapping[str, Any], *, condition: str
    ) -> bool:
        """Change a record under `condition`; `#state` is its state. False: it does not hold."""
        try:
            self._table.update_item(
                Key={"suffix": suffix},
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#state": "state"},  # `state` is a reserved word
                ExpressionAttributeValues={**values},
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True
