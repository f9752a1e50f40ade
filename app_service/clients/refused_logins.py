"""Refused logins as log lines and as a count: a client that guesses secrets writes few lines."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from app_service.ledger.fields import is_client_id, shape

LINE_SECONDS = 10.0  # between two lines of one address
ADDRESSES_MAX = 10_000  # with lines of their own; all others share the lines of OTHERS
OTHERS = "other addresses"

Later = Callable[[float, Callable[[], None]], object]

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class _Unwritten:
    client_id: str = ""
    count: int = 0


def call_later(seconds: float, call: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, call)


class RefusedLogins:
    """Every refusal is in exactly one line: in one at once, or in the next of its address.

    `on_refused` is called for each.
    """

    def __init__(self, *, on_refused: Callable[[], None], later: Later = call_later) -> None:
        self._on_refused = on_refused
        self._later = later
        self._unwritten: dict[str, _Unwritten] = {}  # of addresses that have had a line just now

    def add(self, *, client_id: str, address: str) -> None:
        """A login was refused for a wrong secret, an unknown client, or the limit of failures.

        `client_id` is what the client sent: only if it is well-formed it is logged, because people
        type secrets into wrong fields.
        """
        self._on_refused()
        given = client_id if is_client_id(client_id) else shape(client_id)
        if address not in self._unwritten and len(self._unwritten) >= ADDRESSES_MAX:
            address = OTHERS
        unwritten = self._unwritten.get(address)
        if unwritten is None:
            self._write(address, given, 1)
        else:
            unwritten.client_id = given
            unwritten.count += 1

    def _write(self, address: str, client_id: str, count: int) -> None:
        logger.warning(
            "login refused", extra={"client_id": client_id, "address": address, "count": count}
        )
        self._unwritten[address] = _Unwritten()
        self._later(LINE_SECONDS, lambda: self._write_rest(address))

    def _write_rest(self, address: str) -> None:
        rest = self._unwritten.pop(address)
        if rest.count:
            self._write(address, rest.client_id, rest.count)
