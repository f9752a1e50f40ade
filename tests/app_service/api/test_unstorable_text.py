"""Characters that PostgreSQL does not store are refused in bodies, before the ledger is asked."""

import json

import pytest

from tests.app_service.api.http_api import assert_problem, running_api
from tests.app_service.build import document

ID = "01935f7e-5b0c-7c3e-8a4e-3f6f0b9d2a11"


@pytest.mark.parametrize("character", ["\0", "\ud800"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: {"reference": text},
        lambda text: {"metadata": {"a": {"b": [text]}}},
        lambda text: {"metadata": {"a": {text: 1}}},
    ],
)
async def test_in_reference_and_metadata(change: object, character: str) -> None:
    assert callable(change)
    changes = change(f"a{character}b")
    async with running_api() as api:
        for path, body in (
            ("/transactions", document(**changes)),
            ("/transactions/batch", {"transactions": [document(), document(**changes)]}),
            (f"/transactions/{ID}/reversal", {"transaction_id": ID, **changes}),
        ):
            answer = await api.http.post(
                path, content=json.dumps(body), headers={"Content-Type": "application/json"}
            )
            problem = assert_problem(answer, 400, "invalid_json")
            assert "a NUL character or half a surrogate pair in" in problem["detail"]
            assert next(iter(changes)) in problem["detail"], "the place is named"
        assert api.ledger.calls == []
