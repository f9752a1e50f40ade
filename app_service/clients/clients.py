"""The clients of the API and their credentials, with a short-lived cache of recent ones."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from app_service.clients.client_table import ClientTable
from app_service.clients.credentials import (
    FIRST_CREDENTIAL_ID,
    Client,
    Credential,
    secret_sha256,
)
from app_service.clients.recent_reads import RecentReads
from app_service.ledger.actor import Role
from app_service.ledger.fields import is_client_id


def first_credential(*, client_id: str, secret: str) -> Credential:
    """That of the secret which the environment generates: its client is there from the start."""
    client = Client(client_id=client_id, credential_id=FIRST_CREDENTIAL_ID, role=Role.OPERATOR)
    return Credential(client=client, secret_sha256=secret_sha256(secret.encode()), created_at=0)


class Clients:
    """Raises ClientsUnavailable if DynamoDB does not answer and the cache cannot.

    A credential that was added or removed counts after FRESH_SECONDS. The `first` credential is in
    no table, and is found without DynamoDB.
    """

    def __init__(
        self, *, table: ClientTable, first: Credential, now: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._first = first
        self._recent: RecentReads[Sequence[Credential]] = RecentReads(now=now)

    async def find(
        self, client_id: str, secret: bytes, *, admit: Callable[[], None]
    ) -> Client | None:
        """The client with this id and secret, or None.

        `admit` may raise an error to stop the attempt. It is called before the table is read, and
        again before the comparison: nothing is awaited after that.
        """
        admit()
        is_first = self._first.matches(secret) and client_id == self._first.client.client_id
        if is_first:
            return self._first.client
        credentials = await self._credentials_of(client_id, admit=admit)
        admit()
        matching = [c.client for c in credentials if c.matches(secret)]
        return matching[0] if matching else None

    async def has(self, client_id: str, credential_id: str) -> bool:
        """Whether this credential still exists: its sessions end with it."""
        first = self._first.client
        if (client_id, credential_id) == (first.client_id, first.credential_id):
            return True
        credentials = await self._credentials_of(client_id)
        return any(c.client.credential_id == credential_id for c in credentials)

    async def probe(self) -> None:
        """Raises ClientsUnavailable if the table does not answer."""
        await self._table.credentials_of("probe")

    async def _credentials_of(
        self, client_id: str, *, admit: Callable[[], None] = lambda: None
    ) -> Sequence[Credential]:
        if not is_client_id(client_id):
            return ()
        found = await self._recent.find(client_id, read=partial(self._read, client_id), admit=admit)
        return found or ()

    async def _read(self, client_id: str) -> Sequence[Credential] | None:
        return await self._table.credentials_of(client_id) or None
