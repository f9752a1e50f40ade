"""Sessions in DynamoDB. The table holds the SHA-256 of a token, never the token."""

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from app_service.clients.credentials import FIRST_CREDENTIAL_ID
from app_service.clients.dynamodb_calls import DynamoDbCalls
from app_service.ledger.actor import Role
from app_service.ledger.domain import Unavailable
from app_service.settings import SESSIONS_BY_USER_INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PAGES_MAX = 5  # that one list of sessions reads


class SessionsUnavailable(Unavailable):
    code = "sessions_unavailable"

    def __init__(self) -> None:
        super().__init__("the session store does not answer; send the request again")


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Times are whole seconds since 1970. `credential_id` is the one that opened the session."""

    token_hash: str
    user_id: str
    client_id: str
    credential_id: str
    role: Role
    created_at: int
    expires_at: int


class SessionTable:
    """All calls run on `executor`. They raise SessionsUnavailable if DynamoDB does not answer.

    DynamoDB deletes expired items late, by hours at times: callers check `expires_at`.
    """

    def __init__(self, *, dynamodb: "DynamoDBClient", table_name: str, executor: Executor) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._calls = DynamoDbCalls(
            executor=executor, store="session store", unavailable=SessionsUnavailable
        )

    async def add(self, session: Session) -> None:
        await self._calls.run(
            partial(
                self._dynamodb.put_item,
                TableName=self._table_name,
                Item={
                    "token_hash": {"S": session.token_hash},
                    "user_id": {"S": session.user_id},
                    "client_id": {"S": session.client_id},
                    "credential_id": {"S": session.credential_id},
                    "role": {"S": session.role},
                    "created_at": {"N": str(session.created_at)},
                    "expires_at": {"N": str(session.expires_at)},
                },
                ConditionExpression="attribute_not_exists(token_hash)",
            )
        )

    async def read(self, token_hash: str) -> Session | None:
        answer = await self._calls.run(
            partial(
                self._dynamodb.get_item,
                TableName=self._table_name,
                Key={"token_hash": {"S": token_hash}},
                ConsistentRead=True,  # another task may have opened it a moment ago
            )
        )
        return _session(answer["Item"]) if "Item" in answer else None

    async def delete(self, token_hash: str) -> None:
        await self._calls.run(
            partial(
                self._dynamodb.delete_item,
                TableName=self._table_name,
                Key={"token_hash": {"S": token_hash}},
            )
        )

    async def newest_of_user(self, user_id: str, *, client_id: str, limit: int) -> list[Session]:
        """Those that this client opened: another client may have a user of the same name."""
        query = partial(
            self._dynamodb.query,
            TableName=self._table_name,
            IndexName=SESSIONS_BY_USER_INDEX,
            KeyConditionExpression="user_id = :user_id",
            FilterExpression="client_id = :client_id",
            ExpressionAttributeValues={
                ":user_id": {"S": user_id},
                ":client_id": {"S": client_id},
            },
            ScanIndexForward=False,
            Limit=limit,  # of the items that are read, before the filter
        )
        found: list[Session] = []
        start: dict[str, Any] = {}
        for _ in range(_PAGES_MAX):
            answer = await self._calls.run(partial(query, **start))
            found += map(_session, answer["Items"])
            if len(found) >= limit or "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found[:limit]


def _session(item: dict[str, Any]) -> Session:
    """A task of the version before knew one client, the operator, and wrote no role."""
    return Session(
        token_hash=item["token_hash"]["S"],
        user_id=item["user_id"]["S"],
        client_id=item["client_id"]["S"],
        credential_id=item.get("credential_id", {"S": FIRST_CREDENTIAL_ID})["S"],
        role=Role(item.get("role", {"S": Role.OPERATOR})["S"]),
        created_at=int(item["created_at"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
    )
