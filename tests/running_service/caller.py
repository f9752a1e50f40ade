"""A client of the running service, with a session of its own."""

from typing import Any

import httpx

from app_service.clients.credentials import Client, Credential, secret_sha256
from app_service.ledger.actor import Role
from tests.app_service.test_main import BASIC

_SECRET = "a secret of the tests"


class Caller:
    """Without a role: the client that every service knows, an operator."""

    def __init__(self, http: httpx.Client, role: Role | None = None) -> None:
        self._http = http
        self.basic = BASIC if role is None else (_id(role), _SECRET)
        self.client_id = self.basic[0]
        self.token = self.new_token()

    def new_token(self) -> str:
        answer = self._http.post("/sessions", json={"user_id": "ada"}, auth=self.basic)
        return str(answer.raise_for_status().json()["token"])

    def post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self._http.post(path, json=body, headers=headers)
        return answer.raise_for_status().json()


def credential(role: Role) -> Credential:
    client = Client(client_id=_id(role), credential_id="c-1", role=role)
    return Credential(
        client=client, secret_sha256=secret_sha256(_SECRET.encode()), created_at=1_800_000_000
    )


def _id(role: Role) -> str:
    return f"client-{role}"
