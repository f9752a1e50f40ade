"""Database credentials, kept in Secrets Manager as `{"username": ..., "password": ...}`."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambda_src.shared.json_secret import SecretUnreadable, fetch_json_secret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, kw_only=True)
class Credentials:
    username: str
    password: str = field(repr=False)


class DatabaseSecret:
    """Fetched at first use and remembered until told to `forget`: rotation changes it rarely."""

    def __init__(self, *, secrets_manager: "SecretsManagerClient", secret_arn: str) -> None:
        self._secrets_manager = secrets_manager
        self._secret_arn = secret_arn
        self._remembered: Credentials | None = None

    def credentials(self) -> Credentials:
        """Raises SecretUnreadable."""
        if self._remembered is None:
            self._remembered = self._fetch()
        return self._remembered

    def forget(self) -> None:
        self._remembered = None

    def _fetch(self) -> Credentials:
        content = fetch_json_secret(
            secrets_manager=self._secrets_manager, secret_arn=self._secret_arn
        )
        for name in ("username", "password"):
            if not isinstance(content.get(name), str) or not content[name]:
                raise SecretUnreadable(f"secret {self._secret_arn} has no text under {name!r}")
        return Credentials(username=content["username"], password=content["password"])
