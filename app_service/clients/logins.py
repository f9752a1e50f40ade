"""Logins with the id and secret of a client (Basic), limited for each address."""

import base64
import binascii
from functools import partial

from app_service.clients.clients import Clients
from app_service.clients.credentials import Client
from app_service.clients.failure_limit import FailureLimit, TooManyFailures
from app_service.clients.refused_logins import RefusedLogins


class Logins:
    """Finds the client of a credential. Failures of an address do not affect other addresses."""

    def __init__(self, *, clients: Clients, failures: FailureLimit, refused: RefusedLogins) -> None:
        self._clients = clients
        self._failures = failures
        self._refused = refused

    async def client(self, credential: str, *, address: str) -> Client | None:
        """The client of the part of the header after `Basic`, or None.

        Raises TooManyFailures if this address must wait, whether the credential is right or not.
        """
        client_id, secret = _parts(credential)
        try:
            found = await self._clients.find(
                client_id, secret, admit=partial(self._failures.check, address)
            )
        except TooManyFailures:
            self._refused.add(client_id=client_id, address=address)
            raise
        if found is None:
            self._failures.failed(address)
            self._refused.add(client_id=client_id, address=address)
        return found


def _parts(credential: str) -> tuple[str, bytes]:
    try:
        client_id, _, secret = base64.b64decode(credential, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return "", b""
    return client_id.decode(errors="replace"), secret
