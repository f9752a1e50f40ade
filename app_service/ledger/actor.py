"""Who asks for a change of the ledger, and on which path. Standard library only: the transaction
processor bundles it."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a client may do. The ledger applies it; a client has one role for good."""

    READER = "reader"  # reads everything, writes nothing
    POSTER = "poster"  # opens accounts of its own, posts from them, reads them
    OPERATOR = "operator"  # everything, with any account


class Path(StrEnum):
    """The way on which a transaction came."""

    API = "api"
    QUEUE = "queue"
    LEDGER = "ledger"  # the ledger's own work, for example the expiry of a hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """A client and the user for whom it works. Never read from a transaction's document."""

    client_id: str
    user_id: str
    path: Path
    role: Role
