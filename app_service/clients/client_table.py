"""Credentials of clients in DynamoDB. The service only reads them: it can make none."""

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TYPE_CHECKING

from app_service.clients.credentials import Credential
from app_service.clients.dynamodb_calls import DynamoDbCalls
from app_service.ledger.domain import Unavailable
from app_service.settings import CLIENT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ClientsUnavailable(Unavailable):
    code = "clients_unavailable"

    def __init__(self) -> None:
        super().__init__("the store of clients does not answer; send the request again")


class ClientTable:
    """Raises ClientsUnavailable if DynamoDB does not answer."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table_name: str, executor: Executor) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._calls = DynamoDbCalls(
            executor=executor, store="client store", unavailable=ClientsUnavailable
        )

    async def credentials_of(self, client_id: str) -> Sequence[Credential]:
        """All of them: a person adds each, so they fit into one page of 1 MB."""
        answer = await self._calls.run(
            partial(
                self._dynamodb.query,
                TableName=self._table_name,
                KeyConditionExpression=f"{CLIENT_KEY} = :client_id",
                ExpressionAttributeValues={":client_id": {"S": client_id}},
                ConsistentRead=True,
            )
        )
        return [Credential.from_item(item) for item in answer["Items"]]
