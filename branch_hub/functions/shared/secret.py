"""The hub's secret: `webhook_secret`, and what the git host needs, such as `token`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from lambda_src.shared.json_secret import SecretUnreadable, fetch_json_secret

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# A changed value is used after at most this time.
_REMEMBERED_SECONDS: Final = 300.0


class HubSecret:
    """Fetched at the first use, and again after five minutes. `clock` is monotonic."""

    def __init__(
        self,
        *,
        secrets_manager: "SecretsManagerClient",
        secret_arn: str,
        clock: Callable[[], float],
    ) -> None:
        self._secrets_manager = secrets_manager
        self._secret_arn = secret_arn
        self._clock = clock
        self._content: dict[str, str] = {}
        self._fetched_at: float | None = None

    def webhook_secret(self) -> bytes:
        """Raises SecretUnreadable, also if it is empty: anyone can sign with an empty secret."""
        value = self.value("webhook_secret")
        if not value:
            raise SecretUnreadable(f"secret {self._secret_arn} has no text under 'webhook_secret'")
        return value.encode()

    def value(self, name: str) -> str:
        """Return a field; empty if it is missing or no text. Raises SecretUnreadable."""
        now = self._clock()
        if self._fetched_at is None or now - self._fetched_at > _REMEMBERED_SECONDS:
            self._content = fetch_json_secret(
                secrets_manager=self._secrets_manager, secret_arn=self._secret_arn
            )
            self._fetched_at = now
        value = self._content.get(name, "")
        return value if isinstance(value, str) else ""
