"""Database credentials in Secrets Manager, as `{"username": ..., "password": ...}`."""

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
    """Fetched at first use and cached until `forget`, because rotation is rare."""

    def __init__(self, *, secrets_manager: "SecretsManagerClient", secret_arn: str) -> None:
        self._secrets_manager = secrets_manager
        self._secret_arn = secret_arn
        self._cached: Credentials | None = None

    def credentials(self) -> Credentials:
        """Raises SecretUnreadable."""
        if self._cached is None:
            self._cached = self._fetch()
        return self._cached

    def forget(self) -> None:
        self._cached = None

    def _fetch(self) -> Credentials:
        content = fetch_json_secret(
            secrets_manager=self._secrets_manager, secret_arn=self._secret_arn
        )
        for name in ("username", "password"):
            if not isinstance(content.get(name), str) or not content[name]:
                raise SecretUnreadable(f"secret {self._secret_arn} has no text under {name!r}")
        return Credentials(username=content["username"], password=content["password"])
