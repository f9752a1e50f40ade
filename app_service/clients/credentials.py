"""Credentials of clients, as the table of clients holds them: hashes of secrets, never secrets.

Standard library only: the command that adds and removes them imports it, too.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app_service.ledger.actor import Role
from app_service.settings import CLIENT_KEY, CREDENTIAL_KEY

# The credential of the secret that the environment generates.
FIRST_CREDENTIAL_ID: Final = "secret"


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """Who has signed in, with which of its credentials."""

    client_id: str
    credential_id: str
    role: Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """Secrets are random and long, so one SHA-256 suffices: they cannot be guessed."""

    client: Client
    secret_sha256: str = field(repr=False)
    created_at: int  # seconds since 1970

    def matches(self, secret: bytes) -> bool:
        """Compares in constant time."""
        return hmac.compare_digest(secret_sha256(secret), self.secret_sha256)

    def key(self) -> dict[str, dict[str, str]]:
        return {
            CLIENT_KEY: {"S": self.client.client_id},
            CREDENTIAL_KEY: {"S": self.client.credential_id},
        }

    def to_item(self) -> dict[str, dict[str, str]]:
        return {
            **self.key(),
            "role": {"S": self.client.role},
            "secret_sha256": {"S": self.secret_sha256},
            "created_at": {"N": str(self.created_at)},
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Credential":
        return cls(
            client=Client(
                client_id=item[CLIENT_KEY]["S"],
                credential_id=item[CREDENTIAL_KEY]["S"],
                role=Role(item["role"]["S"]),
            ),
            secret_sha256=item["secret_sha256"]["S"],
            created_at=int(item["created_at"]["N"]),
        )


def secret_sha256(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()
