"""GET /transactions/{id}: what was recorded and what became of it."""

from dataclasses import replace
from uuid import uuid4

from app_service.database.database import Pool
from app_service.ledger.kinds import Kind
from app_service.ledger.transaction import Transaction
from tests.app_service.api.http_api import assert_problem
from tests.app_service.build import chain, hold, open_accounts, post, to_target, transaction
from tests.app_service.reading.conftest import ReadingApi

OF_ACTOR = {"client_id": "bank", "user_id": "alice", "path": "api"}


async def _read(api: ReadingApi, wanted: Transaction) -> dict[str, object]:
    answer = await api.get(f"/transactions/{wanted.transaction_id}")
    assert answer.status_code == 200, answer.text
    document: dict[str, object] = answer.json()
    assert str(document.pop("posted_at")).endswith("Z")
    return document


async def test_a_posted_transfer_has_all_its_fields(api: ReadingApi, ledger_pool: Pool) -> None:
    await open_accounts(ledger_pool, 1, 2)
    plain = transaction(1, 2, 30)
    rich = replace(plain, transaction_id=uuid4(), reference="order 7", metadata={"big": 2**53 - 1})
    await post(ledger_pool, plain, rich)
    for each in (plain, rich):
        assert await _read(api, each) == each.to_json() | {"state": "posted"} | OF_ACTOR


async def test_a_refused_transaction_has_its_reason_and_what_was_sent(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    poor, aimless = transaction(2, 1, 30), to_target(Kind.VOID, transaction())
    await post(ledger_pool, poor, aimless)
    assert await _read(api, poor) == poor.to_json() | OF_ACTOR | {
        "state": "refused",
        "reason": "insufficient_funds",
    }
    assert await _read(api, aimless) == aimless.to_json() | OF_ACTOR | {
        "state": "refused",
        "reason": "transaction_not_found",
    }


async def test_a_reversal_and_what_it_reverses_name_each_other(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    paid = transaction(1, 2, 30)
    late, back = to_target(Kind.REVERSAL, paid), to_target(Kind.REVERSAL, paid)
    await post(ledger_pool, paid, transaction(2, 1, 30), late)  # refused: the money is gone
    assert "reversed_by" not in await _read(api, paid)
    await post(ledger_pool, transaction(1, 2, 30), back)
    assert (await _read(api, paid))["reversed_by"] == str(back.transaction_id)
    found = await _read(api, back)
    assert found["target_id"] == str(paid.transaction_id)
    assert (found["debit_account"], found["amount_minor"], found["kind"]) == (2, 30, "reversal")


async def test_a_hold_has_its_state_its_end_and_what_closed_it(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    await post(ledger_pool, transaction(1, 2, 100))
    for kind, state in ((Kind.CAPTURE, "captured"), (Kind.VOID, "voided")):
        held = hold(10)
        await post(ledger_pool, held)
        pending = await _read(api, held)
        assert pending["state"] == "pending"
        assert str(pending["expires_at"]).endswith("Z")
        assert "closed_by" not in pending
        close = to_target(kind, held)
        await post(ledger_pool, close)
        assert await _read(api, held) == pending | {
            "state": state,
            "closed_by": str(close.transaction_id),
        }
        assert (await _read(api, close))["state"] == "posted"


async def test_a_chain_is_named_by_its_first_transaction(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2, 3)
    first, second = chain(transaction(1, 2), transaction(1, 3))
    await post(ledger_pool, first, second)
    for each in (first, second):
        found = await _read(api, each)
        assert found["chain_id"] == str(first.transaction_id)
        assert "linked" not in found


async def test_a_transaction_of_the_version_before_has_no_actor(
    api: ReadingApi, ledger_pool: Pool
) -> None:
    await open_accounts(ledger_pool, 1, 2)
    old = transaction(1, 2)
    await ledger_pool.execute(
        "INSERT INTO ledger.transactions (transaction_id, debit_account, credit_account,"
        " amount_minor, currency, debit_version, credit_version)"
        " VALUES ($1, 1, 2, 10, 'USD', 1, 1)",
        old.transaction_id,
    )
    assert await _read(api, old) == old.to_json() | {"state": "posted"}


async def test_an_unknown_transaction_is_404(api: ReadingApi) -> None:
    assert_problem(await api.get(f"/transactions/{uuid4()}"), 404, "transaction_not_found")
