"""A secret of Secrets Manager that holds a JSON object."""

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretUnreadable(Exception):
    """The secret cannot be fetched or has the wrong content; names the secret, never its value."""


def fetch_json_secret(
    *, secrets_manager: "SecretsManagerClient", secret_arn: str
) -> dict[str, Any]:
    """Raises SecretUnreadable."""
    try:
        answer = secrets_manager.get_secret_value(SecretId=secret_arn)
    except (BotoCoreError, ClientError) as error:
        raise SecretUnreadable(f"secret {secret_arn}: {error}") from error
    try:
        content = json.loads(answer["SecretString"])
    except (KeyError, ValueError):  # the decoder's error would quote the secret
        content = None
    if not isinstance(content, dict):
        raise SecretUnreadable(f"secret {secret_arn} does not hold a JSON object")
    return content
