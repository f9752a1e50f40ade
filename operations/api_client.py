"""`make api-client SUFFIX=...`: the clients of an environment's API and their credentials.

Without another option it prints the credential of the first client, which the environment creates.
CLIENT=shop ROLE=poster adds a credential for a client; a second one is valid beside the first.
LIST=yes lists them. REVOKE=<credential id> removes one; its sessions end with it.
"""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from app_service.clients.credentials import (
    FIRST_CREDENTIAL_ID,
    Client,
    Credential,
    secret_sha256,
)
from app_service.clients.recent_reads import FRESH_SECONDS
from app_service.ledger.actor import Role
from app_service.ledger.fields import CLIENT_ID_RULE, is_client_id
from app_service.settings import CREDENTIAL_KEY, FIRST_CLIENT_ID
from operations.account import NoSuffix, open_session, required
from operations.stack_outputs import NoOutput, StackOutputs

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SECRET_BYTES: Final = 32
CREDENTIALS_MAX: Final = 10  # of one client
SOON: Final = f"within {FRESH_SECONDS:.0f} seconds"
RUNBOOK: Final = "docs/clients.md"


class ApiClientError(Exception):
    """The request cannot be done; nothing was changed."""


class CredentialTable:
    def __init__(self, dynamodb: "DynamoDBClient", name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def all(self) -> list[Credential]:
        """Ordered by client, then by age."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._name, ConsistentRead=True
        )
        found = [Credential.from_item(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda c: (c.client.client_id, c.created_at))

    def add(self, credential: Credential) -> None:
        self._dynamodb.put_item(
            TableName=self._name,
            Item=credential.to_item(),
            ConditionExpression=f"attribute_not_exists({CREDENTIAL_KEY})",
        )

    def remove(self, credential: Credential) -> None:
        self._dynamodb.delete_item(TableName=self._name, Key=credential.key())


def show_first(outputs: StackOutputs) -> None:
    page, name = (outputs.value(o) for o in ("ApiDocsUrl", "ApiCredentialsSecretName"))
    answer = outputs.account.client("secretsmanager").get_secret_value(SecretId=name)
    secret = json.loads(answer["SecretString"])
    print(f"page       {page}")
    print(f"user name  {secret['client_id']}")
    print(f"password   {secret['client_secret']}")


def add(table: CredentialTable, *, client_id: str, role: str) -> None:
    """Print the new credential. Its secret is stored nowhere: this is the only time it is shown."""
    if not is_client_id(client_id):
        raise ApiClientError(
            # Not its value: people also put secrets into wrong variables.
            f"CLIENT: must be {CLIENT_ID_RULE}, got another string of {len(client_id)} characters"
        )
    existing = [c for c in table.all() if c.client.client_id == client_id]
    client = Client(
        client_id=client_id,
        credential_id=f"{client_id}-{secrets.token_hex(4)}",
        role=_role_of_new(client_id, role, existing),
    )
    if len(existing) >= CREDENTIALS_MAX:
        raise ApiClientError(
            f"CLIENT={client_id!r} has {len(existing)} credentials, and {CREDENTIALS_MAX} is the "
            "most: remove those that are not used (LIST=yes, then REVOKE=<credential id>)"
        )
    secret = secrets.token_urlsafe(SECRET_BYTES)
    table.add(
        Credential(
            client=client, secret_sha256=secret_sha256(secret.encode()), created_at=int(time.time())
        )
    )
    print(f"client      {client_id} (role {client.role})")
    print(f"credential  {client.credential_id}")
    print(f"secret      {secret}")
    print(f"Keep the secret: it cannot be shown again. It is valid {SOON}.")
    if existing:
        print(f"Valid beside it: {', '.join(c.client.credential_id for c in existing)}")


def _role_of_new(client_id: str, role: str, existing: Sequence[Credential]) -> Role:
    """All credentials of a client have one role. Raises ApiClientError."""
    roles = {c.client.role for c in existing}
    if client_id == FIRST_CLIENT_ID:
        roles = {Role.OPERATOR}
    if roles and role in ("", *roles):
        return min(roles)
    if roles:
        raise ApiClientError(
            f"ROLE={role!r}: client {client_id} has role {min(roles)}, and all credentials of a "
            "client have one role. For another role, remove all of its credentials first, or use "
            "another CLIENT"
        )
    if role not in set(Role):
        raise ApiClientError(f"ROLE={role!r}: must be one of {', '.join(Role)}")
    return Role(role)


def show_all(table: CredentialTable) -> None:
    rows = [
        ("client", "role", "credential", "created"),
        (FIRST_CLIENT_ID, Role.OPERATOR, FIRST_CREDENTIAL_ID, "with the environment"),
        *(
            (c.client.client_id, c.client.role, c.client.credential_id, _moment(c.created_at))
            for c in table.all()
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def revoke(table: CredentialTable, *, credential_id: str) -> None:
    if credential_id == FIRST_CREDENTIAL_ID:
        raise ApiClientError(
            f"REVOKE={credential_id!r}: this is the secret of the environment; {RUNBOOK} says how "
            "to replace it"
        )
    by_id = {c.client.credential_id: c for c in table.all()}
    if credential_id not in by_id:
        raise ApiClientError(
            f"REVOKE={credential_id!r}: there is no such credential; LIST=yes shows them"
        )
    removed = by_id.pop(credential_id)
    table.remove(removed)
    client_id = removed.client.client_id
    print(f"removed {credential_id} of client {client_id}: it and its sessions end {SOON}")
    if client_id not in {FIRST_CLIENT_ID, *(c.client.client_id for c in by_id.values())}:
        print(f"client {client_id} has no other credential: it cannot sign in now")


def chosen_action(
    *, client: str, role: str, revoked: str, is_list: bool
) -> Callable[[CredentialTable], None] | None:
    """What to do with the table; None: only show the first client."""
    if sum(map(bool, (client, revoked, is_list))) > 1:
        raise ApiClientError("give only one of CLIENT, LIST and REVOKE")
    if client:
        return lambda table: add(table, client_id=client, role=role)
    if revoked:
        return lambda table: revoke(table, credential_id=revoked)
    return show_all if is_list else None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make api-client", description=__doc__)
    parser.add_argument("--suffix", default="")
    parser.add_argument("--client", default="", help="add a credential for this client")
    parser.add_argument("--role", default="", help=f"of a new client: {', '.join(Role)}")
    parser.add_argument("--revoke", default="", help="remove the credential with this id")
    parser.add_argument("--list", action="store_true", help="list clients and credentials")
    chosen = parser.parse_args(arguments)
    try:
        act = chosen_action(
            client=chosen.client, role=chosen.role, revoked=chosen.revoke, is_list=chosen.list
        )
        outputs = StackOutputs.of_environment(open_session(), required(chosen.suffix))
        if act is None:
            show_first(outputs)
        else:
            dynamodb = outputs.account.client("dynamodb")
            act(CredentialTable(dynamodb, outputs.value("ApiClientsTableName")))
    except (ApiClientError, NoOutput, NoSuffix) as error:
        print(f"error: {error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(
            f"error: {error}; on AWS credentials for the environment's account are needed, as "
            "docs/aws.md says",
            file=sys.stderr,
        )
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
