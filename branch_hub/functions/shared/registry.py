"""The registry of environments: every change of it is one conditional write.

Needs `dynamodb:GetItem`, `UpdateItem`, `DeleteItem` and `Scan` on the table.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from branch_hub.functions.shared.moments import as_text
from branch_hub.functions.shared.records import EnvironmentRecord, Purpose, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

FORGET_AFTER: Final = "forget_after_epoch_seconds"  # the table's TTL attribute
TOMBSTONE_LIFETIME: Final = timedelta(days=30)
WARNING_INTERVAL: Final = timedelta(days=1)
_CAUSE_LENGTH_MAX: Final = 1000
# Two branches may meet in one suffix: what is one's is never changed for the other.
_OF_BRANCH: Final = "(attribute_not_exists(branch) OR branch = :branch)"

_INITIAL_STATE: Final[Mapping[Purpose, State]] = {
    Purpose.CREATE: State.CREATING,
    Purpose.DESTROY: State.DESTROYING,
}


class Registry:
    """A lock is held by an execution, and only its holder says how things went."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table_name: str) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name

    def get(self, suffix: str) -> EnvironmentRecord | None:
        answer = self._dynamodb.get_item(
            TableName=self._table_name, Key={"suffix": {"S": suffix}}, ConsistentRead=True
        )
        return EnvironmentRecord.parse(answer["Item"]) if "Item" in answer else None

    def all(self) -> Iterator[EnvironmentRecord]:
        """Every environment's record, over all pages."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table_name,
            ConsistentRead=True,
            # The table holds the quota and the deliveries as well.
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
        """Take the lock, or keep it. False: another holds it, it is another branch's, or it has
        not expired after all."""
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
            # A push that came after the question must find its environment alive.
            condition += " AND (attribute_not_exists(expires_at) OR expires_at <= :now)"
        return self._update(
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
        """Note a push: it is live, and for longer. False: it is just being unmade, or is another
        branch's.

        While it is being made, only its expiry is moved.
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
        if self._update(
            suffix,
            f"SET {sets}, #state = :state REMOVE {removes}",
            {**values, ":state": State.LIVE.value},
            condition=f"attribute_not_exists(lock_holder) AND {_OF_BRANCH}",
        ):
            return True
        return self._update(
            suffix,
            f"SET {sets} REMOVE {removes}",
            {**values, ":create": Purpose.CREATE.value},
            condition=f"lock_purpose = :create AND attribute_exists(#state) AND {_OF_BRANCH}",
        )

    def release(self, suffix: str, *, holder: str, state: State, cause: str | None = None) -> bool:
        """Give the lock back and say how it went. False: `holder` did not hold it (any more)."""
        sets, values = "#state = :state", {":state": state.value, ":holder": holder}
        if cause:
            sets += ", cause = :cause"
            values[":cause"] = cause[:_CAUSE_LENGTH_MAX]
        return self._update(
            suffix,
            f"SET {sets} REMOVE lock_holder, lock_purpose, lock_taken_at",
            values,
            condition="lock_holder = :holder",
        )

    def mark_expired(self, suffix: str, *, holder: str, now: datetime) -> bool:
        """Remember for a while that it expired, so that only a push makes it again."""
        forget_after = int((now + TOMBSTONE_LIFETIME).timestamp())
        return self._update(
            suffix,
            f"SET #state = :state, {FORGET_AFTER} = :forget"
            " REMOVE lock_holder, lock_purpose, lock_taken_at, expires_at, warned_at, cause",
            {":state": State.EXPIRED.value, ":holder": holder},
            numbers={":forget": forget_after},
            condition="lock_holder = :holder",
        )

    def remove(self, suffix: str, *, holder: str) -> bool:
        """Forget it. False: `holder` did not hold its lock (any more)."""
        return self._delete(suffix, "lock_holder = :holder", {":holder": holder})

    def drop(self, suffix: str, *, branch: str) -> bool:
        """Forget what nobody holds and `branch` left. False: it was changed meanwhile."""
        return self._delete(
            suffix,
            "attribute_not_exists(lock_holder) AND branch = :branch",
            {":branch": branch},
        )

    def may_warn(self, suffix: str, *, branch: str, now: datetime, expires_at: datetime) -> bool:
        """Note a warning. False: there was one within a day, or it is another branch's; two who
        ask at once warn once."""
        return self._update(
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

    def _delete(self, suffix: str, condition: str, texts: Mapping[str, str]) -> bool:
        try:
            self._dynamodb.delete_item(
                TableName=self._table_name,
                Key={"suffix": {"S": suffix}},
                ConditionExpression=condition,
                ExpressionAttributeValues={name: {"S": text} for name, text in texts.items()},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _update(
        self,
        suffix: str,
        expression: str,
        texts: Mapping[str, str],
        *,
        condition: str,
        numbers: Mapping[str, int] | None = None,
    ) -> bool:
        values: dict[str, AttributeValueTypeDef] = {name: {"S": t} for name, t in texts.items()}
        values.update({name: {"N": str(n)} for name, n in (numbers or {}).items()})
        try:
            self._dynamodb.update_item(
                TableName=self._table_name,
                Key={"suffix": {"S": suffix}},
                UpdateExpression=expression,
                ConditionExpression=condition,
                # A word that DynamoDB keeps for itself.
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues=values,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True
